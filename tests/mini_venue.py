"""A venue of two legs behind a socket: enough of one to live a pair's life through an adapter and ccxt.

It fills every order at the mark price at once, keeps resting close-all orders, and is as strict as the venues say they
are: an id stands for one order, a close is never larger than its leg, settings change only while nothing is held, a
stop needs something to close. A face (`tests/mini_bybit.py` and its like) speaks a venue's dialect.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol

from aiohttp import web

from data_fetchers.venue import open_exchange
from orchestrator.execution.accounts import account
from orchestrator.execution.venue import Venue

D = Decimal
Leg = Literal["long", "short"]
Refusal = Literal["duplicate", "too_much", "nothing_there", "only_one", "not_empty", "would_trigger"]


class Refused(Exception):
    """What the engine says no to; the face puts the venue's code on it."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why)
        self.why = why


@dataclass
class Done:
    """An order that was carried out."""

    name: str
    number: str
    leg: Leg
    closes: bool
    quantity: Decimal


@dataclass
class Waiting:
    """A close-all order. `stop` and `profit`: the prices it waits for."""

    name: str
    number: str
    leg: Leg
    stop: Decimal | None
    profit: Decimal | None
    state: Literal["live", "fired", "cancelled"] = "live"


@dataclass
class Engine:
    """Settings, legs, orders. `one_each`: a leg takes one close-all order (with both prices) and no second."""

    one_each: bool = False
    mark: Decimal = field(default_factory=lambda: D("20.5"))
    hedge: bool = False
    isolated: bool = False
    leverage: dict[Leg, int] = field(default_factory=lambda: {"long": 10, "short": 3})
    legs: dict[Leg, Decimal] = field(default_factory=lambda: {"long": D(0), "short": D(0)})
    done: dict[str, Done] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)

    def place(self, name: str, leg: Leg, quantity: Decimal, *, closes: bool) -> Done:
        assert self.hedge, "the account is in one-way mode"
        if name in self.done:
            raise Refused("duplicate")
        if closes and quantity > self.legs[leg]:
            raise Refused("too_much")
        self.legs[leg] += -quantity if closes else quantity
        self.done[name] = Done(name, f"{len(self.done) + 1}", leg, closes, quantity)
        return self.done[name]

    def rest(self, name: str, leg: Leg, stop: Decimal | None, profit: Decimal | None) -> Waiting:
        if name in self.waiting:
            raise Refused("duplicate")
        if self.legs[leg] == 0:
            raise Refused("nothing_there")
        below, above = (stop, profit) if leg == "long" else (profit, stop)
        if (below is not None and below >= self.mark) or (above is not None and above <= self.mark):
            raise Refused("would_trigger")
        if self.one_each and any(order.leg == leg for order in self.resting()):
            raise Refused("only_one")
        self.waiting[name] = Waiting(name, f"w{len(self.waiting) + 1}", leg, stop, profit)
        return self.waiting[name]

    def cancel(self, name: str) -> None:
        if name not in self.waiting or self.waiting[name].state != "live":
            raise Refused("nothing_there")
        self.waiting[name].state = "cancelled"

    def resting(self) -> list[Waiting]:
        return [order for order in self.waiting.values() if order.state == "live"]

    def move(self, mark: Decimal) -> None:
        """The mark price moves; what it reaches closes its leg."""
        self.mark = mark
        for order in self.resting():
            below, above = (order.stop, order.profit) if order.leg == "long" else (order.profit, order.stop)
            if (below is not None and mark <= below) or (above is not None and mark >= above):
                order.state = "fired"
                self.legs[order.leg] = D(0)

    def must_be_empty(self) -> None:
        if any(self.legs.values()) or self.resting():
            raise Refused("not_empty")


def side_of(order: Done) -> str:
    """The way an order traded."""
    return "buy" if (order.leg == "long") != order.closes else "sell"


class Face(Protocol):
    """One venue's dialect over the engine."""

    engine: Engine
    public: Any

    def answer(self, method: str, path: str, query: Any) -> Any:
        """A body, or None for what only the public part knows. Raises Refused."""
        ...

    def refusal(self, refused: Refused, path: str) -> Any:
        """The body of a refusal."""
        ...


@dataclass
class Mini:
    """The server. `lose`: how many of the next orders are carried out without an answer."""

    face: Face
    lose: int = 0
    orders: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        query = json.loads(text) if text else dict(request.query)
        try:
            body = self.face.answer(request.method, request.path, query)
        except Refused as refused:
            body = self.face.refusal(refused, request.path)
        if body is None:
            return await self.face.public.answer(request)  # type: ignore[no-any-return]
        if request.method == "POST" and "order" in request.path and "cancel" not in request.path:
            self.orders += 1
            if self.lose > 0:
                self.lose -= 1
                assert request.transport is not None
                request.transport.close()
                return web.Response()
        await asyncio.sleep(0)
        return web.json_response(body)


@asynccontextmanager
async def lived_in(venue: str, face: Face) -> AsyncIterator[tuple[Venue, Mini]]:
    """The adapter of a venue on such a server."""
    mini = Mini(face)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", mini.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    exchange = open_exchange(
        venue,
        base_url=f"http://127.0.0.1:{runner.addresses[0][1]}",
        api_key="key",
        secret="secret",
        password="word",
        timeout_ms=1000,
        paced=False,
    )
    try:
        await exchange.load_markets()
        yield account(exchange, venue), mini
    finally:
        await exchange.close()
        await runner.cleanup()
