"""The control side: moves price and time, plans faults, shows the truth. Loopback only, never part of a live path."""

import math
from decimal import Decimal
from typing import Any

from aiohttp import web

from orchestrator.paper_exchange.account_routes import position_row
from orchestrator.paper_exchange.errors import Refusal
from orchestrator.paper_exchange.faults import BadFault
from orchestrator.paper_exchange.forced import deleverage
from orchestrator.paper_exchange.http import Front
from orchestrator.paper_exchange.market import tick
from orchestrator.paper_exchange.orders import known_symbol
from orchestrator.paper_exchange.recorded import NoRecording

_HIGHEST = 100_000.0
_LONGEST_MS = 400 * 86_400_000
_LIVE = "the market is live: price and time are its venue's, and cannot be set here"


class Control:
    """Handlers over one front."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def add_to(self, app: web.Application) -> None:
        """Register the control paths."""
        app.router.add_post("/_control/price", self._price)
        app.router.add_post("/_control/advance", self._advance)
        app.router.add_post("/_control/adl", self._adl)
        app.router.add_post("/_control/faults", self._faults)
        app.router.add_get("/_control/streams", self._listeners)
        app.router.add_post("/_control/streams", self._streams)
        app.router.add_get("/_control/state", self._state)
        app.router.add_get("/_control/account", self._account)

    async def _account(self, _: web.Request) -> web.Response:
        return web.json_response({"account": self._front.engine.account.name})

    async def _price(self, request: web.Request) -> web.Response:
        if self._front.live is not None:
            return _bad(_LIVE)
        try:
            document = await request.json()
            symbol, price = _symbol(document["symbol"]), float(document["price"])
        except (ValueError, KeyError, TypeError, Refusal) as error:
            return _bad(f"price needs a symbol and a price: {error!r}")
        if not math.isfinite(price) or price < float(tick(symbol)) or price > _HIGHEST:
            return _bad(f"a price is a number from {tick(symbol)} to {_HIGHEST:g}")
        front = self._front
        async with front.lock:
            front.tick()
            front.engine.market.set_price(symbol, price, front.engine.now)
            front.engine.touch(symbol)
            front.saved()
            mark = front.engine.market.mark(symbol, front.engine.now)
        return web.json_response({"symbol": symbol, "mark": format(mark, "f"), "now": front.engine.now})

    async def _advance(self, request: web.Request) -> web.Response:
        if self._front.live is not None:
            return _bad(_LIVE)
        try:
            ms = (await request.json())["ms"]
        except (ValueError, KeyError, TypeError):
            return _bad("advance needs ms, a whole number of milliseconds")
        if isinstance(ms, bool) or not isinstance(ms, int):
            return _bad(f"ms is a whole number of milliseconds, not {ms!r}")
        if not 0 <= ms <= _LONGEST_MS:
            return _bad(f"ms is between 0 and {_LONGEST_MS}")
        front = self._front
        async with front.lock:
            front.tick()
            try:
                front.engine.advance(front.engine.now + ms)
            except NoRecording as error:
                return _bad(str(error))
            front.time.jump(ms)
            front.saved()
        return web.json_response({"now": front.engine.now})

    async def _adl(self, request: web.Request) -> web.Response:
        """Auto-deleverage one leg: `quantity` base units of it, or a `share` of 0 to 1, rounded down to the step."""
        try:
            document = await request.json()
            symbol = _symbol(document["symbol"])
            side = str(document["side"]).upper()
            named = [name for name in ("quantity", "share") if name in document]
            (name,) = named
            amount = Decimal(str(document[name]))
        except (ValueError, KeyError, TypeError, ArithmeticError, Refusal) as error:
            return _bad(f"adl needs a symbol, a side (long, short or both), and a quantity or a share: {error!r}")
        front = self._front
        async with front.lock:
            front.tick()
            engine = front.engine
            try:
                if front.live is not None:
                    front.live.refuse_stale(symbol)
            except Refusal as error:
                return _bad(error.message)
            position = engine.account.positions.get((symbol, side))
            held = Decimal(0) if position is None else abs(position.quantity)
            step = engine.contracts[symbol].step
            quantity = amount if name == "quantity" or not amount.is_finite() else held * amount // step * step
            if position is None or not quantity.is_finite() or not 0 < quantity <= held or quantity % step:
                return _bad(f"{symbol} {side}: {quantity} cannot be taken of {held}, in steps of {step}")
            deleverage(engine, position, quantity)
            front.saved()
            mark = engine.market.mark(symbol, engine.now)
        closed = {"quantity": format(quantity, "f"), "price": format(mark, "f")}
        return web.json_response({"symbol": symbol, "side": side, **closed, "now": engine.now})

    async def _faults(self, request: web.Request) -> web.Response:
        try:
            self._front.faults.replace(await request.json())
        except (BadFault, ValueError) as error:
            return _bad(str(error))
        return web.json_response({"faults": len(self._front.faults.faults)})

    async def _streams(self, request: web.Request) -> web.Response:
        """Break the connections of streams (`drop`), withhold their messages (`mute`), or let them go on (`unmute`)."""
        try:
            document = await request.json()
            do, match = document["do"], document.get("match", "*")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _bad(f"streams need `do`, one of drop, mute and unmute: {error!r}")
        if do not in ("drop", "mute", "unmute") or not isinstance(match, str):
            return _bad("`do` is one of drop, mute and unmute, `match` a stream such as solusdt@depth*, or user")
        streams = self._front.streams.board
        if do == "drop":
            return web.json_response({"dropped": streams.drop(match)})
        streams.muted = [*streams.muted, match] if do == "mute" else []
        return web.json_response({"muted": streams.muted})

    async def _listeners(self, request: web.Request) -> web.Response:
        return web.json_response(self._front.streams.board.document())

    async def _state(self, request: web.Request) -> web.Response:
        front = self._front
        async with front.lock:
            front.tick()
            return web.json_response(_state(front))


def _symbol(text: object) -> str:
    """The venue's name of a symbol in either spelling. Raises Refusal."""
    return known_symbol(str(text).replace("/", "").replace(":USDT", "").upper())


def _state(front: Front) -> dict[str, Any]:
    engine = front.engine
    account = engine.account
    marks = engine.marks()
    market = {}
    for symbol, mark in marks.items():
        bids, asks = engine.market.book(symbol, engine.now)
        market[symbol] = {"mark": format(mark, "f"), "bid": format(bids[0][0], "f"), "ask": format(asks[0][0], "f")}
    orders = [
        {**_order(row, "clientOrderId", "orderId", "type", "status", "origQty", "executedQty"), "algo": False}
        for row in engine.orders
    ]
    orders += [
        {
            **_order(row, "clientAlgoId", "algoId", "orderType", "algoStatus", "quantity", None),
            "triggerPrice": row["triggerPrice"],
            "closePosition": row["closePosition"],
            "algo": True,
        }
        for row in engine.algos
    ]
    return {
        "now": engine.now,
        "market": market,
        "balances": {
            "USDT": {
                "wallet": format(account.wallet, "f"),
                "available": format(account.available(marks), "f"),
                "unrealized": format(account.unrealised(marks), "f"),
                "deposit": format(account.deposit, "f"),
            }
        },
        "positions": [_position(position_row(engine, p)) for p in account.open_positions()],
        "orders": orders,
        "fills": account.trades,
        "income": account.income,
        "fees_paid": format(account.fees_paid(), "f"),
        "funding_paid": format(account.funding_paid(), "f"),
        "hedge": account.hedge,
        "requests": front.requests,
        **({} if front.live is None else {"live": front.live.document()}),
    }


def _position(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "symbol": row["symbol"],
        "positionSide": row["positionSide"],
        "quantity": row["positionAmt"].lstrip("-"),
        "entryPrice": row["entryPrice"],
        "isolatedMargin": row["isolatedWallet"],
        "liquidationPrice": row["liquidationPrice"],
    }


def _order(
    row: dict[str, Any], client: str, number: str, kind: str, status: str, quantity: str, executed: str | None
) -> dict[str, Any]:
    return {
        "clientOrderId": row[client],
        "orderId": row[number],
        "symbol": row["symbol"],
        "side": row["side"],
        "positionSide": row["positionSide"],
        "type": row[kind],
        "status": row[status],
        "origQty": row[quantity],
        "executedQty": row[executed] if executed else "0",
    }


def _bad(message: str) -> web.Response:
    return web.json_response({"error": message}, status=400)
