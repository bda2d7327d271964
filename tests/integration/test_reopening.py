"""Another ladder after one that ran to its last band: a decision of its own, judged by the guard, without a model."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from orchestrator import kill_switch
from orchestrator.account import read_portfolio
from orchestrator.clock import SystemClock
from orchestrator.desk import Desk
from orchestrator.model_choice import open_model
from orchestrator.pair_book import load_state
from orchestrator.reopening import reopen
from orchestrator.replay.verify import verify
from orchestrator.schedule.loop import Plan, run
from tests.kept_pair import SOL, Kept, kept_pair

D = Decimal
HOUR = 3_600_000


class Later(SystemClock):
    """A clock on which what was asked of the market before is too old to be used again."""

    def monotonic_ms(self) -> float:
        return super().monotonic_ms() + 60_000


async def ended(k: Kept, *, allowed: bool = True) -> Desk:
    """Band 1, then the last band, under a plan that may allow another ladder; the desk to go on with.

    The control side scales the whole past of the market with its price, so what was stored of it is read anew.
    """
    plan = k.stored().pair.plan.model_copy(update={"reopen": allowed})
    k.desk.store.pairs.update(k.stored().pair.model_copy(update={"plan": plan}))
    for change in ("0.0201", "0.0401"):
        await k.move(change)
        await k.keeper.look()
    await k.assert_flat("last_band")
    return replace(k.desk, series=None, clock=Later())


async def test_the_next_ladder_goes_on_from_what_the_cycle_has_come_to(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        desk, first = await ended(k), k.stored()
        assert k.keeper.reopenable == [first.pair.pair_id]
        said = await reopen(desk, k.keeper.reopenable.pop())
        assert ": reopened:" in said, said
        (pair,) = k.desk.store.pairs.open_pairs("paper")
        assert said.startswith("SOL/USDT:USDT: reopened: ladder 2 of the cycle")
        assert pair.pair_id.endswith("-ladder2")
        assert len(k.events("reopened")) == 1
        entry = k.desk.store.journal.load(pair.decision_id)
        assert entry.get("trigger") == {"reopens": first.pair.pair_id, "carried": first.result["net"], "ladder": 2}
        assert entry.document("proposal")["requests"] == [], "no model was asked"
        assert entry.document("verdict")["outcome"] != "refused"
        state = load_state(k.desk, pair.pair_id)
        assert state is not None
        assert (state.ladder, state.carried) == (2, D(first.result["net"]))
        assert state.carried > 0
        assert first.pair.entry_price * D("1.03") < state.entry < first.pair.entry_price * D("1.05"), "the new price"
        assert pair.plan.pair_margin_fraction == first.pair.plan.pair_margin_fraction
        over = first.pair.opened_at + int(first.pair.plan.max_holding_hours * HOUR)
        assert over - HOUR < state.rules.deadline <= over, "the time of the cycle, not of the ladder"
        alone = state.model_copy(update={"carried": D(0)})
        assert state.cycle_pnl(state.entry) - alone.cycle_pnl(state.entry) == state.carried
        (shown,) = (await read_portfolio(desk)).pairs
        assert abs(shown.cycle_pnl - state.cycle_pnl(state.entry) / state.pair_margin) < D("0.001")
        assert shown.cycle_pnl > 0, "the second ladder's costs do not eat what the first one earned"
        k.pair = pair
        assert len(await k.resting()) == 4
        kept = await k.held()
        await k.restart()
        await k.keeper.look()
        assert await k.held() == kept
        again = load_state(k.desk, pair.pair_id)
        assert again is not None
        assert again.carried == state.carried
        await k.keeper.look(flatten=True)
        assert await k.held() == {}
        second, after = k.stored(), await k.desk.venue.balance()
        assert second.reason == "kill"
        both = D(first.result["net"]) + D(second.result["net"])
        assert abs(both - (after.wallet - k.before.wallet)) < D("0.005")
        assert k.keeper.reopenable == [], "a kill ends the cycle"
        document = k.desk.store.journal.export_line(pair.decision_id)
        checked = await verify(document, k.desk.trader)
        assert (checked.drift, checked.skipped) == (None, None)


async def test_a_plan_that_does_not_allow_it_ends_the_cycle(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await ended(k, allowed=False)
        assert k.keeper.reopenable == []


async def test_the_guard_has_the_last_word(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        desk = await ended(k)
        kill_switch.kill(k.settings, "tester", "enough", 1, flatten=False)
        said = await reopen(desk, k.pair.pair_id)
        assert said.startswith("SOL/USDT:USDT: not_reopened: kill")
        assert await k.held() == {}
        assert len(k.events("not_reopened")) == 1


async def test_a_run_follows_a_ladder_that_ended_under_it(tmp_path: Path) -> None:
    """The fast loop ends the first ladder, the run opens the second one, and leaves it protected."""
    async with kept_pair(tmp_path) as k:
        plan = k.stored().pair.plan.model_copy(update={"reopen": True})
        k.desk.store.pairs.update(k.stored().pair.model_copy(update={"plan": plan}))
        await k.move("0.0201")
        await k.keeper.look()
        await k.move("0.0401")
        said: list[str] = []
        stop = asyncio.Event()

        def say(line: str) -> None:
            said.append(line)
            if "reopened" in line:
                stop.set()

        desk = replace(k.desk, series=None, clock=Later())
        plan_of_run = Plan(symbols=("AVAX",), every=HOUR, length=60_000, policy="rules")
        tally = await run(desk, plan_of_run, lambda: open_model(k.settings, desk.clock), say, stop)
        assert [line for line in said if ": reopened: ladder 2" in line], said
        assert tally.entered >= 1
        (pair,) = [pair for pair in k.desk.store.pairs.open_pairs("paper") if pair.symbol == SOL]
        assert pair.pair_id.endswith("-ladder2")
        assert len(await k.desk.venue.open_orders(SOL, conditional=True)) == 4
