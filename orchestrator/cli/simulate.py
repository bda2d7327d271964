"""`volgamma simulate`: the same trader, guard, rebalancer and ledger over history."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestrator.cli.output import command, emit
from orchestrator.errors import HostError, UsageError

if TYPE_CHECKING:
    from orchestrator.simulation.run import Request
    from orchestrator.simulation.sweep import Spread


#: Fractions above this are per cent that somebody meant.
_MOST_COST = 0.05


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help="Run the trader over history, e.g. `volgamma simulate --data data/futures --from 2024-01-01 --full`."
    )(simulate)


@command
def simulate(
    data: Annotated[Path, typer.Option(help="folder of feather files in freqtrade's futures layout")],
    symbols: Annotated[
        str | None, typer.Option(help="comma-separated, any common spelling; the trader's own", show_default=False)
    ] = None,
    trader: Annotated[str, typer.Option(help="id or name of an enabled trader")] = "11",
    start: Annotated[str | None, typer.Option("--from", help="first day (2024-01-31); the first of the data")] = None,
    end: Annotated[str | None, typer.Option("--to", help="day to stop before; the end of the data")] = None,
    capital: Annotated[float, typer.Option(min=1, help="USDT at the start")] = 100_000,
    policy: Annotated[str, typer.Option(help="rules, llm (as configured) or llm:MODEL")] = "rules",
    model_calls: Annotated[
        int, typer.Option(min=1, help="--policy llm: new replies at most; replies are kept for the next run")
    ] = 500,
    venue: Annotated[str, typer.Option(help="what the venue is called in decisions and reports")] = "binanceusdm",
    missing: Annotated[
        str, typer.Option(help="rules whose source history lacks: waive (and say so) or strict (they refuse)")
    ] = "waive",
    spread: Annotated[float, typer.Option(min=0, help="fill model: spread, fraction of mid")] = 0.0001,
    depth: Annotated[float, typer.Option(min=1, help="fill model: USDT within 1 % of mid")] = 20_000_000,
    taker: Annotated[float, typer.Option(help="fill model: taker fee, fraction")] = 0.0005,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="another limit for this run only; repeatable")
    ] = None,
    second: Annotated[
        Path | None, typer.Option(metavar="DIR", help="folder of a second venue: funding pairs over both, as well")
    ] = None,
    second_venue: Annotated[
        str | None, typer.Option(help="what that venue is called; as its folder says (bybit/futures)")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="also baselines and costs x0, x1, x2 (some seconds)")] = False,
    report: Annotated[Path | None, typer.Option(help="write one self-contained HTML file")] = None,
    png: Annotated[Path | None, typer.Option(metavar="FOLDER", help="write each plot of the report as PNG")] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=V1,V2,...", help="a run for each value of a limit, for all combinations; repeatable"),
    ] = None,
    walk_forward: Annotated[
        int | None,
        typer.Option(min=1, metavar="FOLDS", help="--sweep: its best on the past, tried on what came next, so often"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="--sweep: processes; all processors but one, 1 starts none")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="tcp://HOST:PORT", help="--sweep: a Dask cluster instead of processes here")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="--sweep: file of finished runs, kept and not computed again")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """A run over history."""
    if policy not in ("rules", "llm") and not (policy.startswith("llm:") and len(policy) > 4):
        raise UsageError("unknown_policy", f"no policy {policy!r}", "rules, llm or llm:MODEL")
    mode: Literal["waive", "strict"]
    if missing == "waive":
        mode = "waive"
    elif missing == "strict":
        mode = "strict"
    else:
        raise UsageError("usage", f"--missing {missing!r}", "use waive or strict")
    if sweep and policy != "rules":
        raise UsageError("usage", "--sweep asks no model", "leave --policy out")
    if sweep and (full or report is not None or png is not None):
        raise UsageError(
            "usage", "--sweep goes with none of --full, --report and --png", "run the one of interest by itself"
        )
    if second is None and second_venue is not None:
        raise UsageError("usage", "--second-venue names the venue of --second", "add --second DIR")
    _require_fraction("--taker", taker)
    _require_fraction("--spread", spread)
    if sweep and second is not None:
        raise UsageError("usage", "--sweep plays no funding pairs", "leave --second out")
    if not sweep and (workers, resume, walk_forward, scheduler) != (None, None, None, None):
        raise UsageError(
            "usage",
            "--walk-forward, --workers, --scheduler and --resume are for --sweep",
            "leave them out, or add --sweep",
        )
    if scheduler is not None and workers is not None:
        raise UsageError("usage", "--workers are processes here, --scheduler is a cluster", "use one of them")
    if report is not None:
        _require_file(report)
    if not as_json:
        typer.echo(f"reading {data} ...", err=True)
    from decimal import Decimal

    from orchestrator import settings
    from orchestrator.asked_model import asked_model
    from orchestrator.cli.traders import find
    from orchestrator.other_limits import parsed
    from orchestrator.simulation.asked import Asked, CountedModel
    from orchestrator.simulation.fill_model import FillModel
    from orchestrator.simulation.funding_document import Second
    from orchestrator.simulation.run import Request
    from orchestrator.simulation.run import simulate as run

    chosen = find(trader)
    request = Request(
        folder=data,
        symbols=chosen.symbols if symbols is None else symbol_list(symbols),
        start=days(start),
        end=days(end),
        capital=Decimal(repr(capital)),
        model=FillModel(taker=Decimal(repr(taker)), spread=Decimal(repr(spread)), depth_usdt=Decimal(repr(depth))),
        venue=venue,
        missing=mode,
        changes=parsed(set_ or []),
        full=full or report is not None,
        asked=None if policy == "rules" else Asked(lambda: asked_model(policy[4:] or None, CountedModel), model_calls),
        trader=chosen.trader_id,
        second=None if second is None else Second(second, second_venue),
        progress=True,
    )
    if sweep:
        from orchestrator.simulation.sweep import Spread

        _sweep(request, sweep, walk_forward, Spread(workers, resume, scheduler=scheduler), as_json=as_json)
        return
    done = run(settings.load(), request)
    written = []
    if report is not None:
        from orchestrator.simulation.report import write

        write(report, done)
        written.append(report)
    if png is not None:
        from orchestrator.simulation.report import write_pictures

        written += write_pictures(png, done)
    if as_json:
        emit(done.document)
        return
    from orchestrator.cli.simulate_text import lines

    typer.echo(
        lines(done.document, (_date(done.document["data"]["from"]), _date(done.document["data"]["to"]))), nl=False
    )
    if written:
        typer.echo("\nwritten:\n" + "\n".join(str(file) for file in written))


def _sweep(
    request: "Request",
    swept: list[str],
    folds: int | None,
    spread: "Spread",
    *,
    as_json: bool,
) -> None:
    """Many runs."""
    from orchestrator import settings
    from orchestrator.cli import sweep_text
    from orchestrator.simulation import sweep, walk_forward

    values = sweep.parsed(swept)
    plan = sweep.prepared(settings.load(), request, values)
    try:
        document = sweep.documented(plan, values, spread)
        if folds is not None:
            document["walk_forward"] = walk_forward.walked(plan, folds, spread)
    except KeyboardInterrupt:
        typer.echo(_what_is_kept(spread.done_file), err=True)
        raise
    if as_json:
        emit(document)
    else:
        typer.echo(sweep_text.lines(document), nl=False)
    if document["failed"] or document.get("walk_forward", {}).get("failed"):
        raise typer.Exit(1)


def _what_is_kept(file: Path | None) -> str:
    """What an interrupted sweep leaves behind."""
    from orchestrator.simulation import done_results

    if file is None:
        return "no run is kept; with --resume FILE finished runs are, and the same command goes on from them"
    return f"{len(done_results.read(file))} finished runs are kept in {file}; the same command goes on from there"


def _require_fraction(option: str, value: float) -> None:
    """No venue takes a twentieth: whoever writes that much meant per cent. Raises UsageError."""
    if value > _MOST_COST:
        raise UsageError(
            "usage", f"{option} {value:g} would be {value:.0%}: it is a fraction", "write 0.0005 for 0.05 %"
        )


def _require_file(file: Path) -> None:
    """That a report can be written there is known before the run. Raises HostError."""
    if file.is_dir():
        raise HostError("cannot_write", f"{file} is a folder", "name a file, for example report.html")
    if not file.parent.is_dir():
        raise HostError("cannot_write", f"{file}: there is no folder {file.parent}", "make it, or name another file")


def symbol_list(text: str) -> tuple[str, ...]:
    """Unified symbols, each once. Raises UsageError."""
    from data_fetchers.symbols import UnknownSymbol, normalise

    try:
        found = tuple(dict.fromkeys(normalise(part) for part in text.split(",") if part.strip()))
    except UnknownSymbol as error:
        raise UsageError("unknown_symbol", str(error), "for example --symbols SOL,AVAX") from error
    if not found:
        raise UsageError("no_symbol", f"--symbols {text!r} names no symbol", "for example --symbols SOL,AVAX")
    return found


def days(text: str | None) -> int | None:
    """UTC ms of a date; None stays None. Raises UsageError."""
    if text is None:
        return None
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError as error:
        raise UsageError("bad_date", f"{text!r} is no date", "for example 2024-01-31") from error


def _date(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")
