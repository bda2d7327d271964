"""The control side: price, time, faults and the state document, over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal

import aiohttp
import ccxt
import pytest

from tests.paper_client import AVAX, HOUR, SOL, Client, client, refused, total

ORDER = {"method": "POST", "path": "/fapi/v1/order"}


@pytest.fixture
async def paper() -> AsyncIterator[Client]:
    async with client() as opened:
        await opened.hedge()
        yield opened


async def test_price_moves_one_market_and_what_it_shows(paper: Client) -> None:
    before = await paper.ccxt.fetch_ticker(AVAX)
    answer = await paper.price(200)
    assert answer == {"symbol": "SOLUSDT", "mark": "200.00", "now": paper.engine.now}
    assert (await paper.ccxt.fetch_ticker(SOL))["last"] == 200
    assert (await paper.ccxt.fetch_ticker(AVAX))["last"] == before["last"]
    book = await paper.ccxt.fetch_order_book(SOL, 5)
    assert book["bids"][0][0] < 200 < book["asks"][0][0]
    rate = await paper.ccxt.fetch_funding_rate(SOL)
    assert rate["markPrice"] == 200


@pytest.mark.parametrize(
    "document",
    [{}, [], "x", {"symbol": "SOLUSDT"}, {"symbol": "DOGEUSDT", "price": "1"}]
    + [{"symbol": "SOLUSDT", "price": bad} for bad in ("0", "-1", "nan", "inf", "much", None, "0.001")],
)
async def test_a_bad_price_changes_nothing(paper: Client, document: object) -> None:
    before = (await paper.state())["market"]
    answer = await paper.control("price", document, status=400)
    assert set(answer) == {"error"}
    assert (await paper.state())["market"] == before


@pytest.mark.parametrize("document", [{}, [], {"ms": -1}, {"ms": "soon"}, {"ms": 10**15}, {"ms": 1.5}])
async def test_a_bad_advance_changes_nothing(paper: Client, document: object) -> None:
    now = (await paper.state())["now"]
    await paper.control("advance", document, status=400)
    assert (await paper.state())["now"] == now


async def test_advance_moves_time_for_everybody(paper: Client) -> None:
    start = (await paper.state())["now"]
    assert (await paper.control("advance", {"ms": 90_000})) == {"now": start + 90_000}
    assert await paper.ccxt.fetch_time() == start + 90_000
    # a client that set its clock before the jump still gets through, one that is too old does not
    await paper.ccxt.fetch_balance()
    paper.ccxt.options["timeDifference"] += 97_000
    await refused(paper.ccxt.fetch_balance(), -1021)


async def test_conditionals_fire_while_time_passes_near_their_trigger(paper: Client) -> None:
    await paper.open_pair(100)
    mark = Decimal((await paper.state())["market"]["SOLUSDT"]["mark"])
    up, down = (float(round(mark * f, 2)) for f in (Decimal("1.004"), Decimal("0.996")))
    for side, leg, kind, trigger in (
        ("buy", "SHORT", "STOP_MARKET", up),
        ("sell", "LONG", "TAKE_PROFIT_MARKET", up),
        ("sell", "LONG", "STOP_MARKET", down),
        ("buy", "SHORT", "TAKE_PROFIT_MARKET", down),
    ):
        await paper.conditional(side, leg, kind, trigger)
    await paper.control("advance", {"ms": 48 * HOUR})
    state = await paper.state()
    assert state["positions"] == []
    fills = state["fills"][-2:]
    met = float(fills[0]["price"])
    trigger = up if abs(met - up) < abs(met - down) else down
    for fill in fills:
        assert float(fill["price"]) == pytest.approx(trigger, abs=0.05)


async def test_a_jump_beyond_a_stop_fills_at_the_new_price(paper: Client) -> None:
    await paper.order("buy", "LONG", 100)
    await paper.conditional("sell", "LONG", "STOP_MARKET", 180)
    await paper.price(175)
    fill = (await paper.state())["fills"][-1]
    assert float(fill["price"]) == pytest.approx(175, abs=0.1)


async def test_liquidation_takes_one_leg_its_margin_and_no_more(paper: Client) -> None:
    await paper.open_pair(100)
    await paper.conditional("sell", "LONG", "TAKE_PROFIT_MARKET", 260)
    before = await paper.state()
    margin = next(Decimal(p["isolatedMargin"]) for p in before["positions"] if p["positionSide"] == "LONG")
    await paper.price(120)
    after = await paper.state()
    assert [p["positionSide"] for p in after["positions"]] == ["SHORT"]
    lost = Decimal(before["balances"]["USDT"]["wallet"]) - Decimal(after["balances"]["USDT"]["wallet"])
    assert lost == margin
    order = next(row for row in after["orders"] if row["clientOrderId"].startswith("autoclose-"))
    assert (order["status"], order["origQty"], order["executedQty"], order["side"]) == ("FILLED", "100", "100", "SELL")
    assert next(row["status"] for row in after["orders"] if row["algo"]) == "EXPIRED"


async def test_funding_is_charged_at_its_times_as_history_shows_it(paper: Client) -> None:
    await paper.order("buy", "LONG", 100)
    start = (await paper.state())["now"]
    shown = (await paper.ccxt.fetch_funding_rate(SOL))["fundingRate"]
    assert shown > 0
    await paper.control("advance", {"ms": 25 * HOUR})
    state = await paper.state()
    rows = [row for row in state["income"] if row["incomeType"] == "FUNDING_FEE"]
    assert [row["time"] for row in rows] == [start + n * 8 * HOUR for n in (1, 2, 3)]
    history = await paper.ccxt.fapiPublicGetFundingRate({"symbol": "SOLUSDT", "startTime": start + 1})
    assert [int(row["fundingTime"]) for row in history] == [row["time"] for row in rows]
    for row, settled in zip(rows, history, strict=True):
        expected = -100 * Decimal(settled["fundingRate"]) * Decimal(settled["markPrice"])
        assert Decimal(row["income"]) == pytest.approx(expected, abs=Decimal("1e-3"))
    assert Decimal(state["funding_paid"]) == -total(rows, "income") > 0


async def test_funding_of_a_balanced_pair_is_zero(paper: Client) -> None:
    await paper.open_pair(100)
    await paper.control("advance", {"ms": 9 * HOUR})
    state = await paper.state()
    assert len([row for row in state["income"] if row["incomeType"] == "FUNDING_FEE"]) == 2
    assert Decimal(state["funding_paid"]) == 0


async def test_dropped_response_is_processed_and_sends_no_byte(paper: Client) -> None:
    await paper.control("faults", [{"match": {**ORDER, "nth": 2}, "do": "drop_response"}])
    await paper.order("buy", "LONG", 10, newClientOrderId="heard")
    with pytest.raises(ccxt.NetworkError):
        await paper.order("sell", "SHORT", 10, newClientOrderId="unheard")
    found = await paper.ccxt.fetch_order(None, SOL, {"origClientOrderId": "unheard"})
    assert found["status"] == "closed"
    state = await paper.state()
    assert len(state["positions"]) == 2
    struck = [row for row in state["requests"] if row["fault"]]
    assert [(row["method"], row["path"], row["status"], row["fault"]) for row in struck] == [
        ("POST", "/fapi/v1/order", 200, "drop_response")
    ]
    await paper.order("sell", "SHORT", 10, newClientOrderId="third")


async def test_dropped_response_on_the_wire(paper: Client) -> None:
    match = {"method": "*", "path": "/fapi/v1/tim*"}
    await paper.control("faults", [{"match": match, "do": "drop_response"}])
    reader, writer = await asyncio.open_connection("127.0.0.1", paper.running.port)
    writer.write(b"GET /fapi/v1/time HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    assert await asyncio.wait_for(reader.read(), 60) == b""
    writer.close()


async def test_delay_status_and_error_code(paper: Client) -> None:
    url = f"{paper.running.url}/fapi/v1/time"
    await paper.control("faults", [{"match": {"path": "/fapi/v1/time", "nth": 1}, "do": "delay_ms", "ms": 150}])
    began = time.monotonic_ns()
    async with paper.session.get(url) as answer:
        assert answer.status == 200
    assert time.monotonic_ns() - began >= 150e6
    await paper.control("faults", [{"match": {"path": "/fapi/v1/*"}, "do": "status", "status": 503}])
    for _ in range(2):
        async with paper.session.get(url) as answer:
            assert answer.status == 503
    await paper.control(
        "faults", [{"match": ORDER, "do": "error_code", "code": -2019, "msg": "Margin is insufficient."}]
    )
    await refused(paper.order("buy", "LONG", 10), -2019)
    assert (await paper.state())["orders"] == []
    await paper.control("faults", [])
    await paper.order("buy", "LONG", 10)


async def test_a_status_may_say_when_to_come_back(paper: Client) -> None:
    url = f"{paper.running.url}/fapi/v1/time"
    for more, header in (({"retry_after": 7}, "7"), ({"retry_after": 0}, "0"), ({}, None)):
        await paper.control("faults", [{"match": {"path": "/fapi/v1/time"}, "do": "status", "status": 429, **more}])
        async with paper.session.get(url) as answer:
            assert (answer.status, answer.headers.get("Retry-After")) == (429, header)


async def test_a_cut_body_is_processed_announced_whole_and_sent_half(paper: Client) -> None:
    whole = await _wire(paper, b"GET /fapi/v1/exchangeInfo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    await paper.control("faults", [{"match": {"path": "/fapi/v1/exchangeInfo", "nth": 1}, "do": "cut_body"}])
    cut = await _wire(paper, b"GET /fapi/v1/exchangeInfo HTTP/1.1\r\nHost: x\r\n\r\n")
    announced = int(cut[0].split(b"Content-Length: ")[1].split(b"\r\n")[0])
    assert cut[0].startswith(b"HTTP/1.1 200 OK")
    assert (announced, len(cut[1])) == (len(whole[1]), len(whole[1]) // 2)
    assert whole[1].startswith(cut[1])

    await paper.control("faults", [{"match": ORDER, "do": "cut_body"}])
    with pytest.raises(ccxt.BaseError):
        await paper.order("buy", "LONG", 10, newClientOrderId="halfheard")
    state = await paper.state()
    assert [row["clientOrderId"] for row in state["orders"]] == ["halfheard"]
    struck = [row for row in state["requests"] if row["fault"]]
    assert [(row["path"], row["status"], row["fault"]) for row in struck] == [
        ("/fapi/v1/exchangeInfo", 200, "cut_body"),
        ("/fapi/v1/order", 200, "cut_body"),
    ]


async def _wire(paper: Client, request: bytes) -> tuple[bytes, bytes]:
    """Head and body of an answer, read until the exchange closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", paper.running.port)
    writer.write(request)
    head, _, body = (await asyncio.wait_for(reader.read(), 60)).partition(b"\r\n\r\n")
    writer.close()
    return head, body


async def test_the_list_of_requests_tells_their_time_also_while_the_exchange_stands_still(paper: Client) -> None:
    now = (await paper.state())["now"]
    began = time.monotonic_ns()
    await paper.ccxt.fetch_time()
    await asyncio.sleep(0.05)
    await paper.ccxt.fetch_time()
    took = (time.monotonic_ns() - began) / 1e6
    state = await paper.state()
    first, second = (row["time"] for row in state["requests"][-2:])
    assert 50 <= second - first <= took
    assert state["now"] == now


async def test_partial_fill_takes_a_share(paper: Client) -> None:
    await paper.control("faults", [{"match": {**ORDER, "nth": 1}, "do": "partial_fill", "fraction": 0.3}])
    part = await paper.order("buy", "LONG", 100)
    assert (part["filled"], part["status"]) == (30, "expired")
    whole = await paper.order("sell", "SHORT", 100)
    assert whole["filled"] == 100


@pytest.mark.parametrize(("fraction", "filled"), [(0.5, 1), (0.01, 1), (0, 0)])
async def test_a_part_of_one_step_is_the_step(fraction: float, filled: int, paper: Client) -> None:
    """Else an order of one step would never be filled, however often it is sent again."""
    await paper.control("faults", [{"match": ORDER, "do": "partial_fill", "fraction": fraction}])
    assert (await paper.order("buy", "LONG", 1))["filled"] == filled


@pytest.mark.parametrize("side", ["SHORT", "short"])
async def test_reject_leg_strikes_its_side_only(side: str, paper: Client) -> None:
    await paper.control("faults", [{"match": ORDER, "do": "reject_leg", "position_side": side}])
    await paper.order("buy", "LONG", 10)
    await refused(paper.order("sell", "SHORT", 10), -2019)
    assert list(await paper.positions()) == ["long"]


@pytest.mark.parametrize("option", [{}, {"position_side": "BOTH"}])
async def test_reject_leg_strikes_both_sides(option: dict[str, str], paper: Client) -> None:
    await paper.control("faults", [{"match": ORDER, "do": "reject_leg", **option}])
    await refused(paper.order("buy", "LONG", 10), -2019)
    await refused(paper.order("sell", "SHORT", 10), -2019)


@pytest.mark.parametrize(
    "plan",
    [
        {},
        "x",
        [1],
        [{"do": "explode"}],
        [{"do": "status", "match": {"host": "x"}}],
        [{"do": "status", "match": {"nth": 0}}],
        [{"do": "status", "match": {"nth": True}}],
        [{"do": "status", "match": "x"}],
        [{"do": "status", "match": {"method": 5}}],
        [{"do": "status", "match": {"path": 5}}],
        [{"do": "delay_ms", "ms": "long"}],
        [{"do": "delay_ms", "ms": -5}],
        [{"do": "partial_fill", "fraction": 2}],
        [{"do": "status", "status": 99}],
        *([{"do": "status", "status": 429, "retry_after": bad}] for bad in (-1, 1.5, "1", True, None, 10**6)),
        [{"do": "error_code", "retry_after": 1}],
        [{"do": "cut_body", "share": 0.5}],
        [{"do": "error_code", "code": "x"}],
        [{"do": "reject_leg", "position_side": "UP"}],
    ],
)
async def test_a_bad_plan_is_refused_and_the_old_one_stays(paper: Client, plan: object) -> None:
    await paper.control("faults", [{"match": {"path": "/fapi/v1/time"}, "do": "status", "status": 418}])
    assert "error" in await paper.control("faults", plan, status=400)
    async with paper.session.get(f"{paper.running.url}/fapi/v1/time") as answer:
        assert answer.status == 418


async def test_control_takes_json_only(paper: Client) -> None:
    for path in ("price", "advance", "faults"):
        async with paper.session.post(f"{paper.running.url}/_control/{path}", data=b"{nonsense") as answer:
            assert answer.status == 400
            assert "error" in await answer.json()


async def test_state_has_the_pinned_keys(paper: Client) -> None:
    await paper.open_pair()
    await paper.conditional("sell", "LONG", "STOP_MARKET", 170)
    state = await paper.state()
    pinned = "now market balances positions orders fills fees_paid funding_paid requests"
    assert set(pinned.split()) <= set(state)
    assert set(state) - set(pinned.split()) == {"income", "hedge"}
    assert set(state["market"]) == {"SOLUSDT", "AVAXUSDT"}
    assert set(state["market"]["SOLUSDT"]) == {"mark", "bid", "ask"}
    keys = {"symbol", "positionSide", "quantity", "entryPrice", "isolatedMargin", "liquidationPrice"}
    assert [set(row) for row in state["positions"]] == [keys, keys]
    order = {"clientOrderId", "orderId", "symbol", "side", "positionSide", "type", "status", "origQty", "executedQty"}
    order |= {"algo"}
    assert all(order <= set(row) for row in state["orders"])
    assert [row["algo"] for row in state["orders"]] == [False, False, True]
    assert {frozenset(row) for row in state["requests"]} == {
        frozenset({"n", "time", "method", "path", "status", "fault"})
    }
    assert [row["n"] for row in state["requests"]] == list(range(1, len(state["requests"]) + 1))
    for text in (state["fees_paid"], state["funding_paid"], *(p["quantity"] for p in state["positions"])):
        assert isinstance(text, str)
    assert Decimal(state["fees_paid"]) == total(state["fills"], "commission")


async def test_control_answers_on_loopback_only(paper: Client) -> None:
    assert paper.running.url.startswith("http://127.0.0.1:")
    async with aiohttp.ClientSession() as session, session.get(f"{paper.running.url}/_control/nothing") as answer:
        assert answer.status == 404
