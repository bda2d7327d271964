"""The matching engine of one account: orders in, fills, triggers, funding and liquidations out, on exchange time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from orchestrator.paper_exchange.account import ZERO, Account, Owed, Position
from orchestrator.paper_exchange.contracts import CONTRACTS, ContractRules
from orchestrator.paper_exchange.errors import Refusal, cannot_cancel, duplicate_id, no_order
from orchestrator.paper_exchange.forced import liquidate
from orchestrator.paper_exchange.market import Level, Market
from orchestrator.paper_exchange.orders import Ticket, read_conditional, read_order
from orchestrator.paper_exchange.rows import DONE, Row, algo_row, book_fill, new_row, order_row, rises_to
from orchestrator.paper_exchange.synthetic import MINUTE
from orchestrator.paper_exchange.triggers import Trigger, first_met, quiet_band, triggers


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
    #: A live venue has rules of its own; the built-in ones otherwise.
    contracts: Mapping[str, ContractRules] = field(default_factory=lambda: CONTRACTS)
    #: Funding of times whose rate is not known yet.
    owed: list[Owed] = field(default_factory=list)

    def marks(self) -> dict[str, Decimal]:
        """Mark prices of now."""
        return {symbol: self.market.mark(symbol, self.now) for symbol in CONTRACTS}

    def advance(self, to: int) -> None:
        """Let time pass: everything open acts in the order the price meets it; funding at its times.

        Raises NoRecording with nothing changed.
        """
        if to > self.now:
            for symbol in CONTRACTS:
                self.market.price(symbol, to)
        while self.now < to:
            if not (self.account.open_positions() or self.open_orders() or self.open_algos()):
                self.now = to
                return
            before, horizon = self.now, min(to, self.market.next_funding(self.now))
            step = min(self._first_stir(symbol, horizon) for symbol in CONTRACTS)
            if step == before:
                step = min(horizon, before - before % MINUTE + MINUTE)
                self.now = step
                for symbol in CONTRACTS:
                    self._walk(symbol, self.market.path(symbol, before, step))
            self.now = step
            self._funding(before, step)

    def touch(self, symbol: str) -> None:
        """After the price was set by hand: whatever it touches acts at once."""
        mark = self.market.mark(symbol, self.now)
        self._walk(symbol, [mark, mark])

    def _first_stir(self, symbol: str, horizon: int) -> int:
        """The last whole minute up to which nothing open in a symbol can act."""
        waiting = self._waiting(symbol)
        if not waiting:
            return horizon
        if self.now % MINUTE:
            return self.now
        return self.market.first_exit(symbol, self.now, horizon, *quiet_band(waiting))

    def waits(self, symbol: str) -> bool:
        """Whether anything open in a symbol waits for a price."""
        return bool(self._waiting(symbol))

    def meets(self, symbol: str, to: Decimal) -> bool:
        """Whether something would act if the mark of a symbol went to `to`."""
        return first_met(self._waiting(symbol), self.market.mark(symbol, self.now), to) is not None

    def _waiting(self, symbol: str) -> list[Trigger]:
        return triggers(symbol, self.account.open_positions(), self.open_orders(), self.open_algos())

    def _walk(self, symbol: str, path: list[Decimal]) -> None:
        """Move the price along a path of straight ways and act on what it meets."""
        here = path[0]
        for to in path[1:]:
            while met := first_met(self._waiting(symbol), here, to):
                trigger, here = met
                if isinstance(trigger.what, Position):
                    self._liquidate(trigger.what)
                elif trigger.kind == "resting":
                    self._fill_resting(trigger.what)
                else:
                    self._fire(trigger.what, here)
            here = to

    def _funding(self, before: int, after: int) -> None:
        at = self.market.next_funding(before)
        while at <= after:
            for position in self.account.open_positions():
                if not self.market.pays_funding(position.symbol, at):
                    continue
                rate, mark = self.market.funding_due(position.symbol, at), self.market.mark(position.symbol, at)
                if rate is None:
                    self.owed.append(Owed(position.symbol, position.side, position.quantity, at, mark))
                else:
                    self.account.settle_funding(position, Decimal(repr(rate)), mark, at)
            at = self.market.next_funding(at)

    def settle(self, owed: Owed, rate: Decimal, mark: Decimal) -> None:
        """Charge what was owed, at the rate and mark the venue settled."""
        self.owed.remove(owed)
        position = self.account.position(owed.symbol, owed.side)
        self.account.settle_funding(position, rate, mark, owed.at, owed.quantity)

    # orders

    def place(self, parameters: dict[str, str]) -> Row:
        """A new order; its row. Raises Refusal with nothing changed."""
        # a known id is said first: whoever asks again must learn that the order was placed, whatever it would be now
        if any(row["clientOrderId"] == parameters.get("newClientOrderId") for row in self.orders):
            raise duplicate_id()
        ticket = read_order(parameters, self)
        position = self.account.position(ticket.symbol, ticket.position_side)
        row = new_row(ticket, position, self.account.new_id(), self.now)
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
        if levels:
            self.drop_orphans(position)
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
        row = algo_row(ticket, self.account.new_id(), self.now)
        mark = self.market.mark(ticket.symbol, self.now)
        if mark == ticket.trigger or (mark > ticket.trigger) == rises_to(row):
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
        return [row for row in self.orders if row["status"] not in DONE]

    def open_algos(self) -> list[Row]:
        """Conditional orders that rest."""
        return [row for row in self.algos if row["algoStatus"] == "NEW"]

    def _levels(self, ticket: Ticket, around: Decimal | None = None) -> list[Level]:
        """What an order takes from the book now (or from the book around a price), best price first."""
        bids, asks = self.market.book(ticket.symbol, self.now, around)
        left, taken = ticket.quantity, []
        for price, size in asks if ticket.side == "BUY" else bids:
            beyond = ticket.price is not None and (
                price > ticket.price if ticket.side == "BUY" else price < ticket.price
            )
            if left <= 0 or beyond:
                break
            if self.thinned < 1:
                size = self._thin(ticket.symbol, size)
            quantity = min(left, size)
            if quantity > 0:
                taken.append((price, quantity))
                left -= quantity
        if self.thinned < 1:
            return _capped(taken, self._thin(ticket.symbol, ticket.quantity))
        return taken

    def _thin(self, symbol: str, quantity: Decimal) -> Decimal:
        """The planned share of a quantity: a part of an order is at least one step, unless nothing is to be filled."""
        step = self.contracts[symbol].step
        least = min(step, quantity) if self.thinned else ZERO
        return max(least, (quantity * self.thinned / step).to_integral_value() * step)

    def _book(self, row: Row, position: Position, quantity: Decimal, price: Decimal, fee: Decimal, maker: bool) -> None:
        self.account.apply_fill(position, quantity, price, fee, self.now, row, maker)
        book_fill(row, abs(quantity), price, self.now)

    def _most(self, position: Position, side: str, reduce_only: bool) -> Decimal | None:
        """The most that an order may fill: closing orders never open the other side. None: no bound."""
        closes_only = reduce_only or (self.account.hedge and (side == "BUY") != (position.side == "LONG"))
        if not closes_only:
            return None
        held = position.quantity if side == "SELL" else -position.quantity
        return max(ZERO, held)

    def _fill_resting(self, row: Row) -> None:
        """A limit order that the price has crossed fills at its own price, as maker."""
        position = self.account.position(row["symbol"], row["positionSide"])
        left = Decimal(row["origQty"]) - Decimal(row["executedQty"])
        most = self._most(position, row["side"], row["reduceOnly"])
        quantity = left if most is None else min(left, most)
        if quantity:
            sign = 1 if row["side"] == "BUY" else -1
            self._book(row, position, sign * quantity, Decimal(row["price"]), self.maker_fee, maker=True)
        if row["status"] != "FILLED":
            row.update(status="EXPIRED", updateTime=self.now)
        self.drop_orphans(position)

    def _fire(self, algo: Row, around: Decimal) -> None:
        """A triggered conditional order becomes a market order, filled from the book around the trigger."""
        position = self.account.position(algo["symbol"], algo["positionSide"])
        quantity = abs(position.quantity) if algo["closePosition"] else Decimal(algo["quantity"])
        most = self._most(position, algo["side"], algo["reduceOnly"] or algo["closePosition"])
        quantity = quantity if most is None else min(quantity, most)
        algo["triggerTime"] = algo["updateTime"] = self.now
        if quantity == 0:
            algo["algoStatus"] = "EXPIRED"
            return
        sign = 1 if algo["side"] == "BUY" else -1
        try:
            self.account.require_margin(position, sign * quantity, around, self.taker_fee, self.marks())
        except Refusal:
            algo["algoStatus"] = "REJECTED"
            return
        ticket = Ticket(algo["symbol"], algo["side"], algo["positionSide"], "MARKET", "GTC", quantity, None, "", False)
        order_id = self.account.new_id()
        row = order_row(algo["symbol"], algo["clientAlgoId"] + "-fired", position, order_id, self.now)
        row.update(side=algo["side"], origQty=format(quantity, "f"), origType=algo["orderType"])
        row.update(stopPrice=algo["triggerPrice"], closePosition=algo["closePosition"], reduceOnly=algo["reduceOnly"])
        self.orders.append(row)
        for price, size in self._levels(ticket, around):
            self._book(row, position, sign * size, price, self.taker_fee, maker=False)
        if row["status"] != "FILLED":  # the book was too thin: the rest of a market order is gone
            row["status"] = "EXPIRED"
        algo.update(algoStatus="FINISHED", actualOrderId=str(order_id), actualPrice=row["avgPrice"])
        algo.update(actualQty=row["executedQty"], actualType="MARKET")
        self.drop_orphans(position)

    def _liquidate(self, position: Position) -> None:
        liquidate(self, position)

    def drop_orphans(self, position: Position) -> None:
        """Orders that only close outlive no position."""
        if position.quantity:
            return
        for row in (*self.open_algos(), *self.open_orders()):
            of_position = (row["symbol"], row["positionSide"]) == (position.symbol, position.side)
            algo = "algoStatus" in row
            only_closes = row["closePosition"] if algo else self._most(position, row["side"], row["reduceOnly"]) == ZERO
            if of_position and only_closes:
                row["algoStatus" if algo else "status"] = "EXPIRED"
                row["updateTime"] = self.now


def _capped(levels: list[Level], most: Decimal) -> list[Level]:
    """At most `most` in all."""
    taken, left = [], most
    for price, size in levels:
        quantity = min(size, left)
        if quantity > 0:
            taken.append((price, quantity))
            left -= quantity
    return taken
