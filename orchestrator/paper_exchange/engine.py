"""The matching engine of one account: orders in, fills, triggers, funding and liquidations out, on exchange time."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from orchestrator.paper_exchange.account import ZERO, Account, Position
from orchestrator.paper_exchange.contracts import CONTRACTS, bracket_of
from orchestrator.paper_exchange.errors import Refusal, cannot_cancel, duplicate_id, no_order
from orchestrator.paper_exchange.market import FUNDING_INTERVAL, Level, Market
from orchestrator.paper_exchange.orders import ConditionalTicket, Ticket, read_conditional, read_order
from orchestrator.paper_exchange.synthetic import MINUTE

Row = dict[str, Any]
_DONE = {"FILLED", "CANCELED", "EXPIRED", "REJECTED"}


@dataclass
class Engine:
    """One account on one market. `now` is exchange time, UTC ms; it only moves by `advance`."""

    market: Market
    account: Account
    now: int
    taker_fee: Decimal
    maker_fee: Decimal
    orders: list[Row] = field(default_factory=list)
    algos: list[Row] = field(default_factory=list)
    #: Set by the fault plan for one request: only this share of the book is there.
    thinned: Decimal = Decimal(1)

    def marks(self) -> dict[str, Decimal]:
        """Mark prices of now."""
        return {symbol: self.market.mark(symbol, self.now) for symbol in CONTRACTS}

    # time

    def advance(self, to: int) -> None:
        """Let time pass, minute by minute: resting orders, triggers, funding and liquidations in their order."""
        while self.now < to:
            step = min(to, self.now - self.now % MINUTE + MINUTE)
            if not (self.account.open_positions() or self.open_orders() or self.open_algos()):
                step = to if to - self.now < FUNDING_INTERVAL else min(to, self.now + FUNDING_INTERVAL)
            spans = {symbol: self.market.extremes(symbol, self.now, step) for symbol in CONTRACTS}
            before, self.now = self.now, step
            for symbol, (low, high) in spans.items():
                self._resting(symbol, low, high)
                self.trigger(symbol, low, high)
            self._funding(before, step)

    def touch(self, symbol: str) -> None:
        """After the price was set by hand: whatever it touches acts at once."""
        price = self.market.price(symbol, self.now)
        self._resting(symbol, price, price)
        self.trigger(symbol, price, price)

    def trigger(self, symbol: str, low: float, high: float) -> None:
        """Liquidations and conditional orders reached by a mark price between low and high."""
        least, most = Decimal(repr(low)), Decimal(repr(high))
        for row in [row for row in self.open_algos() if row["symbol"] == symbol]:
            if row["algoStatus"] == "NEW" and _reached(row, least, most):
                self._fire(row)
        for position in self.account.open_positions():
            price = position.liquidation()
            if position.symbol != symbol or price is None:
                continue
            if (position.quantity > 0 and least <= price) or (position.quantity < 0 and most >= price):
                order = self._order_row(symbol, "LIQUIDATION", position, self.account.new_id())
                self.account.liquidate(position, self.now, order)
                self.orders.append({**order, "status": "FILLED"})
                self._drop_orphans(position)

    def _funding(self, before: int, after: int) -> None:
        at = before // FUNDING_INTERVAL * FUNDING_INTERVAL + FUNDING_INTERVAL
        while at <= after:
            for position in self.account.open_positions():
                rate = Decimal(repr(self.market.predicted_funding(position.symbol, at - 1)))
                self.account.settle_funding(position, rate, self.market.mark(position.symbol, at), at)
            at += FUNDING_INTERVAL

    # orders

    def place(self, parameters: dict[str, str]) -> Row:
        """A new order; its row. Raises Refusal with nothing changed."""
        ticket = read_order(parameters, self)
        if any(row["clientOrderId"] == ticket.client_id for row in self.orders):
            raise duplicate_id()
        position = self.account.position(ticket.symbol, ticket.position_side)
        row = self._new_row(ticket)
        levels = self._levels(ticket)
        filled = sum((quantity for _, quantity in levels), ZERO)
        if ticket.time_in_force == "GTX" and levels:
            raise Refusal(-5022, "The order could not be executed as maker, the Post Only order will be rejected.")
        if ticket.time_in_force == "FOK" and filled < ticket.quantity:
            levels, filled = [], ZERO
        sign = 1 if ticket.side == "BUY" else -1
        reference = levels[-1][0] if levels else (ticket.price or self.market.mid(ticket.symbol, self.now))
        size = filled if ticket.immediate else ticket.quantity
        self.account.require_margin(position, sign * size, reference, self.taker_fee, self.marks())
        self.orders.append(row)
        for price, quantity in levels:
            self._book(row, position, sign * quantity, price, self.taker_fee, maker=False)
        if row["status"] != "FILLED" and ticket.immediate:
            row["status"] = "EXPIRED"
        self._drop_orphans(position)
        return row

    def place_conditional(self, parameters: dict[str, str]) -> Row:
        """A new conditional order; its row. Raises Refusal with nothing changed."""
        ticket = read_conditional(parameters, self)
        if any(row["clientAlgoId"] == ticket.client_id for row in self.algos):
            raise duplicate_id()
        for row in self.open_algos():
            same = (row["symbol"], row["positionSide"], row["orderType"], row["closePosition"])
            if ticket.close_position and same == (ticket.symbol, ticket.position_side, ticket.type, True):
                raise Refusal(
                    -4130, "An open stop or take profit order with GTE and closePosition in the direction is existing."
                )
        row = self._algo_row(ticket)
        price = self.market.mark(ticket.symbol, self.now)
        if _reached(row, price, price):
            raise Refusal(-2021, "Order would immediately trigger.")
        self.algos.append(row)
        return row

    def find(self, symbol: str, order_id: str | None, client_id: str | None) -> Row:
        """One order. Raises Refusal -2013."""
        for row in self.orders:
            if row["symbol"] == symbol and (str(row["orderId"]) == order_id or row["clientOrderId"] == client_id):
                return row
        raise no_order()

    def find_algo(self, algo_id: str | None, client_id: str | None) -> Row:
        """One conditional order. Raises Refusal -2013."""
        for row in self.algos:
            if str(row["algoId"]) == algo_id or row["clientAlgoId"] == client_id:
                return row
        raise no_order()

    def cancel(self, row: Row) -> Row:
        """Cancel an open order. Raises Refusal -2011."""
        status = "algoStatus" if "algoStatus" in row else "status"
        if row[status] not in ("NEW", "PARTIALLY_FILLED"):
            raise cannot_cancel()
        row[status] = "CANCELED"
        row["updateTime"] = self.now
        return row

    def open_orders(self) -> list[Row]:
        """Orders that rest."""
        return [row for row in self.orders if row["status"] not in _DONE]

    def open_algos(self) -> list[Row]:
        """Conditional orders that rest."""
        return [row for row in self.algos if row["algoStatus"] == "NEW"]

    # the inside

    def _levels(self, ticket: Ticket) -> list[Level]:
        """What an order takes from the book now, best price first."""
        bids, asks = self.market.book(ticket.symbol, self.now)
        left, taken = ticket.quantity, []
        for price, size in asks if ticket.side == "BUY" else bids:
            beyond = ticket.price is not None and (
                price > ticket.price if ticket.side == "BUY" else price < ticket.price
            )
            if left <= 0 or beyond:
                break
            size = (size * self.thinned).to_integral_value()
            quantity = min(left, size)
            if quantity > 0:
                taken.append((price, quantity))
                left -= quantity
        if self.thinned < 1:
            return _capped(taken, (ticket.quantity * self.thinned).to_integral_value())
        return taken

    def _book(self, row: Row, position: Position, quantity: Decimal, price: Decimal, fee: Decimal, maker: bool) -> None:
        self.account.apply_fill(position, quantity, price, fee, self.now, row, maker)
        done = Decimal(row["executedQty"]) + abs(quantity)
        spent = Decimal(row["cumQuote"]) + abs(quantity) * price
        row["executedQty"] = row["cumQty"] = format(done, "f")
        row["cumQuote"] = format(spent, "f")
        row["avgPrice"] = format((spent / done).quantize(Decimal("1e-8")), "f")
        row["status"] = "FILLED" if done >= Decimal(row["origQty"]) else "PARTIALLY_FILLED"
        row["updateTime"] = self.now

    def _resting(self, symbol: str, low: float, high: float) -> None:
        """Limit orders that the price has crossed fill at their price, as maker."""
        for row in [row for row in self.open_orders() if row["symbol"] == symbol]:
            price = Decimal(row["price"])
            crossed = Decimal(repr(low)) < price if row["side"] == "BUY" else Decimal(repr(high)) > price
            if crossed:
                position = self.account.position(symbol, row["positionSide"])
                left = Decimal(row["origQty"]) - Decimal(row["executedQty"])
                sign = 1 if row["side"] == "BUY" else -1
                self._book(row, position, sign * left, price, self.maker_fee, maker=True)
                self._drop_orphans(position)

    def _fire(self, algo: Row) -> None:
        """A triggered close-position order becomes a market order for whatever is there."""
        position = self.account.position(algo["symbol"], algo["positionSide"])
        quantity = abs(position.quantity) if algo["closePosition"] else Decimal(algo["quantity"])
        algo["triggerTime"] = algo["updateTime"] = self.now
        if quantity == 0:
            algo["algoStatus"] = "EXPIRED"
            return
        order_id = self.account.new_id()
        row = self._order_row(algo["symbol"], algo["clientAlgoId"] + "-fired", position, order_id)
        row.update(side=algo["side"], origQty=format(quantity, "f"), type="MARKET", origType=algo["orderType"])
        ticket = Ticket(algo["symbol"], algo["side"], algo["positionSide"], "MARKET", "GTC", quantity, None, "", False)
        self.orders.append(row)
        sign = 1 if algo["side"] == "BUY" else -1
        levels = self._levels(ticket)
        for price, size in levels:
            self._book(row, position, sign * size, price, self.taker_fee, maker=False)
        algo.update(algoStatus="FINISHED", actualOrderId=str(order_id), actualPrice=row["avgPrice"])
        self._drop_orphans(position)

    def _drop_orphans(self, position: Position) -> None:
        """Close-position orders outlive no position."""
        if position.quantity:
            return
        for row in self.open_algos():
            if (row["symbol"], row["positionSide"]) == (position.symbol, position.side) and row["closePosition"]:
                row["algoStatus"] = "EXPIRED"
                row["updateTime"] = self.now

    def _new_row(self, ticket: Ticket) -> Row:
        position = self.account.position(ticket.symbol, ticket.position_side)
        row = self._order_row(ticket.symbol, ticket.client_id, position, self.account.new_id())
        row.update(
            side=ticket.side,
            origQty=format(ticket.quantity, "f"),
            price=format(ticket.price, "f") if ticket.price is not None else "0",
            type=ticket.type,
            origType=ticket.type,
            timeInForce=ticket.time_in_force,
            reduceOnly=ticket.reduce_only,
        )
        return row

    def _order_row(self, symbol: str, client_id: str, position: Position, order_id: int) -> Row:
        return {
            "orderId": order_id,
            "symbol": symbol,
            "status": "NEW",
            "clientOrderId": client_id,
            "price": "0",
            "avgPrice": "0.00",
            "origQty": "0",
            "executedQty": "0",
            "cumQty": "0",
            "cumQuote": "0",
            "timeInForce": "GTC",
            "type": "MARKET",
            "reduceOnly": False,
            "closePosition": False,
            "side": "SELL" if position.quantity > 0 else "BUY",
            "positionSide": position.side,
            "stopPrice": "0",
            "workingType": "CONTRACT_PRICE",
            "priceProtect": False,
            "origType": "MARKET",
            "priceMatch": "NONE",
            "selfTradePreventionMode": "NONE",
            "goodTillDate": 0,
            "time": self.now,
            "updateTime": self.now,
        }

    def _algo_row(self, ticket: ConditionalTicket) -> Row:
        return {
            "algoId": self.account.new_id(),
            "clientAlgoId": ticket.client_id,
            "algoType": "CONDITIONAL",
            "orderType": ticket.type,
            "symbol": ticket.symbol,
            "side": ticket.side,
            "positionSide": ticket.position_side,
            "timeInForce": "GTC",
            "quantity": format(ticket.quantity, "f"),
            "algoStatus": "NEW",
            "actualOrderId": "",
            "actualPrice": "0.00000",
            "triggerPrice": format(ticket.trigger, "f"),
            "price": "0.00",
            "icebergQuantity": None,
            "tpTriggerPrice": "0.000",
            "tpPrice": "0.000",
            "slTriggerPrice": "0.000",
            "slPrice": "0.000",
            "tpOrderType": "",
            "selfTradePreventionMode": "EXPIRE_MAKER",
            "workingType": ticket.working_type,
            "priceMatch": "NONE",
            "closePosition": ticket.close_position,
            "priceProtect": False,
            "reduceOnly": False,
            "createTime": self.now,
            "updateTime": self.now,
            "triggerTime": 0,
            "goodTillDate": 0,
        }


def _reached(row: Row, low: Decimal, high: Decimal) -> bool:
    """Whether a price between low and high triggers a conditional order."""
    trigger = Decimal(row["triggerPrice"])
    rising = (row["orderType"] == "STOP_MARKET") == (row["side"] == "BUY")
    return high >= trigger if rising else low <= trigger


def _capped(levels: list[Level], most: Decimal) -> list[Level]:
    """At most `most` in all."""
    taken, left = [], most
    for price, size in levels:
        quantity = min(size, left)
        if quantity > 0:
            taken.append((price, quantity))
            left -= quantity
    return taken


def leverage_allowed(quantity: Decimal, price: Decimal, leverage: int) -> bool:
    """Whether a position of this notional may carry the leverage."""
    return leverage <= bracket_of(quantity * price).leverage
