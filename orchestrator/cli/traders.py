"""`volgamma traders`: which traders are installed, what they are, and which may decide."""

from typing import Annotated, Any

import typer

from orchestrator.cli import completion, text
from orchestrator.cli.output import command, emit
from orchestrator.cli.person import now_ms, who
from orchestrator.errors import HostError

Name = Annotated[str, typer.Argument(help="id or name", autocompletion=completion.traders)]
Why = Annotated[str, typer.Option("--why", help="reason, kept with the change")]
Who = Annotated[str | None, typer.Option("--who", help="author; by default the name you are logged in with")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command("list", help="Installed traders and plugins left out: `volgamma traders list`.")(list_)
    group.command("show", help="One trader, e.g. `volgamma traders show 11`.")(show)
    group.command("enable", help='Let a trader decide: `volgamma traders enable 90 --why "on paper first"`.')(enable)
    group.command("disable", help='No new decisions of it: `volgamma traders disable 90 --why "..."`.')(disable)
    app.add_typer(group, name="traders", help="Traders found by entry point.")


@command
def list_(as_json: Json = False) -> None:
    """Installed traders."""
    from db.traders_repository import TradersRepository
    from orchestrator import settings
    from orchestrator.storage import opened
    from traders.registry import discover

    registry = discover()
    found = [registry.traders[key].descriptor for key in sorted(registry.traders)]
    with opened(settings.load()) as database:
        enabled = TradersRepository(database).enabled()
    if as_json:
        listed = [{**one.model_dump(mode="json"), "enabled": enabled.get(one.trader_id, False)} for one in found]
        emit({"schema": "volgamma.traders/1", "traders": listed, "problems": list(registry.problems)})
        return
    rows = [
        (str(one.trader_id), one.name, "enabled" if enabled.get(one.trader_id) else "disabled", one.summary)
        for one in found
    ]
    typer.echo(text.table(("id", "name", "state", "summary"), rows), nl=False)
    for problem in registry.problems:
        typer.echo(f"left out: {problem}")


@command
def show(
    trader: Name = "11",
    as_json: Json = False,
) -> None:
    """One trader, as it describes itself and as the database knows it."""
    from db.traders_repository import TradersRepository
    from orchestrator import settings
    from orchestrator.storage import opened

    descriptor = find(trader)
    with opened(settings.load()) as database:
        repository = TradersRepository(database)
        known = repository.get(descriptor.trader_id) if descriptor.trader_id in repository.ids() else None
    enabled = known is not None and known.enabled
    pairs = descriptor.symbols if known is None else known.pairs
    timeframes = descriptor.timeframes if known is None else known.timeframes
    if as_json:
        emit(
            {
                "schema": "volgamma.trader/1",
                **descriptor.model_dump(mode="json"),
                "enabled": enabled,
                "pairs": list(pairs),
                "allowed_timeframes": list(timeframes),
            }
        )
        return
    state = "" if enabled else " (disabled)" if known else " (never enabled: no constraints yet)"
    about = [
        ("trader", f"{descriptor.trader_id} {descriptor.name}{state}"),
        ("summary", descriptor.summary),
        ("pairs", ", ".join(pairs)),
        ("time frames", ", ".join(timeframes)),
        ("keywords", ", ".join(descriptor.strategy_keywords)),
        ("decides", f"every {descriptor.monitoring_interval_s} s"),
        ("contract", f"version {descriptor.contract_version}"),
        *sorted(descriptor.metadata.items()),
    ]
    typer.echo(text.fields(about), nl=False)


@command
def enable(trader: Name, why: Why, who_: Who = None, as_json: Json = False) -> None:
    """Let a trader decide; the first time it gets constraints of its own."""
    from db.traders_repository import TradersRepository
    from orchestrator import settings
    from orchestrator.storage import opened
    from orchestrator.trader_switch import first_limits, require_same

    descriptor = find(trader)
    with opened(settings.load()) as database:
        require_same(database, descriptor)
        repository = TradersRepository(database)
        author, at = who(who_), now_ms()
        new = repository.enrol(descriptor.trader_id, descriptor.name, first_limits(descriptor), author, why, at)
        changed = repository.switch(descriptor.trader_id, True, author, why, at)
    _report(descriptor, True, changed, as_json)
    if new and not as_json:
        typer.echo(f"its limits are its own now: `volgamma constraints show --trader {descriptor.trader_id}`")


@command
def disable(trader: Name, why: Why, who_: Who = None, as_json: Json = False) -> None:
    """No new decisions; open pairs stay managed."""
    from db.traders_repository import TradersRepository
    from orchestrator import settings
    from orchestrator.storage import opened

    descriptor = find(trader)
    with opened(settings.load()) as database:
        repository = TradersRepository(database)
        known = descriptor.trader_id in repository.ids()  # one that was never enabled is off
        changed = known and repository.switch(descriptor.trader_id, False, who(who_), why, now_ms())
    _report(descriptor, False, changed, as_json)


def _report(descriptor: Any, enabled: bool, changed: bool, as_json: bool) -> None:
    if as_json:
        head = {"trader_id": descriptor.trader_id, "name": descriptor.name}
        emit({"schema": "volgamma.trader_switch/1", **head, "enabled": enabled, "changed": changed})
        return
    state = "enabled" if enabled else "disabled"
    typer.echo(f"{descriptor.trader_id} {descriptor.name}: " + (state if changed else f"was {state} already"))


def find(wanted: str) -> Any:
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
