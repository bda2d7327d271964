"""Every adapter of the `Venue` port, through the same steps: what they say, and that they say the same."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution.venue import (
    ConditionalRequest,
    Duplicate,
    OrderRequest,
    Rejected,
    Venue,
    VenueError,
)
from tests.chaos.exchange import direct
from tests.paper import SOL, paper
from traders.contract.decision import Side

D = Decimal


@asynccontextmanager
async def _http() -> AsyncIterator[Venue]:
    async with paper() as exchange:
        yield exchange.venue


@asynccontextmanager
async def _direct() -> AsyncIterator[Venue]:
    yield direct()[0]


VENUES = {"http": _http, "direct": _direct}


def market(name: str, side: Side, quantity: int, *, close: bool = False) -> OrderRequest:
    return OrderRequest(
        client_order_id=name,
        symbol=SOL,
        side="buy" if (side == "long") != close else "sell",
        position_side=side,
        type="market",
        quantity=D(quantity),
        reduces=close,
    )


def stop(name: str, side: Side, trigger: Decimal) -> ConditionalRequest:
    way = "sell" if side == "long" else "buy"
    return ConditionalRequest(
        client_order_id=name, symbol=SOL, side=way, position_side=side, kind="stop", trigger_price=trigger
    )


async def _ready(venue: Venue) -> None:
    await venue.set_position_mode("hedge")
    await venue.set_margin_mode(SOL, "isolated")
    await venue.set_leverage(SOL, 5)


async def _refusal(ask: Callable[[], Awaitable[Any]]) -> tuple[str, str | None]:
    try:
        await ask()
    except VenueError as error:
        return type(error).__name__, error.code
    return "accepted", None


async def _script(venue: Venue) -> list[Any]:
    """One pair's life and its mishaps; everything the venue said."""
    await _ready(venue)
    said: list[Any] = [await venue.settings(SOL), await venue.position_mode(), await venue.fees(SOL)]
    await _ready(venue)  # nothing to change is success
    quote = await venue.leg_quote(SOL)
    said += [quote, await venue.server_time(), await venue.balance(), await venue.positions([SOL])]
    said.append(await venue.place(market("a1", "long", 20)))
    said.append(await _refusal(lambda: venue.place(market("a1", "long", 20))))
    said.append(await venue.place(market("a2", "short", 20)))
    tick = quote.contract.price_tick
    below = (quote.mark * D("0.95")) // tick * tick
    above = (quote.mark * D("1.05")) // tick * tick
    for name, side, trigger in (("s1", "long", below), ("s2", "short", above)):
        said.append(await venue.place_conditional(stop(name, side, trigger)))  # type: ignore[arg-type]
    said.append(await _refusal(lambda: venue.place_conditional(stop("s1", "long", below - tick))))
    said.append(await _refusal(lambda: venue.place_conditional(stop("s3", "long", above))))
    said.append(await _refusal(lambda: venue.place(market("a3", "long", 21, close=True))))
    said.append(await _refusal(lambda: venue.place(market("a4", "long", 70_000))))
    far = market("a5", "long", 5).model_copy(update={"type": "limit_ioc", "price": quote.mark - 100 * tick})
    said.append(await venue.place(far))
    said += [await venue.find(SOL, name, conditional=False) for name in ("a1", "a5", "nobody")]
    said += [await venue.find(SOL, name, conditional=True) for name in ("s1", "nobody")]
    said += [await venue.positions([SOL]), await venue.open_orders(SOL, conditional=True)]
    said.append(await venue.place(market("a6", "short", 7, close=True)))
    await venue.cancel(SOL, "s1", conditional=True)
    await venue.cancel(SOL, "s1", conditional=True)
    await venue.cancel(SOL, "nobody", conditional=False)
    said.append(await venue.find(SOL, "s1", conditional=True))
    said.append(await venue.place(market("a7", "short", 13, close=True)))
    said.append(await venue.place(market("a8", "long", 20, close=True)))
    said += [await venue.open_orders(SOL, conditional=flag) for flag in (True, False)]
    said += [await venue.find(SOL, "s2", conditional=True), await venue.positions([SOL])]
    said += [await venue.fills(SOL), await venue.income(SOL), await venue.income(None), await venue.balance()]
    said.append(await _refusal(lambda: venue.leg_quote("NOBODY/USDT:USDT")))
    return said


@pytest.mark.parametrize("name", VENUES)
async def test_a_pair_opens_and_closes(name: str) -> None:
    async with VENUES[name]() as venue:
        await _ready(venue)
        opened = await venue.place(market("a1", "long", 20))
        await venue.place(market("a2", "short", 20))
        assert (opened.status, opened.filled, opened.client_order_id) == ("filled", D(20), "a1")
        assert {p.side: p.quantity for p in await venue.positions([SOL])} == {"long": D(20), "short": D(20)}
        with pytest.raises(Duplicate):
            await venue.place(market("a1", "long", 20))
        with pytest.raises(Rejected):
            await venue.place(market("a3", "short", 21, close=True))
        assert await venue.find(SOL, "a3", conditional=False) is None, "refused is not there"
        for side in ("long", "short"):
            await venue.place(market(f"b-{side}", side, 20, close=True))  # type: ignore[arg-type]
        assert await venue.positions([SOL]) == []
        fills, income = await venue.fills(SOL), await venue.income(SOL)
        balance = await venue.balance()
        assert sum(fill.realized - fill.fee for fill in fills) == sum(row.amount for row in income)
        assert balance.wallet - 100_000 == sum(row.amount for row in income)


async def test_both_say_the_same_to_the_last_digit() -> None:
    said = []
    for open_venue in VENUES.values():
        async with open_venue() as venue:
            said.append(await _script(venue))
    assert len(said[0]) == len(said[1])
    for number, (http, inside) in enumerate(zip(*said, strict=True)):
        assert http == inside, f"answer {number}"
