"""Closed forms against played paths: for any valid bands the formulas say what the fills do."""

from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from indicators.delta_neutral_hedge import (
    BandSpec,
    break_even,
    effective_gamma,
    ladder_costs,
    liquidation_price,
    net_delta_after,
    one_ladder,
    pi_gross,
    stop_price,
)
from indicators.gamma_pnl import PairFill, gamma_report, ladder_path, pair_pnl

Direction = Literal["up", "down"]
DIRECTIONS: tuple[Direction, ...] = ("up", "down")
TINY = Decimal("1e-12")
#: time is no subject of these tests, and the machine may be busy
PLAYED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def ladders(draw: st.DrawFn, leg: str = "losing", least: int = 1) -> tuple[BandSpec, ...]:
    """One to three partial bands in basis points and per mille, and the last that closes both."""
    count = draw(st.integers(least, 3))
    moves = sorted(draw(st.sets(st.integers(10, 2000), min_size=count + 1, max_size=count + 1)))
    parts = sorted(draw(st.sets(st.integers(20, 980), min_size=count, max_size=count)))
    partial = [BandSpec(Decimal(m) / 10_000, leg, Decimal(f) / 1000) for m, f in zip(moves, parts, strict=False)]
    return (*partial, BandSpec(Decimal(moves[-1]) / 10_000, "both", Decimal(1)))


entries = st.decimals("0.01", "9999", places=2)
quantities = st.decimals("0.1", "5000", places=1)
costs = st.decimals("0", "0.002", places=4)
directions = st.sampled_from(DIRECTIONS)


def way(bands: tuple[BandSpec, ...], entry: Decimal, direction: Direction, count: int | None = None) -> list[Decimal]:
    sign = 1 if direction == "up" else -1
    return [entry * (1 + sign * band.move) for band in bands[:count]]


@PLAYED
@given(
    bands=st.one_of(ladders(), ladders("winning"), ladders("both")), entry=entries, quantity=quantities, d=directions
)
def test_pi_is_what_the_path_earns(
    bands: tuple[BandSpec, ...], entry: Decimal, quantity: Decimal, d: Direction
) -> None:
    path = ladder_path(bands, entry, quantity, Decimal(0), way(bands, entry, d))
    assert path.flat
    assert abs(path.result.gross - pi_gross(bands, entry * quantity)) <= TINY * entry * quantity


@PLAYED
@given(bands=st.one_of(ladders(), ladders("winning")), entry=entries, quantity=quantities, cost=costs, d=directions)
def test_costs_are_what_the_path_pays(
    bands: tuple[BandSpec, ...], entry: Decimal, quantity: Decimal, cost: Decimal, d: Direction
) -> None:
    path = ladder_path(bands, entry, quantity, cost, way(bands, entry, d))
    assert abs(path.result.fees - ladder_costs(bands, entry * quantity, entry, cost, d)) <= TINY * entry * quantity


@PLAYED
@given(losing=ladders(), winning=ladders("winning"), entry=entries, quantity=quantities)
def test_sign_of_effective_gamma(
    losing: tuple[BandSpec, ...], winning: tuple[BandSpec, ...], entry: Decimal, quantity: Decimal
) -> None:
    notional = entry * quantity
    assert effective_gamma(losing, notional, entry) > 0
    assert effective_gamma(winning, notional, entry) < 0
    assert effective_gamma(losing, notional, entry, rehedge="at_band") == 0
    assert effective_gamma(losing[-1:], notional, entry) == 0
    mirror = tuple(BandSpec(b.move, "winning" if b.leg == "losing" else b.leg, b.fraction) for b in losing)
    assert effective_gamma(mirror, notional, entry) == -effective_gamma(losing, notional, entry)


@PLAYED
@given(bands=ladders(), entry=entries, quantity=quantities, d=directions)
def test_net_delta_is_that_of_the_played_quantities(
    bands: tuple[BandSpec, ...], entry: Decimal, quantity: Decimal, d: Direction
) -> None:
    sign = 1 if d == "up" else -1
    for count, share in enumerate(net_delta_after(bands), start=1):
        path = ladder_path(bands, entry, quantity, Decimal(0), way(bands, entry, d, count))
        assert abs(sign * path.result.net_delta - share) <= TINY


def closed_at(
    bands: tuple[BandSpec, ...], entry: Decimal, quantity: Decimal, cost: Decimal, passed: list[Decimal], price: Decimal
) -> Decimal:
    """Net P&L when the ladder has passed these bands and everything is closed at `price`."""
    path = ladder_path(bands, entry, quantity, cost, passed)
    left = path.result
    fills = list(path.fills)
    if left.long_quantity:
        fills.append(PairFill("long", -left.long_quantity, price))
    if left.short_quantity:
        fills.append(PairFill("short", -left.short_quantity, price))
    return pair_pnl(fills, None, cost).total


@PLAYED
@given(bands=ladders(), entry=entries, quantity=quantities, cost=costs, d=directions)
def test_break_even_nets_nothing_when_played(
    bands: tuple[BandSpec, ...], entry: Decimal, quantity: Decimal, cost: Decimal, d: Direction
) -> None:
    price = break_even(bands, entry, quantity, cost, d)
    assume(price.is_finite() and price > 0)
    sign = 1 if d == "up" else -1
    passed = [at for at in way(bands[:-1], entry, d) if sign * (price - at) >= 0 or at == way(bands, entry, d, 1)[0]]
    assert abs(closed_at(bands, entry, quantity, cost, passed, price)) <= Decimal("1e-9") * entry * quantity
    # it is the first such price: everywhere before it, on the way, the ladder is in the red
    if cost > 0:
        before = entry + (price - entry) * Decimal("0.999")
        if sign * (before - passed[0]) > 0:
            nearer = [at for at in passed if sign * (before - at) >= 0]
            assert closed_at(bands, entry, quantity, cost, nearer, before) < 0


@PLAYED
@given(
    bands=ladders(),
    entry=entries,
    quantity=quantities,
    cost=costs,
    d=directions,
    stop=st.decimals("0.02", "0.08", places=4),
    leverage=st.integers(5, 8),
)
def test_stop_price_loses_exactly_the_stop(
    bands: tuple[BandSpec, ...],
    entry: Decimal,
    quantity: Decimal,
    cost: Decimal,
    d: Direction,
    stop: Decimal,
    leverage: int,
) -> None:
    margin = 2 * entry * quantity / leverage
    price = stop_price(bands, entry, quantity, cost, stop, margin, d)
    assume(price.is_finite() and price > 0)
    net = closed_at(bands, entry, quantity, cost, way(bands, entry, d, 1), price)
    assert abs(net + stop * margin) <= Decimal("1e-9") * entry * quantity


@PLAYED
@given(
    bands=ladders(),
    entry=entries,
    quantity=quantities,
    cost=costs,
    rule=st.sampled_from(["opposite_band", "entry", "none"]),
    turns=st.integers(1, 3),
    d=directions,
)
def test_worst_loss_of_one_ladder_is_never_exceeded_without_a_gap(
    bands: tuple[BandSpec, ...],
    entry: Decimal,
    quantity: Decimal,
    cost: Decimal,
    rule: str,
    turns: int,
    d: Direction,
) -> None:
    outcome = one_ladder(bands, entry, quantity, entry * quantity, cost, rule)
    back = {"opposite_band": bands[0].move, "entry": Decimal(0), "none": bands[-1].move}[rule]
    sign = 1 if d == "up" else -1
    passed = way(bands[: min(turns, len(bands) - 1)], entry, d)
    played = ladder_path(bands, entry, quantity, cost, [*passed, entry * (1 - sign * back)], rule)
    assert played.reversed and played.flat
    assert played.result.total >= -outcome.worst_loss - TINY * entry * quantity
    straight = ladder_path(bands, entry, quantity, cost, way(bands, entry, d), rule).result.total
    won = outcome.net_win_up if d == "up" else outcome.net_win_down
    assert abs(straight - won) <= TINY * entry * quantity


@PLAYED
@given(bands=ladders(), entry=entries, quantity=quantities, prices=st.lists(st.integers(-2500, 2500), max_size=12))
def test_whatever_the_path_no_leg_goes_below_zero_and_money_adds_up(
    bands: tuple[BandSpec, ...], entry: Decimal, quantity: Decimal, prices: list[int]
) -> None:
    path = [entry * (1 + Decimal(move) / 10_000) for move in prices]
    found = ladder_path(bands, entry, quantity, Decimal("0.0005"), path)
    result = found.result
    assert 0 <= result.long_quantity <= quantity and 0 <= result.short_quantity <= quantity
    cash = -sum(((1 if fill.side == "long" else -1) * fill.quantity * fill.price for fill in found.fills), Decimal(0))
    last = path[-1] if path else entry
    if found.flat:
        last = found.fills[-1].price
    worth = cash + (result.long_quantity - result.short_quantity) * last
    assert abs(worth - result.gross) <= TINY * entry * quantity
    assert result.fees == result.traded * Decimal("0.0005")


@PLAYED
@given(bands=ladders(), entry=entries, quantity=quantities, d=directions)
def test_fills_at_the_band_prices_are_a_hundred_per_cent_efficient(
    bands: tuple[BandSpec, ...], entry: Decimal, quantity: Decimal, d: Direction
) -> None:
    prices = way(bands, entry, d)
    fills = ladder_path(bands, entry, quantity, Decimal(0), prices).fills
    report = gamma_report(bands, entry, quantity, prices, fills, Decimal(0))
    assert report.efficiency == pytest.approx(Decimal(1), abs=Decimal("1e-9"))


@PLAYED
@given(
    entry=entries,
    quantity=quantities,
    leverage=st.integers(2, 20),
    rate=st.decimals("0", "0.03", places=4),
    side=st.sampled_from(["long", "short"]),
)
def test_at_the_liquidation_price_equity_equals_maintenance_margin(
    entry: Decimal, quantity: Decimal, leverage: int, rate: Decimal, side: str
) -> None:
    margin = entry * quantity / leverage
    price = liquidation_price(side, entry, quantity, margin, rate)
    sign = 1 if side == "long" else -1
    equity = margin + sign * quantity * (price - entry)
    assert abs(equity - rate * quantity * price) <= TINY * entry * quantity
