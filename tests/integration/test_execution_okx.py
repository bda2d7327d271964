"""OKX over a loopback stub, with the real ccxt in between; answers are written by hand from its documentation."""

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
from tests.venue_stub import AVAX, VenueStub, exchanged

D = Decimal
ID = "vg" + "d" * 30
API = "/api/v5"
ORDER, ALGO = f"POST {API}/trade/order", f"POST {API}/trade/order-algo"
GET_ORDER, GET_ALGO = f"GET {API}/trade/order", f"GET {API}/trade/order-algo"
CONFIG, POSITIONS = f"GET {API}/account/config", f"GET {API}/account/positions"
LEVERAGE = f"GET {API}/account/leverage-info"
BUY = OrderRequest(
    client_order_id=ID, symbol=AVAX, side="buy", position_side="long", type="limit_ioc", quantity=D("12.5"),
    price=D("20.512"),
)  # fmt: skip
BOTH = ConditionalRequest(
    client_order_id=ID, symbol=AVAX, side="buy", position_side="short", kind="stop", trigger_price=D("22.5"),
    take_profit_price=D("18.5"),
)  # fmt: skip
ROW = {
    "clOrdId": ID, "ordId": "7", "instId": "AVAX-USDT-SWAP", "side": "buy", "posSide": "long", "state": "filled",
    "sz": "125", "accFillSz": "125", "avgPx": "20.5104",
}  # fmt: skip
WAITS = {
    "algoClOrdId": ID, "algoId": "9", "instId": "AVAX-USDT-SWAP", "side": "buy", "posSide": "short", "state": "live",
    "sz": "", "closeFraction": "1", "slTriggerPx": "22.5", "tpTriggerPx": "18.5", "ordType": "oco",
}  # fmt: skip
ACCOUNT = {"acctLv": "2", "posMode": "long_short_mode", "perm": "read_only,trade", "ctIsoMode": "automatic"}


def data(*rows: Any) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": list(rows)}


def refusal(code: int) -> Answer:
    """Of an order: the envelope says 1, the row says why."""
    return Answer(
        body={"code": "1", "msg": "", "data": [{"clOrdId": ID, "ordId": "", "sCode": str(code), "sMsg": "no"}]}
    )


def error(code: int, status: int = 200) -> Answer:
    return Answer(status=status, body={"code": str(code), "msg": "no", "data": []})


def received(name: str = ID) -> dict[str, Any]:
    return data({"clOrdId": name, "ordId": "7", "algoClOrdId": name, "algoId": "9", "sCode": "0", "sMsg": ""})


def set_up(stub: VenueStub) -> None:
    stub.say(CONFIG, data(ACCOUNT))
    legs = [{"posSide": leg, "lever": "5", "mgnMode": "isolated"} for leg in ("long", "short")]
    stub.say(LEVERAGE, data(*legs))


async def test_an_entry_goes_out_in_contracts_and_comes_back_in_coins() -> None:
    async with exchanged("okx") as (venue, stub):
        stub.say(ORDER, received())
        stub.say(GET_ORDER, data(ROW))
        report = await venue.place(BUY)
        found = await venue.find(AVAX, ID, conditional=False)
        assert stub.sent(ORDER) == [
            {
                "instId": "AVAX-USDT-SWAP", "tdMode": "isolated", "side": "buy", "posSide": "long", "ordType": "ioc",
                "sz": "125", "px": "20.512", "clOrdId": ID,
            }
        ]  # fmt: skip
        assert stub.sent(GET_ORDER) == [{"instId": "AVAX-USDT-SWAP", "clOrdId": ID}]
    assert (report.status, report.quantity, report.exchange_order_id) == ("new", D("12.5"), "7")
    assert found is not None
    assert (found.status, found.quantity, found.filled, found.average) == (
        "filled", D("12.5"), D("12.5"), D("20.5104"),
    )  # fmt: skip


async def test_one_order_a_leg_holds_stop_and_take_profit() -> None:
    async with exchanged("okx") as (venue, stub):
        assert venue.traits.paired_bracket
        stub.say(ALGO, received())
        report = await venue.place_conditional(BOTH)
        assert stub.sent(ALGO) == [
            {
                "instId": "AVAX-USDT-SWAP", "tdMode": "isolated", "side": "buy", "posSide": "short", "ordType": "oco",
                "closeFraction": "1", "slTriggerPx": "22.5", "slTriggerPxType": "mark", "slOrdPx": "-1",
                "tpTriggerPx": "18.5", "tpTriggerPxType": "mark", "tpOrdPx": "-1", "algoClOrdId": ID, "clOrdId": ID,
            }
        ]  # fmt: skip
        assert (report.trigger_price, report.take_profit_price) == (D("22.5"), D("18.5"))
        only = BOTH.model_copy(update={"kind": "take_profit", "take_profit_price": None, "trigger_price": D("18.5")})
        await venue.place_conditional(only)
        lone = stub.sent(ALGO)[1]
        assert (lone["ordType"], lone["tpTriggerPx"]) == ("conditional", "18.5")
        assert "slTriggerPx" not in lone


async def test_the_bracket_is_read_back_and_foreign_kinds_are_seen_too() -> None:
    pending = f"GET {API}/trade/orders-algo-pending"
    foreign = {**WAITS, "algoClOrdId": "", "slTriggerPx": "", "tpTriggerPx": "", "triggerPx": "30", "sz": "3"}
    async with exchanged("okx") as (venue, stub):
        stub.say(pending, data())
        assert await venue.open_orders(AVAX, conditional=True) == []
        assert {query["ordType"] for query in stub.sent(pending)} == {
            "conditional",
            "oco",
            "trigger",
            "move_order_stop",
        }
        stub.say(pending, data(WAITS), data(foreign), data())
        found = await venue.open_orders(AVAX, conditional=True)
        assert {(row.client_order_id, row.trigger_price, row.take_profit_price) for row in found} == {
            (ID, D("22.5"), D("18.5")), ("", D(30), None),
        }  # fmt: skip
        stub.say(f"GET {API}/trade/orders-pending", data({**ROW, "state": "live", "accFillSz": "0", "avgPx": ""}))
        (order,) = await venue.open_orders(AVAX, conditional=False)
        assert (order.status, order.quantity, order.average) == ("new", D("12.5"), None)


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refusal(51016), Duplicate, "51016"),
        (refusal(51065), Duplicate, "51065"),
        (refusal(51008), Rejected, "51008"),
        (refusal(51169), Rejected, "51169"),
        (refusal(51280), Rejected, "51280"),
        (error(50011, 429), Throttled, "50011"),
        (error(50061), Throttled, "50061"),
        (error(50004), OutcomeUnknown, "50004"),
        (error(50013, 503), OutcomeUnknown, "50013"),
        (refusal(51149), OutcomeUnknown, "51149"),
        (Answer(drop=True), OutcomeUnknown, None),
        (Answer(body=received("another")), OutcomeUnknown, None),
        (Answer(body=data()), OutcomeUnknown, None),
    ],
    ids=lambda value: str(getattr(value, "body", value))[:60],
)
async def test_what_answers_to_an_order_mean(answer: Answer, kind: type[VenueError], code: str | None) -> None:
    async with exchanged("okx", timeout_ms=400) as (venue, stub):
        for key, act in ((ORDER, lambda: venue.place(BUY)), (ALGO, lambda: venue.place_conditional(BOTH))):
            stub.say(key, answer)
            with pytest.raises(VenueError) as caught:
                await act()
            assert (type(caught.value), caught.value.code) == (kind, code)
            assert len(stub.sent(key)) == 1, "never sent twice"


async def test_what_makes_no_whole_lot_is_refused_unsent() -> None:
    async with exchanged("okx") as (venue, stub):
        for change in ({"quantity": D("12.55")}, {"price": D("20.5125")}, {"quantity": D(0)}):
            with pytest.raises(Rejected, match="step"):
                await venue.place(BUY.model_copy(update=change))
        with pytest.raises(Rejected, match="step"):
            await venue.place_conditional(BOTH.model_copy(update={"take_profit_price": D("18.5001")}))
        assert stub.sent(ORDER) == stub.sent(ALGO) == []


async def test_absent_only_when_the_venue_says_so_and_final_only_after_its_30_seconds() -> None:
    async with exchanged("okx", timeout_ms=400) as (venue, stub):
        assert venue.traits.absent_after_s > 30
        for key, conditional in ((GET_ORDER, False), (GET_ALGO, True)):
            stub.say(key, error(51603))
            assert await venue.find(AVAX, ID, conditional=conditional) is None
            for silence in (Answer(drop=True), Answer(status=502, text="x"), error(50026), Answer(body=data())):
                stub.say(key, silence)
                with pytest.raises(Transient):
                    await venue.find(AVAX, ID, conditional=conditional)
            stub.say(key, error(50111, 401))
            with pytest.raises(Rejected):
                await venue.find(AVAX, ID, conditional=conditional)
        stub.say(GET_ALGO, data({**WAITS, "state": "effective"}))
        fired = await venue.find(AVAX, ID, conditional=True)
        assert fired is not None
        assert fired.status == "triggered"
        assert stub.sent(GET_ALGO)[-1] == {"algoClOrdId": ID}


async def test_a_cancelled_order_that_is_gone_is_no_error() -> None:
    plain, algos = f"POST {API}/trade/cancel-order", f"POST {API}/trade/cancel-algos"
    async with exchanged("okx", timeout_ms=400) as (venue, stub):
        for key, conditional, body in (
            (plain, False, {"instId": "AVAX-USDT-SWAP", "clOrdId": ID}),
            (algos, True, [{"instId": "AVAX-USDT-SWAP", "algoClOrdId": ID}]),
        ):
            stub.say(key, received())
            await venue.cancel(AVAX, ID, conditional=conditional)
            assert stub.sent(key) == [body]
            for code in (51400, 51401, 51402):
                stub.say(key, refusal(code))
                await venue.cancel(AVAX, ID, conditional=conditional)
            stub.say(key, data({"sCode": "51403", "sMsg": "no"}))
            with pytest.raises(Rejected):
                await venue.cancel(AVAX, ID, conditional=conditional)
            for silence in (Answer(drop=True), Answer(body=data())):
                stub.say(key, silence)
                with pytest.raises(OutcomeUnknown):
                    await venue.cancel(AVAX, ID, conditional=conditional)


async def test_positions_in_coins_and_never_an_empty_guess() -> None:
    leg = {
        "instId": "AVAX-USDT-SWAP", "posSide": "long", "pos": "125", "avgPx": "20.51", "markPx": "20.5",
        "liqPx": "16.4", "margin": "51.3", "lever": "5", "mgnMode": "isolated",
    }  # fmt: skip
    async with exchanged("okx", timeout_ms=400) as (venue, stub):
        stub.say(POSITIONS, data(leg, {**leg, "posSide": "short", "pos": "124", "liqPx": ""}))
        long, short = await venue.positions([AVAX])
        assert (long.side, long.quantity, long.liquidation_price, long.margin_mode) == (
            "long", D("12.5"), D("16.4"), "isolated",
        )  # fmt: skip
        assert (short.side, short.quantity, short.liquidation_price) == ("short", D("12.4"), None)
        stub.say(POSITIONS, data())
        assert await venue.positions([AVAX]) == []
        for silence in (
            Answer(drop=True),
            error(50026),
            Answer(body={"code": "0"}),
            Answer(body=data({**leg, "pos": "x"})),
        ):
            stub.say(POSITIONS, silence)
            with pytest.raises(Transient):
                await venue.positions([AVAX])


async def test_settings_are_read_and_set_for_each_leg() -> None:
    mode, leverage = f"POST {API}/account/set-position-mode", f"POST {API}/account/set-leverage"
    async with exchanged("okx") as (venue, stub):
        set_up(stub)
        assert await venue.position_mode() == "hedge"
        assert (await venue.settings(AVAX)).at(5)
        assert stub.sent(LEVERAGE) == [{"instId": "AVAX-USDT-SWAP", "mgnMode": "isolated"}]
        stub.say(mode, data({"posMode": "long_short_mode"}))
        await venue.set_position_mode("hedge")
        assert stub.sent(mode) == [{"posMode": "long_short_mode"}]
        stub.say(leverage, data({"lever": "7"}))
        await venue.set_leverage(AVAX, 7)
        asked = {"instId": "AVAX-USDT-SWAP", "lever": "7", "mgnMode": "isolated"}
        assert stub.sent(leverage) == [{**asked, "posSide": "long"}, {**asked, "posSide": "short"}]
        stub.say(LEVERAGE, data({"posSide": "long", "lever": "7"}, {"posSide": "short", "lever": "5"}))
        assert (await venue.settings(AVAX)).leverages == "7x long and 5x short"
        await venue.set_margin_mode(AVAX, "isolated")
        with pytest.raises(Rejected):
            await venue.set_margin_mode(AVAX, "cross")


async def test_a_quote_in_coins_with_borders_in_usdt() -> None:
    tier = {"maxSz": "1000", "maxLever": "50", "mmr": "0.01", "imr": "0.02", "tier": "1"}
    async with exchanged("okx") as (venue, stub):
        set_up(stub)
        book = {"bids": [["20.5", "30", "0", "1"]], "asks": [["20.6", "10", "0", "1"]], "ts": "1735689600000"}
        stub.say(f"GET {API}/market/books", data(book))
        stub.say(f"GET {API}/public/position-tiers", data(tier))
        stub.say(f"GET {API}/account/trade-fee", data({"maker": "-0.0008", "taker": "-0.001", "makerU": "-0.0002",
                                                       "takerU": "-0.0005"}))  # fmt: skip
        quote, fees = await venue.leg_quote(AVAX), await venue.fees(AVAX)
    assert (quote.mark, quote.last, quote.index) == (D("20.51"), D("20.5"), D("20.49"))
    assert (quote.bids, quote.asks) == (((D("20.5"), D(3)),), ((D("20.6"), D(1)),))
    assert quote.tiers[0].notional_cap == 1000 * D("0.1") * D("20.51")
    assert (quote.contract.quantity_step, quote.contract.min_quantity) == (D("0.1"), D("0.1"))
    assert (fees.maker, fees.taker) == (D("0.0002"), D("0.0005"))


async def test_money_and_history() -> None:
    bills, fills = f"GET {API}/account/bills", f"GET {API}/trade/fills"
    coin = {"ccy": "USDT", "eq": "1000", "upl": "-10", "availEq": "700", "availBal": "650"}
    fill = {"billId": "11", "tradeId": "1", "ordId": "7", "side": "buy", "posSide": "short", "fillPx": "20",
            "fillSz": "5", "fee": "-0.005", "feeCcy": "USDT", "fillPnl": "1.5", "ts": "1735689500000"}  # fmt: skip
    bill = {"billId": "12", "type": "2", "instId": "AVAX-USDT-SWAP", "pnl": "1.5", "fee": "-0.005", "balChg": "4",
            "ts": "1735689500000"}  # fmt: skip
    async with exchanged("okx") as (venue, stub):
        stub.say(f"GET {API}/account/balance", data({"details": [coin]}))
        balance = await venue.balance()
        stub.say(f"GET {API}/public/time", data({"ts": "1735689600000"}))
        stub.say(fills, data(fill))
        (trade,) = await venue.fills(AVAX, 1_735_689_000_000)
        stub.say(bills, data(bill, {**bill, "billId": "13", "type": "8", "pnl": "-0.4", "balChg": "-0.4"}))
        income = await venue.income(AVAX, 1_735_689_000_000)
        assert stub.sent(fills)[0]["begin"] == "1735688999999"
    assert (balance.wallet, balance.equity, balance.available) == (1010, 1000, 700)
    assert (trade.trade_id, trade.side, trade.position_side, trade.quantity) == ("11", "buy", "short", D("0.5"))
    assert (trade.fee, trade.realized) == (D("0.005"), D("1.5"))
    assert [(row.kind, row.amount) for row in income] == [
        ("REALIZED_PNL", D("1.5")), ("COMMISSION", D("-0.005")), ("FUNDING_FEE", D("-0.4")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"perm": "read_only"}, [P.PERMISSION]),
        ({"perm": "read_only,trade,withdraw"}, [P.WITHDRAWAL]),
        ({"acctLv": "3"}, [P.ACCOUNT_KIND]),
        ({"ctIsoMode": "autonomy"}, [P.ACCOUNT_KIND]),
    ],
)
async def test_what_the_account_cannot_do_is_refused_with_the_remedy(change: Any, codes: list[P]) -> None:
    plan = plan_for().model_copy(update={"symbol": AVAX})
    async with exchanged("okx") as (venue, stub):
        stub.say(CONFIG, data({**ACCOUNT, **change}))
        found = await venue.obstacles(plan)
    assert [problem.code for problem in found] == codes
    assert all(problem.message and problem.remedy for problem in found)


async def test_a_refused_time_stamp_is_measured_again_and_sent_once_more() -> None:
    async with exchanged("okx") as (venue, stub):
        stub.say(ORDER, error(50102, 401), received())
        await venue.place(BUY)
        assert len(stub.sent(ORDER)) == 2
        assert len(stub.sent(f"GET {API}/public/time")) == 1
