"""What the model fills in: enums and whole numbers with bounds, generated from the limits and the position's state.

Constrained decoders honour enums, integer bounds and lengths, not fractions; so margins, stops and targets travel in
basis points. Only actions that are possible now are offered. Numbers that quote a reading travel as text, exactly as
shown. `to_decision` turns a reply into a `Decision` or raises `WireError` (see `strict_json`); it never guesses.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Literal

from data_fetchers.symbols import prefix_of
from traders.contract.context import Context
from traders.contract.decision import (
    AbstainReason,
    Action,
    Condition,
    Decision,
    Evidence,
    PairPlan,
    Regime,
)
from traders.contract.limits import Limits
from traders.contract.portfolio import OpenPair
from traders.volatility_gamma.catalogue import catalogue, key_readings, shown
from traders.volatility_gamma.plans import neutral_plan, open_pair_on
from traders.volatility_gamma.strict_json import WireError, read_object

Size = Literal["compact", "full"]
SCHEMA_NAME = "volgamma_decision"
_VALUE_LENGTH = 16
_MAX_VALUE = Decimal("1e15")
#: For the decoder. Bounded, because an unbounded one has let a small model write digits until its tokens ran out.
_NUMBER_PATTERN = r"^-?[0-9]{1,12}(\.[0-9]{1,8})?$"
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_BP = Decimal(10_000)


@dataclass(frozen=True)
class Field:
    """One key of the reply: its schema, and the words that explain it in the prompt."""

    name: str
    schema: dict[str, Any]
    help: str


@dataclass(frozen=True)
class Shape:
    """The reply asked for in one situation."""

    fields: tuple[Field, ...]
    actions: tuple[Action, ...]
    readings: tuple[str, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """Strict JSON Schema: every key required, none besides."""
        return {
            "type": "object",
            "additionalProperties": False,
            "required": [field.name for field in self.fields],
            "properties": {field.name: field.schema for field in self.fields},
        }


def citable(context: Context, size: Size) -> tuple[str, ...]:
    """Readings that are shown and may be cited, in the catalogue's order."""
    prefix = prefix_of(context.symbol)
    names = key_readings(prefix) if size == "compact" else tuple(catalogue(prefix))
    return tuple(
        name for name in names if name in context.readings and len(shown(context.readings[name].value)) <= _VALUE_LENGTH
    )


def shape(context: Context, size: Size) -> Shape | None:
    """The reply to ask for, or None when there is no reading to decide from."""
    readings = citable(context, size)
    if not readings:
        return None
    pair = open_pair_on(context)
    actions = _actions(context.limits, pair)
    words = ", ".join(actions)
    fields = (
        Field("reasoning", _text(200 if size == "compact" else 400), "one or two short sentences, written first"),
        Field("action", _enum(actions), f"one of {words}"),
        Field("regime", _enum(tuple(Regime)), "the 1h volatility regime as you read it"),
        Field("confidence_percent", _integer(0, 100), "how sure you are, 0-100"),
        *(_entry_fields(context.limits) if pair is None else _open_fields(context.limits, pair, actions)),
        Field(
            "evidence",
            _items(
                {"reading": _enum(readings), "value": _value()},
                1,
                3 if size == "compact" else 8,
            ),
            "the readings that decide, each as reading (its name) and value (copied exactly as shown)",
        ),
        Field(
            "invalidation",
            _items(
                {
                    "reading": _enum(readings),
                    "op": _enum(("lt", "le", "gt", "ge")),
                    "value": _value(),
                },
                0,
                2 if size == "compact" else 6,
            ),
            "when the idea is wrong: reading, op (lt, le, gt, ge) and value (a number)",
        ),
    )
    return Shape(fields, actions, readings)


def to_decision(text: str, context: Context, size: Size) -> Decision:
    """The decision in a reply. Raises WireError for anything that is not exactly what was asked for.

    Fields that belong to another action than the chosen one are checked and then ignored, as the prompt says.
    """
    asked = shape(context, size)
    if asked is None:
        raise WireError(AbstainReason.INVALID, ("nothing could be asked: no reading is available",))
    reply = read_object(text, asked.schema)
    problems: list[str] = []
    evidence = tuple(
        Evidence(reading=item["reading"], value=value)
        for number, item in enumerate(reply["evidence"])
        if (value := _number(item["value"], f"evidence[{number}].value", problems)) is not None
    )
    invalidation = tuple(
        Condition(reading=item["reading"], op=item["op"], value=value)
        for number, item in enumerate(reply["invalidation"])
        if (value := _number(item["value"], f"invalidation[{number}].value", problems)) is not None
    )
    if problems:
        raise WireError(AbstainReason.INVALID, tuple(problems))
    action = Action(reply["action"])
    pair = open_pair_on(context)
    return Decision(
        action=action,
        symbol=context.symbol,
        pair_id=None if pair is None else pair.pair_id,
        regime=Regime(reply["regime"]),
        plan=_plan(action, reply, context, pair),
        reduce_fraction=Decimal(reply["reduce_percent"]) / 100 if action is Action.REDUCE else None,
        invalidation=invalidation,
        evidence=evidence,
        confidence=Decimal(reply["confidence_percent"]) / 100,
        rationale=" ".join(reply["reasoning"].split()),
    )


def _actions(limits: Limits, pair: OpenPair | None) -> tuple[Action, ...]:
    if pair is None:
        return (Action.ENTER, Action.STAND_ASIDE)
    always = (Action.HOLD, Action.REDUCE, Action.EXIT)
    # a rebalance may only tighten here, so a standing stop at or below the least leaves nothing to tighten
    return (*always, Action.REBALANCE) if pair.plan.stop_loss >= limits.stop_loss_min else always


def _entry_fields(limits: Limits) -> tuple[Field, ...]:
    return (
        _bounded("margin_bp", limits.pair_margin_min, limits.pair_margin_max, "pair margin, basis points of equity"),
        Field("leverage", _integer(limits.leverage_min, limits.leverage_max), "of each leg, whole x"),
        _bounded("stop_bp", limits.stop_loss_min, limits.stop_loss_max, "cycle stop, basis points of pair margin"),
        _bounded(
            "target_bp",
            limits.take_profit_min,
            limits.take_profit_max,
            f"cycle target, basis points of pair margin, at least {shown(float(limits.reward_risk_min))} x stop_bp",
        ),
        Field("holding_hours", _integer(1, max(1, int(limits.holding_hours_max))), "longest holding time"),
        Field("bands", _enum(("standing", "tightened")), "tightened only when high volatility is sustained"),
    )


def _open_fields(limits: Limits, pair: OpenPair, actions: tuple[Action, ...]) -> tuple[Field, ...]:
    fields = [Field("reduce_percent", _integer(1, 99), "for reduce: share of both legs to close; else ignored")]
    if Action.REBALANCE in actions:
        stop_max = min(limits.stop_loss_max, pair.plan.stop_loss)
        hours = max(1, int(min(limits.holding_hours_max, pair.plan.max_holding_hours)))
        fields += [
            _bounded("stop_bp", limits.stop_loss_min, stop_max, "for rebalance: new cycle stop; else ignored"),
            _bounded("target_bp", limits.take_profit_min, limits.take_profit_max, "for rebalance: new cycle target"),
            Field("holding_hours", _integer(1, hours), "for rebalance: new longest holding time"),
        ]
    return tuple(fields)


def _plan(action: Action, reply: dict[str, Any], context: Context, pair: OpenPair | None) -> PairPlan | None:
    if action is Action.ENTER:
        factor = context.limits.band_high_vol_factor if reply["bands"] == "tightened" else Decimal(1)
        return neutral_plan(
            context,
            pair_margin_fraction=reply["margin_bp"] / _BP,
            leverage=reply["leverage"],
            band_factor=factor,
            stop_loss=reply["stop_bp"] / _BP,
            take_profit=reply["target_bp"] / _BP,
            holding_hours=Decimal(reply["holding_hours"]),
        )
    if action is Action.REBALANCE and pair is not None:
        return pair.plan.model_copy(
            update={
                "stop_loss": reply["stop_bp"] / _BP,
                "take_profit": reply["target_bp"] / _BP,
                "max_holding_hours": Decimal(reply["holding_hours"]),
            }
        )
    return None


def _number(text: str, where: str, problems: list[str]) -> Decimal | None:
    """A quoted number. ASCII digits only: other scripts' digits look the same and are not what was shown."""
    if _NUMBER.fullmatch(text) and abs(Decimal(text)) <= _MAX_VALUE:
        return Decimal(text)
    problems.append(f"{where} must be a plain number, copied as shown")
    return None


def _bounded(name: str, low: Decimal, high: Decimal, words: str) -> Field:
    least = int((low * _BP).to_integral_value(ROUND_CEILING))
    most = max(least, int((high * _BP).to_integral_value(ROUND_FLOOR)))
    return Field(name, _integer(least, most), words)


def _integer(low: int, high: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


def _enum(words: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "enum": [str(word) for word in words]}


def _text(length: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": length}


def _value() -> dict[str, Any]:
    return {"type": "string", "maxLength": _VALUE_LENGTH, "pattern": _NUMBER_PATTERN}


def _items(properties: dict[str, Any], low: int, high: int) -> dict[str, Any]:
    return {
        "type": "array",
        "minItems": low,
        "maxItems": high,
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": list(properties),
            "properties": properties,
        },
    }
