"""Each alert arises from what really happens: pairs, decisions, switches on a paper exchange, and a database.

`tests/unit/test_alerts_observe.py` holds each rule; here nothing but the program itself writes what is observed.
"""

import json
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from db.alerts_repository import MOST_KEPT, AlertsRepository
from db.database import Database, open_database
from orchestrator import kill_switch
from orchestrator.alerts.events import Kind
from orchestrator.alerts.observe import STALE_RULES, Memory
from orchestrator.alerts.sender import Sender
from orchestrator.alerts.watch import DOWN_MS, Watch
from orchestrator.claims import Order
from orchestrator.journey import decide
from orchestrator.model_choice import open_model
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.settings import Settings, load
from orchestrator.stopped_model import StoppedModel
from tests.kept_pair import SOL, Kept, kept_pair
from traders.contract.decision import AbstainReason

NOON = 1_700_000_000_000
ORDERS = {"path": "/fapi/v1/order", "method": "POST"}


@dataclass
class Time:
    """Our clock, moved by hand."""

    now: int = NOON

    def now_ms(self) -> int:
        return self.now

    def monotonic_ms(self) -> float:
        return float(self.now)

    async def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


class Teller:
    """What a run with alerts does beside the trading: a look, and what was told since the last one."""

    def __init__(
        self, settings: Settings, database: Database, *, from_the_start: bool = False, every: int | None = None
    ):
        self.clock = Time()
        self._database = database
        self.watch = Watch(settings, self.clock, Sender(()), every, "here")
        if from_the_start:
            self.watch.memory = Memory(event=0)
        self._seen = 0

    def look(self, after_s: float = 0) -> list[Kind]:
        self.clock.now += int(after_s * 1000)
        self.watch.look(self._database)
        return self.new()

    def new(self) -> list[Kind]:
        rows = [row for row in AlertsRepository(self._database).newest(MOST_KEPT)[0] if row.number > self._seen]
        self._seen = max((row.number for row in rows), default=self._seen)
        return [Kind(row.document["kind"]) for row in reversed(rows)]

    def text(self) -> str:
        return str(AlertsRepository(self._database).newest(1)[0][0].document["text"])


def teller(kept: Kept, **how: Any) -> Teller:
    return Teller(kept.settings, kept.desk.store.database, **how)


async def another(
    kept: Kept, suffix: str, policy: Any = "rules", source: Any = None, symbol: str = "AVAX"
) -> Sequence[str]:
    """A decision more, a minute later; the rules that refused it."""
    desk = kept.desk
    await kept.control("advance", {"ms": 60_000})
    order = Order(symbol=symbol, policy=policy, suffix=suffix)
    report = await decide(desk, order, source or (lambda: open_model(desk.settings, desk.clock)))
    return [one.rule for one in report.chosen.verdict.findings if one.effect == "refuse"]


async def test_the_life_of_a_pair(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        told = teller(k, from_the_start=True)
        assert told.look() == [Kind.PAIR_OPENED]
        assert told.text() == f"{SOL} on paper: pair {k.pair.pair_id} is open."
        await k.move("0.0201")
        await k.keeper.look()
        assert told.look(2) == [Kind.BAND_HIT]
        assert "band 1 hit; left: long 263, short 132" in told.text()
        await k.move("0.0401")
        await k.keeper.look()
        assert told.look(2) == [Kind.PAIR_CLOSED]
        assert "closed (last_band), net " in told.text()
        assert told.look(2) == []


async def test_a_bracket_that_cannot_be_placed_and_its_end(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        told = teller(k)
        assert told.look() == []
        await k.control("faults", [{"match": {"path": "/fapi/v1/algoOrder"}, "do": "status", "status": 503}])
        await k.move("0.0201")
        await k.keeper.look()
        assert Kind.UNPROTECTED_LEG not in told.look(2), "a bracket that is being replaced is no news"
        assert Kind.UNPROTECTED_LEG in told.look(6)
        await k.control("faults", [])
        await k.keeper.look()
        assert k.stored().pair.protected
        assert Kind.OVER in told.look(2)


async def test_an_order_of_unknown_fate(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        told = teller(k)
        told.look()
        lost = {"match": ORDERS, "do": "drop_response"}
        silent = {"match": {"path": "/fapi/v1/order", "method": "GET"}, "do": "status", "status": 503}
        await k.control("faults", [lost, silent])
        await k.move("0.0201")
        await k.keeper.look()
        assert k.desk.store.orders.unresolved()
        told.look(1)
        assert Kind.UNKNOWN_OUTCOME in told.look(6)
        await k.control("faults", [])
        await k.restart()
        assert not k.desk.store.orders.unresolved()
        assert Kind.OVER in told.look(2)


async def test_what_the_venue_refuses(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        told = teller(k)
        told.look()
        await k.control("faults", [{"match": ORDERS, "do": "error_code", "status": 400, "code": -2019}])
        await k.move("0.0201")
        await k.keeper.look()
        assert Kind.NOT_DONE in told.look(2)


async def test_a_leg_that_the_venue_closed_and_one_that_somebody_changed(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        told = teller(k)
        told.look()
        await k.control("adl", {"symbol": "SOLUSDT", "side": "long", "share": "0.5"})
        await k.keeper.look()
        assert set(told.look(2)) == {Kind.CHANGED_OUTSIDE, Kind.FORCED, Kind.PAIR_CLOSED}
        rows = AlertsRepository(k.desk.store.database).newest(9)[0]
        (forced,) = [row.document["text"] for row in rows if row.document["kind"] == "forced"]
        assert "auto deleveraged: 131 of the long leg" in forced


async def test_the_kill_switch_and_refusals_in_a_row(tmp_path: Path) -> None:
    async with kept_pair(tmp_path, {"VOLGAMMA_ALERTS_REFUSED_IN_A_ROW": "3"}) as k:
        told = teller(k)
        told.look()
        kill_switch.kill(k.settings, "me", "news", NOON, flatten=False)
        assert told.look(2) == [Kind.KILL]
        assert told.text() == "The kill switch is on (me: news)."
        for number in range(3):
            assert "kill_switch" in await another(k, f"refused{number}")
            found = told.look(2)
            assert found == ([Kind.REFUSED_IN_A_ROW] if number == 2 else []), number
        assert "3 decisions in a row refused: " in told.text() and "kill_switch 3x" in told.text()
        kill_switch.resume(k.settings, "me", "over", NOON)
        assert told.look(2) == [Kind.OVER]


async def test_drawdown(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        told = teller(k)
        told.look()
        k.desk.store.state.note_equity("paper", Decimal(1_000_000), NOON)  # it has been ten times as high
        assert "drawdown" in await another(k, "poor")
        assert set(told.look(2)) == {Kind.DRAWDOWN}
        assert "limit" in told.text()


async def test_data_that_do_not_arrive(tmp_path: Path) -> None:
    assert {code.value for code in RuleCode} >= STALE_RULES, "rules of the guard"
    async with kept_pair(tmp_path) as k:
        told = teller(k)
        told.look()
        paths = ("/fapi/v1/openInterest", "/futures/data/openInterestHist")
        await k.control("faults", [{"match": {"path": path}, "do": "status", "status": 503} for path in paths])
        assert "positioning_stale" in await another(k, "blind")
        assert told.look(2) == [Kind.STALE_DATA]
        assert told.text() == "AVAX/USDT:USDT: refused for positioning_stale."


async def test_the_breaker(tmp_path: Path) -> None:
    @asynccontextmanager
    async def dead() -> Any:
        yield StoppedModel(AbstainReason.MODEL_UNAVAILABLE, "no server")

    async with kept_pair(tmp_path, {"VOLGAMMA_LLM_BREAKER_FAILURES": "2"}) as k:
        told = teller(k)
        told.look()
        for number in range(2):
            assert Kind.BREAKER not in told.look(2)
            await another(k, f"model{number}", "llm", dead)
        assert Kind.BREAKER in told.look(2)


async def test_fees_that_change(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        told = teller(k)
        assert told.look() == [], "the first fee is the one that is known"
        rows = k.desk.store.ledger.rows(exchange="paper", kind="fill")
        assert len(rows) >= 2
        dear = [replace(row, venue_id=f"d{n}", time=row.time + 1, amount=2 * row.amount) for n, row in enumerate(rows)]
        dear += [replace(row, venue_id=f"e{row.venue_id}", time=row.time + 1) for row in dear]
        k.desk.store.ledger.add(dear)
        await another(k, "dear", symbol="SOL")  # fees are looked at with each decision
        assert Kind.FEE_CHANGED in told.look(2)


async def test_silence_and_the_day(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        told = teller(k, every=900_000)
        assert told.look() == []
        assert told.look(2 * 900) == []
        assert told.look(2 * 900) == [Kind.NO_DECISIONS]
        await another(k, "again", symbol="SOL")
        assert told.look(2) == [Kind.OVER]
        found = told.look(86_400)
        assert Kind.DIGEST in found
        digest = [
            row for row in AlertsRepository(k.desk.store.database).newest(9)[0] if row.document["kind"] == "digest"
        ]
        assert "paper: 2 decisions in 24 h" in digest[0].document["text"]


def test_a_database_that_is_away_is_told_once_and_entered_when_it_is_back(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'volgamma.sqlite'}")
    database.migrate()
    told = Teller(load({"VOLGAMMA_DATA_DIR": str(tmp_path)}), database)
    assert told.look() == []
    for _ in range(30):
        told.watch.blind("connection refused")
        told.clock.now += 2_000
    kept = json.loads((tmp_path / "alerts.json").read_text())["unkept"]
    assert [(one["kind"], at - NOON >= DOWN_MS) for at, one in kept] == [("database", True)]
    assert "connection refused" in kept[0][1]["text"]
    assert told.look() == [Kind.DATABASE, Kind.OVER]
    assert told.look(2) == []
    database.close()
