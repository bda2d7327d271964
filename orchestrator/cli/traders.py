"""`volgamma traders`: which traders are installed, and what they are."""

from typing import Annotated, Any

import typer

from orchestrator.cli import text
from orchestrator.cli.output import command, emit
from orchestrator.errors import HostError

Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command("list", help="Installed traders and plugins left out: `volgamma traders list`.")(list_)
    group.command("show", help="One trader, e.g. `volgamma traders show 11`.")(show)
    app.add_typer(group, name="traders", help="Traders found by entry point.")


@command
def list_(as_json: Json = False) -> None:
    """Installed traders."""
    from traders.registry import discover

    registry = discover()
    found = [registry.traders[key].descriptor for key in sorted(registry.traders)]
    if as_json:
        listed = [one.model_dump(mode="json") for one in found]
        emit({"schema": "volgamma.traders/1", "traders": listed, "problems": list(registry.problems)})
        return
    rows = [(str(one.trader_id), one.name, one.summary) for one in found]
    typer.echo(text.table(("id", "name", "summary"), rows), nl=False)
    for problem in registry.problems:
        typer.echo(f"left out: {problem}")


@command
def show(
    trader: Annotated[str, typer.Argument(help="id or name")] = "11",
    as_json: Json = False,
) -> None:
    """One trader, with the version of its constraints."""
    from db.traders_repository import TradersRepository
    from orchestrator import settings
    from orchestrator.storage import opened

    descriptor = _find(trader)
    with opened(settings.load()) as database:
        known = TradersRepository(database).get(descriptor.trader_id)
    if as_json:
        emit(
            {
                "schema": "volgamma.trader/1",
                **descriptor.model_dump(mode="json"),
                "enabled": known.enabled,
                "pairs": list(known.pairs),
                "allowed_timeframes": list(known.timeframes),
            }
        )
        return
    about = [
        ("trader", f"{descriptor.trader_id} {descriptor.name}" + ("" if known.enabled else " (disabled)")),
        ("summary", descriptor.summary),
        ("pairs", ", ".join(known.pairs)),
        ("time frames", ", ".join(known.timeframes)),
        ("keywords", ", ".join(descriptor.strategy_keywords)),
        ("decides", f"every {descriptor.monitoring_interval_s} s"),
        *sorted(descriptor.metadata.items()),
    ]
    typer.echo(text.fields(about), nl=False)


def _find(wanted: str) -> Any:
    """The descriptor of an id or a name (case does not matter). Raises HostError."""
    from traders.registry import discover

    registry = discover()
    for trader in registry.traders.values():
        if wanted.strip().casefold() in (str(trader.descriptor.trader_id), trader.descriptor.name.casefold()):
            return trader.descriptor
    names = ", ".join(f"{t.descriptor.trader_id} {t.descriptor.name}" for t in registry.traders.values()) or "none"
    left_out = "; ".join(registry.problems)
    raise HostError(
        "unknown_trader",
        f"no trader {wanted!r} is installed (installed: {names})" + (f"; left out: {left_out}" if left_out else ""),
        "see `volgamma traders list`",
    )
