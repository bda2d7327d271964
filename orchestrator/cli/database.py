"""`volgamma db`: the database itself."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.output import command, emit

Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command("upgrade", help="Create the schema or bring it up to date: `volgamma db upgrade`.")(upgrade)
    group.command("check", help="Look for damage (exit 3 when there is any): `volgamma db check --deep`.")(check)
    group.command("backup", help="A consistent copy while in use: `volgamma db backup copy.sqlite`.")(backup)
    group.command("restore", help="Put a copy back (stop what uses it first): `volgamma db restore copy.sqlite`.")(
        restore
    )
    app.add_typer(group, name="db", help="The database: schema, damage, copy.")


@command
def upgrade(as_json: Json = False) -> None:
    """Migrate."""
    from db.database import open_database
    from orchestrator import settings
    from orchestrator.storage import translated

    with translated():
        database = open_database(settings.load().database_url)
        before, after = database.migrate()
        name = database.name
        database.close()
    if as_json:
        emit({"schema": "volgamma.db_upgrade/1", "database": name, "before": before, "after": after})
    else:
        typer.echo(f"{name}: schema {after}" + (" (was up to date)" if before == after else ""))


@command
def check(
    deep: Annotated[bool, typer.Option("--deep", help="also verify the content of every journal document")] = False,
    as_json: Json = False,
) -> None:
    """Damage: of the file, of the constraints, of the journal."""
    from db.database import open_database
    from db.health import examine
    from orchestrator import settings
    from orchestrator.storage import translated

    with translated():
        database = open_database(settings.load().database_url)
        health = examine(database, deep=deep)
        database.close()
    if as_json:
        emit(
            {
                "schema": "volgamma.db_check/1",
                "database": database.name,
                "revision": health.revision,
                "counts": dict(health.counts),
                "problems": list(health.problems),
            }
        )
    else:
        typer.echo(f"{database.name}: schema {health.revision}")
        typer.echo(", ".join(f"{count} {name}" for name, count in health.counts.items()))
        for problem in health.problems:
            typer.echo(f"PROBLEM {problem}")
        typer.echo("no damage found" if not health.problems else "restore a backup, or correct what is named")
    if health.problems:
        raise typer.Exit(3)


@command
def backup(
    file: Annotated[Path, typer.Argument(help="the copy; must not exist yet")],
    as_json: Json = False,
) -> None:
    """Copy."""
    from db.database import open_database
    from db.safekeeping import back_up
    from orchestrator import settings
    from orchestrator.storage import translated

    with translated():
        database = open_database(settings.load().database_url)
        size = back_up(database, file)
        database.close()
    if as_json:
        emit({"schema": "volgamma.db_backup/1", "database": database.name, "file": str(file), "bytes": size})
    else:
        typer.echo(f"{file}: {size} bytes")


@command
def restore(
    file: Annotated[Path, typer.Argument(help="a copy written by `volgamma db backup`")],
    force: Annotated[bool, typer.Option("--force", help="replace what the database holds now")] = False,
    as_json: Json = False,
) -> None:
    """Put back. Refuses while a run or a decision works in this data folder."""
    from db.database import open_database
    from db.safekeeping import restore as put_back
    from orchestrator import settings
    from orchestrator.paper_session import data_folder_lock
    from orchestrator.storage import translated

    resolved = settings.load()
    with translated(), data_folder_lock(resolved.data_dir, "run"), data_folder_lock(resolved.data_dir, "desk"):
        database = open_database(resolved.database_url)
        health = put_back(database, file, force=force)
        database.close()
    if as_json:
        counts, problems = dict(health.counts), list(health.problems)
        head = {"schema": "volgamma.db_restore/1", "database": database.name, "revision": health.revision}
        emit({**head, "counts": counts, "problems": problems})
    else:
        typer.echo(
            f"{database.name}: schema {health.revision}, " + ", ".join(f"{n} {k}" for k, n in health.counts.items())
        )
        for problem in health.problems:
            typer.echo(f"PROBLEM {problem}")
    if health.problems:
        raise typer.Exit(3)
