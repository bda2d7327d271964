"""What a policy proposes: a decision and, for an entry, a plan. Never an order."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from data_fetchers.symbols import normalise
from traders.contract.base import Fraction, Frozen, number_in_json


class Action(StrEnum):
    """What to do. `enter` and `rebalance` may add risk; the others never do."""

    ENTER = "enter"
    REBALANCE = "rebalance"
    REDUCE = "reduce"
    EXIT = "exit"
    HOLD = "hold"
    STAND_ASIDE = "stand_aside"


class Regime(StrEnum):
    """Volatility regime on 1h (domain.md section 6)."""

    EXTREME_VOL = "extreme_vol"
    CONTRACTION = "contraction"
    VOL_COLLAPSE = "vol_collapse"
    LOW_VOL_EXPANDING = "low_vol_expanding"
    HIGH_VOL_SUSTAINED = "high_vol_sustained"
    UNCLEAR = "unclear"


class AbstainReason(StrEnum):
    """Why a policy stood aside without having judged the market."""

    MODEL_UNAVAILABLE = "model_unavailable"
    MODEL_TIMEOUT = "model_timeout"
    REFUSAL = "refusal"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    NOT_JSON = "not_json"
    INVALID = "invalid"
    BUDGET = "budget"
    BREAKER_OPEN = "breaker_open"
    TOOL_LOOP = "tool_loop"


Side = Literal["long", "short"]
ReadingName = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", max_length=80)]
SymbolText = Annotated[str, Field(min_length=1, max_length=40)]


class Condition(Frozen):
    """A machine-checkable statement over one reading."""

    reading: ReadingName
    op: Literal["lt", "le", "gt", "ge"]
    value: Fraction


class Evidence(Frozen):
    """A cited reading: the guard checks that it exists and equals what was shown."""

    reading: ReadingName
    value: Fraction


class LegPlan(Frozen):
    """One leg. `weight` is its share of the pair's notional relative to the other leg (1 and 1: neutral)."""

    venue: Annotated[str, Field(min_length=1, max_length=32)]
    symbol: SymbolText
    side: Side
    weight: Fraction

    @field_validator("symbol")
    @classmethod
    def _one_spelling(cls, value: str) -> str:
        return normalise(value)


class Band(Frozen):
    """At a move of `move` (fraction of the entry price) a cumulative `fraction` of `leg` is closed."""

    move: Fraction
    leg: Literal["losing", "winning", "both"]
    fraction: Fraction


class PairPlan(Frozen):
    """A whole plan. Fractions: pair margin of equity; stop and target of pair margin, per cycle."""

    kind: Literal["gamma", "spread", "funding", "directional"]
    legs: Annotated[tuple[LegPlan, ...], Field(min_length=1, max_length=2)]
    pair_margin_fraction: Fraction
    leverage: Annotated[int, Field(ge=-1000, le=1000), BeforeValidator(number_in_json)]
    bands: Annotated[tuple[Band, ...], Field(min_length=0, max_length=8)]
    rehedge: Literal["none", "at_band"]
    reversal_rule: Literal["opposite_band", "entry", "none"]
    stop_loss: Fraction
    take_profit: Fraction
    trailing_atr_multiple: Fraction
    max_holding_hours: Fraction
    reopen: bool


class Decision(Frozen):
    """What a policy says, exactly; `rationale` is for people and is never parsed."""

    schema_version: Literal[1] = 1
    action: Action
    symbol: SymbolText
    pair_id: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    regime: Regime = Regime.UNCLEAR
    plan: PairPlan | None = None
    reduce_fraction: Fraction | None = None
    invalidation: Annotated[tuple[Condition, ...], Field(max_length=6)] = ()
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=8)] = ()
    confidence: Annotated[Fraction, Field(ge=0, le=1)] = Decimal(0)
    rationale: Annotated[str, Field(max_length=600)] = ""
    abstained: AbstainReason | None = None

    @field_validator("symbol")
    @classmethod
    def _one_spelling(cls, value: str) -> str:
        return normalise(value)

    @model_validator(mode="after")
    def _whole(self) -> "Decision":
        adds = self.action in (Action.ENTER, Action.REBALANCE)
        if adds and self.plan is None:
            raise ValueError(f"action {self.action} needs a plan")
        if not adds and self.plan is not None:
            raise ValueError(f"action {self.action} carries no plan")
        if adds and not self.evidence:
            raise ValueError(f"action {self.action} needs 1 to 8 pieces of evidence")
        if self.action is Action.REDUCE and self.reduce_fraction is None:
            raise ValueError("action reduce needs reduce_fraction")
        if self.action is not Action.REDUCE and self.reduce_fraction is not None:
            raise ValueError(f"action {self.action} carries no reduce_fraction")
        if self.reduce_fraction is not None and not 0 < self.reduce_fraction <= 1:
            raise ValueError("reduce_fraction is above 0 and at most 1")
        return self

    @property
    def adds_risk(self) -> bool:
        """Whether carrying it out may increase exposure (an entry or a replaced plan)."""
        return self.action in (Action.ENTER, Action.REBALANCE)


def stand_aside(symbol: str, reason: str, abstained: AbstainReason | None = None) -> Decision:
    """The decision that is always safe."""
    return Decision(action=Action.STAND_ASIDE, symbol=symbol, rationale=reason[:600], abstained=abstained)
