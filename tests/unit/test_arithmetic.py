"""What another library has made of the thread's decimal context changes nothing that is decided or stored."""

import asyncio
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, getcontext, localcontext
from typing import Any

import pytest

from data_fetchers.venue import open_exchange
from orchestrator.execution.venue import Position
from orchestrator.portfolio import pair_state
from orchestrator.rebalancer.events import Tick
from orchestrator.rebalancer.step import step
from tests.rebalancer_driver import make_state
from tests.trader_samples import HOUR, SOL, FakeModel, context, open_pair
from traders.contract.arithmetic import in_one_arithmetic
from traders.volatility_gamma.trader import VolatilityGamma

TRADER = VolatilityGamma()
HELD = Position(
    symbol=SOL,
    side="long",
    quantity=Decimal("312.51"),
    entry_price=Decimal("120.01"),
    mark_price=Decimal("123.4567891"),
    liquidation_price=None,
    isolated_margin=None,
    leverage=5,
    margin_mode="isolated",
)


@pytest.fixture
def spoiled() -> Iterator[None]:
    """The context as no pure code expects it."""
    with localcontext() as ours:
        ours.prec, ours.rounding = 7, ROUND_HALF_UP
        yield


def _prompt() -> str:
    """A pair open for a quarter of an hour: 0.25 h is 0.2 or 0.3 with one digit."""
    situation = context(open_pair())
    pair = situation.portfolio.pairs[0].model_copy(update={"opened_at": situation.as_of - HOUR // 4})
    held = situation.portfolio.model_copy(update={"pairs": (pair,)})
    model = FakeModel("{}", "{}")
    asyncio.run(TRADER.propose(situation.model_copy(update={"portfolio": held}).hashed(), model, None, "llm"))
    return model.asked[0].messages[1].content


PURE: dict[str, Callable[[], Any]] = {
    "propose": _prompt,
    "step": lambda: step(make_state(), Tick(at=1, mark=Decimal("122.4000000001"))),
    "pair_state": lambda: pair_state(open_pair(), (HELD,), (), (), Decimal("0.0005")),
    "quotient": in_one_arithmetic(lambda: Decimal(2) / Decimal(3)),
}


@pytest.mark.parametrize("name", sorted(PURE))
def test_the_same_in_another_context(name: str, request: pytest.FixtureRequest) -> None:
    calm = PURE[name]()
    request.getfixturevalue("spoiled")
    assert PURE[name]() == calm


def test_a_quarter_of_an_hour_is_rounded_half_even(spoiled: None) -> None:
    assert "open for 0.2 h" in _prompt()


def test_ccxt_keeps_its_rounding_to_itself() -> None:
    """It sets half up whenever it writes a price or an amount."""
    exchange = open_exchange("binanceusdm")
    market = {"symbol": "SOL/USDT:USDT", "precision": {"price": 0.01, "amount": 0.01}, "limits": {}, "id": "SOLUSDT"}
    exchange.markets = {"SOL/USDT:USDT": market}
    with localcontext() as ours:
        ours.rounding = ROUND_HALF_EVEN
        assert exchange.price_to_precision("SOL/USDT:USDT", 1.005001) == "1.01"
        assert exchange.amount_to_precision("SOL/USDT:USDT", 1.009) == "1"
        assert getcontext().rounding == ROUND_HALF_EVEN
