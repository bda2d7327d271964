"""ccxt.pro on the paper exchange, over real sockets: what it watches is what REST answers at the same moment."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import ccxt
import pytest

from tests.live_market import until
from tests.paper_client import AVAX, HOUR, SOL, client
from tests.paper_streams import listeners, pro

MINUTE = 60_000


async def soon(watched: Awaitable[Any]) -> Any:
    async with asyncio.timeout(60):
        return await watched


@asynccontextmanager
async def kept(watch: Callable[[], Awaitable[Any]], into: Callable[[Any], None]) -> AsyncIterator[None]:
    """Watch on and on in the background."""

    async def on() -> None:
        while True:
            into(await watch())

    task = asyncio.create_task(on())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def wallet(exchange: Any) -> float:
    """What REST says without the profit of open positions, as the stream does."""
    return float((await exchange.fetch_balance())["info"]["totalWalletBalance"])


def levels(book: Any) -> tuple[Any, ...]:
    return book["nonce"], [list(row[:2]) for row in book["bids"]], [list(row[:2]) for row in book["asks"]]


async def test_the_book_is_the_rest_book_through_every_change() -> None:
    async with client() as paper, pro(paper.running) as exchange:
        assert levels(await soon(exchange.watch_order_book(SOL))) == levels(await exchange.fetch_order_book(SOL, 1000))
        for change in (("price", 195), ("advance", 1_000), ("price", 195.37), ("advance", 7 * MINUTE), ("price", 120)):
            waiting = asyncio.create_task(exchange.watch_order_book(SOL))
            await asyncio.sleep(0)
            before = exchange.orderbooks[SOL]["nonce"]
            if change[0] == "price":
                await paper.price(change[1])
            else:
                await paper.control("advance", {"ms": change[1]})
            watched = await soon(waiting)
            assert watched["nonce"] > before
            assert levels(watched) == levels(await exchange.fetch_order_book(SOL, 1000))
        # a second book on the same client, and one that is let go of
        assert (
            levels(await soon(exchange.watch_order_book(AVAX)))[0] == (await exchange.fetch_order_book(AVAX))["nonce"]
        )
        await soon(exchange.un_watch_order_book(AVAX))
        await until(lambda: listeners(paper), lambda found: found["streams"] == ["solusdt@depth@100ms"])


async def test_the_book_is_kept_while_time_runs() -> None:
    async with client(frozen=False) as paper, pro(paper.running) as exchange:
        met = 0
        numbers = set()
        for _ in range(14):
            watched = levels(await soon(exchange.watch_order_book(SOL)))
            numbers.add(watched[0])
            found = levels(await exchange.fetch_order_book(SOL, 1000))
            if levels(exchange.orderbooks[SOL])[0] == watched[0] and watched[1:] == found[1:]:
                met += 1
        assert len(numbers) >= 4
        assert met >= 4


async def same(told: dict[str, Any], answered: Any, names: tuple[str, ...]) -> None:
    """What was told last comes to be what REST answered."""
    wanted = {name: answered[name] for name in names}
    await until(
        lambda: asyncio.sleep(0, {name: told.get(SOL, {}).get(name) for name in names}), lambda it: it == wanted, 3
    )


async def test_prices_candles_and_the_day_are_those_of_rest() -> None:
    async with client() as paper, pro(paper.running) as exchange:
        await paper.control("advance", {"ms": 90_500})
        marks: dict[str, Any] = {}
        days: dict[str, Any] = {}
        bests: dict[str, Any] = {}
        async with (
            kept(lambda: exchange.watch_mark_price(SOL), lambda found: marks.update({SOL: found})),
            kept(lambda: exchange.watch_ticker(SOL), lambda found: days.update({SOL: found})),
            kept(lambda: exchange.watch_bids_asks([SOL]), bests.update),
        ):
            for change in (None, 200, 187.5):
                if change is not None:
                    await paper.price(change)
                funding, day = await exchange.fetch_funding_rate(SOL), await exchange.fetch_ticker(SOL)
                touch = (await exchange.fetch_bids_asks([SOL]))[SOL]
                await same(marks, funding, ("markPrice", "indexPrice"))
                await same(days, day, ("last", "open", "high", "low", "change", "baseVolume", "quoteVolume"))
                await same(bests, touch, ("bid", "bidVolume", "ask", "askVolume"))
        tickers = await soon(exchange.watch_tickers([SOL, AVAX]))
        assert tickers
        for name, ticker in tickers.items():
            assert ticker["last"] == (await exchange.fetch_ticker(name))["last"]
        candles: dict[int, Any] = {}

        def keep(rows: Any) -> None:
            candles.update({row[0]: row for row in rows})

        async with kept(lambda: exchange.watch_ohlcv(SOL, "1m"), keep):
            await until(lambda: asyncio.sleep(0, candles), bool)
            await paper.control("advance", {"ms": 5 * MINUTE})
            await paper.price(191)
            rest = await exchange.fetch_ohlcv(SOL, "1m", limit=6)
            found = await until(lambda: asyncio.sleep(0, candles), lambda kept: kept.get(rest[-1][0]) == rest[-1])
        assert [found[row[0]] for row in rest] == rest
        hours = await soon(exchange.watch_ohlcv(SOL, "1h"))
        assert hours[-1] == (await exchange.fetch_ohlcv(SOL, "1h", limit=1))[-1]


ORDER_FIELDS = ("id", "clientOrderId", "side", "amount", "filled", "average", "status", "reduceOnly")
TRADE_FIELDS = ("order", "side", "price", "amount", "cost", "takerOrMaker", "timestamp")


async def test_the_account_in_hedge_mode_is_that_of_rest() -> None:
    async with client() as paper, pro(paper.running) as exchange:
        await paper.hedge()
        assert await soon(exchange.watch_positions()) == []
        orders: dict[str, Any] = {}
        mine: dict[str, Any] = {}
        positions: dict[str, Any] = {}
        told: list[Any] = []
        market: list[Any] = []
        async with (
            kept(exchange.watch_orders, lambda rows: orders.update({row["id"]: row for row in rows})),
            kept(exchange.watch_my_trades, lambda rows: mine.update({row["id"]: row for row in rows})),
            kept(exchange.watch_positions, lambda rows: positions.update({row["side"]: row for row in rows})),
            kept(exchange.watch_balance, told.append),
            kept(lambda: exchange.watch_trades(SOL), market.extend),
        ):
            await until(lambda: listeners(paper), lambda found: set(found["streams"]) == {"solusdt@trade", "user"})
            await asyncio.sleep(0.1)
            await paper.open_pair()
            resting = await paper.order("sell", "LONG", 40, "limit", 191)
            gone = await paper.order("buy", "SHORT", 30, "limit", 150)
            await paper.ccxt.cancel_order(gone["id"], SOL)
            out_of_reach = await paper.order("buy", "LONG", 20, "limit", 180, timeInForce="IOC")
            stop = await paper.conditional("buy", "SHORT", "STOP_MARKET", 196, "my-stop")
            take = await paper.conditional("sell", "LONG", "STOP_MARKET", 150, "my-other")
            await paper.ccxt.fapiPrivateDeleteAlgoOrder({"clientAlgoId": "my-other"})
            await paper.price(197)  # the resting order fills as maker, the stop fires
            rest = {row["id"]: row for row in await exchange.fetch_orders(SOL)}
            fills = await exchange.fetch_my_trades(SOL)

            async def all_of_them() -> Any:
                return set(orders), set(mine), told, market

            await until(
                all_of_them,
                lambda _: (
                    {*rest, stop["id"], take["id"]} <= set(orders)
                    and {row["id"] for row in fills} <= set(mine)
                    and len(market) >= len(fills)
                    and orders[stop["id"]]["status"] == "closed"
                ),
                3,
            )
        assert resting["id"] in rest
        assert [rest[row["id"]]["status"] for row in (resting, gone, out_of_reach)] == ["closed", "canceled", "expired"]
        for number, order in rest.items():
            for name in ORDER_FIELDS:
                assert orders[number][name] == order[name], (name, order["info"])
            fees = sum(fill["fee"]["cost"] for fill in fills if fill["order"] == number)
            assert (orders[number]["fee"] or {"cost": 0})["cost"] == pytest.approx(fees)
        assert len(mine) == len(fills)
        for fill in fills:
            for name in TRADE_FIELDS:
                assert mine[fill["id"]][name] == fill[name], name
            assert mine[fill["id"]]["fee"]["cost"] == fill["fee"]["cost"]
        assert [(t["id"], t["price"], t["amount"]) for t in market] == [
            (t["id"], t["price"], t["amount"]) for t in fills
        ]
        assert {t["takerOrMaker"] for t in fills} == {"maker", "taker"}
        for number, state in ((stop["id"], "closed"), (take["id"], "canceled")):
            assert orders[number]["status"] == state
        assert orders[stop["id"]]["clientOrderId"] == "my-stop"
        assert orders[stop["id"]]["triggerPrice"] == 196
        held = {row["side"]: row for row in await exchange.fetch_positions([SOL]) if row["contracts"]}
        assert (held["long"]["contracts"], set(held)) == (60, {"long"})
        assert positions["short"]["contracts"] == 0
        for name in ("contracts", "entryPrice", "unrealizedPnl", "marginMode", "hedged"):
            assert positions["long"][name] == held["long"][name], name
        assert told[-1]["USDT"]["total"] == await wallet(exchange)


async def test_a_lost_connection_is_an_error_and_the_next_watch_connects_again() -> None:
    async with client() as paper, pro(paper.running) as exchange:
        await soon(exchange.watch_order_book(SOL))
        waiting = asyncio.create_task(exchange.watch_order_book(SOL))
        await asyncio.sleep(0.05)
        assert (await paper.control("streams", {"do": "drop", "match": "solusdt@depth*"})) == {"dropped": 1}
        with pytest.raises(ccxt.NetworkError):
            await soon(waiting)
        await paper.price(201)
        assert levels(await soon(exchange.watch_order_book(SOL))) == levels(await exchange.fetch_order_book(SOL, 1000))


async def test_withheld_messages_are_noticed_by_their_numbers() -> None:
    async with client() as paper, pro(paper.running) as exchange:
        await soon(exchange.watch_order_book(SOL))
        waiting = asyncio.create_task(exchange.watch_order_book(SOL))
        await asyncio.sleep(0.05)
        await paper.control("streams", {"do": "mute", "match": "solusdt@depth*"})
        await paper.price(201)
        await paper.control("streams", {"do": "unmute"})
        await paper.price(202)
        with pytest.raises(ccxt.ChecksumError):
            await soon(waiting)
        assert levels(await soon(exchange.watch_order_book(SOL))) == levels(await exchange.fetch_order_book(SOL, 1000))


async def test_a_wrong_key_watches_nothing_of_the_account() -> None:
    async with client() as paper, pro(paper.running) as exchange:
        exchange.apiKey = "stranger"
        with pytest.raises(ccxt.AuthenticationError):
            await soon(exchange.watch_orders())
        assert (await listeners(paper))["listeners"] == 0


async def test_an_hour_of_funding_reaches_the_balance() -> None:
    async with client() as paper, pro(paper.running) as exchange:
        await paper.hedge()
        await paper.order("buy", "LONG", 100)
        waiting = asyncio.create_task(exchange.watch_balance())
        await until(lambda: listeners(paper), lambda found: found["streams"] == ["user"])
        for _ in range(16):  # a listen key is good for an hour; ccxt's own clock does not see this one jump
            await paper.control("advance", {"ms": HOUR // 2})
            await exchange.fapiPrivatePutListenKey()
        balance = await soon(waiting)
        assert balance["info"]["a"]["m"] == "FUNDING_FEE"
        assert balance["USDT"]["total"] == await wallet(exchange)
        (row,) = await exchange.fapiPrivateGetIncome({"incomeType": "FUNDING_FEE"})
        assert balance["info"]["a"]["B"][0]["bc"] == row["income"]
