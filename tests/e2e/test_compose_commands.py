"""The compose file's services as processes of this machine: its commands, its variables, a PostgreSQL that asks for the
password. What an engine adds (images, networks, volumes) is not tried here."""

import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests import postgres
from tests.compose_file import compose, filled
from tests.installed_package import ROOT, environment
from tests.ports import free_port

PASSWORD, TOKEN = "p@ss/word:%with#signs", "a-token-of-sixteen"
SECRETS = {"VOLGAMMA_POSTGRES_PASSWORD": PASSWORD, "VOLGAMMA_DASHBOARD_TOKEN": TOKEN}

pytestmark = pytest.mark.slow


class Town:
    """The services, started one by one. `database` is at `address`, each port is a free one, /data is a folder."""

    def __init__(self, folder: Path, address: str) -> None:
        self._services: dict[str, Any] = filled(compose(), SECRETS)["services"]
        self.ports = {port: str(free_port()) for port in ("8900", "8600")}
        self._folder, self._address = folder, address
        self.running: dict[str, subprocess.Popen[str]] = {}

    def _told(self, value: str) -> str:
        for port, free in self.ports.items():
            value = value.replace(port, free)
        return value.replace("/data", str(self._folder)).replace("@database/", f"@{self._address}/")

    def start(self, name: str, *more: str) -> subprocess.Popen[str]:
        service = self._services[name]
        told = {key: self._told(str(one)) for key, one in service.get("environment", {}).items() if one is not None}
        self.running[name] = subprocess.Popen(
            [sys.executable, "-m", "orchestrator", *map(self._told, service["command"]), *more],
            env=environment({"PYTHONPATH": str(ROOT), "VOLGAMMA_DATA_DIR": str(self._folder), **told}),
            stdout=(self._folder / f"{name}.out").open("w"),
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            text=True,
        )
        return self.running[name]

    def said(self, name: str) -> str:
        return (self._folder / f"{name}.out").read_text()

    def get(self, port: str, path: str, **headers: str) -> tuple[int, str]:
        asked = urllib.request.Request(f"http://127.0.0.1:{self.ports[port]}{path}", headers=headers)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""


def until(what: str, true: Any, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if true():
                return
        except OSError:
            pass
        time.sleep(0.3)
    pytest.fail(f"not within {seconds} s: {what}")


@pytest.fixture
def address() -> Iterator[str]:
    """A PostgreSQL with the database `volgamma` that lets nobody in without the password."""
    if (why := postgres.missing()) is not None or postgres.GIVEN:
        pytest.skip(why or "a PostgreSQL of our own is needed")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        postgres.server(Path(folder)) as cluster,
    ):
        url = cluster.database("volgamma")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            quoted = PASSWORD.replace("'", "''").replace(":", "\\:")
            connection.execute(text(f"ALTER USER volgamma PASSWORD '{quoted}'"))
            rules = Path(connection.execute(text("SHOW hba_file")).scalar_one())
            rules.write_text("host all all 127.0.0.1/32 scram-sha-256\n")
            connection.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()
        yield f"127.0.0.1:{cluster.port}"


def test_a_worker_decides_and_the_dashboard_shows_it(tmp_path: Path, address: str) -> None:
    town = Town(tmp_path, address)
    try:
        assert town.start("migrate").wait(300) == 0, town.said("migrate")
        town.start("exchange")
        until("the exchange answers", lambda: town.get("8900", "/fapi/v1/ping")[0] == 200)
        worker = town.start("worker", "--every", "5s", "--jitter", "0")
        town.start("dashboard")
        until("the dashboard answers", lambda: town.get("8600", "/unlock")[0] == 200)
        until("a decision", lambda: "11-" in town.said("worker"))
        assert town.get("8600", "/decisions")[0] == 401, "nobody looks without the token"
        until(
            "the decision is shown",
            lambda: "-SOLUSDT-" in town.get("8600", "/decisions", Authorization=f"Bearer {TOKEN}")[1],
        )
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(300) == 0, town.said("worker")
        for name in town.running:
            assert PASSWORD not in town.said(name) and TOKEN not in town.said(name), f"{name} tells a secret"
    finally:
        for process in town.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in town.running.values():
            process.wait(300)
