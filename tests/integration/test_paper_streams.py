"""The streams of the paper exchange on plain WebSockets: the book's numbers, requests, listen keys, slow listeners."""

import asyncio
import itertools
import json
import socket as sockets
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from orchestrator.paper_exchange.streams import MOST_LISTENERS
from tests.live_market import mirror, until
from tests.paper_client import HOUR, SOL, Client, client, refused
from tests.paper_streams import Ear, ear, listen_key, listeners, public

MINUTE = 60_000
BOOK = "solusdt@depth@100ms"


@pytest.fixture
async def paper() -> AsyncIterator[Client]:
    async with client() as opened:
        yield opened


class LocalBook:
    """A book kept by the rules of the venue's documentation, and nothing else."""

    def __init__(self, snapshot: Any) -> None:
        self.number = snapshot["lastUpdateId"]
        self.sides = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
        self.begun = False

    def take(self, event: Any) -> None:
        if event["u"] < self.number:
            return
        again = event["u"] == self.number  # all in the snapshot already
        if not self.begun:
            assert event["U"] <= self.number <= event["u"] or event["pu"] == self.number, event
            self.begun = True
        else:
            assert event["pu"] == self.number, event
        for side, levels in self.sides.items():
            for price, size in event[side]:
                if Decimal(size) == 0:
                    assert price in levels or again  # only a level that is there can go
                    levels.pop(price, None)
                else:
                    levels[price] = size
        self.number = event["u"]

    def shown(self) -> tuple[Any, ...]:
        bids = sorted(self.sides["b"].items(), key=lambda row: -Decimal(row[0]))
        asks = sorted(self.sides["a"].items(), key=lambda row: Decimal(row[0]))
        return self.number, [list(row) for row in bids], [list(row) for row in asks]


def chained(events: list[Any]) -> None:
    """Each message begins one after where the one before ended, and says so."""
    for before, event in itertools.pairwise(events):
        assert event["pu"] == before["u"]
        assert event["U"] == before["u"] + 1 <= event["u"]


@pytest.mark.parametrize("late", [0, 2, 5])
async def test_a_book_kept_by_the_rules_is_the_rest_book(paper: Client, late: int) -> None:
    changes = [("price", 191), ("price", 192), ("advance", 1_000), ("price", 150.55), ("advance", HOUR)]
    snapshot = None
    async with ear(paper, f"/ws/{BOOK}") as heard:
        events = await heard.rest()
        for number, (kind, value) in enumerate(changes):
            if number == late:
                snapshot = await public(paper, "depth", symbol="SOLUSDT", limit=1000)
            if kind == "price":
                await paper.price(value)
            else:
                await paper.control("advance", {"ms": value})
            events += await heard.rest()
        rest = await public(paper, "depth", symbol="SOLUSDT", limit=1000)
    chained(events)
    book = LocalBook(snapshot or rest)
    for event in events:
        book.take(event)
    assert book.shown() == (rest["lastUpdateId"], rest["bids"], rest["asks"])
    assert len(events) == 1 + len(changes)


async def test_while_time_runs_the_book_is_kept_at_its_rate() -> None:
    async with client(frozen=False) as paper, ear(paper, f"/ws/{BOOK}") as heard:
        snapshot = await public(paper, "depth", symbol="SOLUSDT", limit=1000)
        events, rest = (
            [await heard.next() for _ in range(8)],
            await public(paper, "depth", symbol="SOLUSDT", limit=1000),
        )
        while events[-1]["u"] < rest["lastUpdateId"]:
            events.append(await heard.next())
    chained(events)
    assert all(event["E"] - before["E"] >= 100 for before, event in itertools.pairwise(events[1:]))
    book, later = LocalBook(snapshot), LocalBook(rest)
    for event in events:
        book.take(event)
        later.take(event)
    # from an early snapshot and from a late one: the same book
    assert book.shown() == later.shown()


async def test_two_listeners_of_one_book_both_have_a_chain(paper: Client) -> None:
    async with ear(paper, f"/ws/{BOOK}") as one:
        await paper.price(191)
        async with ear(paper, f"/stream?streams={BOOK}/solusdt@depth20@100ms") as two:
            await paper.price(192)
            await paper.price(193)
            late = await two.rest()
        chained(await one.rest())
    assert {message["stream"] for message in late} == {BOOK, "solusdt@depth20@100ms"}
    for name, count in ((BOOK, 3), ("solusdt@depth20@100ms", 3)):
        events = [message["data"] for message in late if message["stream"] == name]
        assert len(events) == count
        chained(events)
    last = [message["data"] for message in late if message["stream"] != BOOK][-1]
    rest = await public(paper, "depth", symbol="SOLUSDT", limit=20)
    assert (last["u"], last["b"], last["a"]) == (rest["lastUpdateId"], rest["bids"], rest["asks"])


async def test_market_messages_are_those_of_rest_at_that_moment(paper: Client) -> None:
    names = ["solusdt@bookTicker", "solusdt@markPrice@1s", "solusdt@ticker", "solusdt@miniTicker", "solusdt@kline_15m"]
    async with ear(paper, "/market/ws") as heard:
        assert await heard.ask("SUBSCRIBE", [*names, "!markPrice@arr@1s", "!bookTicker"]) == {"result": None, "id": 1}
        await heard.rest()
        await paper.price(177)
        told = await heard.rest()
    by_name = {event["e"]: event for event in told if isinstance(event, dict)}
    best = await public(paper, "ticker/bookTicker", symbol="SOLUSDT")
    ticker = by_name["bookTicker"]
    assert [ticker[n] for n in "bBaA"] == [best[n] for n in ("bidPrice", "bidQty", "askPrice", "askQty")]
    assert ticker["u"] == (await public(paper, "depth", symbol="SOLUSDT"))["lastUpdateId"]
    mark, row = by_name["markPriceUpdate"], await public(paper, "premiumIndex", symbol="SOLUSDT")
    assert [mark[n] for n in "pirT"] == [
        row[n] for n in ("markPrice", "indexPrice", "lastFundingRate", "nextFundingTime")
    ]
    day, row = by_name["24hrTicker"], await public(paper, "ticker/24hr", symbol="SOLUSDT")
    names = ["lastPrice", "priceChange", "priceChangePercent", "openPrice", "highPrice", "lowPrice", "volume"]
    names += ["quoteVolume", "openTime", "closeTime", "count"]
    assert [day[n] for n in "cpPohlvqOCn"] == [row[n] for n in names]
    assert by_name["24hrMiniTicker"]["c"] == row["lastPrice"]
    kline, (row,) = by_name["kline"]["k"], await public(paper, "klines", symbol="SOLUSDT", interval="15m", limit=1)
    assert [kline[n] for n in "tohlcvTqnVQ"] == row[:11]
    assert kline["x"] is False
    (array,) = [event for event in told if isinstance(event, list)]
    assert [event["s"] for event in array] == ["SOLUSDT"]  # only what changed
    assert all(event["E"] == paper.engine.now for event in by_name.values())


async def test_each_candle_is_told_once_more_when_it_has_closed(paper: Client) -> None:
    async with ear(paper, "/ws/solusdt@kline_1m") as heard:
        await heard.rest()
        await paper.control("advance", {"ms": 30_000})
        await paper.control("advance", {"ms": 3 * MINUTE})
        told = [event["k"] for event in await heard.rest()]
    rows = await public(paper, "klines", symbol="SOLUSDT", interval="1m", limit=4)
    closed = [kline for kline in told if kline["x"]]
    assert [[kline[n] for n in "tohlcv"] for kline in closed] == [row[:6] for row in rows[:3]]
    assert [told[-1][n] for n in "tohlcv"] == rows[-1][:6]


# requests


@pytest.mark.parametrize(
    ("request_text", "number"),
    [
        ("not json", None),
        ("[" * 60_000, None),
        ("[]", None),
        ("5", None),
        ('{"method": "SUBSCRIBE", "params": ["solusdt@depth"], "id": true}', None),
        ('{"method": "SUBSCRIBE", "params": ["solusdt@depth"], "id": -1}', None),
        ('{"method": "SUBSCRIBE", "params": ["solusdt@depth"], "id": [1]}', None),
        ('{"method": "SUBSCRIBE", "id": 3}', 3),
        ('{"method": "SUBSCRIBE", "params": [], "id": 3}', 3),
        ('{"method": "SUBSCRIBE", "params": "solusdt@depth", "id": 3}', 3),
        ('{"method": "SUBSCRIBE", "params": [7], "id": 3}', 3),
        ('{"method": "SUBSCRIBE", "params": ["solusdt@depth", "solusdt@nothing"], "id": 3}', 3),
        ('{"method": "SUBSCRIBE", "params": ["dogeusdt@depth"], "id": 3}', 3),
        ('{"method": "SUBSCRIBE", "params": ["SOLUSDT@depth"], "id": 3}', 3),
        ('{"method": "SUBSCRIBE", "params": ["solusdt@kline_7m"], "id": 3}', 3),
        ('{"method": "SUBSCRIBE", "params": ["solusdt@depth@7ms"], "id": 3}', 3),
        ('{"method": "SUBSCRIBE", "params": ["nobodyslistenkey"], "id": 3}', 3),
        ('{"method": "EVERYTHING", "params": ["solusdt@depth"], "id": "x"}', "x"),
        ('{"method": "SET_PROPERTY", "params": ["combined", 1], "id": 3}', 3),
        ('{"method": "GET_PROPERTY", "params": ["colour"], "id": 3}', 3),
    ],
)
async def test_a_bad_request_is_answered_and_changes_nothing(
    paper: Client, request_text: str, number: int | str | None
) -> None:
    async with ear(paper, "/ws/avaxusdt@markPrice") as heard:
        await heard.rest()
        await heard.socket.send_str(request_text)
        answer = await heard.next()
        assert set(answer) == {"error", "id"}
        assert answer["id"] == number
        assert set(answer["error"]) == {"code", "msg"}
        assert await heard.ask("LIST_SUBSCRIPTIONS") == {"result": ["avaxusdt@markPrice"], "id": 1}


async def test_subscribe_unsubscribe_list_and_combined(paper: Client) -> None:
    async with ear(paper, "/ws/0") as heard:  # a number names only the connection
        assert await heard.ask("LIST_SUBSCRIPTIONS", number="abc") == {"result": [], "id": "abc"}
        assert await heard.ask("SUBSCRIBE", ["solusdt@bookTicker", "avaxusdt@bookTicker"]) == {"result": None, "id": 1}
        assert {event["s"] for event in await heard.rest()} == {"SOLUSDT", "AVAXUSDT"}
        assert await heard.ask("SUBSCRIBE", ["solusdt@bookTicker"]) == {"result": None, "id": 1}
        assert await heard.ask("UNSUBSCRIBE", ["avaxusdt@bookTicker", "solusdt@depth"]) == {"result": None, "id": 1}
        assert (await heard.ask("LIST_SUBSCRIPTIONS"))["result"] == ["solusdt@bookTicker"]
        assert await heard.ask("SET_PROPERTY", ["combined", True]) == {"result": None, "id": 1}
        assert (await heard.ask("GET_PROPERTY", ["combined"]))["result"] is True
        await paper.price(40, "AVAXUSDT")
        await paper.price(200)
        (told,) = await heard.rest()
        assert (told["stream"], told["data"]["s"]) == ("solusdt@bookTicker", "SOLUSDT")


async def test_too_many_streams_or_requests(paper: Client) -> None:
    every = [
        f"{coin}@{what}"
        for coin in ("solusdt", "avaxusdt")
        for what in [f"depth{n}@{ms}ms" for n in ("", 5, 10, 20) for ms in (0, 100, 250, 500)]
    ]
    async with ear(paper, "/ws") as heard:
        assert "error" not in await heard.ask("SUBSCRIBE", every)
        refusal = await heard.ask("SUBSCRIBE", [f"solusdt@{n}" for n in range(200)])
        while "error" not in refusal:
            refusal = await heard.next()
        assert "at most 200" in refusal["error"]["msg"]
        for number in range(30):
            await heard.socket.send_str(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        assert await heard.closed() == 1008
    await until(lambda: listeners(paper), lambda found: found["listeners"] == 0)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/ws/solusdt@nothing", 400, -1130),
        ("/stream?streams=solusdt@depth/dogeusdt@depth", 400, -1130),
        ("/ws/nobodyslistenkey", 400, -1125),
        ("/private/ws?listenKey=nobodyslistenkey", 400, -1125),
        ("/stream?streams=" + "/".join(f"s{n}@x" for n in range(300)), 400, -1130),
    ],
)
async def test_a_bad_address_is_refused_before_it_is_a_stream(paper: Client, path: str, status: int, code: int) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await paper.session.ws_connect(paper.running.url + path)
    assert refusal.value.status == status
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers = {**upgrade, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    async with paper.session.get(paper.running.url + path, headers=headers) as answer:
        assert (await answer.json())["code"] == code
    assert (await listeners(paper))["listeners"] == 0


async def test_a_stream_asked_for_over_plain_http_says_so(paper: Client) -> None:
    async with paper.session.get(paper.running.url + "/ws/solusdt@depth") as answer:
        assert answer.status == 400
        assert "ws://" in (await answer.json())["msg"]


async def test_no_more_listeners_than_there_is_room_for(paper: Client) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as crowd:
        opened = [await crowd.ws_connect(paper.running.url + "/ws") for _ in range(MOST_LISTENERS)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await crowd.ws_connect(paper.running.url + "/ws")
        assert refusal.value.status == 429
        await opened[0].close()
        await until(lambda: listeners(paper), lambda found: found["listeners"] == MOST_LISTENERS - 1)
        async with ear(paper, "/ws/solusdt@bookTicker") as heard:
            assert (await heard.next())["e"] == "bookTicker"
    await until(lambda: listeners(paper), lambda found: found["listeners"] == 0)


async def test_a_fault_of_the_handshake(paper: Client) -> None:
    await paper.control("faults", [{"match": {"path": "/ws*", "nth": 1}, "do": "status", "status": 503}])
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await paper.session.ws_connect(paper.running.url + "/ws/solusdt@depth")
    assert refusal.value.status == 503
    async with ear(paper, "/ws/solusdt@depth") as heard:
        await heard.next()
        rows = [row for row in (await paper.state())["requests"] if row["path"].startswith("/ws")]
        assert [(row["status"], row["fault"]) for row in rows] == [(503, "status"), (101, None)]


# listeners that do not listen


async def test_a_slow_listener_is_cut_off_and_holds_nobody_up(paper: Client) -> None:
    names = [f"solusdt@depth@{ms}ms" for ms in (0, 100, 250, 500)]
    with sockets.socket() as deaf:
        deaf.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", paper.running.port))
        deaf.sendall(
            f"GET /ws/{'/'.join(names)} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        await until(lambda: listeners(paper), lambda found: found["listeners"] == 1)
        loop = asyncio.get_running_loop()
        slowest, cut = 0.0, 0
        async with ear(paper, f"/ws/{BOOK}") as heard:
            events = [await heard.next()]
            for number in range(150):
                begun = loop.time()
                await paper.price(150 + number % 50)
                slowest = max(slowest, loop.time() - begun)
                events.append(await heard.next())
                if cut := (await listeners(paper))["cut_off"]:
                    break
            chained(events)
            assert cut == 1, "never cut off"
            assert (await listeners(paper))["streams"] == [BOOK]
        assert slowest < 30  # waiting for the deaf one would take for ever


async def test_an_end_of_the_exchange_ends_every_connection() -> None:
    before = asyncio.all_tasks()
    loop = asyncio.get_running_loop()
    async with client(frozen=False) as paper:
        key = (await listen_key(paper))["listenKey"]
        opened = [
            await paper.session.ws_connect(f"{paper.running.url}/{path}")
            for path in (f"ws/{BOOK}", f"private/ws?listenKey={key}", "ws")
        ]
        await Ear(opened[0]).next()
        begun = loop.time()
        await asyncio.gather(paper.running.stop(), *(Ear(socket).closed() for socket in opened))
        assert [socket.close_code for socket in opened] == [1001, 1001, 1001]
        assert loop.time() - begun < 1.5
    left = {task for task in asyncio.all_tasks() - before if not task.done()}
    assert not left, left


async def test_nothing_runs_once_nobody_listens() -> None:
    async with client(frozen=False) as paper:
        idle = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
        async with ear(paper, f"/ws/{BOOK}") as heard:
            await heard.next()
            assert (await listeners(paper))["made"] == [BOOK]
            busy = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
            assert "Streams._run" in busy - idle
        found = await until(lambda: listeners(paper), lambda found: found["listeners"] == 0)
        assert found["made"] == []
        await asyncio.sleep(0)
        assert "Streams._run" not in {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]


# the account's stream


async def test_a_listen_key_lasts_an_hour_and_can_be_kept(paper: Client) -> None:
    for method in ("POST", "PUT", "DELETE"):
        for headers in ({}, {"X-MBX-APIKEY": "stranger"}):
            assert (await listen_key(paper, method, 401, headers))["code"] == -2015
    assert (await listen_key(paper, "PUT", 400))["code"] == -1125
    assert (await listen_key(paper, "DELETE", 400))["code"] == -1125
    key = (await listen_key(paper))["listenKey"]
    assert len(key) == 64
    assert (await listen_key(paper))["listenKey"] == key
    assert (await listen_key(paper, headers={"X-MBX-APIKEY": "paper"}))["listenKey"] != key
    async with ear(paper, f"/private/ws?listenKey={key}") as heard:
        await paper.control("advance", {"ms": HOUR - 1})
        await listen_key(paper, "PUT")
        await paper.control("advance", {"ms": HOUR - 1})
        assert await heard.rest() == []
        await paper.control("advance", {"ms": 1})
        now = (await paper.state())["now"]
        assert await heard.next() == {"e": "listenKeyExpired", "E": str(now), "listenKey": key}
        assert await heard.closed() == 1000
    assert (await listen_key(paper, "PUT", 400))["code"] == -1125
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await paper.session.ws_connect(f"{paper.running.url}/ws/{key}")
    assert (await listen_key(paper))["listenKey"] != key


async def test_a_key_over_ends_its_stream_and_leaves_the_others(paper: Client) -> None:
    key = (await listen_key(paper))["listenKey"]
    async with ear(paper, f"/ws/{key}") as alone, ear(paper, f"/stream?streams={key}/solusdt@bookTicker") as both:
        assert await listen_key(paper, "DELETE") == {}
        assert await alone.closed() == 1000
        await paper.hedge()
        await paper.order("buy", "LONG", 10)
        await paper.price(200)
        assert {told["stream"] for told in await both.rest()} == {"solusdt@bookTicker"}
        assert (await both.ask("LIST_SUBSCRIPTIONS"))["result"] == ["solusdt@bookTicker"]


async def user(paper: Client) -> Any:
    key = (await listen_key(paper))["listenKey"]
    return ear(paper, f"/private/ws?listenKey={key}")


async def test_an_order_is_told_step_by_step(paper: Client) -> None:
    await paper.hedge(leverage=4)
    async with await user(paper) as heard:
        order = await paper.order("buy", "LONG", 100)
        told = await heard.rest()
        steps = [event["o"] for event in told if event["e"] == "ORDER_TRADE_UPDATE"]
        fills = await paper.ccxt.fapiPrivateGetUserTrades({"symbol": "SOLUSDT"})
        assert [step["x"] for step in steps] == ["NEW", *["TRADE"] * len(fills)]
        assert [step["X"] for step in steps] == ["NEW", *["PARTIALLY_FILLED"] * (len(fills) - 1), "FILLED"]
        done, spent = Decimal(0), Decimal(0)
        for step, fill in zip(steps[1:], fills, strict=True):
            done += Decimal(fill["qty"])
            spent += Decimal(fill["qty"]) * Decimal(fill["price"])
            assert (str(step["t"]), step["l"], step["L"]) == (str(fill["id"]), fill["qty"], fill["price"])
            assert (step["n"], step["N"], step["rp"]) == (fill["commission"], "USDT", fill["realizedPnl"])
            assert Decimal(step["z"]) == done
            assert Decimal(step["ap"]) == (spent / done).quantize(Decimal("1e-8"))
        assert {step["i"] for step in steps} == {int(order["id"])}
        assert {(step["ps"], step["S"], step["q"]) for step in steps} == {("LONG", "BUY", "100")}
        (account,) = [event for event in told if event["e"] == "ACCOUNT_UPDATE"]
        (balance,), (row,) = account["a"]["B"], account["a"]["P"]
        rest, (held,) = (
            await paper.ccxt.fapiPrivateV3GetAccount(),
            await paper.ccxt.fapiPrivateV3GetPositionRisk({"symbol": "SOLUSDT"}),
        )
        assert account["a"]["m"] == "ORDER"
        assert (balance["wb"], balance["cw"]) == (rest["totalWalletBalance"], rest["totalCrossWalletBalance"])
        names = ("positionAmt", "entryPrice", "unRealizedProfit", "isolatedWallet", "marginType", "positionSide")
        assert [row[n] for n in ("pa", "ep", "up", "iw", "mt", "ps")] == [held[n] for n in names]
        # a limit order that rests and is taken back
        resting = await paper.order("buy", "LONG", 10, "limit", 150)
        await paper.ccxt.cancel_order(resting["id"], SOL)
        steps = [event["o"] for event in await heard.rest()]
        assert [(step["x"], step["X"], step["z"]) for step in steps] == [
            ("NEW", "NEW", "0"),
            ("CANCELED",) * 2 + ("0",),
        ]
        # what is refused is not told
        await refused(paper.order("buy", "LONG", 100_000), -4005)
        assert await heard.rest() == []


async def test_conditional_orders_and_what_they_leave_behind(paper: Client) -> None:
    await paper.hedge()
    await paper.open_pair()
    async with await user(paper) as heard:
        await paper.conditional("buy", "SHORT", "STOP_MARKET", 210, "stop")
        await paper.conditional("buy", "SHORT", "TAKE_PROFIT_MARKET", 170, "target")
        await paper.price(211)
        told = await heard.rest()
    algos = [(event["o"]["caid"], event["o"]["X"]) for event in told if event["e"] == "ALGO_UPDATE"]
    assert algos[:3] == [("stop", "NEW"), ("target", "NEW"), ("stop", "TRIGGERED")]
    assert sorted(algos[3:]) == [("stop", "FINISHED"), ("target", "EXPIRED")]
    kinds = [event["e"] for event in told]
    assert kinds.index("ORDER_TRADE_UPDATE") == 3  # the order comes after the trigger
    order = next(event["o"] for event in told if event["e"] == "ORDER_TRADE_UPDATE")
    finished = next(event["o"] for event in told if event["e"] == "ALGO_UPDATE" and event["o"]["X"] == "FINISHED")
    assert (str(order["i"]), order["ot"], order["cp"]) == (finished["ai"], "STOP_MARKET", True)
    (row,) = next(event for event in told if event["e"] == "ACCOUNT_UPDATE")["a"]["P"]
    assert (row["pa"], row["ps"]) == ("0", "SHORT")
    trades = await paper.ccxt.fapiPrivateGetUserTrades({"symbol": "SOLUSDT"})
    assert Decimal(row["cr"]) == sum(Decimal(t["realizedPnl"]) for t in trades if t["positionSide"] == "SHORT")


async def test_forced_orders_settings_and_funding(paper: Client) -> None:
    await paper.ccxt.set_position_mode(True)
    async with await user(paper) as heard, ear(paper, "/ws/solusdt@aggTrade") as market:
        await paper.ccxt.set_margin_mode("isolated", SOL)
        await paper.ccxt.set_leverage(50, SOL)
        (mode, leverage) = await heard.rest()
        assert (mode["e"], mode["a"]["m"], mode["a"]["B"]) == ("ACCOUNT_UPDATE", "MARGIN_TYPE_CHANGE", [])
        assert leverage["ac"] == {"s": "SOLUSDT", "l": 50}
        await paper.open_pair(50)
        await heard.rest()
        assert [event["q"] for event in await market.rest()]
        await paper.control("adl", {"symbol": "SOLUSDT", "side": "short", "quantity": "20"})
        told = await heard.rest()
        steps = [event["o"] for event in told if event["e"] == "ORDER_TRADE_UPDATE"]
        assert {step["c"] for step in steps} == {"adl_autoclose"}
        assert [step["x"] for step in steps] == ["NEW", "TRADE"]
        await paper.price(180)  # the long is gone
        steps = [event["o"] for event in await heard.rest() if event["e"] == "ORDER_TRADE_UPDATE"]
        assert [step["x"] for step in steps] == ["NEW", "CALCULATED"]
        assert steps[0]["c"].startswith("autoclose-")
        assert await market.rest() == []  # no public trades
        await paper.control("advance", {"ms": 8 * HOUR})
        told = await heard.rest()
    # the hour of the key was over long before, but what happened in the same step is told first
    assert [event["e"] for event in told] == ["ACCOUNT_UPDATE", "listenKeyExpired"]
    (row,) = await paper.ccxt.fapiPrivateGetIncome({"incomeType": "FUNDING_FEE"})
    assert told[0]["a"]["m"] == "FUNDING_FEE"
    assert told[0]["a"]["B"][0]["bc"] == row["income"]
    assert [held["ps"] for held in told[0]["a"]["P"]] == ["SHORT"]


async def test_time_goes_on_for_a_listener_alone() -> None:
    """No request comes, and yet funding is charged and told."""
    async with client(frozen=False, speed=60) as paper:
        await paper.hedge()
        await paper.order("buy", "LONG", 100)
        async with await user(paper) as heard:
            await paper.control("advance", {"ms": 8 * HOUR - (await paper.state())["now"] % (8 * HOUR) - 30_000})
            told = await heard.event("ACCOUNT_UPDATE", lambda event: event["a"]["m"] == "FUNDING_FEE")
    assert told["T"] % (8 * HOUR) == 0


async def test_the_control_side_mutes_and_drops(paper: Client) -> None:
    async with await user(paper) as mine, ear(paper, "/ws/solusdt@bookTicker") as heard:
        await heard.next()
        assert await paper.control("streams", {"do": "mute", "match": "solusdt@*"}) == {"muted": ["solusdt@*"]}
        await paper.price(200)
        assert await heard.rest() == []
        assert await paper.control("streams", {"do": "unmute"}) == {"muted": []}
        await paper.price(201)
        assert (await heard.next())["b"] == "200.99"
        assert await paper.control("streams", {"do": "drop", "match": "user"}) == {"dropped": 1}
        assert await mine.closed() == 1006  # no goodbye
        await until(lambda: listeners(paper), lambda found: found["streams"] == ["solusdt@bookTicker"])
        for bad in ({}, [], "drop", {"do": "stop"}, {"do": "drop", "match": 5}):
            assert set(await paper.control("streams", bad, status=400)) == {"error"}


# a live market


async def test_streams_of_a_live_market_are_its_venues() -> None:
    names = [BOOK, "solusdt@markPrice@1s", "solusdt@kline_1m", "solusdt@ticker", "solusdt@bookTicker"]
    async with mirror() as market, ear(market.here, f"/stream?streams={'/'.join(names)}") as heard:
        seen: dict[str, Any] = {}
        while set(seen) != set(names):
            message = await heard.next()
            seen[message["stream"]] = message["data"]
        await market.venue_price(150)
        while not {"solusdt@markPrice@1s", "solusdt@bookTicker"} <= {
            name for name, event in seen.items() if event.get("p", event.get("b", ""))[:4] in ("150.", "149.")
        }:
            message = await heard.next()
            if message["stream"] != BOOK:
                seen[message["stream"]] = message["data"]
    assert Decimal(seen["solusdt@bookTicker"]["b"]) < 150 < Decimal(seen["solusdt@bookTicker"]["a"])
