"""Bybit over a loopback stub, with the real ccxt in between: what goes over the wire, and what each answer means."""

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution.forced import forced_on
from orchestrator.execution.venue import (
    ConditionalRequest,
    Duplicate,
    OrderRequest,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Transient,
    VenueError,
)
from tests.dialect_stub import Answer
from tests.venue_stub import AVAX, VenueStub, exchanged

D = Decimal
ID = "vg" + "b" * 30
CREATE, REALTIME, HISTORY = "POST /v5/order/create", "GET /v5/order/realtime", "GET /v5/order/history"
POSITIONS, ACCOUNT = "GET /v5/position/list", "GET /v5/account/info"
BUY = OrderRequest(
    client_order_id=ID, symbol=AVAX, side="buy", position_side="long", type="limit_ioc", quantity=D("12.5"),
    price=D("20.512"),
)  # fmt: skip
STOP = ConditionalRequest(
    client_order_id=ID, symbol=AVAX, side="buy", position_side="short", kind="stop", trigger_price=D("22.5")
)
ROW = {
    "orderId": "o-1", "orderLinkId": ID, "symbol": "AVAXUSDT", "side": "Buy", "positionIdx": 1, "orderStatus": "Filled",
    "qty": "12.5", "cumExecQty": "12.5", "avgPrice": "20.5104", "triggerPrice": "", "reduceOnly": False,
}  # fmt: skip
LEG = {
    "symbol": "AVAXUSDT", "positionIdx": 1, "side": "Buy", "size": "12.5", "avgPrice": "20.51", "markPrice": "20.5",
    "liqPrice": "16.4", "positionIM": "51.3", "positionBalance": "51.4", "leverage": "5",
}  # fmt: skip


def ok(**result: Any) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1_735_689_600_000}


def listing(*rows: Any, cursor: str = "") -> dict[str, Any]:
    return ok(category="linear", list=list(rows), nextPageCursor=cursor)


def refusal(code: int, status: int = 200) -> Answer:
    return Answer(status=status, body={"retCode": code, "retMsg": "no", "result": {}, "time": 1})


def received(name: str = ID) -> dict[str, Any]:
    return ok(orderId="o-1", orderLinkId=name)


def set_up(stub: VenueStub) -> None:
    stub.say(POSITIONS, listing(LEG, {**LEG, "positionIdx": 2, "side": "", "size": "0"}))
    stub.say(ACCOUNT, ok(marginMode="ISOLATED_MARGIN", unifiedMarginStatus=5))


async def test_an_entry_is_received_and_then_looked_up() -> None:
    async with exchanged("bybit") as (venue, stub):
        stub.say(CREATE, received())
        stub.say(REALTIME, listing(ROW))
        report = await venue.place(BUY)
        assert (report.status, report.filled, report.exchange_order_id) == ("new", 0, "o-1")
        found = await venue.find(AVAX, ID, conditional=False)
        (sent,) = stub.sent(CREATE)
        (asked,) = stub.sent(REALTIME)
    assert sent == {
        "category": "linear", "symbol": "AVAXUSDT", "side": "Buy", "positionIdx": 1, "orderType": "Limit",
        "qty": "12.5", "price": "20.512", "timeInForce": "IOC", "reduceOnly": False, "orderLinkId": ID,
    }  # fmt: skip
    assert asked == {"category": "linear", "symbol": "AVAXUSDT", "orderLinkId": ID}
    assert found is not None
    assert (found.status, found.filled, found.average) == ("filled", D("12.5"), D("20.5104"))


@pytest.mark.parametrize(
    ("leg", "kind", "direction"),
    [("long", "stop", 2), ("long", "take_profit", 1), ("short", "stop", 1), ("short", "take_profit", 2)],
)
async def test_the_bracket_closes_whole_legs_on_mark(leg: Any, kind: Any, direction: int) -> None:
    way = "sell" if leg == "long" else "buy"
    order = STOP.model_copy(update={"position_side": leg, "side": way, "kind": kind})
    async with exchanged("bybit") as (venue, stub):
        stub.say(CREATE, received())
        report = await venue.place_conditional(order)
        (sent,) = stub.sent(CREATE)
    assert (report.status, report.position_side, report.trigger_price) == ("new", leg, D("22.5"))
    assert sent == {
        "category": "linear", "symbol": "AVAXUSDT", "side": way.capitalize(), "positionIdx": 1 if leg == "long" else 2,
        "orderType": "Market", "qty": "0", "triggerPrice": "22.5", "triggerBy": "MarkPrice",
        "triggerDirection": direction, "reduceOnly": True, "closeOnTrigger": True, "orderLinkId": ID,
    }  # fmt: skip


async def test_the_bracket_is_read_back_apart_from_other_orders() -> None:
    waits = {**ROW, "orderStatus": "Untriggered", "positionIdx": 2, "triggerPrice": "22.5", "reduceOnly": True}
    async with exchanged("bybit") as (venue, stub):
        works = {**ROW, "orderStatus": "New", "orderLinkId": "another", "cumExecQty": "0"}
        stub.say(REALTIME, listing(waits, cursor="next"), listing(works))
        (found,) = await venue.open_orders(AVAX, conditional=True)
        stub.say(REALTIME, listing(waits, cursor="next"), listing(works))
        (other,) = await venue.open_orders(AVAX, conditional=False)
        asked = stub.sent(REALTIME)
    assert (found.client_order_id, found.position_side, found.trigger_price) == (ID, "short", D("22.5"))
    assert (other.client_order_id, other.status) == ("another", "new")
    query = {"category": "linear", "symbol": "AVAXUSDT", "limit": "50"}
    assert asked == [query, {**query, "cursor": "next"}] * 2


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refusal(110072), Duplicate, "110072"),
        (refusal(110007), Rejected, "110007"),
        (refusal(110017), Rejected, "110017"),
        (refusal(110092), Rejected, "110092"),
        (refusal(110093), Rejected, "110093"),
        (refusal(10003), Rejected, "10003"),
        (refusal(10006), Throttled, "10006"),
        (refusal(10000), OutcomeUnknown, "10000"),
        (refusal(10016), OutcomeUnknown, "10016"),
        (Answer(drop=True), OutcomeUnknown, None),
        (Answer(status=502, text="<html>"), OutcomeUnknown, None),
        (Answer(body=received("another")), OutcomeUnknown, None),
        (Answer(body=ok()), OutcomeUnknown, None),
    ],
    ids=lambda value: str(getattr(value, "body", value))[:40],
)
async def test_what_answers_to_an_order_mean(answer: Answer, kind: type[VenueError], code: str | None) -> None:
    async with exchanged("bybit", timeout_ms=400) as (venue, stub):
        stub.say(CREATE, answer)
        for act in (lambda: venue.place(BUY), lambda: venue.place_conditional(STOP)):
            stub.requests.clear()
            with pytest.raises(VenueError) as caught:
                await act()
            assert (type(caught.value), caught.value.code) == (kind, code)
            assert len(stub.sent(CREATE)) == 1, "never sent twice"


async def test_what_rounding_would_change_is_refused_unsent() -> None:
    async with exchanged("bybit") as (venue, stub):
        for change in ({"quantity": D("12.55")}, {"price": D("20.5125")}, {"quantity": D(0)}):
            with pytest.raises(Rejected, match="step"):
                await venue.place(BUY.model_copy(update=change))
        assert stub.sent(CREATE) == []


async def test_absent_is_what_neither_the_recent_orders_nor_the_history_know() -> None:
    async with exchanged("bybit", timeout_ms=400) as (venue, stub):
        stub.say(REALTIME, listing())
        stub.say(HISTORY, listing())
        assert await venue.find(AVAX, ID, conditional=False) is None
        stub.say(HISTORY, listing({**ROW, "orderStatus": "Cancelled", "cumExecQty": "0", "avgPrice": ""}))
        old = await venue.find(AVAX, ID, conditional=True)
        assert old is not None
        assert old.status == "canceled"
        for silence in (Answer(drop=True), Answer(status=502, text="x"), refusal(10016), Answer(body=ok())):
            stub.say(REALTIME, listing())
            stub.say(HISTORY, silence)
            with pytest.raises(Transient):
                await venue.find(AVAX, ID, conditional=False)
        stub.say(HISTORY, refusal(10003))
        with pytest.raises(Rejected):
            await venue.find(AVAX, ID, conditional=False)


async def test_a_cancelled_order_that_is_gone_is_no_error() -> None:
    key = "POST /v5/order/cancel"
    async with exchanged("bybit", timeout_ms=400) as (venue, stub):
        for code in (110001, 110008, 110010):
            stub.say(key, refusal(code))
            await venue.cancel(AVAX, ID, conditional=True)
        assert stub.sent(key)[0] == {"category": "linear", "symbol": "AVAXUSDT", "orderLinkId": ID}
        stub.say(key, Answer(drop=True))
        with pytest.raises(OutcomeUnknown):
            await venue.cancel(AVAX, ID, conditional=False)


async def test_two_legs_and_never_an_empty_guess() -> None:
    async with exchanged("bybit", timeout_ms=400) as (venue, stub):
        stub.say(POSITIONS, listing(LEG, {**LEG, "positionIdx": 2, "side": "Sell", "size": "12.5", "liqPrice": ""}))
        long, short = await venue.positions([AVAX])
        assert (long.side, long.quantity, long.liquidation_price) == ("long", D("12.5"), D("16.4"))
        assert (short.side, short.quantity, short.liquidation_price) == ("short", D("12.5"), None)
        for silence in (listing(), Answer(drop=True), Answer(status=500, text=""), ok(list=[{"symbol": "AVAXUSDT"}])):
            stub.say(POSITIONS, silence)
            with pytest.raises(Transient):
                await venue.positions([AVAX])


async def test_settings_are_read_and_set() -> None:
    async with exchanged("bybit") as (venue, stub):
        set_up(stub)
        assert await venue.position_mode(AVAX) == "hedge"
        with pytest.raises(Rejected, match="name one"):
            await venue.position_mode()
        settings = await venue.settings(AVAX)
        assert (settings.leverage, settings.short_leverage, settings.margin_mode) == (5, None, "isolated")
        mode, leverage = "POST /v5/position/switch-mode", "POST /v5/position/set-leverage"
        stub.say(mode, ok())
        await venue.set_position_mode("hedge", AVAX)
        assert stub.sent(mode) == [{"category": "linear", "symbol": "AVAXUSDT", "mode": 3}]
        stub.say(mode, refusal(110025))
        await venue.set_position_mode("hedge", AVAX)
        stub.say(mode, refusal(110024))
        with pytest.raises(Rejected):
            await venue.set_position_mode("hedge", AVAX)
        stub.say(leverage, refusal(110043))
        await venue.set_leverage(AVAX, 7)
        assert stub.sent(leverage)[0] == {
            "category": "linear", "symbol": "AVAXUSDT", "buyLeverage": "7", "sellLeverage": "7",
        }  # fmt: skip


async def test_the_margin_mode_is_the_account_s_and_is_left_alone_while_anything_is_held() -> None:
    key = "POST /v5/account/set-margin-mode"
    async with exchanged("bybit") as (venue, stub):
        stub.say(POSITIONS, listing({**LEG, "symbol": "SOLUSDT"}))
        with pytest.raises(Rejected, match="SOLUSDT"):
            await venue.set_margin_mode(AVAX, "isolated")
        assert stub.sent(key) == []
        stub.say(POSITIONS, listing())
        stub.say(key, ok(reasons=[]))
        await venue.set_margin_mode(AVAX, "isolated")
        assert stub.sent(key) == [{"setMarginMode": "ISOLATED_MARGIN"}]


async def test_a_quote_is_made_of_the_venue_s_own_numbers() -> None:
    tier = {"symbol": "AVAXUSDT", "riskLimitValue": "200000", "maxLeverage": "50.00", "maintenanceMargin": "0.01",
            "initialMargin": "0.02"}  # fmt: skip
    async with exchanged("bybit") as (venue, stub):
        set_up(stub)
        stub.say("GET /v5/market/risk-limit", listing(tier))
        stub.say("GET /v5/account/fee-rate", listing({"symbol": "AVAXUSDT", "takerFeeRate": "0.00055",
                                                      "makerFeeRate": "0.0002"}))  # fmt: skip
        quote = await venue.leg_quote(AVAX)
        fees = await venue.fees(AVAX)
    assert (quote.mark, quote.last, quote.mid, quote.leverage) == (D("20.51"), D("20.5"), D("20.5"), 5)
    assert (quote.tiers[0].max_leverage, quote.tiers[0].maintenance_margin_rate) == (50, D("0.01"))
    assert (quote.contract.price_tick, quote.contract.quantity_step, quote.contract.min_notional) == (
        D("0.001"), D("0.1"), 5,
    )  # fmt: skip
    assert (fees.maker, fees.taker) == (D("0.0002"), D("0.00055"))


async def test_histories_are_read_week_by_week_and_page_by_page() -> None:
    row = {"symbol": "AVAXUSDT", "execType": "Trade", "execId": "e1", "orderId": "o", "side": "Sell", "closedSize": "1",
           "execPrice": "20", "execQty": "1", "execFee": "0.01", "execPnl": "2", "execTime": "1735689500000",
           "feeCurrency": ""}  # fmt: skip
    log = {"id": "i", "tradeId": "t", "symbol": "AVAXUSDT", "type": "SETTLEMENT", "change": "-0.5", "cashFlow": "0",
           "funding": "-0.5", "fee": "0", "transactionTime": "1735689500000"}  # fmt: skip
    trades, bills = "GET /v5/execution/list", "GET /v5/account/transaction-log"
    async with exchanged("bybit") as (venue, stub):
        stub.say("GET /v5/market/time", ok())
        stub.say(trades, listing({**row, "execId": "e0"}, cursor="2"), listing(row), listing())
        fills = await venue.fills(AVAX, 1_735_689_600_000 - 8 * 86_400_000)
        asked = stub.sent(trades)
        stub.say(trades, listing({**row, "execType": "AdlTrade"}, row))
        (forced,) = await forced_on(venue, AVAX, 1_735_689_000_000)
        assert (forced.why, forced.position_side) == ("auto_deleveraged", "long")
        stub.say(bills, listing(log, {**log, "id": "j", "symbol": "SOLUSDT"}))
        income = await venue.income(AVAX)
        (bill,) = stub.sent(bills)
    assert [(fill.trade_id, fill.position_side, fill.realized) for fill in fills] == [
        ("e0", "long", D(2)), ("e1", "long", D(2)),
    ]  # fmt: skip
    week = 7 * 86_400_000
    starts = [int(query["startTime"]) for query in asked]
    assert starts == [1_735_689_600_000 - 8 * 86_400_000] * 2 + [1_735_689_600_000 - 86_400_000]
    assert all(int(query["endTime"]) - int(query["startTime"]) < week for query in asked)
    assert [(row.kind, row.amount, row.symbol) for row in income] == [("FUNDING_FEE", D("-0.5"), AVAX)]
    assert (bill["accountType"], bill["currency"], bill["category"]) == ("UNIFIED", "USDT", "linear")


async def test_orders_carry_a_short_window_so_that_late_ones_are_refused() -> None:
    async with exchanged("bybit") as (venue, stub):
        stub.say(CREATE, received())
        await venue.place(BUY)
        assert stub.headers["X-BAPI-RECV-WINDOW"] == "2500"


async def test_a_refused_time_stamp_is_measured_again_and_sent_once_more() -> None:
    async with exchanged("bybit") as (venue, stub):
        stub.say(CREATE, refusal(10002), received())
        await venue.place(BUY)
        assert len(stub.sent(CREATE)) == 2
        assert len(stub.sent("GET /v5/market/time")) == 1
