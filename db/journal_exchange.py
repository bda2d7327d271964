"""A decision as one line of JSON that another machine can store and replay.

The line is a `traders.contract.bundle.Bundle`: `context`, `quote`, `switches`, and under `record` the summary columns,
every other document by its kind, and `records`: the hash of each document in the order written. Documents that a later
one of the same kind replaced are under `superseded`. A decision that failed early has nulls where nothing was recorded.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from db.errors import BadImport
from db.journal_entry import EntryInfo, JournalEntry
from traders.contract.base import content_hash
from traders.contract.bundle import Bundle

SCHEMA = "volgamma.bundle/1"
#: Documents that stand beside `record`, because the guard needs nothing else.
_OUTSIDE = ("context", "quote", "switches")
#: Documents that always have a key in `record`, null when they were never recorded.
_ALWAYS = ("snapshot", "portfolio", "constraints", "proposal", "verdict", "execution", "timings", "versions")
_REMEDY = "use a file written by `volgamma journal export`, unchanged"


@dataclass(frozen=True)
class Line:
    """A verified import: the summary, and the documents in the order written."""

    info: EntryInfo
    records: tuple[tuple[str, Any], ...]


def export_line(entry: JournalEntry) -> dict[str, Any]:
    """The bundle document of a journal entry. Raises Corrupt."""
    newest: dict[str, Any] = {}
    superseded: dict[str, Any] = {}
    last = {record.kind: record.seq for record in entry.records}
    for record in entry.records:
        if last[record.kind] == record.seq:
            newest[record.kind] = entry.decoded(record)
        else:
            superseded[str(record.seq)] = entry.decoded(record)
    inside = {kind: newest.get(kind) for kind in _ALWAYS}
    inside.update({kind: document for kind, document in newest.items() if kind not in _OUTSIDE})
    return {
        "schema": SCHEMA,
        **{kind: newest.get(kind) for kind in _OUTSIDE},
        "record": {
            **entry.info.model_dump(mode="json"),
            **inside,
            "records": [{"seq": one.seq, "kind": one.kind, "hash": one.hash} for one in entry.records],
            "superseded": superseded,
        },
    }


def read_line(document: Any) -> Line:
    """Shape and every hash of an exported decision. Raises BadImport, naming what is wrong."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise BadImport(f"this is no {SCHEMA} document", _REMEDY)
    record = document.get("record")
    if not isinstance(record, dict):
        raise BadImport("the bundle carries no journal record, so it can be judged but not imported", _REMEDY)
    info = _info(record)
    where = f"decision {info.decision_id}"
    listed = record.get("records")
    superseded = record.get("superseded", {})
    if not isinstance(listed, list) or not isinstance(superseded, dict):
        raise BadImport(f"{where}: `records` is no list of documents", _REMEDY)
    last = {one["kind"]: one["seq"] for one in listed if _well_formed(one, where)}
    records = []
    for one in listed:
        kind, seq = one["kind"], one["seq"]
        holder = document if kind in _OUTSIDE else record
        held = holder.get(kind) if last[kind] == seq else superseded.get(str(seq))
        try:
            found = content_hash(held)
        except (TypeError, ValueError) as error:
            raise BadImport(f"{where}: {kind} is no plain JSON ({error})", _REMEDY) from None
        if found != one["hash"]:
            raise BadImport(f"{where}: {kind} does not match its hash {one['hash'][:12]}", _REMEDY)
        records.append((kind, held))
    unlisted = [kind for kind in _OUTSIDE if document.get(kind) is not None and kind not in last]
    unlisted += [kind for kind in _ALWAYS if record.get(kind) is not None and kind not in last]
    if unlisted:
        raise BadImport(f"{where}: {unlisted[0]} is not listed under `records`, so nothing vouches for it", _REMEDY)
    if [one["seq"] for one in listed] != list(range(len(listed))):
        raise BadImport(f"{where}: `records` has gaps", _REMEDY)
    _check_bundle(document, where)
    return Line(info, tuple(records))


def _info(record: dict[str, Any]) -> EntryInfo:
    try:
        return EntryInfo.model_validate({key: record[key] for key in EntryInfo.model_fields if key in record})
    except ValidationError as error:
        first = error.errors()[0]
        raise BadImport(f"record.{'.'.join(map(str, first['loc']))}: {first['msg']}", _REMEDY) from None


def _well_formed(one: Any, where: str) -> bool:
    shaped = isinstance(one, dict) and isinstance(one.get("kind"), str) and isinstance(one.get("hash"), str)
    if not shaped or not isinstance(one.get("seq"), int):
        raise BadImport(f"{where}: `records` needs seq, kind and hash of each document", _REMEDY)
    return True


def _check_bundle(document: dict[str, Any], where: str) -> None:
    """The three documents that the guard reads must be of their types, and the context must match its own hash."""
    if any(document.get(kind) is None for kind in _OUTSIDE):
        return
    try:
        bundle = Bundle.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadImport(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}", _REMEDY) from None
    if bundle.context.compute_hash() != bundle.context.context_hash:
        raise BadImport(f"{where}: the context does not match its context_hash", _REMEDY)
