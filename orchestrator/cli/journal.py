"""`volgamma journal`: past decisions, listed, shown, moved between machines."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli import completion, text
from orchestrator.cli.output import command, emit
from orchestrator.errors import HostError, UsageError

OUTCOMES = ("approved", "amended", "refused")
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command("list", help="Newest first, e.g. `volgamma journal list --symbol SOL --outcome refused`.")(list_)
    group.command("show", help="One decision: what was seen, said, judged, done: `volgamma journal show ID`.")(show)
    group.command("export", help="Decisions as JSON lines: `volgamma journal export F.jsonl [ID]...`.")(export)
    group.command("import", help="Decisions of another machine: `volgamma journal import F.jsonl`.")(import_)
    app.add_typer(group, name="journal", help="Past decisions.")


@command
def list_(
    limit: Annotated[int, typer.Option(min=1, help="at most so many")] = 20,
    symbol: Annotated[str | None, typer.Option(help="any common spelling", autocompletion=completion.symbols)] = None,
    outcome: Annotated[
        str | None, typer.Option(help="approved, amended or refused", autocompletion=completion.outcomes)
    ] = None,
    as_json: Json = False,
) -> None:
    """Summaries."""
    from data_fetchers.symbols import UnknownSymbol, compact, normalise
    from db.journal_repository import JournalRepository

    try:
        unified = None if symbol is None else normalise(symbol)
    except UnknownSymbol as error:
        raise HostError("unknown_symbol", str(error), "e.g. --symbol SOL") from error
    if outcome not in (None, *OUTCOMES):
        raise UsageError("unknown_outcome", f"no outcome {outcome!r}", f"--outcome {', '.join(OUTCOMES)}")
    from orchestrator.storage import place

    with _opened() as database:
        journal = JournalRepository(database)
        entries = journal.entries(limit, unified, outcome)
        known = 0 if entries else len(journal.entries(limit=None))
        where = place(database)
    if as_json:
        emit({"schema": "volgamma.journal_list/1", "decisions": [one.model_dump(mode="json") for one in entries]})
        return
    if not entries:
        wanted = " ".join(filter(None, (outcome, unified and f"on {unified}")))
        typer.echo(f"none of {known} decisions is {wanted}" if known else f"no decision in the journal ({where})")
        return
    rows = [
        (
            one.decision_id,
            compact(one.symbol).removesuffix("USDT"),
            one.policy,
            one.action or one.status,
            " ".join(filter(None, (one.outcome, ", ".join(one.refused_rules)))) or one.error or "-",
        )
        for one in entries
    ]
    typer.echo(text.table(("decision", "sym", "policy", "action", "outcome"), rows), nl=False)


@command
def show(
    decision_id: Annotated[str, typer.Argument(metavar="ID", autocompletion=completion.decision_ids)],
    as_json: Json = False,
) -> None:
    """One decision."""
    from db.journal_repository import JournalRepository

    with _opened() as database:
        document = JournalRepository(database).export_line(decision_id)
    if as_json:
        emit(document)
    else:
        from orchestrator.cli.journal_text import render

        typer.echo(render(document), nl=False)


@command
def export(
    file: Annotated[Path, typer.Argument(help="must not exist yet")],
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="all by default", autocompletion=completion.decision_ids),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write JSON lines, oldest first."""
    from db.journal_repository import JournalRepository

    with _opened() as database:
        journal = JournalRepository(database)
        chosen = ids or [one.decision_id for one in reversed(journal.entries(limit=None))]
        for decision_id in chosen:
            journal.load(decision_id)  # an unknown id is an error before a file is made
        try:
            with file.open("x", encoding="utf-8") as out:
                for decision_id in chosen:
                    line = json.dumps(journal.export_line(decision_id), allow_nan=False, separators=(",", ":"))
                    out.write(line + "\n")
        except FileExistsError as error:
            raise HostError("file_exists", f"{file} exists already", "name a new file") from error
        except OSError as error:
            raise HostError("cannot_write", f"{file}: {error.strerror}", "name a file you may write") from error
    if as_json:
        emit({"schema": "volgamma.journal_export/1", "file": str(file), "exported": len(chosen)})
    else:
        typer.echo(f"{file}: {len(chosen)} decision{'' if len(chosen) == 1 else 's'}")


@command
def import_(file: Annotated[Path, typer.Argument(help="written by `journal export`")], as_json: Json = False) -> None:
    """Store what is not here yet. A bad line stops the import; the lines before it stay."""
    from db.errors import DatabaseError
    from db.journal_repository import JournalRepository
    from orchestrator.cli.jsonl import read_lines

    imported, known = 0, 0
    with _opened() as database:
        journal = JournalRepository(database)
        for number, document in read_lines(file):
            try:
                new = journal.import_line(document)
            except DatabaseError as error:
                said = f"{file}, line {number}: {error.message} ({imported} imported before it)"
                raise HostError(error.code, said, error.remedy) from error
            imported, known = imported + new, known + (not new)
    if as_json:
        emit({"schema": "volgamma.journal_import/1", "file": str(file), "imported": imported, "known": known})
    else:
        typer.echo(f"{imported} imported, {known} were here already")


def _opened() -> Any:
    from orchestrator import settings
    from orchestrator.storage import opened

    return opened(settings.load())
