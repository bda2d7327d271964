"""Positions of the paper exchange against hand-computed numbers: liquidation, realised profit, margin, funding."""

from decimal import Decimal
from itertools import pairwise

import pytest

from orchestrator.paper_exchange import account as account_module
from orchestrator.paper_exchange.account import Account, Position
from orchestrator.paper_exchange.contracts import BRACKETS, Bracket, bracket_of
from orchestrator.paper_exchange.errors import Refusal
from orchestrator.paper_exchange.triggers import Trigger, first_met, quiet_band

D = Decimal
ORDER = {"orderId": 1}


def flat(rate: str) -> Bracket:
    return Bracket(1, D(0), D(10**9), 125, D(rate), D(0))


@pytest.mark.parametrize(
    ("leverage", "rate", "long", "short"),
    [
        (5, "0.005", "96.4824", "143.2836"),
        (5, "0.01", "96.9697", "142.5743"),
        (8, "0.005", "105.5276", "134.3284"),
        (8, "0.01", "106.0606", "133.6634"),
        (8, "0.025", "107.6923", "131.7073"),
    ],
)
def test_liquidation_of_the_golden_table(
    leverage: int, rate: str, long: str, short: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_module, "bracket_of", lambda notional: flat(rate))
    margin = D(100) * 120 / leverage
    for quantity, expected in ((100, long), (-100, short)):
        position = Position("SOLUSDT", "LONG", D(quantity), D(120), margin, isolated=True)
        price = position.liquidation()
        assert price is not None
        assert price.quantize(D("0.0001")) == D(expected)


def test_maintenance_amount_joins_the_brackets_without_a_step() -> None:
    for lower, upper in pairwise(BRACKETS):
        assert lower.cap == upper.floor
        assert lower.cap * lower.rate - lower.cum == lower.cap * upper.rate - upper.cum
    assert bracket_of(D(10_000)).number == 1
    assert bracket_of(D("10000.01")).number == 2


def test_crossed_positions_have_no_liquidation_and_spent_margin_has_one_at_once() -> None:
    assert Position("SOLUSDT", "LONG", D(10), D(120), D(0)).liquidation() is None
    spent = Position("SOLUSDT", "LONG", D(10), D(120), D(0), isolated=True).liquidation()
    assert spent is not None
    assert spent > 120


def isolated() -> Account:
    account = Account(wallet=D(100_000), deposit=D(100_000), hedge=True)
    account.settings["SOLUSDT"].margin_type = "ISOLATED"
    account.settings["SOLUSDT"].leverage = 5
    return account


def test_averaging_partial_close_and_margin_by_hand() -> None:
    account = isolated()
    long = account.position("SOLUSDT", "LONG")
    for quantity, price in ((100, 120), (100, 126)):
        account.apply_fill(long, D(quantity), D(price), D("0.0005"), 1, ORDER, maker=False)
    assert (long.quantity, long.entry, long.margin) == (200, 123, D(4920))  # (12,000 + 12,600) / 5
    account.apply_fill(long, D(-50), D(130), D("0.0005"), 2, ORDER, maker=False)
    assert (long.quantity, long.entry, long.margin) == (150, 123, D(3690))
    # 50 x 7 realised; fees .0005 x (12,000 + 12,600 + 6,500)
    assert account.wallet == 100_000 + 350 - D("15.55")
    assert account.fees_paid() == D("15.55")
    assert account.available({"SOLUSDT": D(130)}) == account.wallet - 3690


def test_one_way_flip_closes_and_opens() -> None:
    account = isolated()
    both = account.position("SOLUSDT", "BOTH")
    account.apply_fill(both, D(30), D(120), D(0), 1, ORDER, maker=False)
    account.apply_fill(both, D(-50), D(115), D(0), 2, ORDER, maker=False)
    assert (both.quantity, both.entry, both.margin) == (-20, 115, D(460))
    assert account.wallet == 100_000 - 150


@pytest.mark.parametrize(
    ("rate", "amount"), [("0.0008", "-20.40"), ("0.0001", "-2.55"), ("-0.0008", "20.40"), ("0", "0")]
)
def test_funding_signs_of_the_golden_table(rate: str, amount: str) -> None:
    """A net long of 208.3333 (half of a leg of N 50,000 at 120) at mark 122.4."""
    account = isolated()
    quantity = D(50_000) / 120
    for side, held in (("LONG", quantity), ("SHORT", -quantity / 2)):
        position = account.position("SOLUSDT", side)  # type: ignore[arg-type]
        position.quantity, position.entry, position.margin, position.isolated = held, D(120), D(10_000), True
        account.settle_funding(position, D(rate), D("122.4"), 1)
    assert (account.wallet - 100_000).quantize(D("0.01")) == D(amount)
    assert account.funding_paid() == 100_000 - account.wallet


def test_margin_is_required_for_what_opens_only() -> None:
    account = isolated()
    account.wallet = D(1_000)
    long = account.position("SOLUSDT", "LONG")
    marks = {"SOLUSDT": D(100)}
    account.require_margin(long, D(49), D(100), D("0.0005"), marks)  # 980 + 2.45
    with pytest.raises(Refusal, match="insufficient"):
        account.require_margin(long, D(50), D(100), D("0.0005"), marks)  # 1,000 + 2.50
    account.apply_fill(long, D(49), D(100), D("0.0005"), 1, ORDER, maker=False)
    account.require_margin(long, D(-49), D(100), D("0.0005"), marks)


def test_triggers_act_in_the_order_the_price_meets_them() -> None:
    stop = Trigger("conditional", D(117), False, {"name": "stop"})
    death = Trigger("liquidation", D(110), False, Position("SOLUSDT", "LONG"))
    target = Trigger("conditional", D(125), True, {"name": "target"})
    limit = Trigger("resting", D(118), False, {"name": "limit"}, strict=True)
    everything = [death, target, stop, limit]
    assert first_met(everything, D(120), D(105)) == (limit, D(118))
    assert first_met([death, target, stop], D(120), D(105)) == (stop, D(117))
    assert first_met(everything, D(120), D(118)) is None  # a resting order wants the price beyond it
    assert first_met(everything, D(120), D(126)) == (target, D(125))
    assert first_met([death, stop], D(105), D(105)) == (death, D(105))  # a gap over both
    assert quiet_band(everything) == (118, 125)
    assert first_met([], D(120), D(1)) is None
