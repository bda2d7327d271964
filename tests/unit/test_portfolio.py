"""Cycle P&L and net delta of a stored pair, by hand from domain.md section 10 (entry 120, 50,000 a leg, 5 bp)."""

from decimal import Decimal
from fractions import Fraction
from typing import Literal

import pytest

from orchestrator.execution.venue import Balance, Fill, Income, Position
from orchestrator.portfolio import build_portfolio, pair_state
from tests.open_pairs import open_pair
from traders.contract.portfolio import OpenPair

D = Decimal
SOL = "SOL/USDT:USDT"
Q = D(50_000) / D(120)
C = D("0.0005")
Side = Literal["long", "short"]


def ladder_pair(quantity: Decimal) -> OpenPair:
    """Pair margin 20,000 at 5x: 50,000 a leg."""
    return open_pair(quantity, quantity).model_copy(update={"pair_margin": D(20_000)})


def position(side: Side, quantity: Decimal, mark: str) -> Position:
    return Position(
        symbol=SOL,
        side=side,
        quantity=quantity,
        entry_price=D(120),
        mark_price=D(mark),
        liquidation_price=None,
        isolated_margin=None,
        leverage=5,
        margin_mode="isolated",
    )


def fill(number: int, side: Side, opens: bool, quantity: Decimal, price: str) -> Fill:
    sign = 1 if side == "long" else -1
    return Fill(
        trade_id=str(number),
        exchange_order_id=str(number),
        symbol=SOL,
        side="buy" if (side == "long") is opens else "sell",
        position_side=side,
        price=D(price),
        quantity=quantity,
        fee=quantity * D(price) * C,
        realized=D(0) if opens else sign * quantity * (D(price) - 120),
        time=number,
    )


OPENED = [fill(1, "long", True, Q, "120"), fill(2, "short", True, Q, "120")]
HALF_UP = [*OPENED, fill(3, "short", False, Q / 2, "122.4")]


def total(result: Decimal, closing: Decimal) -> Decimal:
    """P&L in USDT before the estimated cost of closing what is open, as the table of section 10 gives it."""
    return result * 20_000 + closing


@pytest.mark.parametrize(
    ("mark", "expected"), [("122.4", "-62.75"), ("120", "-562.75"), ("124.8", "437.25"), ("117.6", "-1062.75")]
)
def test_after_band_one(mark: str, expected: str) -> None:
    held = [position("long", Q, mark), position("short", Q / 2, mark)]
    state = pair_state(ladder_pair(Q), held, HALF_UP, [], C)
    closing = Q * D("1.5") * D(mark) * C
    assert abs(total(state.cycle_pnl, closing) - D(expected)) < D("0.001")
    assert abs(state.net_delta - D(1) / 3) < D("1e-8")
    assert [leg.quantity for leg in state.legs] == [Q, Q / 2]


@pytest.mark.parametrize("mark", ["119", "120", "121"])
def test_a_neutral_pair_has_only_cost(mark: str) -> None:
    state = pair_state(ladder_pair(Q), [position("long", Q, mark), position("short", Q, mark)], OPENED, [], C)
    assert abs(total(state.cycle_pnl, 2 * Q * D(mark) * C) + 50) < D("0.001")
    assert state.net_delta == 0


def test_flat_at_the_last_band_counts_no_closing_cost() -> None:
    done = [*HALF_UP, fill(4, "short", False, Q / 2, "124.8"), fill(5, "long", False, Q, "124.8")]
    state = pair_state(ladder_pair(Q), [], done, [], C)
    assert abs(state.cycle_pnl * 20_000 - D("398.25")) < D("0.001")
    assert (state.net_delta, [leg.quantity for leg in state.legs]) == (0, [0, 0])


def test_funding_counts_and_other_income_does_not() -> None:
    """Section 10: +208.3333 net at mark 122.4, rate .0008 -> -20.40. Fees are in the fills already."""
    rows = [
        Income(income_id="1", kind="FUNDING_FEE", symbol=SOL, amount=D("-40.80"), time=9),
        Income(income_id="2", kind="FUNDING_FEE", symbol=SOL, amount=D("20.40"), time=9),
        Income(income_id="3", kind="COMMISSION", symbol=SOL, amount=D("-62.75"), time=9),
        Income(income_id="4", kind="REALIZED_PNL", symbol=SOL, amount=D("-500"), time=9),
    ]
    held = [position("long", Q, "122.4"), position("short", Q / 2, "122.4")]
    without = pair_state(ladder_pair(Q), held, HALF_UP, [], C)
    funded = pair_state(ladder_pair(Q), held, HALF_UP, rows, C)
    assert abs((funded.cycle_pnl - without.cycle_pnl) * 20_000 - D("-20.40")) < D("0.001")


def test_a_lone_leg_is_all_delta() -> None:
    state = pair_state(ladder_pair(Q), [position("short", Q, "120")], OPENED, [], C)
    assert state.net_delta == -1


def test_the_portfolio_passes_on_what_it_is_given() -> None:
    balance = Balance(wallet=D(100_000), equity=D(99_500), available=D(80_000))
    book = build_portfolio(balance, [ladder_pair(Q)], equity_high=D(101_000), day_start_equity=D(100_000), trades_24h=3)
    assert (book.equity, book.cash, book.trades_24h, book.directional_margin) == (D(99_500), D(80_000), 3, D(0))
    assert Fraction(book.equity_high) == 101_000
    assert len(book.pairs) == 1
