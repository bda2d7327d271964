"""A PostgreSQL of our own: a private cluster in a folder, started where the programs are installed."""

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.ports import free_port

#: The URL of a server to use instead; its user must be allowed to create databases.
GIVEN = os.environ.get("VOLGAMMA_TEST_POSTGRES", "")


def programs() -> Path | None:
    """The folder of initdb, pg_ctl and postgres, or None."""
    found = shutil.which("initdb")
    folders = [str(Path(found).resolve().parent)] if found else []
    folders += sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
    return next((Path(folder) for folder in folders if (Path(folder) / "pg_ctl").exists()), None)


def _user() -> str | None:
    """The server refuses to run as root: the user to run it as then, None for ourselves. Raises LookupError."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise LookupError("no user to run PostgreSQL as (root may not)")


def missing() -> str | None:
    """Why there is no PostgreSQL here, or None when there is one."""
    if GIVEN:
        return None
    if programs() is None:
        return "PostgreSQL is not installed (initdb, pg_ctl); or name a server in VOLGAMMA_TEST_POSTGRES"
    try:
        _user()
    except LookupError as error:
        return str(error)
    return None


class Server:
    """A cluster in a folder that exists for it alone. Nothing of it is kept."""

    def __init__(self, folder: Path) -> None:
        found = programs()
        assert found is not None
        self._programs, self._user = found, _user()
        self._data = folder / "data"
        self._folder = folder
        self.port = free_port()
        if self._user is not None:
            for place in (folder, *folder.parents):
                if place == Path(tempfile.gettempdir()):
                    break
                place.chmod(place.stat().st_mode | 0o011)  # the server's user has to get through
            shutil.chown(folder, self._user)
        self._run("initdb", "-D", str(self._data), "-A", "trust", "-U", "volgamma", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Listen on loopback."""
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
        self._run(
            "pg_ctl", "-D", str(self._data), "-l", str(self._folder / "log"), "-w", "-t", "30", "-o", options, "start"
        )

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is a crash: connections are cut, the next start recovers."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-t", "30", "-m", mode, "stop")

    def database(self, name: str) -> str:
        """A new empty database; its URL."""
        return create_database(f"postgresql+psycopg://volgamma@127.0.0.1:{self.port}/postgres", name)

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *words],
            user=self._user,
            cwd=self._folder,
            env={**os.environ, "LC_ALL": "C", "HOME": str(self._folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the server inherits it: a pipe would never end
            stderr=(self._folder / "errors").open("ab"),
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{program}: {(self._folder / 'errors').read_text()}"


def create_database(url: str, name: str) -> str:
    """A new empty database beside the one named by a URL."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    return engine.url.set(database=name).render_as_string(hide_password=False)


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A running cluster for a block."""
    cluster = Server(folder)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop("immediate")
