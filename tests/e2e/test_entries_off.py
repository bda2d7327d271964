"""What keeps entries off until a person says otherwise: the drawdown latch, and the calendar."""

import json
from decimal import ROUND_UP, Decimal
from pathlib import Path

import pytest

from db.state_repository import EQUITY_HIGH
from orchestrator.decide_report import DecideReport
from tests.e2e.house import House, assert_flat, assert_pair, held, house, sent, volgamma
from tests.kept_pair import kept_pair


def refusals(report: DecideReport) -> set[str]:
    return {finding.rule for finding in report.chosen.verdict.findings if finding.effect == "refuse"}


def high(place: House, equity: str) -> None:
    """As if the account had once stood there."""
    with place.store() as store:
        store.state.set(EQUITY_HIGH, equity, "test", "test", 1, "paper")


async def test_a_drawdown_keeps_entries_off_after_it_is_over_until_a_person_resumes(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        equity = (await place.decide(dry_run=True)).context.portfolio.equity
        high(place, str((equity / Decimal("0.75")).quantize(Decimal("0.01"), ROUND_UP)))
        assert {"drawdown", "drawdown_latched"} <= refusals(await place.decide())
        high(place, str(equity))  # the loss is made good
        assert refusals(await place.decide()) == {"drawdown_latched"}
        assert sent(await place.state()) == []

        plain = volgamma(place.environment, "resume", "--why", "looked at it")
        assert "paper: the drawdown latch stays thrown (equity" in plain.stdout
        assert "--drawdown releases it" in plain.stdout
        assert refusals(await place.decide()) == {"drawdown_latched"}

        high(place, str(equity * 2))
        really = volgamma(place.environment, "resume", "--drawdown", "--why", "smaller size from now on", "--json")
        assert really.returncode == 0
        assert json.loads(really.stdout)["done"][-1].startswith("paper: drawdown latch released")
        report = await place.decide()
        assert report.chosen.execution["status"] == "open", "measured anew, not from twice the equity"
        assert report.context.portfolio.equity_high == equity
        assert_pair(await place.state())
        with place.store() as store:
            (last,) = store.state.history("drawdown_latch", "paper")[-1:]
        assert (last.value, last.why) == (False, "smaller size from now on")
        nothing = volgamma(place.environment, "resume", "--drawdown")
        assert "no drawdown latch is thrown" in nothing.stdout


async def test_less_than_the_limit_throws_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        equity = (await place.decide(dry_run=True)).context.portfolio.equity
        high(place, str(equity / Decimal("0.7500001")))
        assert (await place.decide()).chosen.execution["status"] == "open"


async def test_a_fall_between_two_decisions_is_seen_by_the_fast_loop(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        equity = (await k.desk.venue.balance()).equity
        k.desk.store.state.set(EQUITY_HIGH, str(equity * 2), "test", "test", 1, "paper")
        before = await k.held()
        await k.keeper.look()
        assert k.desk.store.state.drawdown_latched("paper", 11)
        assert not k.desk.store.state.drawdown_latched("paper", 90), "another trader has its own limit"
        assert await k.held() == before, "what is open is kept under its plan"


@pytest.mark.parametrize(
    ("calendar", "said"),
    [
        ("start,end,reason\n2024-12-31 23:00,2025-01-01 01:00,new year\n", "new year"),
        ("start,end,reason\n2024-12-31 23:00,new year\n", "line 2: 2 columns instead of 3"),
    ],
)
async def test_the_calendar_keeps_entries_off(tmp_path: Path, calendar: str, said: str) -> None:
    async with house(tmp_path) as place:
        place.settings.data_dir.mkdir(parents=True, exist_ok=True)
        file = place.settings.data_dir / "events.csv"
        file.write_text(calendar)
        report = await place.decide()
        assert refusals(report) == {"blackout"}
        assert said in next(f.message for f in report.chosen.verdict.findings if f.rule == "blackout")
        assert said not in report.context.model_dump_json(), "no word of it reaches a prompt"
        assert_flat(await place.state())
        found = json.loads(volgamma(place.environment, "doctor", "--offline", "--json").stdout)["findings"]
        (row,) = [row for row in found if row["check"] == "calendar"]
        assert (row["status"] == "fail") == ("line 2" in said)
        file.write_text("start,end,reason\n2024-12-31 23:00,2025-01-01 00:00,over\n")
        await place.decide()
        assert held(await place.state()) != {}
