"""Open pages are told when something has changed, and nobody is looked after when nobody listens."""

import asyncio
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from db.alerts_repository import AlertsRepository
from orchestrator import kill_switch
from orchestrator.dashboard.config import DashboardConfig
from orchestrator.dashboard.house import House
from orchestrator.dashboard.live import MOST_LISTENERS, Watcher, fingerprint
from orchestrator.dashboard.market_folders import Counted
from orchestrator.dashboard.page_funding import Rounds
from orchestrator.dashboard.pages import Pages
from orchestrator.dashboard.sessions import Sessions
from orchestrator.settings import load
from tests.dashboard_house import TOKEN


class Page:
    """A browser that stays."""

    def __init__(self) -> None:
        self.gone = False

    async def is_disconnected(self) -> bool:
        return self.gone


def made(folder: Path) -> House:
    settings = load({"VOLGAMMA_DATA_DIR": str(folder)})
    config = DashboardConfig(settings, lambda: 1_000, SecretStr(TOKEN), poll_s=0.02)
    sessions = Sessions(config.token, config.now_ms, config.new_id)
    return House(config, Pages(config), sessions, Rounds(), Counted())


async def test_a_change_is_told_to_every_page(tmp_path: Path) -> None:
    house = made(tmp_path)
    watcher = Watcher(house)
    pages: list[Any] = [Page(), Page()]
    streams = [watcher.listen(page) for page in pages]
    for stream in streams:
        assert "event: hello" in await anext(stream)
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await asyncio.sleep(0.1)
    assert not any(one.done() for one in waiting), "nothing has changed yet"
    kill_switch.kill(house.config.settings, "test", "x", 1, False)
    for one in waiting:
        assert (await asyncio.wait_for(one, 120)).startswith("event: change\ndata: ")
    for stream in streams:
        await stream.aclose()
    assert watcher._task is not None
    await asyncio.wait_for(asyncio.shield(watcher._task), 120)  # the database is left alone when nobody listens
    await watcher.stop()


async def test_listeners_are_limited(tmp_path: Path) -> None:
    watcher = Watcher(made(tmp_path))
    streams = [watcher.listen(Page()) for _ in range(MOST_LISTENERS)]  # type: ignore[arg-type]
    for stream in streams:
        await anext(stream)
    assert watcher.full
    await streams[0].aclose()
    assert not watcher.full
    for stream in streams[1:]:
        await stream.aclose()
    await watcher.stop()


def test_a_broken_database_is_a_change_like_any_other(tmp_path: Path) -> None:
    house = made(tmp_path)
    before = fingerprint(house)
    assert fingerprint(house) == before
    (tmp_path / "KILL").touch()
    assert fingerprint(house) != before
    (tmp_path / "volgamma.sqlite").write_bytes(b"no database" * 500)
    assert fingerprint(house) == "corrupt"


def test_an_alert_and_what_became_of_it_are_changes(tmp_path: Path) -> None:
    house = made(tmp_path)
    seen = [fingerprint(house)]
    document = {"kind": "kill", "severity": "failure", "title": "kill", "text": "news", "held_back": False}
    with house.database() as database:
        alerts = AlertsRepository(database)
        (number,) = alerts.keep([(1, "run", {**document, "services": {"Telegram": "waiting"}})])
        seen.append(fingerprint(house))
        alerts.change(number, {**document, "services": {"Telegram": "delivered"}})
    seen.append(fingerprint(house))
    assert seen[0] != seen[1] != seen[2] == fingerprint(house)


async def test_a_server_that_ends_lets_its_pages_go(tmp_path: Path) -> None:
    watcher = Watcher(made(tmp_path))
    stream = watcher.listen(Page())  # type: ignore[arg-type]
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream, "the end"))
    await asyncio.sleep(0)
    watcher.close()
    assert await asyncio.wait_for(waiting, 120) == "the end"
    await watcher.stop()
