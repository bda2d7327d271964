"""The fast loop on one pair, over HTTP and ccxt, with a real database; the exchange's own books are what counts."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrator import kill_switch
from orchestrator.pair_book import save_state
from tests.kept_pair import kept_pair

D = Decimal


async def test_band_one_closes_half_of_the_losing_leg_and_tightens_the_bracket(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.keeper.look()
        assert await k.held() == {"long": D(263), "short": D(263)}, "nothing happens between bands"
        assert k.trades() == 1
        await k.move("0.0201")
        await k.keeper.look()
        assert await k.held() == {"long": D(263), "short": D(132)}
        lower, upper = D("186.2"), D("199.5")  # entry 190: -2 %, and the outer band + 1 %
        assert await k.resting() == [
            ("long", "STOP_MARKET", lower),
            ("long", "TAKE_PROFIT_MARKET", upper),
            ("short", "STOP_MARKET", upper),
            ("short", "TAKE_PROFIT_MARKET", lower),
        ]
        assert (k.trades(), len(k.events("half_closed"))) == (2, 1)
        stored = k.stored().pair
        assert (stored.bands_hit, stored.protected) == (1, True)
        assert stored.net_delta == D(str(float(D(131) / D(395))))
        assert {leg.side: leg.quantity for leg in stored.legs} == {"long": D(263), "short": D(132)}
        await k.keeper.look()
        await k.keeper.look()
        assert await k.held() == {"long": D(263), "short": D(132)}, "a band acts once"
        assert k.trades() == 2


async def test_the_last_band_ends_flat_and_ties_out(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.move("0.0201")
        await k.keeper.look()
        await k.move("0.0401")
        await k.keeper.look()
        result = await k.assert_flat("last_band")
        # 131 of the short closed near +2 %, the rest near +4 %: what the long gained on them
        assert D(131) * 190 * D("0.018") < result["realised"] < D(131) * 190 * D("0.022")
        assert k.trades() == 2, "closing never counts"
        assert any("re-open" in note for note in k.keeper.notes) is False


@pytest.mark.parametrize(("first", "then"), [("0.0201", "-0.01"), ("-0.0201", "0.01")])
async def test_a_reversal_closes_both_legs_at_the_tightened_bracket(tmp_path: Path, first: str, then: str) -> None:
    """Short of the trailing stop (3 ATRs from the best) nothing happens; the jump over it meets the bracket at -2 %."""
    async with kept_pair(tmp_path) as k:
        await k.move(first)
        await k.keeper.look()
        await k.move(then)
        await k.keeper.look()
        assert k.stored().closed_at is None
        await k.move("-0.0201" if then.startswith("-") else "0.0201")
        await k.keeper.look()
        result = await k.assert_flat("bracket")
        assert result["realised"] < -D(131) * 190 * D("0.035")


async def test_the_trailing_stop_closes_both_before_the_reversal(tmp_path: Path) -> None:
    """Three ATRs (at entry) below the best price since band 1."""
    async with kept_pair(tmp_path) as k:
        await k.move("0.0201")
        await k.keeper.look()
        best = await k.move("0.039")
        await k.keeper.look()
        distance, atr = k.state().rules.trailing_distance, k.pair.atr_entry
        assert distance is not None and atr is not None
        assert distance == 3 * atr
        for beyond, closed in (("-0.05", False), ("0.05", True)):
            change = (best - distance - D(beyond)) / k.pair.entry_price - 1
            await k.move(str(change))
            await k.keeper.look()
            assert (k.stored().closed_at is not None) is closed
        await k.assert_flat("trailing")


@pytest.mark.parametrize("change", ["0.045", "-0.045"])
async def test_a_gap_over_both_bands_is_flat_for_its_fees(tmp_path: Path, change: str) -> None:
    async with kept_pair(tmp_path) as k:
        await k.move(change)
        await k.keeper.look()
        result = await k.assert_flat("last_band")
        assert abs(result["realised"]) < D(40), "only the spread"
        assert D(95) < result["fees"] < D(105)
        assert (k.trades(), k.events("half_closed")) == (1, [])


@pytest.mark.parametrize("change", ["0.08", "-0.08"])
async def test_the_bracket_fired_while_nobody_looked(tmp_path: Path, change: str) -> None:
    async with kept_pair(tmp_path) as k:
        await k.move(change)
        assert await k.held() == {}, "the exchange did it alone"
        await k.keeper.look()
        result = await k.assert_flat("bracket")
        assert abs(result["realised"]) < D(60)


async def test_the_bracket_fired_after_band_one(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.move("0.0201")
        await k.keeper.look()
        await k.move("0.07")
        assert await k.held() == {}
        await k.keeper.look()
        result = await k.assert_flat("bracket")
        assert result["realised"] > D(131) * 190 * D("0.04")


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("first", [None, "0.0201", "-0.0201"])
async def test_a_leg_closed_by_hand_takes_the_other_with_it(tmp_path: Path, side: str, first: str | None) -> None:
    async with kept_pair(tmp_path) as k:
        if first is not None:
            await k.move(first)
            await k.keeper.look()
        await k.by_hand(side, (await k.held())[side])
        await k.keeper.look()
        await k.assert_flat("leg_closed")
        assert any("leg_gone" in note for note in k.keeper.notes)


async def test_the_kill_switch_with_flatten(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        kill_switch.kill(k.settings, "tester", "trying it", 1, flatten=True)
        switch = kill_switch.read(k.desk.store.database, k.settings.data_dir)
        await k.keeper.look(flatten=switch.killed and switch.flatten)
        await k.assert_flat("kill")


async def test_funding_is_booked_once(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.move("0.0201")
        await k.keeper.look()
        for _ in range(8 * 6):  # the market has a life of its own: held in place
            await k.control("advance", {"ms": 600_000})
            await k.move("0.0201")
        await k.keeper.look()
        await k.keeper.look()
        income = [row for row in await k.desk.venue.income(None, k.pair.opened_at) if row.kind == "FUNDING_FEE"]
        assert len(income) >= 2
        paid = sum((row.amount for row in income), D(0))
        assert paid != 0, "131 of the long are not matched by the short"
        assert k.state().funding == paid
        await k.restart()
        await k.keeper.look()
        assert k.state().funding == paid
        assert len(k.events("funding")) == len(income)
        await k.move("0.041")
        await k.keeper.look()
        result = await k.assert_flat("last_band")
        assert result["funding"] == paid


async def test_the_holding_time_ends_a_pair(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        for _ in range(48):
            await k.control("advance", {"ms": 3_600_000})
            await k.move("0")
        await k.control("advance", {"ms": 60_000})
        await k.move("0")
        await k.keeper.look()
        await k.assert_flat("holding_time")


async def test_a_quantity_changed_by_hand_is_noted_and_taken_over(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.by_hand("long", D(3))
        await k.by_hand("short", D(3))
        await k.keeper.look()
        assert len(k.events("quantity_changed")) == 2
        assert await k.held() == {"long": D(260), "short": D(260)}
        await k.move("0.0201")
        await k.keeper.look()
        assert await k.held() == {"long": D(260), "short": D(130)}, "half of what is there, not of what was opened"
        await k.move("0.041")
        await k.keeper.look()
        await k.assert_flat("last_band")


async def test_an_imbalance_made_by_hand_is_cut(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.by_hand("short", D(200))
        await k.keeper.look()
        held: dict[str, Any] = await k.held()
        assert held.get("long", D(0)) <= held.get("short", D(0)) * D("1.35") / D("0.65")


async def test_a_tightened_plan_moves_the_bracket_and_a_looser_one_never_does(tmp_path: Path) -> None:
    """A permitted rebalance may tighten the stop; the exchange hears of it, and nothing ever moves the bracket away."""
    async with kept_pair(tmp_path) as k:
        await k.move("0.0201")
        await k.keeper.look()
        level = min(price for _, _, price in await k.resting())
        assert level == D("186.2")
        pair = k.stored().pair
        k.desk.store.pairs.update(
            pair.model_copy(update={"plan": pair.plan.model_copy(update={"stop_loss": D("0.04")})})
        )
        await k.keeper.look()
        stop = min(price for _, _, price in await k.resting())
        state = k.state()
        assert level < stop < k.pair.entry_price
        lost = -state.cycle_pnl(stop) / state.pair_margin
        assert abs(lost - D("0.04")) < D("0.0005"), "there the cycle has lost what it may"
        k.desk.store.pairs.update(k.stored().pair.model_copy(update={"plan": pair.plan}))
        save_state(k.desk, k.state().model_copy(update={"edge": None}), "as if it had never been asked for", 1)
        await k.keeper.look()
        assert len(await k.resting()) == 4
        assert min(price for _, _, price in await k.resting()) == stop
        await k.move("0.0401")
        await k.keeper.look()
        await k.assert_flat("last_band")
