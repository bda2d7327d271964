"""What a policy sees: every number worked out by code, rounded, named, hashed."""

from typing import Annotated, Literal, Self

from pydantic import Field

from traders.contract.base import Frozen, Millis, content_hash
from traders.contract.decision import Regime
from traders.contract.limits import Limits
from traders.contract.portfolio import Portfolio


class Reading(Frozen):
    """A number under a dotted name, rounded to `digits` when made. Flags are 0 and 1 with unit `flag`."""

    value: float
    digits: Annotated[int, Field(ge=0, le=12)]
    unit: str
    as_of: Millis

    @classmethod
    def of(cls, value: float, digits: int, unit: str, as_of: int) -> Self:
        """A reading of any finite number, rounded here (and no negative zero)."""
        return cls(value=round(float(value), digits) + 0.0, digits=digits, unit=unit, as_of=as_of)


class SourceInfo(Frozen):
    """Where a group of readings comes from."""

    venue: str
    as_of: Millis | None
    fetched_at: Millis | None
    error: str | None = None
    note: str = ""


class Context(Frozen):
    """Hashed: `context_hash` = SHA-256 of the canonical JSON of every other field."""

    schema_: Literal["volgamma.context/1"] = Field(default="volgamma.context/1", alias="schema")
    trader_id: int
    venue: str
    symbol: str
    as_of: Millis
    regime: Regime
    readings: dict[str, Reading]
    unavailable: dict[str, str]
    sources: dict[str, SourceInfo]
    portfolio: Portfolio
    limits: Limits
    constraints_version: int
    constraints_hash: str
    context_hash: str = ""

    def hashed(self) -> Self:
        """The same context carrying its hash."""
        return self.model_copy(update={"context_hash": self.compute_hash()})

    def compute_hash(self) -> str:
        """Hash of everything but `context_hash`."""
        return content_hash(self.model_dump(mode="json", by_alias=True, exclude={"context_hash"}))

    def value(self, name: str) -> float | None:
        """A reading's value, or None when it is unavailable."""
        reading = self.readings.get(name)
        return None if reading is None else reading.value
