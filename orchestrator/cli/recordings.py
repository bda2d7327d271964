"""Recorded decisions for the commands that ask about the past: from the journal, or from an export."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import HostError, UsageError

if TYPE_CHECKING:
    from orchestrator.replay.recording import Recording


def recordings(ids: Sequence[str], everything: bool, file: Path | None) -> "Iterator[Recording]":
    """Decisions, oldest first. Raises UsageError without a choice, HostError for what is not there or damaged."""
    from orchestrator.replay.recording import RecordingError, read_recording

    if file is None and everything == bool(ids):
        raise UsageError("usage", "give decision ids, --all or --file", "for example --all")
    for document in _journal(ids) if file is None else exported(file, ids):
        try:
            yield read_recording(document)
        except RecordingError as error:
            raise HostError(
                "bad_recording", f"a recorded decision cannot be read: {error}", "see `volgamma replay verify`"
            ) from error


def _journal(ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    from db.journal_repository import JournalRepository
    from orchestrator import settings
    from orchestrator.storage import opened

    with opened(settings.load()) as database:
        journal = JournalRepository(database)
        for name in list(ids) or [one.decision_id for one in reversed(journal.entries(limit=None))]:
            yield journal.export_line(name)


def exported(file: Path, ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Bundle documents of an export; every given id must be in it. Raises HostError."""
    from orchestrator.cli.jsonl import read_lines

    left = set(ids)
    for number, document in read_lines(file):
        record = document.get("record") if isinstance(document, dict) else None
        if not isinstance(record, dict) or not isinstance(record.get("decision_id"), str):
            raise HostError(
                "bad_import", f"{file}, line {number}: no recorded decision", "use a file of `volgamma journal export`"
            )
        if not ids or record["decision_id"] in ids:
            left.discard(record["decision_id"])
            yield document
    if left:
        raise HostError("not_found", f"{file} holds no decision {sorted(left)[0]}", "see what is in the file")
