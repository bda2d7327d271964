"""A close never opens: on every venue, for both legs, by the request that ccxt sends over the wire.

`EFFECT` says what a request does in hedge mode, written from each venue's documentation and from nothing of ours: the
leg it touches and whether it opens or closes. Every order is sent and judged by it.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Literal

import pytest

from orchestrator.execution.bracket import bracket_legs
from orchestrator.execution.closing import close_order
from orchestrator.execution.venue import ConditionalRequest, OrderRequest, Rejected, Venue
from tests.dialect_stub import Answer, stubbed_venue
from tests.venue_stub import AVAX, exchanged
from traders.contract.decision import Side
from traders.contract.verdict import Bracket

D = Decimal
Effect = tuple[str, str]
ID = "vg" + "c" * 30
LEGS: tuple[Side, ...] = ("long", "short")


def binance(request: Any) -> Effect:
    """positionSide names the leg; BUY of LONG and SELL of SHORT open. closePosition always closes."""
    leg = {"LONG": "long", "SHORT": "short"}[request["positionSide"]]
    opens = (request["side"] == "BUY") == (leg == "long")
    if request.get("closePosition") == "true":
        assert not opens, "refused by the venue"
        return "closes", leg
    return "opens" if opens else "closes", leg


def bybit(request: Any) -> Effect:
    """positionIdx 1 is the long leg and 2 the short; Buy of 1 and Sell of 2 open, and are refused with reduceOnly."""
    leg = {1: "long", 2: "short"}[request["positionIdx"]]
    opens = (request["side"] == "Buy") == (leg == "long")
    assert opens is not request["reduceOnly"]
    if "triggerPrice" in request:
        assert (request["qty"], request["closeOnTrigger"]) == ("0", True)
        return "closes", leg
    assert D(request["qty"]) > 0, "0 would close the whole leg"
    return "opens" if opens else "closes", leg


def okx(request: Any) -> Effect:
    """posSide names the leg; buy of long and sell of short open. closeFraction is for closing only."""
    leg = request["posSide"]
    assert leg in LEGS
    assert request["tdMode"] == "isolated"
    opens = (request["side"] == "buy") == (leg == "long")
    if "closeFraction" in request:
        assert not opens, "refused by the venue"
        assert "sz" not in request
    return "opens" if opens else "closes", leg


def bitget(request: Any) -> Effect:
    """tradeSide says open or close, side names the leg (buy the long one); TP/SL of a position close `holdSide`."""
    if "planType" in request:
        assert request["planType"] in ("pos_loss", "pos_profit")
        assert "size" not in request
        return "closes", request["holdSide"]
    assert request["marginMode"] == "isolated"
    return {"open": "opens", "close": "closes"}[request["tradeSide"]], {"buy": "long", "sell": "short"}[request["side"]]


EFFECT: dict[str, Callable[[Any], Effect]] = {"binanceusdm": binance, "bybit": bybit, "okx": okx, "bitget": bitget}
PLACE = {
    "binanceusdm": ("POST /fapi/v1/order", "POST /fapi/v1/algoOrder"),
    "bybit": ("POST /v5/order/create", "POST /v5/order/create"),
    "okx": ("POST /api/v5/trade/order", "POST /api/v5/trade/order-algo"),
    "bitget": ("POST /api/v2/mix/order/place-order", "POST /api/v2/mix/order/place-tpsl-order"),
}
RECEIVED: dict[str, Any] = {
    "bybit": {"retCode": 0, "result": {"orderId": "1", "orderLinkId": ID}},
    "okx": {"code": "0", "data": [{"ordId": "1", "clOrdId": ID, "algoId": "1", "algoClOrdId": ID, "sCode": "0"}]},
    "bitget": {"code": "00000", "data": {"orderId": "1", "clientOid": ID}},
}


def _binance_answer(order: OrderRequest | ConditionalRequest) -> Any:
    common = {"symbol": "SOLUSDT", "side": order.side.upper(), "positionSide": order.position_side.upper()}
    if isinstance(order, ConditionalRequest):
        return {**common, "clientAlgoId": ID, "algoId": 1, "algoStatus": "NEW", "quantity": "0"}
    return {
        **common, "clientOrderId": ID, "orderId": 1, "status": "FILLED", "origQty": "12", "executedQty": "12",
        "avgPrice": "20",
    }  # fmt: skip


@asynccontextmanager
async def opened(name: str) -> AsyncIterator[tuple[Venue, Any, str]]:
    """Adapter, stub, symbol."""
    if name == "binanceusdm":
        async with stubbed_venue() as (adapter, stub):
            yield adapter, stub, "SOL/USDT:USDT"
    else:
        async with exchanged(name) as (adapter, stub):
            yield adapter, stub, AVAX


async def sent(name: str, make: Callable[[str], OrderRequest | ConditionalRequest]) -> Any:
    """The one request that an order becomes."""
    async with opened(name) as (venue, stub, symbol):
        order = make(symbol)
        waits = isinstance(order, ConditionalRequest)
        key = PLACE[name][waits]
        stub.say(key, Answer(body=_binance_answer(order) if name == "binanceusdm" else RECEIVED[name]))
        if isinstance(order, ConditionalRequest):
            await venue.place_conditional(order)
        else:
            await venue.place(order)
        (request,) = stub.sent(key)
        writes = [key for key, _ in stub.requests if key.startswith("POST")]
        assert writes == [key], "nothing else that changes anything"
        return request


def order(symbol: str, leg: Side, *, closes: bool, kind: Literal["market", "limit_ioc"]) -> OrderRequest:
    return OrderRequest(
        client_order_id=ID,
        symbol=symbol,
        side="buy" if (leg == "long") != closes else "sell",
        position_side=leg,
        type=kind,
        quantity=D(12),
        price=D("20.5") if kind == "limit_ioc" else None,
        reduces=closes,
    )


@pytest.mark.parametrize("kind", ["market", "limit_ioc"])
@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("name", EFFECT)
async def test_a_close_closes_its_leg_and_never_opens(name: str, leg: Side, kind: Any) -> None:
    request = await sent(name, lambda symbol: order(symbol, leg, closes=True, kind=kind))
    assert EFFECT[name](request) == ("closes", leg)


@pytest.mark.parametrize("kind", ["market", "limit_ioc"])
@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("name", EFFECT)
async def test_an_entry_opens_its_leg_and_closes_nothing(name: str, leg: Side, kind: Any) -> None:
    request = await sent(name, lambda symbol: order(symbol, leg, closes=False, kind=kind))
    assert EFFECT[name](request) == ("opens", leg)


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("name", EFFECT)
async def test_what_the_closing_loop_sends_closes(name: str, leg: Side) -> None:
    request = await sent(name, lambda symbol: close_order(symbol, leg, D(3))(ID))
    assert EFFECT[name](request) == ("closes", leg)


@pytest.mark.parametrize("name", EFFECT)
async def test_every_order_of_the_bracket_closes_the_leg_it_protects(name: str) -> None:
    async with opened(name) as (venue, _, _):
        paired = venue.traits.paired_bracket
    legs = bracket_legs(Bracket(upper=D("21.5"), lower=D("19.5")), paired=paired)
    assert len(legs) == (2 if name == "okx" else 4)
    for leg in legs:
        request = await sent(name, lambda symbol, leg=leg: leg.request(symbol)(ID))  # type: ignore[misc]
        assert EFFECT[name](request) == ("closes", leg.position_side)


@pytest.mark.parametrize("closes", [True, False])
@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("name", EFFECT)
async def test_an_order_that_contradicts_itself_is_not_sent(name: str, leg: Side, closes: bool) -> None:
    async with opened(name) as (venue, stub, symbol):
        wrong = order(symbol, leg, closes=closes, kind="market").model_copy(update={"reduces": not closes})
        with pytest.raises(Rejected, match="nothing was sent"):
            await venue.place(wrong)
        assert [key for key, _ in stub.requests if key.startswith("POST")] == []
