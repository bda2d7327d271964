"""What a finding says: observed, limit and text, worked out by hand for the cases of tests/guard_cases.py."""

import pytest

from tests.guard_cases import CASES, at_8x, leaving, spread
from tests.guard_scenario import AVAX, NOW, D, Scenario, open_pair, permitted


@pytest.mark.parametrize(
    ("code", "number", "observed", "limit"),
    [
        ("holding_invalid", 0, 0, 0),
        ("reward_risk", 0, 1.4875, 1.5),  # 0.119 / 0.08
        ("kill_switch", 0, True, False),
        ("drawdown_latched", 0, True, False),
        ("unknown_orders", 0, 1, 0),
        ("unprotected_pairs", 0, 1, 0),
        ("reopen", 0, True, None),
        ("min_lots", 0, 1, 2),  # 416.66 in lots of 400
        ("price_band", 0, "120.12", "120.108"),  # 120 x 1.001; 120 x 1.0009
        ("price_band", 1, "119.88", "119.892"),  # 120 x 0.999; 120 x 0.9991
        ("pair_margin_floor", 0, 0.1999, 0.2),  # 1 / 5x
        ("break_even", 0, pytest.approx(0.024721, abs=1e-6), pytest.approx(0.0247)),  # 122.9665 / 120; 0.04 - 0.0153
        ("cost_multiple", 0, pytest.approx(3.21, abs=0.01), pytest.approx(3.3)),  # 381.3 / 118.7
        ("regime_contraction", 0, 0.7999, 0.8),
        ("regime_collapse", 0, [1.35, 1.35], 1.36),  # 0.8 x 1.7
        ("directional_disabled", 0, "directional", False),
        ("book_stale", 0, 15.001, 15),
        ("liquidation_distance", 0, pytest.approx(0.2 / 2.05, abs=1e-9), 0.1),  # short at 8x: 1.125 / 1.025 - 1
    ],
)
def test_the_finding_carries_the_numbers(code: str, number: int, observed: object, limit: object) -> None:
    said = [finding for finding in CASES[code].fires[number]().review().findings if finding.rule == code]
    assert [(finding.observed, finding.limit) for finding in said] == [(observed, limit)]


def only(scenario: Scenario, code: str) -> tuple[object, object, str]:
    (said,) = [finding for finding in scenario.review().findings if finding.rule == code]
    return said.observed, said.limit, said.message


@pytest.mark.parametrize(
    ("code", "number", "message"),
    [
        (
            "bands_loose",
            0,
            "the ladder 2 % -> 49 %, 4 % -> 100 % is looser than the standing one, 2 % -> 50 %, 4 % -> 100 %",
        ),
        ("break_even", 0, "break-even is 2.472 % away; with 1.53 % of room it lies beyond the outer band 4 %"),
        ("cost_multiple", 0, "up: a ladder wins 381.29 after 118.71 of costs, 3.3x is needed"),
        ("reward_risk", 2, "reward / risk of a stop_loss that is not above 0 is undefined"),
        ("drawdown", 2, "the equity high (not above 0) is unavailable"),
        ("entry_signals", 0, "1 of 4 entry signals, volatility on; 2 with volatility are needed"),
        (
            "entry_signals",
            1,
            "1 of 4 entry signals, volatility on; 2 with volatility are needed (unavailable: bollinger)",
        ),
        ("entry_signals", 4, "2 of 4 entry signals, volatility off; 2 with volatility are needed"),
        (
            "legs_of_kind",
            0,
            "a gamma plan has 2 leg(s) of 1 symbol(s) on 1 venue(s), "
            "a pair one long and one short, all weights above 0",
        ),
        (
            "legs_of_kind",
            1,
            "a spread plan has 2 leg(s) of 2 symbol(s) on 1 venue(s), "
            "a pair one long and one short, all weights above 0",
        ),
        ("pair_unknown", 1, "exit means no open pair of SOL/USDT:USDT; open there: none"),
        ("pair_unknown", 2, "exit means no open pair of SOL/USDT:USDT; open there: p1, p2"),
    ],
)
def test_the_finding_says_it_in_words(code: str, number: int, message: str) -> None:
    assert only(CASES[code].fires[number](), code)[2] == message


def test_only_pairs_of_the_symbol_are_named() -> None:
    pairs = (open_pair("p1"), open_pair("p2"), open_pair("p3", AVAX))
    assert only(leaving("p9").with_portfolio(pairs=pairs), "pair_unknown")[:2] == ("p9", ["p1", "p2"])


def test_an_age_is_said_in_seconds() -> None:
    """2,000.5 s old; 2.5 s ahead of the clock, of which 1 s is allowed."""
    old = only(permitted().with_leg(book_as_of=NOW - 2_000_500), "book_stale")
    assert old == (2000.5, 15, "the book of SOL/USDT:USDT is 2000.5 s old or overdue, at most 15 s")
    ahead = only(permitted().with_leg(book_as_of=NOW + 2_500), "book_stale")
    assert ahead == (-2.5, 15, "the book of SOL/USDT:USDT is from the future")


def test_an_entry_without_evidence_cites_0_of_1() -> None:
    assert only(permitted().with_decision(evidence=()), "ungrounded")[:2] == (0, 1)


def test_the_smallest_equity_has_a_loss_too() -> None:
    assert only(permitted().with_portfolio(equity=D("0.5"), equity_high=D(1)), "drawdown")[:2] == (0.5, 0.25)


def test_the_long_leg_is_named_when_it_is_the_one() -> None:
    """8x, mmr 0.025: long 1 - 0.875 / 0.975 = 0.10256, below 0.04 + 0.065."""
    observed, limit, message = only(at_8x("0.025").with_limits(liquidation_distance_min=0.065), "liquidation_distance")
    assert (observed, limit) == (pytest.approx(0.1 / 0.975, abs=1e-9), 0.105)
    assert message.startswith("the long leg would be liquidated 10.26 % from entry")


def test_half_of_what_a_spread_needs_is_not_enough() -> None:
    scenario = spread()
    readings = dict(scenario.context.readings)
    del readings["pair.spread_z_72h"]
    said = only(scenario.with_context(readings=readings), "spread_entry")
    assert said[2] == "correlation or spread z-score is unavailable"


def test_prices_below_mark_are_as_far_away_as_above() -> None:
    """The short's limit is 119.88: 0.2994 % below a mark of 120.24; the long's 120.12 only 0.0998 %."""
    bound = permitted().with_contract(market_take_bound=D("0.002")).with_leg(mark=D("120.24"), last=D("120.24"))
    assert bound.refusals() == ["market_take_bound"]
    assert only(bound, "market_take_bound")[:2] == (pytest.approx(0.36 / 120.24, abs=1e-12), 0.002)
    protect = permitted().with_contract(trigger_protect=D("0.002")).with_leg(last=D("119.76"))
    assert protect.refusals() == ["trigger_protect"]
    assert only(protect, "trigger_protect")[:2] == (0.002, 0.002)


def test_an_index_of_1_is_an_index() -> None:
    assert only(permitted().with_leg(index=D(1)), "basis")[:2] == (119, 0.003)


def test_long_texts_of_others_are_cut_to_200_characters() -> None:
    blackout = only(permitted().with_switches(blackout="x" * 300), "blackout")
    assert blackout == ("x" * 200, None, "blackout: " + "x" * 200)
    silent = permitted().with_readings(lsr__accounts=None).with_context(unavailable={"sol.lsr.accounts": "y" * 300})
    assert only(silent, "ratio_missing")[2] == "no long/short ratio: " + "y" * 200


def test_amounts_that_do_not_end_have_28_digits() -> None:
    """7x: 2 x 583.33 x 120 = 139,999.20 ordered; a seventh is 19,999.8857142857..., and 69.9996 of fees."""
    scenario = permitted().with_plan(leverage=7).with_quote(available_margin=D(20_069))
    assert only(scenario, "margin_available")[:2] == ("20069.88531428571428571428571", "20069")
