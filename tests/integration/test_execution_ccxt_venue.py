"""What goes over the wire, and what each kind of answer means, with the real ccxt in between."""

import itertools
from decimal import Decimal
from typing import Any

import pytest

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
from tests.dialect_stub import Answer, stubbed_venue
from tests.fake_venue import plan_for

D = Decimal
SOL = "SOL/USDT:USDT"
ID = "vg" + "a" * 30
ORDER, ALGO = "POST /fapi/v1/order", "POST /fapi/v1/algoOrder"

BUY = OrderRequest(
    client_order_id=ID,
    symbol=SOL,
    side="buy",
    position_side="long",
    type="limit_ioc",
    quantity=D(312),
    price=D("120.12"),
)
STOP = ConditionalRequest(
    client_order_id=ID, symbol=SOL, side="buy", position_side="short", kind="stop", trigger_price=D(126)
)
FILLED = {
    "clientOrderId": ID, "orderId": 7, "symbol": "SOLUSDT", "side": "BUY", "positionSide": "LONG", "status": "FILLED",
    "origQty": "312", "executedQty": "312", "avgPrice": "120.0100",
}  # fmt: skip
RESTING = {
    "clientAlgoId": ID, "algoId": 9, "symbol": "SOLUSDT", "side": "BUY", "positionSide": "SHORT", "algoStatus": "NEW",
    "quantity": "0", "triggerPrice": "126.00", "orderType": "STOP_MARKET", "closePosition": True,
}  # fmt: skip


def refusal(code: int, status: int = 400, text: str = "no") -> Answer:
    return Answer(status=status, body={"code": code, "msg": text})


async def test_an_order_is_sent_once_even_by_a_client_that_retries() -> None:
    async with stubbed_venue(timeout_ms=300) as (venue, stub):
        venue._exchange.options["maxRetriesOnFailure"] = 3
        for key, act in ((ORDER, lambda: venue.place(BUY)), (ALGO, lambda: venue.place_conditional(STOP))):
            stub.say(key, Answer(drop=True))
            with pytest.raises(OutcomeUnknown):
                await act()
            assert len(stub.sent(key)) == 1


async def test_an_entry_goes_out_once_with_our_id_and_a_short_window() -> None:
    async with stubbed_venue() as (venue, stub):
        stub.say(ORDER, Answer(body=FILLED))
        report = await venue.place(BUY)
        (sent,) = stub.sent(ORDER)
    assert (report.status, report.filled, report.average, report.exchange_order_id) == ("filled", 312, D("120.01"), "7")
    wanted = {
        "symbol": "SOLUSDT", "side": "BUY", "positionSide": "LONG", "type": "LIMIT", "timeInForce": "IOC",
        "quantity": "312", "price": "120.12", "newClientOrderId": ID, "newOrderRespType": "RESULT",
        "recvWindow": "2500",
    }  # fmt: skip
    assert {key: sent.get(key) for key in wanted} == wanted
    assert set(sent) - set(wanted) == {"timestamp", "signature"}, "no reduceOnly: hedge mode refuses it"


async def test_a_close_carries_its_position_side_and_nothing_else() -> None:
    async with stubbed_venue() as (venue, stub):
        stub.say(ORDER, Answer(body={**FILLED, "side": "SELL"}))
        order = BUY.model_copy(update={"side": "sell", "type": "market", "price": None, "reduces": True})
        await venue.place(order)
        (sent,) = stub.sent(ORDER)
    assert (sent["side"], sent["positionSide"], sent["type"]) == ("SELL", "LONG", "MARKET")
    assert not {"reduceOnly", "price", "timeInForce", "closePosition"} & set(sent)


async def test_a_bracket_order_closes_the_whole_side_on_mark() -> None:
    async with stubbed_venue() as (venue, stub):
        stub.say(ALGO, Answer(body=RESTING))
        report = await venue.place_conditional(STOP)
        (sent,) = stub.sent(ALGO)
    assert (report.status, report.trigger_price, report.position_side) == ("new", 126, "short")
    wanted = {
        "symbol": "SOLUSDT", "algoType": "CONDITIONAL", "side": "BUY", "positionSide": "SHORT", "type": "STOP_MARKET",
        "triggerPrice": "126", "workingType": "MARK_PRICE", "closePosition": "true", "clientAlgoId": ID,
    }  # fmt: skip
    assert {key: sent.get(key) for key in wanted} == wanted
    assert not {"quantity", "reduceOnly"} & set(sent)


UNKNOWN = [
    Answer(drop=True),
    Answer(slow_s=0.6, body=FILLED),
    Answer(text="<html>gateway</html>"),
    Answer(status=502, text="<html>Bad Gateway</html>"),
    Answer(status=503, body={"code": -1008, "msg": "overloaded"}),
    Answer(status=503, text=""),
    Answer(status=504, text=""),
    refusal(-1006),
    refusal(-1007, 408, "Timeout waiting for response from backend server. Send status unknown"),
    refusal(-1000),
    refusal(-1001),
    Answer(body={}),
    Answer(body=[]),
    Answer(body={**FILLED, "status": "SOMETHING"}),
    Answer(body={**FILLED, "clientOrderId": "another"}),
    Answer(body={**FILLED, "executedQty": None}),
    Answer(status=500, body={"code": -4000, "msg": "strange"}),
]


@pytest.mark.parametrize("answer", UNKNOWN, ids=lambda a: f"{a.status} {a.body} {a.text} {a.drop}"[:60])
async def test_answers_after_which_the_order_may_exist(answer: Answer) -> None:
    async with stubbed_venue(timeout_ms=300) as (venue, stub):
        stub.say(ORDER, answer)
        with pytest.raises(OutcomeUnknown):
            await venue.place(BUY)
        assert len(stub.sent(ORDER)) == 1, "never sent twice"


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refusal(-2019, text="Margin is insufficient."), Rejected, "-2019"),
        (refusal(-4164, text="Order's notional must be no smaller than 5"), Rejected, "-4164"),
        (refusal(-2022, text="ReduceOnly Order is rejected."), Rejected, "-2022"),
        (refusal(-4061, text="Order's position side does not match user's setting."), Rejected, "-4061"),
        (refusal(-2014, 401, "API-key format invalid."), Rejected, "-2014"),
        (refusal(-1003, 429, "Too many requests"), Throttled, "-1003"),
        (refusal(-1003, 418, "banned until 1735689600000"), Throttled, "-1003"),
        (refusal(-4116, text="ClientOrderId is duplicated."), Duplicate, "-4116"),
    ],
)
async def test_answers_after_which_nothing_happened(answer: Answer, kind: type[VenueError], code: str) -> None:
    async with stubbed_venue() as (venue, stub):
        for key, act in ((ORDER, lambda: venue.place(BUY)), (ALGO, lambda: venue.place_conditional(STOP))):
            stub.say(key, answer)
            with pytest.raises(VenueError) as caught:
                await act()
            assert (type(caught.value), caught.value.code) == (kind, code)
            assert len(stub.sent(key)) == 1


async def test_a_refused_time_stamp_is_measured_again_and_sent_once_more() -> None:
    async with stubbed_venue() as (venue, stub):
        stub.say(
            ORDER, refusal(-1021, text="Timestamp for this request is outside of the recvWindow."), Answer(body=FILLED)
        )
        before = len(stub.sent("GET /fapi/v1/time"))
        assert (await venue.place(BUY)).filled == 312
        assert len(stub.sent(ORDER)) == 2
        assert len(stub.sent("GET /fapi/v1/time")) == before + 1
        stub.say(ORDER, refusal(-1021))
        with pytest.raises(Rejected):
            await venue.place(BUY)
        assert len(stub.sent(ORDER)) == 4


@pytest.mark.parametrize(
    "change", [{"quantity": D("312.5")}, {"price": D("120.125")}, {"quantity": D("0.4")}, {"quantity": D(0)}]
)
async def test_what_rounding_would_change_is_refused_unsent(change: dict[str, Any]) -> None:
    async with stubbed_venue() as (venue, stub):
        with pytest.raises(Rejected, match=r"step"):
            await venue.place(BUY.model_copy(update=change))
        assert stub.sent(ORDER) == []


async def test_find_says_none_only_when_the_venue_says_so() -> None:
    async with stubbed_venue(timeout_ms=300) as (venue, stub):
        get, algo = "GET /fapi/v1/order", "GET /fapi/v1/algoOrder"
        stub.say(get, Answer(body=FILLED))
        found = await venue.find(SOL, ID, conditional=False)
        assert found is not None
        assert found.filled == 312
        assert stub.sent(get)[0]["origClientOrderId"] == ID
        stub.say(algo, Answer(body={**RESTING, "algoStatus": "FINISHED"}))
        fired = await venue.find(SOL, ID, conditional=True)
        assert fired is not None
        assert fired.status == "triggered"
        assert stub.sent(algo)[0]["clientAlgoId"] == ID
        for key, conditional in ((get, False), (algo, True)):
            stub.say(key, refusal(-2013, text="Order does not exist."))
            assert await venue.find(SOL, ID, conditional=conditional) is None
            for silence in (
                Answer(drop=True),
                Answer(status=502, text="x"),
                Answer(body={}),
                Answer(text="<html>"),
                refusal(-1007),
            ):
                stub.say(key, silence)
                with pytest.raises(Transient):
                    await venue.find(SOL, ID, conditional=conditional)


async def test_a_refused_look_up_is_not_an_absent_order() -> None:
    async with stubbed_venue() as (venue, stub):
        stub.say("GET /fapi/v1/order", refusal(-2014, 401, "API-key format invalid."))
        with pytest.raises(Rejected):
            await venue.find(SOL, ID, conditional=False)


async def test_a_cancelled_order_that_is_gone_is_no_error() -> None:
    async with stubbed_venue() as (venue, stub):
        stub.say("DELETE /fapi/v1/algoOrder", refusal(-2011, text="Unknown order sent."))
        await venue.cancel(SOL, ID, conditional=True)
        stub.say("DELETE /fapi/v1/order", Answer(drop=True))
        with pytest.raises(OutcomeUnknown):
            await venue.cancel(SOL, ID, conditional=False)


async def test_positions_are_two_legs_and_never_an_empty_guess() -> None:
    row = {
        "symbol": "SOLUSDT",
        "entryPrice": "120.01",
        "markPrice": "120",
        "liquidationPrice": "96.5",
        "isolatedMargin": "7500",
    }
    key = "GET /fapi/v3/positionRisk"
    async with stubbed_venue() as (venue, stub):
        stub.say(
            key,
            Answer(
                body=[
                    {**row, "positionSide": "LONG", "positionAmt": "312"},
                    {**row, "positionSide": "SHORT", "positionAmt": "-312", "liquidationPrice": "0"},
                    {**row, "symbol": "AVAXUSDT", "positionSide": "LONG", "positionAmt": "1"},
                ]
            ),
        )
        long, short = await venue.positions([SOL])
        assert (long.side, long.quantity, long.liquidation_price) == ("long", 312, D("96.5"))
        assert (short.side, short.quantity, short.liquidation_price) == ("short", 312, None)
        for silence in (Answer(body={}), Answer(body=[{"symbol": "SOLUSDT"}]), Answer(status=500, text="")):
            stub.say(key, silence)
            with pytest.raises(Transient):
                await venue.positions([SOL])
        stub.say(key, refusal(-2014, 401, "API-key format invalid."))
        with pytest.raises(Rejected):
            await venue.positions([SOL])


@pytest.mark.parametrize("code", [-4046, -4059])
async def test_nothing_to_change_is_success(code: int) -> None:
    async with stubbed_venue() as (venue, stub):
        stub.say("POST /fapi/v1/marginType", refusal(code, text="No need to change margin type."))
        stub.say("POST /fapi/v1/positionSide/dual", refusal(code, text="No need to change position side."))
        await venue.set_margin_mode(SOL, "isolated")
        await venue.set_position_mode("hedge")
        assert stub.sent("POST /fapi/v1/marginType")[0]["marginType"] == "ISOLATED"
        stub.say(
            "POST /fapi/v1/marginType", refusal(-4048, text="Margin type cannot be changed if there exists position.")
        )
        with pytest.raises(Rejected):
            await venue.set_margin_mode(SOL, "isolated")


async def test_settings_and_modes_are_read_exactly() -> None:
    async with stubbed_venue() as (venue, stub):
        stub.say(
            "GET /fapi/v1/symbolConfig", Answer(body=[{"symbol": "SOLUSDT", "marginType": "ISOLATED", "leverage": 5}])
        )
        stub.say("GET /fapi/v1/positionSide/dual", Answer(body={"dualSidePosition": True}))
        settings = await venue.settings(SOL)
        assert (settings.leverage, settings.margin_mode) == (5, "isolated")
        assert await venue.position_mode() == "hedge"
        stub.say("GET /fapi/v1/positionSide/dual", Answer(body={"dualSidePosition": "maybe"}))
        with pytest.raises(Transient):
            await venue.position_mode()


def trade(number: int, time: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "orderId": 1, "symbol": "SOLUSDT", "side": "BUY", "positionSide": "LONG", "price": "120.01",
        "qty": "1", "commission": "0.060005", "commissionAsset": "USDT", "realizedPnl": "0", "time": time, **more,
    }  # fmt: skip


async def test_a_full_page_of_trades_is_followed_by_the_next() -> None:
    now = 1_735_689_600_000
    first = [trade(n, now - 5000 + n) for n in range(1000)]
    second = [trade(n, now - 5000 + n) for n in range(999, 1007)]
    async with stubbed_venue() as (venue, stub):
        stub.say("GET /fapi/v1/userTrades", Answer(body=first), Answer(body=second))
        found = await venue.fills(SOL, now - 10_000)
        queries = stub.sent("GET /fapi/v1/userTrades")
        stub.say("GET /fapi/v1/userTrades", Answer(body=[trade(n, now) for n in range(1000)]))
        with pytest.raises(Transient, match="one millisecond"):
            await venue.fills(SOL, now - 10_000)
    assert [int(fill.trade_id) for fill in found] == list(range(1007))
    assert found[0].fee == D("0.060005")
    assert [int(query["startTime"]) for query in queries] == [now - 10_000, now - 5000 + 999]


async def test_long_histories_are_read_week_by_week() -> None:
    now, week = 1_735_689_600_000, 7 * 86_400_000
    async with stubbed_venue() as (venue, stub):
        stub.say("GET /fapi/v1/userTrades", Answer(body=[]))
        stub.say("GET /fapi/v1/income", Answer(body=[]))
        assert await venue.fills(SOL, now - 2 * week - 5) == []
        assert await venue.income(SOL, now - 2 * week - 5) == []
        for key in ("GET /fapi/v1/userTrades", "GET /fapi/v1/income"):
            spans = [(int(q["startTime"]), int(q["endTime"])) for q in stub.sent(key)]
            assert spans[0][0] == now - 2 * week - 5
            assert spans[-1][1] == now
            assert all(start <= end < start + week for start, end in spans)
            assert all(b[0] == a[1] + 1 for a, b in itertools.pairwise(spans))


async def test_a_fee_in_another_coin_is_not_booked_as_usdt() -> None:
    async with stubbed_venue() as (venue, stub):
        stub.say("GET /fapi/v1/userTrades", Answer(body=[trade(1, 1, commissionAsset="BNB")]))
        with pytest.raises(Transient, match="switch off paying fees"):
            await venue.fills(SOL, 1_735_689_500_000)


async def test_income_is_signed_and_keyed_by_its_id() -> None:
    row = {
        "symbol": "SOLUSDT",
        "incomeType": "FUNDING_FEE",
        "income": "-2.55",
        "asset": "USDT",
        "time": 1_735_689_599_000,
        "tranId": 96893,
    }
    async with stubbed_venue() as (venue, stub):
        stub.say(
            "GET /fapi/v1/income", Answer(body=[row, {**row, "symbol": "", "incomeType": "TRANSFER", "income": "5"}])
        )
        funding, transfer = await venue.income(None, 1_735_689_500_000)
    assert (funding.income_id, funding.kind, funding.symbol, funding.amount) == (
        "96893",
        "FUNDING_FEE",
        SOL,
        D("-2.55"),
    )
    assert (transfer.kind, transfer.symbol) == ("TRANSFER", "")


async def test_foreign_orders_of_any_kind_are_seen() -> None:
    async with stubbed_venue() as (venue, stub):
        stub.say(
            "GET /fapi/v1/openOrders",
            Answer(body=[{**FILLED, "status": "NEW", "positionSide": "BOTH", "clientOrderId": "web_1"}]),
        )
        stub.say(
            "GET /fapi/v1/openAlgoOrders", Answer(body=[{**RESTING, "triggerPrice": "0.00", "clientAlgoId": "web_2"}])
        )
        (order,) = await venue.open_orders(SOL, conditional=False)
        (resting,) = await venue.open_orders(SOL, conditional=True)
    assert (order.client_order_id, resting.client_order_id, resting.trigger_price) == ("web_1", "web_2", None)


async def test_a_quote_has_everything_the_guard_asks_for() -> None:
    async with stubbed_venue() as (venue, stub):
        stub.say(
            "GET /fapi/v1/depth", Answer(body={"E": 5, "T": 6, "bids": [["119.99", "10"]], "asks": [["120.01", "7"]]})
        )
        premium = {
            "symbol": "SOLUSDT",
            "markPrice": "120.00100000",
            "indexPrice": "119.9",
            "time": 4,
            "nextFundingTime": 9,
        }
        stub.say("GET /fapi/v1/premiumIndex", Answer(body=premium))
        stub.say("GET /fapi/v1/ticker/24hr", Answer(body={"lastPrice": "120.02"}))
        tier = {"notionalFloor": 0, "notionalCap": 10000, "initialLeverage": 75, "maintMarginRatio": 0.0065, "cum": 0}
        stub.say("GET /fapi/v1/leverageBracket", Answer(body=[{"symbol": "SOLUSDT", "brackets": [tier]}]))
        stub.say(
            "GET /fapi/v1/symbolConfig", Answer(body=[{"symbol": "SOLUSDT", "marginType": "CROSSED", "leverage": 20}])
        )
        quote = await venue.leg_quote(SOL)
        stub.say("GET /fapi/v1/depth", Answer(body={"bids": [], "asks": []}))
        with pytest.raises(Transient):
            await venue.leg_quote(SOL)
    assert (quote.mark, quote.last, quote.mid, quote.book_as_of) == (D("120.001"), D("120.02"), D(120), 6)
    assert (quote.leverage, quote.margin_mode, quote.next_funding_time) == (20, "cross", 9)
    assert quote.tiers[0].maintenance_margin_rate == D("0.0065")
    contract = quote.contract
    assert (contract.price_tick, contract.quantity_step, contract.market_max_quantity, contract.min_notional) == (
        D("0.01"), 1, 80000, 5,
    )  # fmt: skip
    assert (contract.trigger_protect, contract.market_take_bound, contract.price_band_up) == (
        D("0.05"),
        D("0.05"),
        D("1.05"),
    )


@pytest.mark.parametrize(
    ("futures", "withdrawals", "codes"),
    [(True, False, []), (False, False, ["permission"]), (True, True, ["withdrawal"])],
)
async def test_the_rights_of_a_real_key_are_looked_at(futures: bool, withdrawals: bool, codes: list[str]) -> None:
    key = "GET /sapi/v1/account/apiRestrictions"
    async with stubbed_venue(name="binanceusdm") as (venue, stub):
        stub.say(key, Answer(body={"enableReading": True, "enableFutures": futures, "enableWithdrawals": withdrawals}))
        assert [problem.code.value for problem in await venue.obstacles(plan_for())] == codes
        stub.say(key, Answer(body={}))
        with pytest.raises(Transient):
            await venue.obstacles(plan_for())


async def test_a_paper_account_has_no_rights_to_look_at() -> None:
    async with stubbed_venue() as (venue, stub):
        before = len(stub.requests)
        assert await venue.obstacles(plan_for()) == ()
        assert len(stub.requests) == before


async def test_other_dialects_are_refused_at_once() -> None:
    from data_fetchers.venue import open_exchange
    from orchestrator.execution.ccxt_venue import CcxtVenue

    exchange = open_exchange("bybit")
    with pytest.raises(Rejected, match="bybit"):
        CcxtVenue(exchange, "bybit")
    await exchange.close()
