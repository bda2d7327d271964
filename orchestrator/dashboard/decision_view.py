"""One decision laid out for reading, from its documents in the journal."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from db.errors import Corrupt
from db.journal_entry import JournalEntry

_EFFECTS = {"refuse": 0, "amend": 1, "note": 2}
#: Steps of a decision in the order they happen, and what they are.
_STEPS = (
    ("start", "start"),
    ("fetch", "fetching data"),
    ("indicators", "working out readings"),
    ("policy", "policy"),
    ("requote", "fresh quote"),
    ("guard", "guard"),
    ("execution", "execution"),
    ("journal", "journal"),
    ("total", "total"),
)


@dataclass(frozen=True)
class ReadingRow:
    """One reading: its text, unit, and how old it was when the decision looked (ms)."""

    name: str
    value: str
    unit: str
    age: int
    cited: bool


@dataclass(frozen=True)
class EvidenceRow:
    """A cited reading against what was shown."""

    reading: str
    cited: str
    shown: str | None
    same: bool


@dataclass(frozen=True)
class DecisionView:
    """All parts; empty or None where the decision ended before them."""

    record: Mapping[str, Any]
    damaged: tuple[str, ...]
    context: Mapping[str, Any] | None
    groups: tuple[tuple[str, tuple[ReadingRow, ...]], ...]
    unavailable: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, Mapping[str, Any], int | None], ...]
    decision: Mapping[str, Any] | None
    evidence: tuple[EvidenceRow, ...]
    findings: tuple[Mapping[str, Any], ...]
    requests: tuple[Mapping[str, Any], ...]
    replies: tuple[Mapping[str, Any], ...]
    tool_calls: tuple[Any, ...]
    execution: Mapping[str, Any] | None
    quote: Mapping[str, Any] | None
    trigger: Mapping[str, Any] | None
    failed: Mapping[str, Any] | None
    timings: tuple[tuple[str, int], ...]


def view(entry: JournalEntry) -> DecisionView:
    """Lay out a journal entry. A part that cannot be read is named and left out; the others are shown."""
    found: dict[str, Any] = {}
    damaged: list[str] = []
    for kind in entry.kinds():
        if kind in ("snapshot", "constraints"):
            continue  # by far the largest, and shown elsewhere
        try:
            found[kind] = entry.document(kind)
        except Corrupt as error:
            damaged.append(error.message)
    record = {**entry.info.model_dump(mode="json"), **found}
    context = found.get("context")
    proposal = record.get("proposal") or {}
    decision = proposal.get("decision")
    verdict = record.get("verdict") or {}
    cited = {item["reading"] for item in (decision or {}).get("evidence", ())}
    findings = sorted(verdict.get("findings", ()), key=lambda one: _EFFECTS.get(one["effect"], 3))
    timings = record.get("timings") or {}
    known = [name for name, _ in _STEPS]
    steps = [(word, int(timings[name])) for name, word in _STEPS if name in timings]
    steps[-1:-1] = [(name, int(ms)) for name, ms in timings.items() if name not in known]
    return DecisionView(
        record=record,
        damaged=tuple(damaged),
        context=context,
        groups=_groups(context, cited),
        unavailable=tuple(sorted((context or {}).get("unavailable", {}).items())),
        sources=_sources(context),
        decision=decision,
        evidence=_evidence(decision, context),
        findings=tuple(findings),
        requests=tuple(proposal.get("requests") or ()),
        replies=tuple(proposal.get("replies") or ()),
        tool_calls=tuple(proposal.get("tool_calls") or ()),
        execution=record.get("execution"),
        quote=found.get("quote"),
        trigger=found.get("trigger"),
        failed=found.get("failed_proposal"),
        timings=tuple(steps),
    )


def _groups(context: Mapping[str, Any] | None, cited: set[str]) -> tuple[tuple[str, tuple[ReadingRow, ...]], ...]:
    """Readings by their first two name parts (`sol.1h`), in name order."""
    if context is None:
        return ()
    groups: dict[str, list[ReadingRow]] = {}
    for name, reading in sorted(context["readings"].items()):
        parts = name.split(".")
        value = f"{reading['value']:,.{reading['digits']}f}"
        age = context["as_of"] - reading["as_of"]
        group = ".".join(parts[:-1]) or name
        groups.setdefault(group, []).append(ReadingRow(name, value, reading["unit"], age, name in cited))
    return tuple((name, tuple(rows)) for name, rows in groups.items())


def _sources(context: Mapping[str, Any] | None) -> tuple[tuple[str, Mapping[str, Any], int | None], ...]:
    if context is None:
        return ()
    as_of = context["as_of"]
    return tuple(
        (name, source, None if source["as_of"] is None else as_of - source["as_of"])
        for name, source in sorted(context["sources"].items())
    )


def _evidence(decision: Mapping[str, Any] | None, context: Mapping[str, Any] | None) -> tuple[EvidenceRow, ...]:
    if decision is None or context is None:
        return ()
    rows = []
    for item in decision["evidence"]:
        reading = context["readings"].get(item["reading"])
        shown = None if reading is None else Decimal(repr(reading["value"]))
        said = Decimal(repr(item["value"]))
        rows.append(
            EvidenceRow(
                item["reading"],
                f"{said.normalize():f}",
                None if shown is None else f"{shown.normalize():f}",
                said == shown,
            )
        )
    return tuple(rows)
