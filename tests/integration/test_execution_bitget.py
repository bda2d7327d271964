"""Bitget over a loopback stub, with the real ccxt in between; answers are written by hand from its documentation."""

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution.codes import PreflightCode as P
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
from tests.fake_venue import plan_for
from tests.venue_stub import AVAX, exchanged

D = Decimal
ID = "vg" + "e" * 30
API = "/api/v2/mix"
ORDER, TPSL, DETAIL = f"POST {API}/order/place-order", f"POST {API}/order/place-tpsl-order", f"GET {API}/order/detail"
PENDING, HISTORY = f"GET {API}/order/orders-plan-pending", f"GET {API}/order/orders-plan-history"
ACCOUNT, POSITIONS = f"GET {API}/account/account", f"GET {API}/position/single-position"
FUTURES = {"productType": "USDT-FUTURES", "symbol": "AVAXUSDT"}
BUY = OrderRequest(
    client_order_id=ID, symbol=AVAX, side="buy", position_side="long", type="limit_ioc", quantity=D("12.5"),
    price=D("20.512"),
)  # fmt: skip
STOP = ConditionalRequest(
    client_order_id=ID, symbol=AVAX, side="buy", position_side="short", kind="stop", trigger_price=D("22.5")
)
ROW = {
    "clientOid": ID, "orderId": "7", "symbol": "AVAXUSDT", "side": "buy", "posSide": "long", "tradeSide": "open",
    "state": "filled", "size": "12.5", "baseVolume": "12.5", "priceAvg": "20.5104",
}  # fmt: skip
WAITS = {
    "clientOid": ID, "orderId": "9", "symbol": "AVAXUSDT", "planType": "pos_loss", "planStatus": "live", "side": "sell",
    "posSide": "short", "tradeSide": "close", "size": "0", "triggerPrice": "22.5", "triggerType": "mark_price",
}  # fmt: skip
SETTINGS = {
    "marginCoin": "USDT", "posMode": "hedge_mode", "marginMode": "isolated", "isolatedLongLever": 5,
    "isolatedShortLever": 5, "crossedMarginLeverage": 10,
}  # fmt: skip


def data(document: Any) -> dict[str, Any]:
    return {"code": "00000", "msg": "success", "requestTime": 1, "data": document}


def entrusted(*rows: Any) -> dict[str, Any]:
    return data({"entrustedList": list(rows) or None, "endId": "1"})


def refusal(code: int, status: int = 400) -> Answer:
    return Answer(status=status, body={"code": str(code), "msg": "no", "requestTime": 1, "data": None})


def received(name: str = ID) -> dict[str, Any]:
    return data({"orderId": "7", "clientOid": name})


async def test_an_entry_is_received_and_then_looked_up() -> None:
    async with exchanged("bitget") as (venue, stub):
        stub.say(ORDER, received())
        stub.say(DETAIL, data(ROW))
        report = await venue.place(BUY)
        found = await venue.find(AVAX, ID, conditional=False)
        assert stub.sent(ORDER) == [
            {
                **FUTURES, "marginCoin": "USDT", "marginMode": "isolated", "side": "buy", "tradeSide": "open",
                "orderType": "limit", "force": "ioc", "size": "12.5", "price": "20.512", "clientOid": ID,
            }
        ]  # fmt: skip
        assert stub.sent(DETAIL) == [{**FUTURES, "clientOid": ID}]
    assert (report.status, report.exchange_order_id) == ("new", "7")
    assert found is not None
    assert (found.status, found.side, found.filled, found.average) == ("filled", "buy", D("12.5"), D("20.5104"))


@pytest.mark.parametrize("leg", ["long", "short"])
@pytest.mark.parametrize(("kind", "plan"), [("stop", "pos_loss"), ("take_profit", "pos_profit")])
async def test_the_bracket_closes_whole_legs_on_mark(leg: Any, kind: Any, plan: str) -> None:
    way = "sell" if leg == "long" else "buy"
    async with exchanged("bitget") as (venue, stub):
        assert not venue.traits.paired_bracket
        stub.say(TPSL, received())
        await venue.place_conditional(STOP.model_copy(update={"position_side": leg, "side": way, "kind": kind}))
        assert stub.sent(TPSL) == [
            {
                **FUTURES, "marginCoin": "USDT", "planType": plan, "holdSide": leg, "triggerPrice": "22.5",
                "triggerType": "mark_price", "clientOid": ID,
            }
        ]  # fmt: skip


async def test_the_bracket_is_read_back_and_foreign_kinds_are_seen_too() -> None:
    foreign = {**WAITS, "clientOid": "other", "planType": "normal_plan", "tradeSide": "open", "posSide": "long"}
    async with exchanged("bitget") as (venue, stub):
        stub.say(PENDING, entrusted())
        assert await venue.open_orders(AVAX, conditional=True) == []
        assert {query["planType"] for query in stub.sent(PENDING)} == {"profit_loss", "normal_plan", "track_plan"}
        stub.say(PENDING, entrusted(WAITS), entrusted(foreign), entrusted())
        found = await venue.open_orders(AVAX, conditional=True)
        assert {(row.client_order_id, row.side, row.position_side, row.trigger_price) for row in found} == {
            (ID, "buy", "short", D("22.5")), ("other", "buy", "long", D("22.5")),
        }  # fmt: skip
        works = {**ROW, "status": "live", "baseVolume": "0", "priceAvg": ""}
        del works["state"]
        stub.say(f"GET {API}/order/orders-pending", entrusted(works))
        (order,) = await venue.open_orders(AVAX, conditional=False)
        assert (order.status, order.quantity, order.average) == ("new", D("12.5"), None)


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refusal(40786), Duplicate, "40786"),
        (refusal(40762), Rejected, "40762"),
        (refusal(22002), Rejected, "22002"),
        (refusal(40832), Rejected, "40832"),
        (refusal(429, 429), Throttled, "429"),
        (refusal(40010), OutcomeUnknown, "40010"),
        (refusal(40725), OutcomeUnknown, "40725"),
        (refusal(40015, 500), OutcomeUnknown, "40015"),
        (Answer(drop=True), OutcomeUnknown, None),
        (Answer(body=received("another")), OutcomeUnknown, None),
        (Answer(body=data(None)), OutcomeUnknown, None),
    ],
    ids=lambda value: str(getattr(value, "body", value))[:40],
)
async def test_what_answers_to_an_order_mean(answer: Answer, kind: type[VenueError], code: str | None) -> None:
    async with exchanged("bitget", timeout_ms=400) as (venue, stub):
        for key, act in ((ORDER, lambda: venue.place(BUY)), (TPSL, lambda: venue.place_conditional(STOP))):
            stub.say(key, answer)
            with pytest.raises(VenueError) as caught:
                await act()
            assert (type(caught.value), caught.value.code) == (kind, code)
            assert len(stub.sent(key)) == 1, "never sent twice"


async def test_what_rounding_would_change_is_refused_unsent() -> None:
    async with exchanged("bitget") as (venue, stub):
        for change in ({"quantity": D("12.55")}, {"price": D("20.5125")}, {"quantity": D(0)}):
            with pytest.raises(Rejected, match="step"):
                await venue.place(BUY.model_copy(update=change))
        assert stub.sent(ORDER) == []


async def test_absent_only_when_the_venue_says_so_and_final_only_after_its_30_seconds() -> None:
    async with exchanged("bitget", timeout_ms=400) as (venue, stub):
        assert venue.traits.absent_after_s > 30
        stub.say(DETAIL, refusal(40109))
        assert await venue.find(AVAX, ID, conditional=False) is None
        stub.say(PENDING, entrusted())
        stub.say(HISTORY, entrusted())
        assert await venue.find(AVAX, ID, conditional=True) is None
        for silence in (Answer(drop=True), Answer(status=502, text="x"), refusal(40725), Answer(body=data(None))):
            stub.say(DETAIL, silence)
            stub.say(HISTORY, silence)
            for conditional in (False, True):
                with pytest.raises(Transient):
                    await venue.find(AVAX, ID, conditional=conditional)
        stub.say(DETAIL, refusal(40014))
        with pytest.raises(Rejected):
            await venue.find(AVAX, ID, conditional=False)
        stub.say(HISTORY, entrusted({**WAITS, "planStatus": "executed"}))
        fired = await venue.find(AVAX, ID, conditional=True)
        assert fired is not None
        assert (fired.status, fired.position_side) == ("triggered", "short")
        asked = stub.sent(PENDING)[-1]
        assert (asked["clientOid"], asked["planType"]) == (ID, "profit_loss")


async def test_a_cancelled_order_that_is_gone_is_no_error() -> None:
    plain, plans = f"POST {API}/order/cancel-order", f"POST {API}/order/cancel-plan-order"
    async with exchanged("bitget", timeout_ms=400) as (venue, stub):
        stub.say(plain, refusal(40768))
        await venue.cancel(AVAX, ID, conditional=False)
        assert stub.sent(plain) == [{**FUTURES, "clientOid": ID}]
        stub.say(plans, data({"successList": [{"clientOid": ID}], "failureList": []}))
        await venue.cancel(AVAX, ID, conditional=True)
        assert stub.sent(plans) == [{**FUTURES, "marginCoin": "USDT", "orderIdList": [{"clientOid": ID}]}]
        stub.say(plans, data({"successList": [], "failureList": [{"clientOid": ID, "errorCode": "43025"}]}))
        await venue.cancel(AVAX, ID, conditional=True)
        stub.say(plans, data({"successList": [], "failureList": [{"clientOid": ID, "errorCode": "40014"}]}))
        with pytest.raises(Rejected):
            await venue.cancel(AVAX, ID, conditional=True)
        for silence in (Answer(drop=True), Answer(body=data(None))):
            stub.say(plans, silence)
            with pytest.raises(OutcomeUnknown):
                await venue.cancel(AVAX, ID, conditional=True)


async def test_two_legs_and_never_an_empty_guess() -> None:
    leg = {
        "symbol": "AVAXUSDT", "holdSide": "long", "total": "12.5", "openPriceAvg": "20.51", "markPrice": "20.5",
        "liquidationPrice": "16.4", "marginSize": "51.3", "leverage": "5", "marginMode": "isolated",
    }  # fmt: skip
    async with exchanged("bitget", timeout_ms=400) as (venue, stub):
        stub.say(POSITIONS, data([leg, {**leg, "holdSide": "short", "liquidationPrice": "0"}]))
        long, short = await venue.positions([AVAX])
        assert (long.side, long.quantity, long.liquidation_price) == ("long", D("12.5"), D("16.4"))
        assert (short.side, short.liquidation_price, short.margin_mode) == ("short", None, "isolated")
        stub.say(POSITIONS, data([]))
        assert await venue.positions([AVAX]) == []
        unreadable = (Answer(body=data(None)), Answer(body=data([{**leg, "total": ""}])))
        for silence in (Answer(drop=True), refusal(40725), *unreadable):
            stub.say(POSITIONS, silence)
            with pytest.raises(Transient):
                await venue.positions([AVAX])


async def test_settings_are_read_and_set_for_each_leg() -> None:
    leverage, margin = f"POST {API}/account/set-leverage", f"POST {API}/account/set-margin-mode"
    mode = f"POST {API}/account/set-position-mode"
    async with exchanged("bitget") as (venue, stub):
        stub.say(ACCOUNT, data(SETTINGS))
        assert await venue.position_mode(AVAX) == "hedge"
        with pytest.raises(Rejected, match="name one"):
            await venue.position_mode()
        assert (await venue.settings(AVAX)).at(5)
        stub.say(ACCOUNT, data({**SETTINGS, "isolatedShortLever": 7}))
        assert (await venue.settings(AVAX)).leverages == "5x long and 7x short"
        stub.say(ACCOUNT, data({**SETTINGS, "marginMode": "crossed"}))
        crossed = await venue.settings(AVAX)
        assert (crossed.margin_mode, crossed.leverage) == ("cross", 10)
        for key in (mode, leverage, margin):
            stub.say(key, data({}))
        await venue.set_position_mode("hedge", AVAX)
        await venue.set_margin_mode(AVAX, "isolated")
        await venue.set_leverage(AVAX, 7)
        coin = {**FUTURES, "marginCoin": "USDT"}
        assert stub.sent(mode) == [{"productType": "USDT-FUTURES", "posMode": "hedge_mode"}]
        assert stub.sent(margin) == [{**coin, "marginMode": "isolated"}]
        assert stub.sent(leverage) == [{**coin, "leverage": "7", "holdSide": leg} for leg in ("long", "short")]


async def test_a_quote_is_made_of_the_venue_s_own_numbers() -> None:
    tier = {"level": "1", "startUnit": "0", "endUnit": "50000", "leverage": "75", "keepMarginRate": "0.01"}
    async with exchanged("bitget") as (venue, stub):
        stub.say(ACCOUNT, data(SETTINGS))
        stub.say(f"GET {API}/market/query-position-lever", data([tier]))
        stub.say("GET /api/v2/common/trade-rate", data({"makerFeeRate": "0.0002", "takerFeeRate": "0.0006"}))
        quote, fees = await venue.leg_quote(AVAX), await venue.fees(AVAX)
    assert (quote.mark, quote.last, quote.index, quote.mid) == (D("20.51"), D("20.5"), D("20.49"), D("20.5"))
    assert (quote.tiers[0].notional_cap, quote.tiers[0].max_leverage) == (50000, 75)
    assert (quote.contract.price_tick, quote.contract.quantity_step, quote.contract.min_notional) == (
        D("0.001"), D("0.1"), 5,
    )  # fmt: skip
    assert (fees.maker, fees.taker) == (D("0.0002"), D("0.0006"))


async def test_money_and_history() -> None:
    row = {"marginCoin": "USDT", "accountEquity": "1000", "unrealizedPL": "-10", "available": "800",
           "isolatedMaxAvailable": "700"}  # fmt: skip
    fill = {"tradeId": "1", "orderId": "7", "symbol": "AVAXUSDT", "side": "sell", "tradeSide": "close", "price": "20",
            "baseVolume": "0.5", "profit": "1.5", "feeDetail": [{"feeCoin": "USDT", "totalFee": "-0.005"}],
            "cTime": "1735689500000"}  # fmt: skip
    bill = {"billId": "2", "symbol": "AVAXUSDT", "businessType": "close_short", "amount": "1.5", "fee": "-0.005",
            "cTime": "1735689500000"}  # fmt: skip
    funding = {**bill, "billId": "3", "businessType": "contract_settle_fee", "amount": "-0.4", "fee": "0"}
    async with exchanged("bitget") as (venue, stub):
        stub.say(f"GET {API}/account/accounts", data([row]))
        balance = await venue.balance()
        stub.say("GET /api/v2/public/time", data({"serverTime": "1735689600000"}))
        stub.say(f"GET {API}/order/fills", data({"fillList": [fill], "endId": "1"}))
        (trade,) = await venue.fills(AVAX, 1_735_689_000_000)
        stub.say(f"GET {API}/account/bill", data({"bills": [bill, funding], "endId": "1"}))
        income = await venue.income(AVAX, 1_735_689_000_000)
    assert (balance.wallet, balance.equity, balance.available) == (1010, 1000, 700)
    # side names the leg: sell/close bought the short back
    assert (trade.side, trade.position_side, trade.fee, trade.realized) == ("buy", "short", D("0.005"), D("1.5"))
    assert [(row.kind, row.amount) for row in income] == [
        ("REALIZED_PNL", D("1.5")), ("COMMISSION", D("-0.005")), ("FUNDING_FEE", D("-0.4")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rights", "codes"),
    [
        (["coor", "coow", "cpor", "cpow"], []),
        (["coor", "cpor"], [P.PERMISSION]),
        (["coow", "cpow", "withdraw"], [P.WITHDRAWAL]),
    ],
)
async def test_what_the_key_may_not_do_is_refused_with_the_remedy(rights: list[str], codes: list[P]) -> None:
    plan = plan_for().model_copy(update={"symbol": AVAX})
    async with exchanged("bitget") as (venue, stub):
        stub.say(ACCOUNT, data(SETTINGS))
        stub.say("GET /api/v2/spot/account/info", data({"userId": "1", "authorities": rights}))
        found = await venue.obstacles(plan)
    assert [problem.code for problem in found] == codes


async def test_a_unified_account_is_refused_with_the_remedy() -> None:
    plan = plan_for().model_copy(update={"symbol": AVAX})
    async with exchanged("bitget") as (venue, stub):
        stub.say(ACCOUNT, refusal(40085))
        (problem,) = await venue.obstacles(plan)
        assert (problem.code, problem.remedy) == (P.ACCOUNT_KIND, "trade on a classic (sub-)account")
        stub.say(ACCOUNT, refusal(40014))
        with pytest.raises(Rejected):
            await venue.obstacles(plan)


async def test_a_refused_time_stamp_is_measured_again_and_sent_once_more() -> None:
    async with exchanged("bitget") as (venue, stub):
        stub.say(ORDER, refusal(40008), Answer(body=received()))
        await venue.place(BUY)
        assert len(stub.sent(ORDER)) == 2
        assert len(stub.sent("GET /api/v2/public/time")) == 1
