"""`volgamma constraints`: the authoritative limits, in versions with who, when and why."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli import completion, text
from orchestrator.cli.output import command, emit
from orchestrator.cli.person import now_ms, who
from orchestrator.errors import HostError, UsageError

Trader = Annotated[int, typer.Option("--trader", help="whose constraints", autocompletion=completion.trader_ids)]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
Why = Annotated[str, typer.Option("--why", help="reason, kept with the change")]
Who = Annotated[str | None, typer.Option("--who", help="author; by default the name you are logged in with")]

_NUMBERS = {"ignore_unknown_options": True}  # so that a negative value is a value and not an option


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command("show", help="Current limits, or one of them, e.g. `volgamma constraints show leverage_max`.")(show)
    group.command(
        "set",
        context_settings=_NUMBERS,
        help='Change limits as a new version, e.g. `volgamma constraints set leverage_max 7 --why "calmer"`; '
        "a part of a value: `data_age_max_s.book 10`; lists: `allowed_symbols SOL,AVAX`, "
        "`rebalance_bands 0.01:0.5,0.03:1`.",
    )(set_)
    group.command("history", help="Every version and what it changed, e.g. `volgamma constraints history`.")(history)
    group.command(
        "diff",
        help="Two versions compared, e.g. `volgamma constraints diff 1 3`, "
        "or limits and profile: `volgamma constraints diff --profile`.",
    )(diff)
    group.command("export", help="All limits as JSON, e.g. `volgamma constraints export limits.json`.")(export)
    group.command("import", help='Make an export current, e.g. `... import limits.json --why "from the lab"`.')(import_)
    app.add_typer(group, name="constraints", help="The limits every decision is judged by.")


@command
def show(
    key: Annotated[
        str | None,
        typer.Argument(help="one constraint, with its history line", autocompletion=completion.constraint_keys),
    ] = None,
    trader: Trader = 11,
    as_json: Json = False,
) -> None:
    """Current limits."""
    with _repository() as repository:
        document = repository.export_document(trader)
        if key is not None:
            repository.history(trader, key)  # names an unknown key
    if key is None:
        if as_json:
            emit(document)
            return
        typer.echo(f"trader {trader}, version {document['version']}\n{document['hash']}\n")
        rows = [(row["key"], row["unit"], text.value(row["value"])) for row in document["values"]]
        typer.echo(text.table(("key", "unit", "value"), rows), nl=False)
        return
    row = next(row for row in document["values"] if row["key"] == key)
    if as_json:
        head = {name: document[name] for name in ("trader_id", "version", "hash")}
        emit({"schema": "volgamma.constraint/1", **head, **row})
        return
    from traders.contract.limits import Limits

    about = [
        (key, f"{text.value(row['value'])} {row['unit']}"),
        ("meaning", str(Limits.model_fields[key].description)),
        ("source", row["source"]),
        ("changed", f"{text.when(row['when'])} by {row['who']}: {row['why']}"),
    ]
    typer.echo(text.fields(about), nl=False)


@command
def set_(
    changes: Annotated[
        list[str], typer.Argument(metavar="KEY VALUE [KEY VALUE]...", autocompletion=completion.changes)
    ],
    why: Why,
    who_: Who = None,
    trader: Trader = 11,
    as_json: Json = False,
) -> None:
    """A new version."""
    if len(changes) % 2:
        raise UsageError("usage", "each KEY needs a VALUE", 'volgamma constraints set KEY VALUE --why "..."')
    keys = changes[::2]
    if len(set(keys)) != len(keys):
        raise UsageError("usage", "a KEY is given twice", "give each key once")
    _require(why)
    from orchestrator.given_limits import merged, read
    from traders.contract.constraints import limit_values

    wanted = {key: read(key, given) for key, given in zip(keys, changes[1::2], strict=True)}
    with _repository() as repository:
        standing = repository.current(trader)
        before = standing.version
        merged(limit_values(standing.limits), wanted)
        with _nothing_changes_on_error():
            made = repository.set(trader, wanted, who(who_), why, now_ms())
        _report(repository, trader, before, made.version, as_json)


@command
def history(
    key: Annotated[
        str | None, typer.Argument(help="only changes of this constraint", autocompletion=completion.constraint_keys)
    ] = None,
    trader: Trader = 11,
    as_json: Json = False,
) -> None:
    """Versions, oldest first."""
    with _repository() as repository:
        versions = repository.history(trader, key)
    if as_json:
        emit(
            {
                "schema": "volgamma.constraints_history/1",
                "trader_id": trader,
                "versions": [
                    {
                        "version": one.version,
                        "hash": one.hash,
                        "who": one.who,
                        "when": one.when,
                        "why": one.why,
                        "changes": [{"key": c.key, "old": c.old, "new": c.new} for c in one.changes],
                    }
                    for one in versions
                ],
            }
        )
        return
    for one in versions:
        typer.echo(f"version {one.version}  {text.when(one.when)}  {one.who}: {one.why}")
        if one.version == 1 and key is None:
            typer.echo(f"    {len(one.changes)} constraints")
        else:
            _print_changes(one.changes)


@command
def diff(
    first: Annotated[int | None, typer.Argument(help="a version")] = None,
    second: Annotated[int | None, typer.Argument(help="another version, by default the current one")] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="what the trader's profile says against what is enforced")
    ] = False,
    trader: Trader = 11,
    as_json: Json = False,
) -> None:
    """What differs."""
    if profile == (first is not None):
        raise UsageError("usage", "give versions or --profile", "volgamma constraints diff 1 2")
    with _repository() as repository:
        current = repository.current(trader).version
        start, end = (1 if first is None else first), (current if second is None else second)
        changes = repository.diff(trader, start, end)
        words = _profile_words(repository, trader) if profile else None
    if as_json:
        listed = [{"key": c.key, "old": c.old, "new": c.new} for c in changes]
        head = {"schema": "volgamma.constraints_diff/1", "trader_id": trader}
        emit({**head, "first": start, "second": end, "changes": listed, "profile": words})
        return
    if words is not None:
        _print_profile(words)
    typer.echo(f"version {start} -> {end}: " + (f"{len(changes)} changed" if changes else "no difference"))
    _print_changes(changes)


@command
def export(
    file: Annotated[Path | None, typer.Argument(help="where to; stdout by default")] = None,
    version: Annotated[int | None, typer.Option(help="an older version")] = None,
    force: Annotated[bool, typer.Option("--force", help="write over a file that is there")] = False,
    trader: Trader = 11,
    as_json: Json = False,
) -> None:
    """The export document."""
    with _repository() as repository:
        document = repository.export_document(trader, version)
    if file is not None:
        try:
            with file.open("w" if force else "x", encoding="utf-8") as out:
                out.write(json.dumps(document, indent=2, ensure_ascii=True) + "\n")
        except FileExistsError as error:
            raise HostError("file_exists", f"{file} exists already", "name a new file, or give --force") from error
        except OSError as error:
            raise HostError("cannot_write", f"{file}: {error.strerror}", "name a file you may write") from error
    if file is None or as_json:
        emit(document)
    else:
        typer.echo(f"{file}: {len(document['values'])} constraints of trader {trader}, version {document['version']}")


@command
def import_(
    file: Annotated[Path, typer.Argument(help="written by `constraints export`")],
    why: Why,
    who_: Who = None,
    edited: Annotated[
        bool, typer.Option("--edited", help="the file was edited on purpose: its values are taken and hashed anew")
    ] = False,
    trader: Trader = 11,
    as_json: Json = False,
) -> None:
    """Make an export the current version."""
    _require(why)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise HostError("cannot_read", f"{file}: {error.strerror}", "name a file you may read") from error
    except ValueError as error:
        raise HostError("bad_import", f"{file} is no JSON: {error}", "use a file of `constraints export`") from error
    with _repository() as repository:
        before = repository.current(trader).version
        with _nothing_changes_on_error():
            made = repository.import_document(document, who(who_), why, now_ms(), trader_id=trader, edited=edited)
        _report(repository, trader, before, made.version, as_json)


def _repository() -> Any:
    """A context manager giving the ConstraintsRepository of the configured database."""
    from db.constraints_repository import ConstraintsRepository
    from orchestrator import settings
    from orchestrator.storage import opened

    @contextmanager
    def manager() -> Any:
        with opened(settings.load()) as database:
            yield ConstraintsRepository(database)

    return manager()


@contextmanager
def _nothing_changes_on_error() -> Iterator[None]:
    """A change is whole or none; say so."""
    from traders.contract.constraints import ConstraintError

    try:
        yield
    except ConstraintError as error:
        raise HostError(
            "constraints", str(error), "nothing was changed; correct what is named and try again"
        ) from error


def _require(why: str) -> None:
    if not why.strip():
        raise UsageError("usage", "--why is empty: a change is kept with its reason", 'for example --why "calmer"')


def _report(repository: Any, trader: int, before: int, after: int, as_json: bool) -> None:
    if as_json:
        emit(repository.export_document(trader))
    elif before == after:
        typer.echo(f"nothing changed: these are the values of version {after}")
    else:
        typer.echo(f"version {after}")
        _print_changes(repository.diff(trader, before, after))


def _profile_words(repository: Any, trader: int) -> list[dict[str, Any]]:
    """What trader #11's sources say beside what is enforced."""
    from db.profile_words import profile_difference
    from db.seed import TRADER_ID

    if trader != TRADER_ID:
        raise HostError("no_profile", f"trader {trader} has no profile text here", "give two versions to compare")
    return profile_difference({row["key"]: row["value"] for row in repository.export_document(trader)["values"]})


def _print_profile(words: list[dict[str, Any]]) -> None:
    """The limits where the profile's words and the enforced value are not simply the same."""
    shown = [one for one in words if one["differs"] is not False or one["settled"]]
    typer.echo("What the profile and the article say, and what is enforced (the database wins):\n")
    for one in shown:
        mark = "differs" if one["differs"] else "no single value" if one["differs"] is None else "same number"
        about = [("    says", one["says"]), ("    enforced", text.value(one["current"]))]
        if one["settled"]:
            about.append(("    settled", one["settled"]))
        typer.echo(f"{one['key']} ({mark})")
        typer.echo(text.fields(about), nl=False)
    typer.echo(f"\n{len(words) - len(shown)} more limits are exactly what the sources say.\n")


def _print_changes(changes: Any) -> None:
    for change in changes:
        old, new = change.old, change.new
        if isinstance(old, dict) and isinstance(new, dict):  # only the parts that differ
            for part in sorted(key for key in new if old.get(key) != new[key]):
                typer.echo(f"    {change.key}.{part}: {text.value(old.get(part))} -> {text.value(new[part])}")
        else:
            typer.echo(f"    {change.key}: {text.value(old)} -> {text.value(new)}")
