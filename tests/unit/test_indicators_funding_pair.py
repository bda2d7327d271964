"""The funding pair over two venues, against domain.md sections 4 and 10."""

from decimal import Decimal

import pytest

from indicators.errors import IndicatorError
from indicators.funding import apr, rate_per_8h
from indicators.funding_pair import best_pair

N, TAKER = Decimal(50_000), Decimal("0.0005")


def test_the_golden_pair_earns_fifty_per_8h_and_costs_a_hundred() -> None:
    pair = best_pair({"b": Decimal("-0.0002"), "a": Decimal("0.0008"), "c": Decimal("0.0001")}, N, TAKER)
    assert pair is not None
    assert (pair.short_venue, pair.long_venue) == ("a", "b")
    assert (pair.spread_8h, pair.earns_8h, pair.costs) == (Decimal("0.001"), 50, 100)
    assert pair.break_even_hours == 16
    assert pair.costs / N == Decimal("0.002")  # 20 bp, domain.md section 4


def test_intervals_are_put_on_one_footing_first() -> None:
    hourly, eight = Decimal("0.0001"), Decimal("0.0008")
    assert rate_per_8h(hourly, Decimal(1)) == rate_per_8h(eight, Decimal(8)) == eight
    assert apr(hourly, Decimal(1)) == Decimal("0.876")
    level = best_pair({"hourly": rate_per_8h(hourly, Decimal(1)), "eight": eight}, N, TAKER)
    assert level is not None
    assert (level.spread_8h, level.earns_8h, level.break_even_hours) == (0, 0, None)


def test_both_below_zero_the_short_leg_pays_less_than_the_long_leg_gets() -> None:
    pair = best_pair({"x": Decimal("-0.0012"), "y": Decimal("-0.0002")}, N, TAKER)
    assert pair is not None
    assert (pair.short_venue, pair.long_venue, pair.earns_8h) == ("y", "x", 50)


def test_one_venue_is_no_pair() -> None:
    assert best_pair({"x": Decimal("0.01")}, N, TAKER) is None
    assert best_pair({}, N, TAKER) is None


@pytest.mark.parametrize(
    ("notional", "taker"),
    [(Decimal(0), TAKER), (Decimal("NaN"), TAKER), (N, Decimal("-0.1")), (N, Decimal("Infinity"))],
)
def test_amounts_that_mean_nothing_are_refused(notional: Decimal, taker: Decimal) -> None:
    with pytest.raises(IndicatorError, match="must be"):
        best_pair({"x": Decimal(0), "y": Decimal(1)}, notional, taker)
