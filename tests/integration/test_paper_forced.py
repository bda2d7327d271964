"""What the exchange does to a leg by itself, as ccxt and the adapter see it: auto-deleveraging and liquidation."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from orchestrator.execution.ccxt_venue import CcxtVenue
from tests.paper_client import SOL, Client, client, total

D = Decimal


@pytest.fixture
async def paper() -> AsyncIterator[Client]:
    async with client() as opened:
        await opened.hedge()
        await opened.open_pair()
        yield opened


@pytest.mark.parametrize(("amount", "left"), [({"share": 1}, 0), ({"share": "0.305"}, 70), ({"quantity": 30}, 70)])
@pytest.mark.parametrize("side", ["long", "short"])
async def test_auto_deleveraging_takes_a_part_of_one_leg_at_mark(
    paper: Client, side: str, amount: dict[str, object], left: int
) -> None:
    other = "short" if side == "long" else "long"
    before, venue = await paper.state(), CcxtVenue(paper.ccxt, "paper")
    mark = D((await paper.price(200))["mark"])
    answer = await paper.control("adl", {"symbol": SOL, "side": side, **amount})
    assert (D(answer["quantity"]), D(answer["price"])) == (100 - left, mark)
    held = {name: p["contracts"] for name, p in (await paper.positions()).items()}
    assert held == ({side: left, other: 100} if left else {other: 100})
    (row,) = await venue.forced(SOL, 0)
    assert (row.why, row.position_side, row.quantity, row.price) == ("auto_deleveraged", side, 100 - left, mark)
    after = await paper.state()
    (order,) = [o for o in after["orders"] if o["clientOrderId"] == "adl_autoclose"]
    assert (order["type"], order["status"]) == ("LIMIT", "FILLED")
    sign = 1 if side == "long" else -1
    entry = next(D(p["entryPrice"]) for p in before["positions"] if p["positionSide"] == side.upper())
    earned = sign * (100 - left) * (mark - entry)
    wallets = [D(state["balances"]["USDT"]["wallet"]) for state in (before, after)]
    assert wallets[1] - wallets[0] == earned, "no fee"
    assert total(after["income"], "income") == wallets[1] - D(after["balances"]["USDT"]["deposit"])


async def test_orders_that_only_close_the_leg_go_with_it(paper: Client) -> None:
    await paper.conditional("sell", "LONG", "STOP_MARKET", 170)
    await paper.conditional("buy", "SHORT", "STOP_MARKET", 250)
    await paper.control("adl", {"symbol": SOL, "side": "long", "share": 1})
    resting = [o for o in (await paper.state())["orders"] if o["status"] == "NEW"]
    assert [o["positionSide"] for o in resting] == ["SHORT"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        "x",
        {"symbol": SOL, "side": "long"},
        {"symbol": SOL, "side": "long", "share": 1, "quantity": 1},
        {"symbol": "DOGE", "side": "long", "share": 1},
        {"symbol": SOL, "side": "up", "share": 1},
        {"symbol": "AVAX/USDT:USDT", "side": "long", "share": 1},
    ]
    + [{"symbol": SOL, "side": "long", "share": bad} for bad in ("0", -1, "1.01", "nan", "inf", "some", None, "0.001")]
    + [{"symbol": SOL, "side": "long", "quantity": bad} for bad in ("0", -1, "101", "0.5", "nan")],
)
async def test_a_bad_request_changes_nothing(paper: Client, document: object) -> None:
    before = await paper.state()
    answer = await paper.control("adl", document, status=400)
    assert set(answer) == {"error"}
    assert (await paper.state())["positions"] == before["positions"]


async def test_a_liquidation_of_one_leg_is_told_as_such(paper: Client) -> None:
    await paper.price(240)
    assert set(await paper.positions()) == {"long"}
    (row,) = await CcxtVenue(paper.ccxt, "paper").forced(SOL, 0)
    assert (row.why, row.position_side, row.quantity) == ("liquidated", "short", 100)
    assert await CcxtVenue(paper.ccxt, "paper").forced(SOL, row.time + 1) == []
    raw = await paper.ccxt.fapiPrivateGetForceOrders({"symbol": "SOLUSDT", "autoCloseType": "ADL"})
    assert raw == []
    (told,) = await paper.ccxt.fetch_my_liquidations(SOL)
    assert told["symbol"] == SOL
