"""`volgamma replay verify`: past decisions played again, offline."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestrator.cli import completion, questions, text
from orchestrator.cli.output import command, emit
from orchestrator.cli.recordings import exported
from orchestrator.errors import HostError, UsageError

if TYPE_CHECKING:
    from db.journal_entry import JournalEntry
    from orchestrator.replay.verify import Checked

Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command(
        "verify",
        help="Recompute context, prompt and verdict from the stored inputs and compare; exit 3 on any difference, "
        "e.g. `volgamma replay verify --all`.",
    )(verify)
    questions.register(group)
    app.add_typer(group, name="replay", help="Past decisions, played again without any network.")


@command
def verify(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="decision ids", autocompletion=completion.decision_ids)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="every decision of the journal")] = False,
    start: Annotated[str, typer.Option("--from", help="snapshot or context")] = "snapshot",
    file: Annotated[Path | None, typer.Option("--file", help="a journal export instead of the journal")] = None,
    as_json: Json = False,
) -> None:
    """Verify."""
    wanted = ids or []
    chosen: Literal["snapshot", "context"]
    if start == "snapshot":
        chosen = "snapshot"
    elif start == "context":
        chosen = "context"
    else:
        raise UsageError("usage", f"--from {start} is unknown", "--from snapshot or --from context")
    if file is None and everything == bool(wanted):
        raise UsageError("usage", "give decision ids or --all", "volgamma replay verify --all")
    documents = _journal(wanted) if file is None else exported(file, wanted)
    results = asyncio.run(_verify_all(documents, chosen))
    drifted = [one.drift for one in results if one.drift is not None]
    skipped = [one for one in results if one.skipped is not None]
    identical = len(results) - len(drifted) - len(skipped)
    if as_json:
        emit(
            {
                "schema": "volgamma.replay_verify/1",
                "checked": len(results) - len(skipped),
                "identical": identical,
                "drifted": [
                    {
                        "decision_id": one.decision_id,
                        "field": one.field,
                        "recorded": one.recorded,
                        "recomputed": one.recomputed,
                    }
                    for one in drifted
                ],
                "skipped": [{"decision_id": one.decision_id, "reason": one.skipped} for one in skipped],
                "notes": [{"decision_id": one.decision_id, "notes": list(one.notes)} for one in results if one.notes],
            }
        )
    else:
        typer.echo(_rendered(results), nl=False)
        typer.echo(f"{identical} identical, {len(drifted)} drifted, {len(skipped)} not replayable")
    if drifted:
        raise typer.Exit(3)


@dataclass(frozen=True)
class Damaged:
    """A decision of which a stored part cannot be read: a finding of the check, not its end."""

    decision_id: str
    part: str
    hash: str
    message: str


def _journal(ids: Sequence[str]) -> Iterator[Mapping[str, Any] | Damaged]:
    """Bundle documents of the journal, all of them (oldest first) when no id is given."""
    from db.errors import Corrupt
    from db.journal_repository import JournalRepository
    from orchestrator import settings
    from orchestrator.storage import opened

    with opened(settings.load()) as database:
        journal = JournalRepository(database)
        chosen = list(ids) or [one.decision_id for one in reversed(journal.entries(limit=None))]
        for decision_id in chosen:
            journal.load(decision_id)  # an unknown id is an error before anything is played
        for decision_id in chosen:
            try:
                document = journal.export_line(decision_id)
            except Corrupt as error:
                yield _damaged(journal.load(decision_id), error.message)
            else:
                yield document


def _damaged(entry: "JournalEntry", message: str) -> Damaged:
    """Which part it is, the first in the order written."""
    from db.blobs import unpack
    from db.errors import Corrupt

    for record in entry.records:
        try:
            unpack(record.hash, record.data, record.kind)
        except Corrupt as error:
            return Damaged(entry.decision_id, record.kind, record.hash, error.message)
    return Damaged(entry.decision_id, "record", "", message)


async def _verify_all(
    documents: Iterator[Mapping[str, Any] | Damaged], start: Literal["snapshot", "context"]
) -> list["Checked"]:
    from orchestrator.replay.verify import Checked, Drift
    from orchestrator.replay.verify import verify as play
    from orchestrator.version import code_version
    from traders.registry import discover

    registry = discover()
    versions = {"code": code_version()}
    results = []
    for document in documents:
        if isinstance(document, Damaged):
            drift = Drift(document.decision_id, document.part, document.hash, document.message)
            results.append(Checked(document.decision_id, drift))
            continue
        trader_id = document["record"].get("trader_id")
        trader = registry.traders.get(trader_id)
        if trader is None:
            raise HostError(
                "unknown_trader",
                f"decision {document['record']['decision_id']} was taken by trader {trader_id}, which is not installed",
                "see `volgamma traders list`",
            )
        results.append(await play(document, trader, start, versions))
    return results


def _rendered(results: Sequence["Checked"]) -> str:
    """A line each; what is noted of those that came out the same is told once, at the end."""
    lines = []
    alike: Counter[str] = Counter()
    for one in results:
        if one.drift is not None:
            lines.append(f"DRIFT      {one.decision_id}")
            pairs = [("field", one.drift.field)]
            pairs += [("recorded", text.value(one.drift.recorded)), ("recomputed", text.value(one.drift.recomputed))]
            lines += ["    " + line for line in text.fields(pairs).splitlines()]
        elif one.skipped is not None:
            lines.append(f"skipped    {one.decision_id}: {one.skipped}")
        else:
            lines.append(f"identical  {one.decision_id}")
            alike.update(one.notes)
            continue
        lines += [f"    note: {note}" for note in one.notes]
    lines += [f"note: {count} {'was' if count == 1 else 'were'} {note}" for note, count in alike.items()]
    return "".join(line + "\n" for line in lines)
