"""What a capable model may ask before it answers: pure functions of what is stored with the decision.

Replay makes the same tools from the recording, so that every call gives the same result offline. The preview is judged
by the production guard on the prices of the snapshot; the real verdict rests on a fresh quote.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from data_fetchers.snapshot import Candles, MarketSnapshot, Unavailable
from data_fetchers.symbols import prefix_of
from indicators.delta_neutral_hedge import break_even, effective_gamma, liquidation_price, one_ladder
from orchestrator.preview import MAINTENANCE, entry_of, quote_of
from orchestrator.risk_guard.review import review
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.model import ToolSpec
from traders.contract.quote import Quote, Switches
from traders.contract.verdict import Verdict

_BP = Decimal(10_000)
_MOST_VALUES = 48
_OPS: dict[str, Callable[[float, float], bool]] = {
    "lt": lambda a, b: a < b,
    "gt": lambda a, b: a > b,
}


class DecisionTools:
    """Implements `traders.contract.trader.Tools` for one decision."""

    def __init__(self, snapshot: MarketSnapshot, context: Context, constraints: ConstraintSet) -> None:
        self._snapshot, self._context, self._constraints = snapshot, context, constraints

    def specs(self) -> tuple[ToolSpec, ...]:
        """The four tools."""
        limits = self._constraints.limits
        readings = sorted(self._context.readings)
        return (
            ToolSpec(
                name="preview_plan",
                description="What the guard would say of an entry, its size, costs and liquidation prices.",
                parameters=_object(
                    margin_bp=_integer(1, int(limits.pair_margin_max * _BP)),
                    leverage=_integer(1, limits.leverage_max),
                    stop_bp=_integer(1, int(limits.stop_loss_max * _BP)),
                    target_bp=_integer(1, int(limits.take_profit_max * _BP)),
                ),
            ),
            ToolSpec(
                name="series",
                description="The last n closed candles, oldest first.",
                parameters=_object(
                    timeframe={"type": "string", "enum": self._timeframes()},
                    field={"type": "string", "enum": ["open", "high", "low", "close", "volume"]},
                    n=_integer(1, _MOST_VALUES),
                ),
            ),
            ToolSpec(
                name="census",
                description="How often a 1h condition held on the candles at hand.",
                parameters=_object(
                    condition={"type": "string", "enum": ["atr_ratio", "tr_multiple", "rsi14", "volume_ratio"]},
                    op={"type": "string", "enum": sorted(_OPS)},
                    value={"type": "number"},
                ),
            ),
            ToolSpec(
                name="explain",
                description="A reading with unit, age and source, or why it is missing.",
                parameters=_object(reading={"type": "string", "enum": readings[:200]}),
            ),
        )

    def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one call. Raises ValueError for an unknown tool or bad arguments."""
        known = {spec.name: spec for spec in self.specs()}
        if name not in known:
            raise ValueError(f"there is no tool {name[:40]!r}; there are {', '.join(known)}")
        _check(arguments, known[name].parameters["properties"])
        answer: dict[str, Any] = getattr(self, f"_{name}")(**arguments)
        return answer

    def _preview_plan(self, margin_bp: int, leverage: int, stop_bp: int, target_bp: int) -> dict[str, Any]:
        quote = quote_of(self._snapshot, self._context)
        if quote is None:
            return {"error": "the snapshot holds no order book or price to size from"}
        decision = entry_of(self._context, self._constraints.limits, margin_bp, leverage, stop_bp, target_bp)
        verdict = review(decision, self._context, quote, Switches(), self._constraints)
        found: dict[str, Any] = {
            "outcome": verdict.outcome,
            "findings": [
                {"rule": finding.rule, "effect": finding.effect, "message": finding.message}
                for finding in verdict.findings
            ],
            "note": "on the snapshot's prices, with assumed steps and a taker fee of 0.05 %",
        }
        return found | ({} if verdict.plan is None else self._figures(verdict, quote))

    def _figures(self, verdict: Verdict, quote: Quote) -> dict[str, Any]:
        plan = verdict.plan
        assert plan is not None
        leg, entry = plan.legs[0], plan.entry_price
        notional, cost = leg.quantity * entry, quote.fees.taker
        rule = self._constraints.limits.reversal_rule
        ladder = one_ladder(plan.bands, entry, leg.quantity, plan.pair_margin, cost, rule)
        margin = notional / plan.leverage
        return {
            "pair_margin_usdt": _number(plan.pair_margin, 2),
            "notional_a_leg_usdt": _number(notional, 2),
            "effective_gamma": _number(effective_gamma(plan.bands, notional, entry), 4),
            "one_ladder_net_win": _number(ladder.win_fraction, 5),
            "one_ladder_worst_loss": _number(ladder.worst_fraction, 5),
            "break_even_up": _number(break_even(plan.bands, entry, leg.quantity, cost, "up"), 6),
            "break_even_down": _number(break_even(plan.bands, entry, leg.quantity, cost, "down"), 6),
            "liquidation": {
                side: _number(liquidation_price(side, entry, leg.quantity, margin, MAINTENANCE), 4)
                for side in ("long", "short")
            },
        }

    def _series(self, timeframe: str, field: str, n: int) -> dict[str, Any]:
        candles = self._candles(timeframe)
        if candles is None:
            return {"error": f"no {timeframe} candles"}
        values = getattr(candles, field)[-n:]
        return {
            "order": "oldest first",
            "interval_ms": candles.interval_ms,
            "values": [float(f"{v:.6g}") for v in values],
        }

    def _census(self, condition: str, op: str, value: float) -> dict[str, Any]:
        import numpy as np

        from indicators import atr_calculator, rsi, volume

        candles = self._candles("1h")
        if candles is None or len(candles.time) < 100:
            return {"error": "too few 1h candles"}
        high, low, close = (np.asarray(column) for column in (candles.high, candles.low, candles.close))
        series = {
            "atr_ratio": lambda: atr_calculator.atr_ratio(high, low, close),
            "tr_multiple": lambda: atr_calculator.true_range_multiple(high, low, close),
            "rsi14": lambda: rsi.rsi(close),
            "volume_ratio": lambda: volume.volume_ratio(np.asarray(candles.volume)),
        }[condition]()
        known = series[~np.isnan(series)].tolist()
        count = sum(_OPS[op](one, value) for one in known)
        return {"hours": len(known), "held": count, "share": round(count / len(known), 6) if known else None}

    def _explain(self, reading: str) -> dict[str, Any]:
        found = self._context.readings[reading]
        prefix = prefix_of(self._context.symbol)
        source = next(
            (
                name
                for name in sorted(self._context.sources, key=len, reverse=True)
                if reading.startswith(f"{prefix}.") and name.split(".")[-1] in reading
            ),
            None,
        )
        age_s = (self._context.as_of - found.as_of) // 1000
        return {"value": found.value, "unit": found.unit, "digits": found.digits, "age_s": age_s, "source": source}

    def _candles(self, timeframe: str) -> Candles | None:
        data = self._snapshot.symbols.get(self._context.symbol)
        if data is None or isinstance(data.market_data, Unavailable):
            return None
        found = data.market_data.candles.get(timeframe)
        return found if isinstance(found, Candles) else None

    def _timeframes(self) -> list[str]:
        data = self._snapshot.symbols.get(self._context.symbol)
        if data is None or isinstance(data.market_data, Unavailable):
            return ["1h"]
        return sorted(data.market_data.candles) or ["1h"]


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _integer(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def _check(arguments: Mapping[str, Any], properties: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises ValueError unless the arguments are exactly those of the schema."""
    if set(arguments) != set(properties):
        raise ValueError(f"the arguments are {', '.join(properties)}, each once")
    for name, rule in properties.items():
        value = arguments[name]
        if rule["type"] == "integer":
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not whole or not rule["minimum"] <= value <= rule["maximum"]:
                raise ValueError(f"{name} is a whole number from {rule['minimum']} to {rule['maximum']}")
        elif rule["type"] == "number":
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
                raise ValueError(f"{name} is a number")
        elif value not in rule["enum"]:
            raise ValueError(f"{name} is none of the values on offer")


def _number(value: Decimal, digits: int) -> float | None:
    return round(float(value), digits) if value.is_finite() else None
