"""`volgamma guard`: what would my limits do? Offline, a verdict a line."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.output import command
from orchestrator.errors import HostError

if TYPE_CHECKING:
    from traders.contract.bundle import Bundle
    from traders.contract.constraints import ConstraintSet


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "guard",
        help="Judge decisions offline, one verdict a line, e.g. "
        "`volgamma guard --context bundle.json --decisions decisions.jsonl`. A decision is one JSON object on one line "
        "(`volgamma schema decision`), or a line of `journal export past.jsonl ID`, whose proposal is judged again; "
        "the same file serves as --context.",
    )(guard)


@command
def guard(
    context: Annotated[
        Path, typer.Option(help="a bundle (JSON, or JSON lines whose first is used): `journal show ID --json`")
    ],
    decisions: Annotated[
        Path, typer.Option(help="decisions, or lines of a journal export, one a line; `-` is standard input")
    ],
    constraints: Annotated[
        Path | None,
        typer.Option(help="an export of `constraints export`, edited or not; by default the current constraints"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="only the lines; without it a summary on stderr")] = False,
) -> None:
    """Print a verdict for each decision as JSON lines. A malformed line is refused as `schema_invalid`."""
    bundle = _bundle(context)
    limits, edited = (_current(bundle.context.trader_id), False) if constraints is None else _exported(constraints)

    from orchestrator.cli.guard_lines import proposed
    from orchestrator.risk_guard.bench import Bench
    from orchestrator.risk_guard.lines import judge_lines

    bench = Bench(bundle.context, bundle.quote, bundle.switches, limits)
    counts: Counter[str] = Counter()
    with _lines(decisions) as lines:
        for judged in judge_lines(map(proposed, lines), bench):
            counts["unreadable" if judged.unreadable else judged.verdict.outcome] += 1
            sys.stdout.write(judged.json() + "\n")
    sys.stdout.flush()
    if not as_json:
        sys.stderr.write(_summary(counts, "edited limits" if edited else f"constraints version {limits.version}"))


def _summary(counts: "Counter[str]", by: str) -> str:
    number = counts.total() - counts["unreadable"]
    said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("approved", "amended", "refused"))
    lost = f", {counts['unreadable']} unreadable" if counts["unreadable"] else ""
    return f"{number} decision{'' if number == 1 else 's'}: {said}{lost} ({by})\n"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise HostError("cannot_read", f"{path}: {error.strerror}", "name a file you may read") from error
    except UnicodeDecodeError as error:
        raise HostError("cannot_read", f"{path} is not UTF-8 text", "use a file of `volgamma journal`") from error


def _bundle(path: Path) -> "Bundle":
    """The bundle: the file's first JSON document, whether it is pretty-printed or one line of many."""
    from pydantic import ValidationError

    from traders.contract.bundle import Bundle

    remedy = "use what `volgamma journal show ID --json` or `journal export` writes"
    text = _text(path).strip()
    try:
        document, end = json.JSONDecoder().raw_decode(text)
        bundle = Bundle.model_validate_json(text[:end])
        return _in_our_spelling(bundle, document["context"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise HostError("bad_bundle", f"{path}: {where}: {first['msg']}", remedy) from error
    except (ValueError, RecursionError) as error:
        raise HostError("bad_bundle", f"{path} is no JSON: {error}", remedy) from error


def _in_our_spelling(bundle: "Bundle", written: dict[str, Any]) -> "Bundle":
    """The bundle with the hash of its context as we write it, when it carries the hash of the context as it is written.

    A context written by other hands may say 9 for 9.0 or "100000.00" for "100000": its hash vouches for the same
    content all the same.
    """
    from traders.contract.base import content_hash

    stated = bundle.context.context_hash
    hashed = {key: value for key, value in written.items() if key != "context_hash"}
    if stated == bundle.context.compute_hash() or stated != content_hash(hashed):
        return bundle
    return bundle.model_copy(update={"context": bundle.context.hashed()})


def _exported(path: Path) -> tuple["ConstraintSet", bool]:
    """An export of constraints, and whether it was edited to ask what other limits would do; hashed by its values."""
    from db.constraints_repository import read_document
    from orchestrator.storage import translated
    from traders.contract.constraints import constraint_set

    try:
        document: Any = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise HostError(
            "bad_import", f"{path} is no JSON: {error}", "use a file of `volgamma constraints export`"
        ) from error
    with translated():
        read, limits = read_document(document, edited=True)
    judged = constraint_set(read.trader_id, read.version, limits)
    edited = judged.hash != read.hash
    if edited:
        sys.stderr.write(f"volgamma: {path} was edited since its export; judged by its values ({judged.hash[:12]})\n")
    return judged, edited


def _current(trader_id: int) -> "ConstraintSet":
    """The database's current constraints."""
    from db.constraints_repository import ConstraintsRepository
    from orchestrator import settings
    from orchestrator.storage import opened

    with opened(settings.load()) as database:
        return ConstraintsRepository(database).current(trader_id)


@contextmanager
def _lines(path: Path) -> Iterator[Any]:
    """The lines of a file or of standard input, as bytes."""
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise HostError("cannot_read", f"{path}: {error.strerror}", "name a file you may read") from error
    with file:
        yield file
