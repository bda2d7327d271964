"""A recorded decision, read back into types. Input is a bundle document with `record` (journal or export line)."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from data_fetchers.snapshot import MarketSnapshot
from traders.contract.base import canonical_json
from traders.contract.constraints import (
    ConstraintDocument,
    ConstraintError,
    ConstraintSet,
    constraint_set,
    parse_limits,
)
from traders.contract.context import Context
from traders.contract.portfolio import Portfolio
from traders.contract.proposal import Proposal
from traders.contract.quote import Quote, Switches
from traders.contract.verdict import Verdict

M = TypeVar("M", bound=BaseModel)


class RecordingError(Exception):
    """The document is no recorded decision, or a part of it is not of its type; `field` says which."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Recording:
    """What was stored; None where nothing was."""

    decision_id: str
    trader_id: int
    policy: str
    snapshot: MarketSnapshot | None
    portfolio: Portfolio | None
    constraints: ConstraintSet | None
    context: Context | None
    proposal: Proposal | None
    quote: Quote | None
    switches: Switches | None
    verdict: Verdict | None
    versions: Mapping[str, Any]


def read_recording(document: Mapping[str, Any], *, snapshot: bool = True) -> Recording:
    """Typed parts. The snapshot is by far the largest; where it is not needed it is left unread (None).

    Raises RecordingError.
    """
    record = document.get("record")
    if not isinstance(record, Mapping) or not isinstance(record.get("decision_id"), str):
        raise RecordingError("record", "the document carries no journal record")
    versions = record.get("versions")
    return Recording(
        decision_id=record["decision_id"],
        trader_id=int(record.get("trader_id") or 0),
        policy=str(record.get("policy")),
        snapshot=_typed(MarketSnapshot, record.get("snapshot") if snapshot else None, "snapshot"),
        portfolio=_typed(Portfolio, record.get("portfolio"), "portfolio"),
        constraints=_constraints(record.get("constraints")),
        context=_typed(Context, document.get("context"), "context"),
        proposal=_typed(Proposal, record.get("proposal"), "proposal"),
        quote=_typed(Quote, document.get("quote"), "quote"),
        switches=_typed(Switches, document.get("switches"), "switches"),
        verdict=_typed(Verdict, record.get("verdict"), "verdict"),
        versions=versions if isinstance(versions, Mapping) else {},
    )


def _typed(model: type[M], value: Any, field: str) -> M | None:
    if value is None:
        return None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordingError(f"{field}.{where}" if where else field, str(first["msg"])) from None


def _constraints(value: Any) -> ConstraintSet | None:
    """The set of a stored export document (or of a stored ConstraintSet), verified against its hash."""
    if value is None:
        return None
    try:
        text = canonical_json(value)
    except (TypeError, ValueError) as error:
        raise RecordingError("constraints", str(error)) from None
    return _verified(text)


@functools.lru_cache(maxsize=64)
def _verified(text: str) -> ConstraintSet:
    """Remembered by its whole text: thousands of decisions rest on a few versions."""
    value = json.loads(text)
    if isinstance(value, Mapping) and "limits" in value:
        stored = _typed(ConstraintSet, value, "constraints")
        assert stored is not None
        rebuilt = constraint_set(stored.trader_id, stored.version, stored.limits)
        claimed = stored.hash
    else:
        document = _typed(ConstraintDocument, value, "constraints")
        assert document is not None
        try:
            limits = parse_limits({row.key: row.value for row in document.values}, where="the recorded decision")
        except ConstraintError as error:
            raise RecordingError("constraints", str(error)) from None
        rebuilt = constraint_set(document.trader_id, document.version, limits)
        claimed = document.hash
    if rebuilt.hash != claimed:
        raise RecordingError("constraints.hash", f"the recorded values give {rebuilt.hash}, recorded is {claimed}")
    return rebuilt
