"""`run --live` with something wrong before it: an open pair of ours is kept and closed, and never left to nobody."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator import host, kill_switch
from orchestrator.cli.live_text import render
from orchestrator.errors import HostError
from orchestrator.host import Ask, decide_once, run_schedule
from orchestrator.live_check import PreFlight
from orchestrator.paper_exchange.server import RunningExchange
from orchestrator.schedule.loop import Plan, Tally
from tests.live_venue import (
    ALL,
    BOTH,
    YES,
    VenueClock,
    bought_by_hand,
    bracket,
    changes,
    held,
    live_venue,
    owner,
    resolved,
    state,
)


@pytest.fixture
async def venue() -> AsyncIterator[RunningExchange]:
    async with live_venue() as running:
        yield running


class Trader:
    """A person with one data folder, at a venue; `shown` is the last pre-flight, `lines` what a run said."""

    def __init__(self, folder: Path, running: RunningExchange, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = resolved(folder, running, ALL)
        self._venue = running
        self.shown: PreFlight | None = None
        self.lines: list[str] = []
        monkeypatch.setattr(host, "SystemClock", lambda: VenueClock(running))

    async def decide(self) -> Any:
        ask = Ask("SOL", "binanceusdm", "rules", live=True, confirm=lambda found: YES)
        return await decide_once(self.settings, ask, VenueClock(self._venue))

    async def run(self, said: str | None = YES, length: int = 4_000) -> Tally:
        def confirm(found: PreFlight) -> str | None:
            self.shown = found
            return said

        self.lines.clear()
        plan = Plan((), 60_000, length, "rules")
        return await run_schedule(
            self.settings, "binanceusdm", ("AVAX",), plan, self.lines.append, live=True, confirm=confirm
        )


async def strange(venue: RunningExchange) -> None:
    """Somebody else trades on the account."""
    async with owner(venue) as by_hand:
        await by_hand.place(bought_by_hand("AVAX/USDT:USDT"))


async def test_a_thrown_kill_switch_never_stops_a_run_which_closes_what_is_asked(
    tmp_path: Path, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    trader = Trader(tmp_path, venue, monkeypatch)
    assert (await trader.decide()).chosen.execution["status"] == "open"
    kill_switch.kill(trader.settings, "tester", "out", 1, flatten=True)
    with pytest.raises(HostError) as raised:
        await trader.decide()
    assert raised.value.code == "live_not_ready"
    with pytest.raises(HostError) as raised:
        await trader.run(said=None)
    assert raised.value.code == "live_not_confirmed"
    assert held(await state(venue))
    tally = await trader.run()
    assert trader.shown is not None
    (found,) = (one for one in trader.shown.findings if one.check == "kill switch")
    assert (found.status, trader.shown.ready) == ("warn", True)
    assert tally.entered == 0
    after = await state(venue)
    assert (held(after), bracket(after)) == ({}, []), trader.lines
    assert any("kill switch on (tester: out): every pair is closed" in line for line in trader.lines)
    assert not any("KEEP ONLY" in line for line in trader.lines)
    begun = next(line for line in trader.lines if line.startswith("run: "))
    for part in ("binanceusdm", "live orders", "AVAX/USDT:USDT", "every 60 s by rules", str(tmp_path), "process "):
        assert part in begun


async def test_with_a_broken_pre_flight_open_pairs_are_kept_and_nothing_is_decided(
    tmp_path: Path, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    trader = Trader(tmp_path, venue, monkeypatch)
    assert (await trader.decide()).chosen.execution["status"] == "open"
    await strange(venue)
    with pytest.raises(HostError) as raised:
        await trader.run(said="yes")
    assert raised.value.code == "live_not_confirmed"
    async with owner(venue) as by_hand:
        resting = await by_hand.open_orders("SOL/USDT:USDT", conditional=True)
        await by_hand.cancel("SOL/USDT:USDT", resting[0].client_order_id, conditional=True)
    tally = await trader.run(length=6_000)
    assert (tally.decisions, tally.entered, tally.failed, tally.skipped) == (0, 0, 0, 0), trader.lines
    assert trader.shown is not None and render(trader.shown).endswith(
        "KEEP ONLY: what is open is kept and closed, nothing is decided\n"
    )
    said = next(line for line in trader.lines if line.startswith("KEEP ONLY"))
    assert "holds what this program did not open" in said and "AVAX" in said
    after = await state(venue)
    assert [one for one in bracket(after) if one in BOTH] == BOTH, "protected again"


async def test_without_open_pairs_it_refuses_as_before(
    tmp_path: Path, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    trader = Trader(tmp_path, venue, monkeypatch)
    await strange(venue)
    before = await changes(venue)
    with pytest.raises(HostError) as raised:
        await trader.run()
    assert raised.value.code == "live_not_ready"
    assert trader.shown is not None and not trader.shown.ready
    assert await changes(venue) == before
