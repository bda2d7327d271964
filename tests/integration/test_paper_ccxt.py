"""The paper exchange seen by a plain ccxt client over HTTP: settings, orders, brackets, and the venue's refusals."""

from collections.abc import AsyncIterator
from decimal import Decimal

import ccxt
import pytest

from data_fetchers.venue import open_exchange
from tests.paper_client import AVAX, SOL, Client, client, refused


@pytest.fixture
async def paper() -> AsyncIterator[Client]:
    async with client() as opened:
        yield opened


async def test_settings_are_kept_and_repeating_them_is_refused(paper: Client) -> None:
    assert (await paper.ccxt.fetch_position_mode())["hedged"] is False
    await paper.hedge(leverage=7)
    assert (await paper.ccxt.fetch_position_mode())["hedged"] is True
    await refused(paper.ccxt.fapiPrivatePostPositionSideDual({"dualSidePosition": "true"}), -4059)
    await refused(
        paper.ccxt.fapiPrivatePostMarginType({"symbol": "SOLUSDT", "marginType": "ISOLATED"}),
        -4046,
    )
    leverages = await paper.ccxt.fetch_leverages([SOL, AVAX])
    assert leverages[SOL]["longLeverage"] == 7
    assert leverages[SOL]["marginMode"] == "isolated"
    assert leverages[AVAX]["marginMode"] == "cross"
    await refused(paper.ccxt.set_leverage(76, SOL), -4028)


async def test_limit_ioc_opens_both_legs_at_the_touch(paper: Client) -> None:
    await paper.hedge()
    book = await paper.ccxt.fetch_order_book(SOL, 5)
    bid, ask = book["bids"][0][0], book["asks"][0][0]
    long = await paper.order("buy", "LONG", 20, "limit", round(ask * 1.001, 2), timeInForce="IOC")
    short = await paper.order("sell", "SHORT", 20, "limit", round(bid * 0.999, 2), timeInForce="IOC")
    assert (long["status"], long["filled"], long["average"]) == ("closed", 20, ask)
    assert (short["status"], short["filled"], short["average"]) == ("closed", 20, bid)
    held = await paper.positions()
    assert held["long"]["contracts"] == held["short"]["contracts"] == 20
    assert held["long"]["entryPrice"] == ask
    assert held["long"]["marginMode"] == "isolated"
    # isolated margin of a leg is its notional over the leverage
    assert float(held["long"]["info"]["isolatedWallet"]) == pytest.approx(20 * ask / 5, abs=1e-7)
    assert held["long"]["liquidationPrice"] < bid < held["short"]["liquidationPrice"]


async def test_an_ioc_out_of_reach_expires_without_a_fill(paper: Client) -> None:
    await paper.hedge()
    book = await paper.ccxt.fetch_order_book(SOL, 5)
    order = await paper.order("buy", "LONG", 20, "limit", round(book["bids"][0][0] * 0.99, 2), timeInForce="IOC")
    assert (order["status"], order["filled"]) == ("expired", 0)
    assert await paper.positions() == {}


async def test_market_close_realises_profit_and_pays_fees(paper: Client) -> None:
    await paper.hedge()
    opened = await paper.order("buy", "LONG", 100)
    await paper.price(200)
    closed = await paper.order("sell", "LONG", 100)
    trades = await paper.ccxt.fetch_my_trades(SOL)
    assert [t["side"] for t in trades] == ["buy", "sell"] or len(trades) > 2
    spent, earned = opened["cost"], closed["cost"]
    fees = Decimal("0.0005") * (Decimal(str(spent)) + Decimal(str(earned)))
    balance = await paper.ccxt.fetch_balance()
    expected = 100_000 + Decimal(str(earned)) - Decimal(str(spent)) - fees
    assert Decimal(str(balance["USDT"]["total"])) == pytest.approx(expected, abs=Decimal("1e-6"))
    assert sum(t["fee"]["cost"] for t in trades) == pytest.approx(float(fees))
    kinds = {row["incomeType"] for row in await paper.ccxt.fapiPrivateGetIncome({"symbol": "SOLUSDT"})}
    assert kinds == {"REALIZED_PNL", "COMMISSION"}


async def test_pair_bracket_of_four_rests_fires_and_leaves_no_orphans(paper: Client) -> None:
    await paper.hedge()
    await paper.open_pair()
    for side, leg, kind, trigger in (
        ("buy", "SHORT", "STOP_MARKET", 210),
        ("sell", "LONG", "TAKE_PROFIT_MARKET", 210),
        ("sell", "LONG", "STOP_MARKET", 170),
        ("buy", "SHORT", "TAKE_PROFIT_MARKET", 170),
    ):
        order = await paper.conditional(side, leg, kind, trigger, f"{leg}-{kind}")
        assert order["status"] == "open"
        assert order["triggerPrice"] == trigger
        assert order["clientOrderId"] == f"{leg}-{kind}"
    resting = await paper.ccxt.fetch_open_orders(SOL, params={"trigger": True})
    assert len(resting) == 4
    await paper.price(211)
    assert await paper.positions() == {}
    assert await paper.ccxt.fetch_open_orders(SOL, params={"trigger": True}) == []
    by_name = {
        row["clientAlgoId"]: row["algoStatus"]
        for row in await paper.ccxt.fapiPrivateGetAllAlgoOrders({"symbol": "SOLUSDT"})
    }
    assert by_name == {
        "SHORT-STOP_MARKET": "FINISHED",
        "LONG-TAKE_PROFIT_MARKET": "FINISHED",
        "LONG-STOP_MARKET": "EXPIRED",
        "SHORT-TAKE_PROFIT_MARKET": "EXPIRED",
    }
    fired = await paper.ccxt.fapiPrivateGetAlgoOrder({"clientAlgoId": "SHORT-STOP_MARKET"})
    order = await paper.ccxt.fetch_order(fired["actualOrderId"], SOL)
    assert (order["status"], order["filled"], order["side"]) == ("closed", 100, "buy")


async def test_conditional_refusals(paper: Client) -> None:
    await paper.hedge()
    await paper.open_pair()
    await refused(paper.conditional("sell", "LONG", "STOP_MARKET", 195), -2021)
    await refused(paper.conditional("sell", "LONG", "TAKE_PROFIT_MARKET", 180), -2021)
    await refused(paper.conditional("buy", "SHORT", "STOP_MARKET", 180), -2021)
    await paper.conditional("sell", "LONG", "STOP_MARKET", 170, "one")
    await refused(paper.conditional("sell", "LONG", "STOP_MARKET", 165, "two"), -4130)
    await paper.conditional("sell", "LONG", "TAKE_PROFIT_MARKET", 230, "three")
    await refused(paper.conditional("buy", "SHORT", "STOP_MARKET", 230, "one"), -4116)
    await paper.ccxt.fapiPrivateDeleteAlgoOrder({"clientAlgoId": "one"})
    await refused(paper.ccxt.fapiPrivateDeleteAlgoOrder({"clientAlgoId": "one"}), -2011)
    await paper.conditional("sell", "LONG", "STOP_MARKET", 165, "two")


async def test_a_client_id_is_taken_once_and_finds_its_order(paper: Client) -> None:
    await paper.hedge()
    first = await paper.order("buy", "LONG", 10, newClientOrderId="mine-1")
    await refused(paper.order("buy", "LONG", 10, newClientOrderId="mine-1"), -4116)
    assert (await paper.positions())["long"]["contracts"] == 10
    found = await paper.ccxt.fetch_order(None, SOL, {"origClientOrderId": "mine-1"})
    assert (found["id"], found["status"], found["filled"]) == (first["id"], "closed", 10)
    await refused(paper.ccxt.fetch_order(None, SOL, {"origClientOrderId": "mine-2"}), -2013)


async def test_a_resting_limit_is_cancelled_once(paper: Client) -> None:
    await paper.hedge()
    order = await paper.order("buy", "LONG", 10, "limit", 185.00)
    assert order["status"] == "open"
    assert [row["id"] for row in await paper.ccxt.fetch_open_orders(SOL)] == [order["id"]]
    cancelled = await paper.ccxt.cancel_order(order["id"], SOL)
    assert cancelled["status"] == "canceled"
    await refused(paper.ccxt.cancel_order(order["id"], SOL), -2011)
    assert await paper.ccxt.fetch_open_orders(SOL) == []


async def test_a_resting_limit_fills_at_its_price_as_maker(paper: Client) -> None:
    await paper.hedge()
    order = await paper.order("buy", "LONG", 10, "limit", 185.00)
    await paper.price(184)
    done = await paper.ccxt.fetch_order(order["id"], SOL)
    assert (done["status"], done["average"]) == ("closed", 185.0)
    (trade,) = await paper.ccxt.fetch_my_trades(SOL)
    assert trade["takerOrMaker"] == "maker"
    assert trade["fee"]["cost"] == pytest.approx(10 * 185 * 0.0002)


async def test_order_refusals(paper: Client) -> None:
    await paper.hedge()
    post = paper.ccxt.fapiPrivatePostOrder
    market = {"symbol": "SOLUSDT", "side": "BUY", "positionSide": "LONG", "type": "MARKET", "quantity": "10"}
    limit = {**market, "type": "LIMIT", "timeInForce": "GTC", "price": "185.00"}
    for change, code in (
        ({"symbol": "DOGEUSDT"}, -1121),
        ({"quantity": "10.5"}, -1111),
        ({"quantity": "0"}, -4003),
        ({"quantity": ""}, -1102),
        ({"quantity": "90000"}, -4005),
        ({"quantity": "10000"}, -2019),
        ({"side": "SELL"}, -2022),
        ({"positionSide": "BOTH"}, -4061),
        ({"side": "HOLD"}, -1117),
        ({"type": "ICEBERG"}, -1116),
        ({"reduceOnly": "true"}, -1106),
        ({"newClientOrderId": "white space"}, -4015),
        ({"newClientOrderId": "x" * 37}, -4015),
    ):
        await refused(post({**market, **change}), code)
    for change, code in (
        ({"price": "185.005"}, -4014),
        ({"price": "250.00"}, -4016),
        ({"side": "SELL", "positionSide": "SHORT", "price": "150.00"}, -4024),
        ({"timeInForce": "NEVER"}, -1115),
    ):
        await refused(post({**limit, **change}), code)
    # nothing of all that left a trace
    state = await paper.state()
    assert (state["orders"], state["fills"], state["positions"]) == ([], [], [])


async def test_min_notional_counts_for_opening_only(paper: Client) -> None:
    await paper.hedge()
    await paper.price("3.00")
    await refused(paper.order("buy", "LONG", 1), -4164)
    await paper.order("buy", "LONG", 3)
    await paper.order("sell", "LONG", 1)
    assert (await paper.positions())["long"]["contracts"] == 2


async def test_closing_more_than_there_is_is_refused(paper: Client) -> None:
    await paper.hedge()
    await paper.open_pair(50)
    await refused(paper.order("sell", "LONG", 51), -2022)
    await refused(paper.order("buy", "SHORT", 51), -2022)


async def test_mode_and_margin_type_are_fixed_while_anything_is_open(paper: Client) -> None:
    await paper.hedge()
    resting = await paper.order("buy", "LONG", 10, "limit", 185.00)
    await refused(paper.ccxt.set_position_mode(False), -4067)
    await refused(paper.ccxt.fapiPrivatePostMarginType({"symbol": "SOLUSDT", "marginType": "CROSSED"}), -4047)
    await paper.ccxt.cancel_order(resting["id"], SOL)
    await paper.order("buy", "LONG", 10)
    await refused(paper.ccxt.set_position_mode(False), -4068)
    await refused(paper.ccxt.fapiPrivatePostMarginType({"symbol": "SOLUSDT", "marginType": "CROSSED"}), -4048)
    await refused(paper.ccxt.set_leverage(3, SOL), -4161)
    await paper.order("sell", "LONG", 10)
    await paper.ccxt.set_position_mode(False)


async def test_signature_key_and_clock(paper: Client) -> None:
    for key, secret, code in (("key", "wrong", -1022), ("nobody", "secret", -2015)):
        stranger = open_exchange("paper", base_url=paper.running.url, api_key=key, secret=secret)
        try:
            await refused(stranger.fapiPrivateV2GetAccount(), code)
        finally:
            await stranger.close()
    now = paper.engine.now
    url = paper.running.url
    async with paper.session.get(
        f"{url}/fapi/v2/account", params={"timestamp": now}, headers={"X-MBX-APIKEY": "key"}
    ) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, -1022)
    paper.ccxt.options["timeDifference"] = paper.ccxt.milliseconds() - now + 60_000
    with pytest.raises(ccxt.InvalidNonce):
        await paper.ccxt.fetch_balance()
    paper.ccxt.options["timeDifference"] = paper.ccxt.milliseconds() - now
    assert (await paper.ccxt.fetch_balance())["USDT"]["total"] == 100_000


async def test_unknown_path_and_bad_query(paper: Client) -> None:
    async with paper.session.get(f"{paper.running.url}/fapi/v1/nothing") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, -5000)
    public = paper.ccxt
    await refused(public.fapiPublicGetKlines({"symbol": "SOLUSDT", "interval": "7m"}), -1120)
    await refused(public.fapiPublicGetKlines({"interval": "1h"}), -1102)
    await refused(public.fapiPublicGetDepth({"symbol": "SOLUSDT", "limit": "7"}), -4021)
    await refused(public.fapiDataGetOpenInterestHist({"symbol": "SOLUSDT", "period": "1m"}), -1130)
    await refused(public.fapiPublicGetKlines({"symbol": "SOLUSDT", "interval": "1h", "limit": "many"}), -1102)
    await refused(public.fapiPublicGetKlines({"symbol": "SOLUSDT", "interval": "1h", "limit": "inf"}), -1102)
    await refused(public.fapiPublicGetKlines({"symbol": "SOLUSDT", "interval": "1h", "limit": "-1"}), -1130)


async def test_one_way_mode_nets_flips_and_reduces(paper: Client) -> None:
    await paper.ccxt.set_leverage(5, SOL)
    await refused(paper.order("buy", "LONG", 10), -4061)
    await paper.ccxt.create_order(SOL, "market", "buy", 30)
    await paper.ccxt.create_order(SOL, "market", "sell", 50)
    held = await paper.positions()
    assert list(held) == ["short"]
    assert held["short"]["contracts"] == 20
    await refused(paper.ccxt.create_order(SOL, "market", "sell", 5, None, {"reduceOnly": True}), -2022)
    reduced = await paper.ccxt.create_order(SOL, "market", "buy", 500, None, {"reduceOnly": True})
    assert reduced["filled"] == 20
    assert await paper.positions() == {}


async def test_cancel_all_clears_both_kinds(paper: Client) -> None:
    await paper.hedge()
    await paper.open_pair()
    await paper.order("buy", "LONG", 10, "limit", 185.00)
    await paper.conditional("sell", "LONG", "STOP_MARKET", 170)
    await paper.ccxt.fapiPrivateDeleteAllOpenOrders({"symbol": "SOLUSDT"})
    assert await paper.ccxt.fetch_open_orders(SOL) == []
    assert len(await paper.ccxt.fetch_open_orders(SOL, params={"trigger": True})) == 1
    await paper.ccxt.fapiPrivateDeleteAlgoOpenOrders({"symbol": "SOLUSDT"})
    assert await paper.ccxt.fetch_open_orders(SOL, params={"trigger": True}) == []


async def test_a_resting_close_order_takes_what_is_left_and_never_opens(paper: Client) -> None:
    await paper.hedge()
    await paper.order("buy", "LONG", 100)
    order = await paper.order("sell", "LONG", 100, "limit", 195.00)
    await paper.order("sell", "LONG", 60)
    await paper.price(196)
    done = await paper.ccxt.fetch_order(order["id"], SOL)
    assert (done["filled"], done["status"]) == (40, "expired")
    assert await paper.positions() == {}
    # and one whose position is gone is gone too
    await paper.order("buy", "LONG", 10)
    orphan = await paper.order("sell", "LONG", 10, "limit", 205.00)
    await paper.order("sell", "LONG", 10)
    assert (await paper.ccxt.fetch_order(orphan["id"], SOL))["status"] == "expired"
