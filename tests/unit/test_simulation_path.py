"""Golden vectors of domain.md section 10 along a simulated path, and what a bar of only four prices does."""

from decimal import Decimal

import pytest

from orchestrator.rebalancer.state import Phase
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.path import Ride, glide, jump, levels, through_bar
from tests.rebalancer_driver import make_rules, make_state

D = Decimal
#: Fee 0.05 %, no spread, a book without end: c of the golden vectors.
EXACT = FillModel(spread=D(0), depth_usdt=D(10) ** 18)


def ride_of(**rules: object) -> Ride:
    return Ride(make_state(rules=make_rules(**rules)))


def glided(*prices: str, **rules: object) -> Ride:
    ride, before = ride_of(**rules), D(120)
    for at, price in enumerate(prices):
        ride = glide(ride, before, D(price), at, EXACT)
        before = D(price)
    return ride


@pytest.mark.parametrize(
    ("prices", "total"),
    [
        (("124.8",), "398.25"),
        (("130",), "398.25"),  # a smooth path acts at the bands, however far it goes
        (("115.2",), "401.75"),
        (("110",), "401.75"),
        (("122.4", "117.6"), "-1099.50"),
        (("123", "110"), "-1099.50"),
        (("117.6", "122.4"), "-1100.50"),
        (("121", "119", "120"), "-50.00"),
    ],
)
def test_golden_totals_on_a_smooth_path(prices: tuple[str, ...], total: str) -> None:
    ride = glided(*prices)
    state = ride.state
    found = state.realised + state.unrealised(D(prices[-1])) - state.fees
    assert found == pytest.approx(D(total), abs=D("0.005"))
    assert (state.phase is Phase.FLAT) == (total != "-50.00")


@pytest.mark.parametrize(
    ("prices", "total"), [(("126",), "-102.50"), (("122.4", "126"), "647.875"), (("122.4", "114"), "-1848.375")]
)
def test_golden_totals_of_gaps(prices: tuple[str, ...], total: str) -> None:
    ride = ride_of()
    for at, price in enumerate(prices):
        ride = jump(ride, D(price), at, EXACT)
    assert ride.state.phase is Phase.FLAT
    assert ride.state.realised - ride.state.fees == pytest.approx(D(total), abs=D("0.005"))


def test_a_bar_that_holds_two_bands_is_played_the_worse_way() -> None:
    """122.5 and 117.5 within one bar: up first then down, or down first then up; both lose, the worse is -1,100.50."""
    ride = through_bar(ride_of(), D(120), (D(120), D("122.5"), D("117.5"), D(120)), 0, EXACT)
    assert ride.state.realised - ride.state.fees == pytest.approx(D("-1100.50"), abs=D("0.005"))
    # a bar that runs away: the kind order would pass 124.8 and win, the other meets 117.6 first
    ride = through_bar(ride_of(), D(120), (D(120), D("125"), D("117.5"), D("125")), 0, EXACT)
    assert ride.state.realised - ride.state.fees == pytest.approx(D("-1100.50"), abs=D("0.005"))


def test_nothing_happens_between_levels() -> None:
    ride = glided("122.39", "117.61", "120")
    assert not ride.fills and ride.state.phase is Phase.NEUTRAL
    assert {D("122.4"), D("117.6"), D("124.8"), D("115.2")} <= {level.normalize() for level in levels(ride.state)}


def test_the_trailing_stop_follows_the_best_price() -> None:
    ride = glided("124", "122.4", trailing_distance=D("1.5"))
    assert [fill.reason for fill in ride.fills][:1] == ["band_1"]
    assert ride.fills[-1].reason == "trailing"
    assert ride.fills[-1].wanted == pytest.approx(D("122.5"), abs=D("1e-6"))


def test_stop_and_target_are_met_at_the_price_that_gives_them() -> None:
    """Target 1 % of PM 20,000 = 200: after band 1 at 122.4 the price solves the liquidation value by hand.

    value(S) = (q/2)(S - 122.4) - fees - closing: q/2 = 208.3333, closed-out costs of 625 q-lots at c.
    """
    ride = glided("124.8", target=D("0.01"))
    assert ride.state.reason == "target"
    price = ride.fills[-1].wanted
    quantity, c = D(50_000) / 120, D("0.0005")
    fees = 2 * 50_000 * c + quantity / 2 * D("122.4") * c
    value = quantity * (price - 120) - quantity / 2 * (D("122.4") - 120) - quantity / 2 * (price - 120)
    assert value - fees - quantity * D("1.5") * price * c == pytest.approx(D(200), abs=D("0.001"))


def test_slippage_is_against_us_both_ways_and_grows_with_size() -> None:
    model = FillModel(spread=D("0.0002"), depth_usdt=D(10_000_000))
    # 50,000 into 5,000,000 a side within 1 %: walks 1 bp, pays half of it and half the spread: 1.5 bp
    assert model.slippage(D(50_000)) == D("0.00015")
    assert model.fill_price(D(100), D(500), buys=True) == D("100.015")
    assert model.fill_price(D(100), D(500), buys=False) == D("99.985")
    assert model.slippage(D(500_000)) > model.slippage(D(50_000))
