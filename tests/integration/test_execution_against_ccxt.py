"""Our requests beside those that ccxt's own unified builder makes for the same orders: a second, independent opinion.

Compared field by field, upper and lower case apart. What we say and ccxt does not, or the other way round, is listed.
"""

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution import bitget, bybit, okx
from orchestrator.execution.venue import ConditionalRequest, OrderRequest
from tests.venue_stub import AVAX, exchanged
from traders.contract.decision import Side

D = Decimal
ID = "vg" + "f" * 30
LEGS: tuple[Side, ...] = ("long", "short")
MARKET_ID = {"bybit": "AVAXUSDT", "okx": "AVAX-USDT-SWAP", "bitget": "AVAXUSDT"}
#: Of an order: ours alone, then ccxt's alone.
EXTRA: dict[str, tuple[set[str], set[str]]] = {
    # ccxt drops reduceOnly when it sets positionIdx, so that nothing but the venue stops a close from being too large
    "bybit": ({"reduceOnly", "timeInForce"}, set()),
    "okx": (set(), {"tag"}),
    "bitget": (set(), {"force"}),  # GTC on a market order, which the venue ignores
}


def order(leg: Side, *, closes: bool, kind: Any) -> OrderRequest:
    return OrderRequest(
        client_order_id=ID,
        symbol=AVAX,
        side="buy" if (leg == "long") != closes else "sell",
        position_side=leg,
        type=kind,
        quantity=D("12.5"),
        price=D("20.5") if kind == "limit_ioc" else None,
        reduces=closes,
    )


def ours(name: str, wanted: OrderRequest) -> dict[str, Any]:
    market_id = MARKET_ID[name]
    if name == "okx":
        return okx.order_request(wanted, market_id, wanted.quantity * 10)
    return (bybit if name == "bybit" else bitget).order_request(wanted, market_id)


def plain(request: dict[str, Any]) -> dict[str, str]:
    return {key: str(value).lower() for key, value in request.items() if value is not None}


@pytest.mark.parametrize("kind", ["market", "limit_ioc"])
@pytest.mark.parametrize("closes", [True, False])
@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("name", EXTRA)
async def test_orders(name: str, leg: Side, closes: bool, kind: Any) -> None:
    wanted = order(leg, closes=closes, kind=kind)
    params: dict[str, Any] = {"hedged": True, "clientOrderId": ID, "marginMode": "isolated"}
    if name == "bybit":
        del params["marginMode"]
    params |= {"reduceOnly": True} if closes else {}
    params |= {"timeInForce": "IOC"} if kind == "limit_ioc" else {}
    amount = 125.0 if name == "okx" else 12.5
    price = None if wanted.price is None else float(wanted.price)
    async with exchanged(name) as (venue, _):
        ccxt = venue._exchange  # type: ignore[attr-defined]
        theirs = ccxt.create_order_request(
            AVAX, "limit" if kind == "limit_ioc" else "market", wanted.side, amount, price, params
        )
    mine, its = plain(ours(name, wanted)), plain(theirs)
    common = set(mine) & set(its)
    assert {key: mine[key] for key in common} == {key: its[key] for key in common}
    ours_alone, theirs_alone = EXTRA[name]
    assert set(mine) - common <= ours_alone
    assert set(its) - common <= theirs_alone


@pytest.mark.parametrize("kind", ["stop", "take_profit"])
@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("name", EXTRA)
async def test_orders_of_the_bracket(name: str, leg: Side, kind: Any) -> None:
    wanted = ConditionalRequest(
        client_order_id=ID,
        symbol=AVAX,
        side="sell" if leg == "long" else "buy",
        position_side=leg,
        kind=kind,
        trigger_price=D("22.5"),
    )
    dialect: Any = {"bybit": bybit, "okx": okx, "bitget": bitget}[name]
    params: dict[str, Any] = {
        "hedged": True, "reduceOnly": True, "clientOrderId": ID,
        "stopLossPrice" if kind == "stop" else "takeProfitPrice": 22.5,
    }  # fmt: skip
    params |= {} if name == "bybit" else {"marginMode": "isolated"}
    async with exchanged(name) as (venue, _):
        ccxt = venue._exchange  # type: ignore[attr-defined]
        theirs = plain(ccxt.create_order_request(AVAX, "market", wanted.side, 12.5, None, params))
    mine = plain(dialect.conditional_request(wanted, MARKET_ID[name]))
    names = {
        "bybit": {"symbol", "category", "side", "orderType", "triggerPrice", "triggerDirection", "orderLinkId"},
        # ccxt closes a quantity at the last price; ours closes whatever there is, at the mark price
        "okx": {"instId", "tdMode", "side", "posSide", "ordType"}
        | {f"{'sl' if kind == 'stop' else 'tp'}{field}" for field in ("TriggerPx", "OrdPx")},
        "bitget": {"symbol", "productType", "marginCoin", "planType", "holdSide", "triggerPrice", "triggerType"},
    }[name]
    assert {key: mine[key] for key in names} == {key: theirs[key] for key in names}
