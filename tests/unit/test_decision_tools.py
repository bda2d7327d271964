"""The four tools: what they answer, and that they answer nothing else."""

from typing import Any

import numpy as np
import pytest
import talib

from data_fetchers.snapshot import MarketData, Unavailable
from orchestrator.tools import DecisionTools
from tests.trader_samples import SOL, constraints, portfolio, snapshot
from traders.volatility_gamma.observe import observe

SNAPSHOT = snapshot()
CONTEXT = observe(SNAPSHOT, portfolio(), constraints())
TOOLS = DecisionTools(SNAPSHOT, CONTEXT, constraints())


def hourly() -> Any:
    market = SNAPSHOT.symbols[SOL].market_data
    assert isinstance(market, MarketData)
    return market.candles["1h"]


def test_series_is_the_end_of_the_candles_oldest_first() -> None:
    found = TOOLS.call("series", {"timeframe": "1h", "field": "close", "n": 3})
    assert found["values"] == pytest.approx(hourly().close[-3:], rel=1e-5)


def test_census_is_talibs() -> None:
    candles = hourly()
    high, low, close = (np.asarray(column) for column in (candles.high, candles.low, candles.close))
    ratio = talib.ATR(high, low, close, 14) / talib.ATR(high, low, close, 50)
    known = ratio[~np.isnan(ratio)]
    found = TOOLS.call("census", {"condition": "atr_ratio", "op": "gt", "value": 1.05})
    assert (found["hours"], found["held"]) == (known.size, int((known > 1.05).sum()))


def test_explain_is_the_reading() -> None:
    name = "sol.1h.atr_ratio"
    found = TOOLS.call("explain", {"reading": name})
    assert (found["value"], found["unit"]) == (CONTEXT.readings[name].value, "ratio")


def test_a_preview_without_a_book_says_so() -> None:
    missing = Unavailable(code="error", reason="gone")
    blind = SNAPSHOT.symbols[SOL].model_copy(update={"order_book": missing})
    tools = DecisionTools(SNAPSHOT.model_copy(update={"symbols": {SOL: blind}}), CONTEXT, constraints())
    assert "error" in tools.call("preview_plan", {"margin_bp": 1500, "leverage": 5, "stop_bp": 800, "target_bp": 1200})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("nothing", {}),
        ("__class__", {}),
        ("explain", {"reading": "sol.secret"}),
        ("explain", {}),
        ("explain", {"reading": "sol.1h.atr_ratio", "more": 1}),
        ("series", {"timeframe": "1h", "field": "close", "n": True}),
        ("series", {"timeframe": "1h", "field": "__class__", "n": 1}),
        ("series", {"timeframe": "2h", "field": "close", "n": 1}),
        ("series", {"timeframe": "1h", "field": "close", "n": 0}),
        ("census", {"condition": "atr_ratio", "op": "gt", "value": float("nan")}),
        ("census", {"condition": "atr_ratio", "op": "gt", "value": 1e300}),
        ("preview_plan", {"margin_bp": 1500.5, "leverage": 5, "stop_bp": 800, "target_bp": 1200}),
        ("preview_plan", {"margin_bp": 1500, "leverage": 500, "stop_bp": 800, "target_bp": 1200}),
    ],
)
def test_anything_else_is_a_value_error(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        TOOLS.call(name, arguments)


def test_the_specs_are_strict_schemas() -> None:
    for spec in TOOLS.specs():
        assert spec.parameters["additionalProperties"] is False
        assert set(spec.parameters["required"]) == set(spec.parameters["properties"])
