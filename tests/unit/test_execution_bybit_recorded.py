"""Bybit's parsers against responses that the venue documents (recorded by others; read in place, skipped if absent)."""

import gzip
import json
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution import bybit as dialect
from orchestrator.execution.codes import PreflightCode as P
from orchestrator.execution.venue import ConditionalRequest, OrderRequest
from tests.fake_venue import plan_for
from tests.market_files import data_folder

D = Decimal
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
pytestmark = pytest.mark.data
Recorded = dict[str, Any]


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    """`result` by the name of the recorded file."""
    path = data_folder() / "recorded_responses" / "jkorf_bybit_v5_endpoints.json.gz"
    if not path.is_file():
        pytest.skip(f"no recorded responses at {path}")
    rows = json.loads(gzip.decompress(path.read_bytes()))
    return {row["file"].rsplit("/", 1)[1]: row["response"] for row in rows if "Endpoints" in row["file"]}


def rows(recorded: Recorded, name: str) -> list[Any]:
    found: list[Any] = recorded[name]["result"]["list"]
    return found


def test_orders(recorded: Recorded) -> None:
    (row,) = rows(recorded, "GetOrders.txt")
    order = dialect.order_report(row, ETH)
    assert (order.client_order_id, order.status, order.side, order.position_side) == (
        "test-000005", "new", "buy", "long",
    )  # fmt: skip
    assert (order.quantity, order.filled, order.average, order.trigger_price) == (D("0.10"), 0, None, None)
    assert not dialect.rests_until_triggered(row)
    (gone,) = rows(recorded, "GetOrderHistory.txt")
    assert (dialect.order_report(gone, BTC).status, dialect.order_report(gone, BTC).position_side) == (
        "canceled", "long",
    )  # fmt: skip


def test_a_conditional_order_of_the_documented_shape(recorded: Recorded) -> None:
    """The recorded order, waiting as the stop of a short would: the same fields, other values."""
    (row,) = rows(recorded, "GetOrders.txt")
    stop = {**row, "orderStatus": "Untriggered", "positionIdx": 2, "triggerPrice": "2500.00", "qty": "0"}
    found = dialect.order_report(stop, ETH)
    assert (found.status, found.side, found.position_side, found.trigger_price) == ("new", "buy", "short", D(2500))
    assert dialect.rests_until_triggered(stop)
    for status, meant in (("Triggered", "triggered"), ("Filled", "triggered"), ("Deactivated", "canceled")):
        assert dialect.order_report({**stop, "orderStatus": status}, ETH).status == meant


def test_answers_to_orders(recorded: Recorded) -> None:
    order = OrderRequest(
        client_order_id="spot-test-postonly", symbol=BTC, side="sell", position_side="long", type="market",
        quantity=D(2), reduces=True,
    )  # fmt: skip
    report = dialect.accepted(recorded["PlaceOrder.txt"], order)
    assert (report.client_order_id, report.exchange_order_id) == ("spot-test-postonly", "1321003749386327552")
    assert (report.status, report.filled) == ("new", 0)
    stop = ConditionalRequest(
        client_order_id="x", symbol=BTC, side="sell", position_side="long", kind="stop", trigger_price=D(1)
    )
    assert dialect.accepted(recorded["PlaceOrder.txt"], stop).trigger_price == 1
    assert recorded["CancelOrder.txt"]["result"]["orderLinkId"] == "linear-004"


def test_positions(recorded: Recorded) -> None:
    (row,) = rows(recorded, "GetPositions.txt")
    held = dialect.position(row, BTC)
    assert held is not None
    assert (held.side, held.quantity, held.entry_price) == ("short", 300, D("27464.50441675"))
    assert (held.liquidation_price, held.isolated_margin, held.leverage) == (None, D("0.00139186"), 10)
    assert dialect.position({**row, "size": "0"}, BTC) is None
    assert dialect.position_mode([row]) == "one_way"
    legs = [{**row, "positionIdx": 1, "side": "", "size": "0"}, {**row, "positionIdx": 2, "leverage": "12.5"}]
    assert dialect.position_mode(legs) == "hedge"
    with pytest.raises(ValueError, match="no mode"):
        dialect.position_mode([])
    account = recorded["GetMarginAccountInfo.txt"]["result"]
    settings = dialect.symbol_settings([row], account, BTC)
    assert (settings.leverage, settings.short_leverage, settings.margin_mode) == (10, None, "cross")
    split = dialect.symbol_settings(legs, {**account, "marginMode": "ISOLATED_MARGIN"}, BTC)
    assert (split.leverage, split.short_leverage, split.margin_mode) == (10, 0, "isolated")
    assert not split.at(10), "12.5 is no leverage of a plan"


def test_money(recorded: Recorded) -> None:
    found = dialect.balance(
        {"list": [{"coin": [{**recorded["GetBalances.txt"]["result"]["list"][0]["coin"][0], "coin": "USDT",
                             "walletBalance": "1000", "equity": "990.5", "totalPositionIM": "250",
                             "totalOrderIM": "50"}]}]}
    )  # fmt: skip
    assert (found.wallet, found.equity, found.available) == (1000, D("990.5"), 700)
    with pytest.raises(StopIteration):
        dialect.balance(recorded["GetBalances.txt"]["result"])
    (fee,) = rows(recorded, "GetFeeRate.txt")
    assert (fee["makerFeeRate"], fee["takerFeeRate"]) == ("0.0001", "0.0006")


def test_trades(recorded: Recorded) -> None:
    (row,) = rows(recorded, "GetUserTrades.txt")
    fill = dialect.fill(row, ETH)
    assert fill is not None
    assert (fill.trade_id, fill.side, fill.position_side) == ("e0cbe81d-0f18-5866-9415-cf319b5dab3b", "buy", "long")
    assert (fill.price, fill.quantity, fill.fee, fill.realized) == (D("1190.15"), D("0.1"), D("0.071409"), 0)
    closed = dialect.fill({**row, "closedSize": "0.1", "execPnl": "-1.5"}, ETH)
    assert closed is not None
    assert (closed.side, closed.position_side, closed.realized) == ("buy", "short", D("-1.5"))
    assert dialect.fill({**row, "execType": "Funding"}, ETH) is None
    with pytest.raises(KeyError):
        dialect.fill({**row, "closedSize": "0.1"}, ETH)
    with pytest.raises(ValueError, match="MNT"):
        dialect.fill({**row, "feeCurrency": "MNT"}, ETH)


def test_what_the_venue_closed_by_itself(recorded: Recorded) -> None:
    (row,) = rows(recorded, "GetUserTrades.txt")
    assert dialect.forced(row, ETH) is None
    bust = dialect.forced({**row, "execType": "BustTrade"}, ETH)
    assert bust is not None
    assert (bust.why, bust.position_side, bust.quantity, bust.price) == (
        "liquidated", "short", D("0.1"), D("1190.15"),
    )  # fmt: skip
    adl = dialect.forced({**row, "execType": "AdlTrade", "side": "Sell"}, ETH)
    assert adl is not None
    assert (adl.why, adl.position_side) == ("auto_deleveraged", "long")


def test_income_adds_up_to_the_change_of_the_wallet(recorded: Recorded) -> None:
    found = rows(recorded, "GetTransactionHistory.txt")
    parts = [list(dialect.incomes(row, {"XRPUSDT": "XRP/USDT:USDT"})) for row in found]
    assert [[(part.kind, part.amount) for part in of] for of in parts] == [
        [("FUNDING_FEE", D("-0.003676"))],
        [("COMMISSION", D("-0.01908720"))],
        [("COMMISSION", D("-0.00260280"))],
    ]
    for row, of in zip(found, parts, strict=True):
        assert sum(part.amount for part in of) == D(row["change"])
    ids = [part.income_id for of in parts for part in of]
    assert len(set(ids)) == 3, "the venue's `id` alone comes twice"
    closing = {**found[1], "cashFlow": "2.5", "change": "2.48091280"}
    assert {part.kind: part.amount for part in dialect.incomes(closing, {})} == {
        "REALIZED_PNL": D("2.5"), "COMMISSION": D("-0.01908720"),
    }  # fmt: skip
    moved = {**found[1], "type": "TRANSFER_IN", "change": "100", "cashFlow": "100", "fee": "0"}
    assert [(part.kind, part.amount) for part in dialect.incomes(moved, {})] == [("TRANSFER_IN", D(100))]


def test_contracts_and_tiers(recorded: Recorded) -> None:
    (info,) = rows(recorded, "GetLinearInverseSymbols.txt")
    contract = dialect.contract(info)
    assert (contract.price_tick, contract.quantity_step, contract.min_quantity) == (D("0.10"), D("0.001"), D("0.001"))
    assert (contract.max_quantity, contract.market_max_quantity, contract.min_notional) == (100, 100, 5)
    (row,) = rows(recorded, "GetRiskLimit.txt")  # in per cent, as old answers have it
    (tier,) = dialect.tiers([row])
    assert (tier.notional_cap, tier.max_leverage, tier.maintenance_margin_rate) == (150, 100, D("0.005"))
    second = {**row, "riskLimitValue": "300", "initialMargin": "2", "maxLeverage": "50", "maintenanceMargin": "1"}
    first, other = dialect.tiers([second, row])
    assert (other.notional_floor, other.notional_cap, other.maintenance_amount) == (150, 300, D("0.75"))
    # the margin is the same from both sides of the border
    assert 150 * first.maintenance_margin_rate == 150 * other.maintenance_margin_rate - other.maintenance_amount
    modern = {**row, "initialMargin": "0.01", "maintenanceMargin": "0.005"}
    assert dialect.tiers([modern])[0].maintenance_margin_rate == D("0.005")
    with pytest.raises(ValueError, match="does not go with"):
        dialect.tiers([{**row, "initialMargin": "7"}])


def test_rights_of_the_key_and_kind_of_account(recorded: Recorded) -> None:
    key, account = recorded["GetApiKeyInfo.txt"]["result"], recorded["GetMarginAccountInfo.txt"]["result"]
    contract = dialect.contract(rows(recorded, "GetLinearInverseSymbols.txt")[0])
    plan = plan_for()
    legs = tuple(leg.model_copy(update={"quantity": D(100)}) for leg in plan.legs)
    small = plan.model_copy(update={"legs": legs})

    def codes(*, of_key: Any = key, of_account: Any = account, of_plan: Any = small) -> list[P]:
        found = dialect.obstacles(of_key, of_account, contract, of_plan)
        assert all(problem.message and problem.remedy for problem in found)
        return [problem.code for problem in found]

    assert codes() == []
    assert codes(of_key={**key, "readOnly": 1}) == [P.PERMISSION]
    assert codes(of_key={**key, "permissions": {"ContractTrade": ["Order"]}}) == [P.PERMISSION]
    rights = {**key["permissions"], "Wallet": ["AccountTransfer", "Withdraw"]}
    assert codes(of_key={**key, "permissions": rights}) == [P.WITHDRAWAL]
    assert codes(of_account={**account, "unifiedMarginStatus": 1}) == [P.ACCOUNT_KIND]
    assert codes(of_plan=plan) == [P.QUANTITY_MAX] * 2, "312 a leg, and a stop closes 100 at once"
