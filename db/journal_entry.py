"""What the journal gives back: the summary of a decision, and the whole of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from db.blobs import unpack
from db.errors import NotFound
from traders.contract.base import Frozen

#: The documents of one decision, in the order they come into being.
KINDS: tuple[str, ...] = (
    "trigger",
    "snapshot",
    "portfolio",
    "constraints",
    "context",
    "proposal",
    "failed_proposal",
    "quote",
    "switches",
    "verdict",
    "execution",
    "timings",
    "versions",
)


class Summary(Frozen):
    """What is known of a decision when it is finished; every field may stay unknown."""

    finished_at: int | None = None
    model: str | None = None
    action: str | None = None
    outcome: str | None = None
    refused_rules: tuple[str, ...] = ()
    execution_status: str | None = None
    pair_id: str | None = None
    context_hash: str | None = None
    constraints_version: int | None = None
    guard_version: str | None = None
    code_version: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    error: str | None = None


class EntryInfo(Summary):
    """A line of `journal list`. `status` is `started` until `finish`."""

    decision_id: str
    trader_id: int
    symbol: str
    exchange: str
    policy: str
    started_at: int
    status: str


@dataclass(frozen=True)
class StoredRecord:
    """One record as stored: not yet decompressed."""

    seq: int
    kind: str
    hash: str
    data: bytes


@dataclass(frozen=True)
class JournalEntry:
    """A decision and its records. Documents are decompressed and verified when asked for."""

    info: EntryInfo
    records: tuple[StoredRecord, ...]

    @property
    def decision_id(self) -> str:
        """The decision's id."""
        return self.info.decision_id

    def kinds(self) -> tuple[str, ...]:
        """The kinds recorded, in order of first appearance."""
        return tuple(dict.fromkeys(record.kind for record in self.records))

    def documents(self, kind: str) -> tuple[Any, ...]:
        """Every document of a kind, oldest first. Raises Corrupt."""
        return tuple(self.decoded(record) for record in self.records if record.kind == kind)

    def document(self, kind: str) -> Any:
        """The newest document of a kind. Raises NotFound, Corrupt."""
        for record in reversed(self.records):
            if record.kind == kind:
                return self.decoded(record)
        recorded = ", ".join(self.kinds()) or "nothing"
        raise NotFound(
            f"decision {self.decision_id} has no {kind} (recorded: {recorded})",
            f"see `volgamma journal show {self.decision_id}`",
        )

    def get(self, kind: str) -> Any:
        """The newest document of a kind, or None. Raises Corrupt."""
        return self.document(kind) if any(record.kind == kind for record in self.records) else None

    def decoded(self, record: StoredRecord) -> Any:
        """The document of one record. Raises Corrupt."""
        return unpack(record.hash, record.data, f"decision {self.decision_id}, {record.kind}")


def summary_of(values: "Mapping[str, Any] | Summary") -> Summary:
    """Typed summary; an unknown key is an error."""
    return values if isinstance(values, Summary) else Summary.model_validate(dict(values))
