"""`volgamma census`: how often each condition fires on your data."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import text
from orchestrator.cli.output import command, emit
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.simulation.history import Market


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help="How often every entry and exit condition holds, alone, together and at other thresholds, e.g. "
        "`volgamma census --data data/futures`."
    )(census)


@command
def census(
    data: Annotated[Path, typer.Option(help="folder of feather files in freqtrade's futures layout")],
    symbols: Annotated[str | None, typer.Option(help="comma-separated; by default all that the folder has")] = None,
    timeframes: Annotated[str, typer.Option(help="comma-separated: 1h, 4h, 1d")] = "1h,4h,1d",
    start: Annotated[str | None, typer.Option("--from", help="first day, e.g. 2024-01-31")] = None,
    end: Annotated[str | None, typer.Option("--to", help="day to stop before")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Count."""
    from orchestrator import settings
    from orchestrator.census.count import TIMEFRAMES
    from orchestrator.census.count import census as count
    from orchestrator.cli.simulate import days, symbol_list
    from orchestrator.desk import find_trader, open_store
    from orchestrator.simulation.history import HistoryError, load, symbols_in

    frames = tuple(dict.fromkeys(part.strip() for part in timeframes.split(",") if part.strip()))
    unknown = [name for name in frames if name not in TIMEFRAMES]
    if unknown or not frames:
        raise UsageError("unknown_timeframe", f"--timeframes {timeframes!r}", "1h, 4h, 1d, comma-separated")
    chosen = symbols_in(data) if symbols is None else symbol_list(symbols)
    span = (days(start) or 0, days(end) or 2**62)
    if span[0] >= span[1]:
        raise HistoryError("no_data", f"--from {start} is not before --to {end}", "choose --from and --to")
    with open_store(settings.load()) as store:
        limits = store.constraints.current(find_trader().descriptor.trader_id).limits
    markets = load(data, chosen, "history")
    if not markets:
        raise HistoryError("no_data", f"{data} has no candles", "name a folder in freqtrade's futures layout")
    if not any(_overlaps(market, span) for market in markets.values()):
        raise HistoryError("no_data", "the data and the period asked for do not overlap", "choose --from and --to")
    found = {symbol: count(market, frames, limits, *span) for symbol, market in markets.items()}
    document = {"schema": "volgamma.census/1", "symbols": found}
    if as_json:
        emit(document)
        return
    for symbol, parts in found.items():
        typer.echo(_page(symbol, parts), nl=False)
    typer.echo("\nOrder books and open interest are not in candle histories and not counted.")


def _overlaps(market: "Market", span: tuple[int, int]) -> bool:
    path = market.bars[market.path]
    return int(path.time[0]) < span[1] and int(path.time[-1]) + path.interval_ms > span[0]


def _page(symbol: str, parts: dict[str, Any]) -> str:
    lines = [text.heading(symbol)]
    frames = [name for name in parts if name != "funding"]
    lines.append(
        text.fields(
            (name, f"{part['bars']:,} bars, {_day(part['first'])} to {_day(part['last'])}")
            for name, part in parts.items()
        )
    )
    names = list(dict.fromkeys(name for frame in frames for name in parts[frame]["conditions"]))
    rows = [(name, *(_cell(parts[frame]["conditions"].get(name)) for frame in frames)) for name in names]
    lines += ["\n", text.table(("condition", *frames), rows)]
    if "funding" in parts:
        rows = [(name, _cell(one)) for name, one in parts["funding"]["conditions"].items()]
        lines += ["\n", text.table(("funding intervals", ""), rows)]
    if "1h" in frames:
        by_condition: dict[str, list[str]] = {}
        for row in parts["1h"]["curve"]:
            by_condition.setdefault(row["condition"], []).append(f"{row['threshold']:g}: {row['count']:,}")
        lines += [
            "\n",
            text.table(("1h beyond", "threshold: bars"), [(k, ", ".join(v)) for k, v in by_condition.items()]),
        ]
    for frame in frames:
        together = parts[frame]["combinations"][:5]
        if together:
            found = [(str(one["count"]), ", ".join(one["conditions"])) for one in together]
            lines += ["\n", text.table((frame, "together"), found)]
    return "".join(lines)


def _cell(one: dict[str, Any] | None) -> str:
    if one is None or one["share"] is None:
        return "-"
    return f"{one['count']:,} ({one['share']:.2%})"


def _day(ms: int | None) -> str:
    return "-" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")
