"""The dialect against responses that the venue documents (recorded by others; read in place, skipped where absent)."""

import gzip
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrator.execution import binance_usdm as dialect
from orchestrator.execution.ccxt_venue import CcxtVenue
from orchestrator.execution.exact import number
from orchestrator.execution.venue import Venue

D = Decimal
BTC = "BTC/USDT:USDT"
pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def recorded() -> dict[tuple[str, str], Any]:
    """The last response of each method and path."""
    data = Path(os.environ.get("VOLGAMMA_TEST_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
    path = data / "recorded_responses" / "jkorf_binance_usdm_endpoints.json.gz"
    if not path.is_file():
        pytest.skip(f"no recorded responses at {path}")
    rows = json.loads(gzip.decompress(path.read_bytes()))
    return {(row["header"][0], row["header"][1]): row["response"] for row in rows}


def test_orders(recorded: dict[tuple[str, str], Any]) -> None:
    order = dialect.order_report(recorded["GET", "/fapi/v1/order"], BTC)
    assert (order.client_order_id, order.status, order.side, order.position_side) == ("abc", "new", "buy", "short")
    assert (order.quantity, order.filled, order.average) == (D("0.40"), 0, None)
    assert dialect.order_report(recorded["POST", "/fapi/v1/order"], BTC).exchange_order_id == "22542179"
    (row,) = recorded["GET", "/fapi/v1/openOrders"]
    assert dialect.order_report(row, BTC).status == "new"


def test_conditional_orders(recorded: dict[tuple[str, str], Any]) -> None:
    finished = dialect.conditional_report(recorded["GET", "/fapi/v1/algoOrder"], BTC)
    assert (finished.status, finished.trigger_price) == ("triggered", D("69080.20"))
    canceled = dialect.conditional_report(recorded["DELETE", "/fapi/v1/algoOrder"], BTC)
    assert (canceled.status, canceled.position_side) == ("canceled", "short")
    placed = dialect.conditional_report(recorded["POST", "/fapi/v1/algoOrder"], BTC)
    assert (placed.status, placed.client_order_id) == ("new", "6B2I9XVcJpCjqPAJ4YoFX7")
    (row,) = recorded["GET", "/fapi/v1/openAlgoOrders"]
    assert dialect.conditional_report(row, BTC).status == "new"


def test_account(recorded: dict[tuple[str, str], Any]) -> None:
    rows = recorded["GET", "/fapi/v3/positionRisk"]
    (held,) = [found for row in rows if (found := dialect.position(row, BTC)) is not None]
    assert (held.side, held.quantity, held.entry_price) == ("long", D("0.001"), D("22185.2"))
    assert (held.liquidation_price, held.leverage, held.margin_mode) == (D("19731.45529116"), 4, "cross")
    balance = dialect.balance(recorded["GET", "/fapi/v3/account"])
    assert (balance.wallet, balance.available) == (D("23.72469206"), D("23.72469206"))
    totals = dialect.balance({**recorded["GET", "/fapi/v3/account"], "assets": []})
    assert totals.equity == D("103.12345678")
    settings = dialect.symbol_settings(recorded["GET", "/fapi/v1/symbolConfig"], "BTCUSDT", BTC)
    assert (settings.leverage, settings.margin_mode) == (21, "cross")
    (tier,) = dialect.margin_tiers(recorded["GET", "/fapi/v1/leverageBracket"], "ETHUSDT")
    assert (tier.max_leverage, tier.maintenance_margin_rate) == (75, D("0.0065"))


def test_history(recorded: dict[tuple[str, str], Any]) -> None:
    (row,) = recorded["GET", "/fapi/v1/userTrades"]
    fill = dialect.fill(row, BTC)
    assert (fill.trade_id, fill.side, fill.position_side, fill.quantity) == ("698759", "sell", "short", D("0.002"))
    transfer, commission = (dialect.income(row, {"BTCUSDT": BTC}) for row in recorded["GET", "/fapi/v1/income"])
    assert (transfer.kind, transfer.symbol, transfer.amount) == ("TRANSFER", "", D("-0.375"))
    assert (commission.kind, commission.symbol, commission.income_id) == ("COMMISSION", BTC, "9689322392")


def test_forced_orders(recorded: dict[tuple[str, str], Any]) -> None:
    liquidated, deleveraged = (dialect.forced(row, BTC) for row in recorded["GET", "/fapi/v1/forceOrders"])
    assert (liquidated.why, liquidated.position_side) == ("liquidated", "long"), "one-way: sold, so a long was closed"
    assert (liquidated.quantity, liquidated.price) == (D("0.001"), D("10913.21"))
    assert (deleveraged.why, deleveraged.position_side) == ("auto_deleveraged", "short")
    assert (deleveraged.exchange_order_id, deleveraged.time) == ("6072734303", 1596110725059)
    with pytest.raises(ValueError, match="no forced order"):
        dialect.forced({**recorded["GET", "/fapi/v1/forceOrders"][0], "clientOrderId": "vg-1"}, BTC)


@pytest.mark.parametrize("value", [None, True, "NaN", "Infinity", "", "x", [], {}])
def test_what_is_no_number_is_never_read_as_one(value: Any) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        number(value)


def test_the_adapter_fits_the_port() -> None:
    def takes(venue: Venue) -> None: ...

    assert takes.__annotations__["venue"] is Venue
    missing = [name for name in dir(Venue) if not name.startswith("_") and not hasattr(CcxtVenue, name)]
    assert missing == []
