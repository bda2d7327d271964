"""Prices at which something happens to a pair: against a table worked by hand, and against the rebalancer itself."""

from decimal import Decimal as D

import pytest

from orchestrator.dashboard.charts import columns
from orchestrator.dashboard.levels import levels, nearest_stop, price_of_result
from orchestrator.rebalancer.events import CloseLeg, Tick
from orchestrator.rebalancer.state import Holding, PairState, Phase, Rules
from orchestrator.rebalancer.step import step
from traders.contract.decision import Band
from traders.contract.verdict import Bracket

BRACKET = Bracket(upper=D(105), lower=D(95))


def pair(phase: Phase = Phase.NEUTRAL, long: int = 100, short: int = 100, **changes: object) -> PairState:
    """100 coins a leg at 100, pair margin 4,000; stop 8 % (320), target 12 % (480)."""
    rules = Rules(
        bands=(Band(move=D("0.02"), leg="losing", fraction=D("0.5")), Band(move=D("0.04"), leg="both", fraction=D(1))),
        reversal_rule="opposite_band",
        stop=D("0.08"),
        target=D("0.12"),
        breakeven_at=D("0.10"),
        trailing_distance=D("3"),
        deadline=10_000,
        collapse_level=None,
        funding_adverse_exit=D("0.0003"),
        net_delta_max=D("0.35"),
        imbalance_grace_ms=5_000,
        cost=D(0),
        reopen=False,
    )
    values: dict[str, object] = {
        "pair_id": "p",
        "rules": rules,
        "step": D(1),
        "pair_margin": D(4_000),
        "entry": D(100),
        "long": Holding(opened=D(100), left=D(long), average=D(100)),
        "short": Holding(opened=D(100), left=D(short), average=D(100)),
        "phase": phase,
        "bands_hit": 0 if phase is Phase.NEUTRAL else 1,
    }
    return PairState.model_validate({**values, **changes})


def named(state: PairState, mark: str = "100") -> dict[str, D]:
    return {level.name: level.price for level in levels(state, BRACKET, D(mark))}


def test_neutral_pair_by_hand() -> None:
    assert named(pair()) == {
        "bracket, upper edge": D(105),
        "band 2 up": D("104"),
        "band 1 up": D("102"),
        "entry": D(100),
        "band 1 down": D("98"),
        "band 2 down": D("96"),
        "bracket, lower edge": D(95),
    }


def test_after_band_1_up_by_hand() -> None:
    # half of the short was closed at 102: -100 realised; 100 long against 50 short is a net 50 long:
    # 50 (S - 100) - 100 = -320  ->  S = 95.6;   = +480  ->  S = 111.6
    state = pair(Phase.UP, short=50, realised=D(-100), best=D("103.5"))
    assert named(state, "103") == {
        "cycle target": D("111.6"),
        "bracket, upper edge": D(105),
        "band 2 up": D("104"),
        "band 1 up": D("102"),
        "trailing stop": D("100.5"),
        "entry": D(100),
        "reversal": D("98"),
        "cycle stop": D("95.6"),
        "bracket, lower edge": D(95),
    }


def test_after_band_1_down_it_is_the_mirror_image() -> None:
    state = pair(Phase.DOWN, long=50, realised=D(-100), best=D("96.5"))
    found = named(state, "97")
    assert (found["cycle target"], found["cycle stop"]) == (D("88.4"), D("104.4"))
    assert (found["trailing stop"], found["reversal"]) == (D("99.5"), D("102"))


def test_distance_is_from_the_mark_and_the_nearest_stop_is_found() -> None:
    state = pair(Phase.UP, short=50, realised=D(-100), best=D("103.5"))
    found = levels(state, BRACKET, D("103"))
    nearest = nearest_stop(found)
    assert nearest is not None and nearest.name == "bracket, upper edge"
    assert nearest.distance == D(105) / D(103) - 1
    assert [level.name for level in found if level.done] == ["band 1 up"]
    assert nearest_stop(levels(state, None, None)) is None


def test_a_stop_that_something_else_comes_before_is_marked() -> None:
    state = pair(Phase.UP, short=50, realised=D(-100), best=D("103.5"))
    beyond = {level.name for level in levels(state, Bracket(upper=D(105), lower=D("97.9")), D("103")) if level.beyond}
    assert beyond == {"cycle target", "cycle stop"}
    assert "cycle stop" not in {level.name for level in levels(state, BRACKET, D("103")) if level.beyond}


def test_labels_that_would_overlap_stand_side_by_side() -> None:
    assert columns([105, 104, 103.9, 103.8, 100], 0.5) == [0.0, 0.0, 0.2, 0.4, 0.0]
    assert columns([], 1) == []


def test_break_even_makes_the_stop_zero() -> None:
    # 50 (S - 100) - 100 = 0  ->  S = 102
    state = pair(Phase.UP, short=50, realised=D(-100), best=D(104), breakeven_latched=True)
    assert named(state)["stop at break-even"] == D("102")


@pytest.mark.parametrize("cost", ["0", "0.0005"])
@pytest.mark.parametrize(("phase", "side"), [(Phase.UP, "short"), (Phase.DOWN, "long")])
def test_the_rebalancer_closes_there_and_not_before(cost: str, phase: Phase, side: str) -> None:
    """Reversal and trailing are put out of the way, so that the stop and the target alone decide."""
    state = pair(phase, **{side: 50}, realised=D(-100), fees=D(20))  # type: ignore[arg-type]
    rules = state.rules.model_copy(
        update={"cost": D(cost), "reversal_rule": "none", "trailing_distance": None, "bands": _far(state)}
    )
    state = state.model_copy(update={"rules": rules})
    for result, reason in ((D("-0.08"), "stop"), (D("0.12"), "target")):
        price = price_of_result(state, result)
        assert price is not None
        worse = D("0.0001") * (1 if (phase is Phase.UP) is (reason == "target") else -1)
        assert _closes(state, price + worse) == reason
        assert _closes(state, price - worse) is None


def test_equal_legs_without_costs_have_no_price() -> None:
    assert price_of_result(pair(), D("0.12")) is None


def _far(state: PairState) -> tuple[Band, ...]:
    return (state.rules.bands[0], Band(move=D("0.9"), leg="both", fraction=D(1)))


def _closes(state: PairState, mark: D) -> str | None:
    _, commands = step(state, Tick(at=1, mark=mark))
    reasons = {command.reason for command in commands if isinstance(command, CloseLeg)}
    return reasons.pop() if reasons else None
