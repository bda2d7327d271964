"""`volgamma data`: history into freqtrade's folder layout, and what a folder holds."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import text
from orchestrator.cli.output import command, emit
from orchestrator.errors import HostError, UsageError

if TYPE_CHECKING:
    from data_fetchers.download import Downloaded

Folder = Annotated[Path, typer.Option("--data", help="folder of feather files in freqtrade's futures layout")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command(
        "download",
        help="Fetch what is missing, e.g. "
        "`volgamma data download --exchange binanceusdm --symbols SOL,AVAX --from 2024-01-01 --data data/futures`.",
    )(download)
    group.command("list", help="What a folder holds, e.g. `volgamma data list --data data/futures`.")(list_)
    app.add_typer(group, name="data", help="Candles, funding, open interest and ratios on disk.")


@command
def download(
    data: Folder,
    start: Annotated[str, typer.Option("--from", help="first day, e.g. 2024-01-31")],
    end: Annotated[str | None, typer.Option("--to", help="day to stop before; now when left out")] = None,
    exchange: Annotated[str, typer.Option(help="binanceusdm, bybit, okx, bitget; paper")] = "binanceusdm",
    symbols: Annotated[str, typer.Option(help="comma-separated, any common spelling")] = "SOL,AVAX",
    timeframes: Annotated[str, typer.Option(help="comma-separated: 1m 5m 15m 1h 4h 1d")] = "15m,1h",
    as_json: Json = False,
) -> None:
    """Download. Ctrl-C keeps what came; the next run goes on."""
    from orchestrator.cli.simulate import days, symbol_list

    first, last = days(start), days(end)
    frames = tuple(dict.fromkeys(part.strip() for part in timeframes.split(",") if part.strip()))
    if not frames:
        raise UsageError("usage", f"--timeframes {timeframes!r} names none", "for example 15m,1h")
    if first is None or (last is not None and last <= first):
        raise UsageError("bad_date", "--to lies before --from", "give an earlier --from")
    chosen = symbol_list(symbols)
    with _progress(quiet=as_json) as progress:
        try:
            done = asyncio.run(_download(exchange, data, chosen, frames, first, last or 2**52, progress))
        except KeyboardInterrupt:
            raise HostError(
                "interrupted", "stopped; what had come is kept", "run the same command again to go on"
            ) from None
    if as_json:
        emit({"schema": "volgamma.download/1", "files": [_row(one) for one in done]})
        return
    rows = [
        (
            one.file.name,
            f"{one.rows:,}",
            f"+{one.new:,}",
            f"{one.missing:,} missing: {one.note}" if one.missing else one.note,
        )
        for one in done
    ]
    typer.echo(text.table(("file", "rows", "new", ""), rows), nl=False)


@command
def list_(data: Folder, as_json: Json = False) -> None:
    """List."""
    from data_fetchers.errors import FetchError
    from data_fetchers.feather_file import read
    from data_fetchers.snapshot import TIMEFRAME_MS
    from orchestrator.simulation.history import HistoryError, read_bars

    if not data.is_dir():
        raise HostError("no_data", f"{data} is no folder", "`volgamma data download` makes one")
    found: list[dict[str, Any]] = []
    for file in sorted(data.glob("*.feather")):
        try:
            times = sorted(read(file, ()))
            if file.name.endswith("-futures.feather"):
                read_bars(file, TIMEFRAME_MS.get(file.name.split("-")[-2], 60_000))
        except (FetchError, HistoryError) as error:
            found.append(
                {"file": file.name, "rows": None, "first": None, "last": None, "gaps": None, "error": str(error)}
            )
            continue
        found.append({"file": file.name, **_span(times), "error": None})
    if as_json:
        emit({"schema": "volgamma.data_list/1", "files": found})
        return
    rows = [
        (one["file"], "-" if one["rows"] is None else f"{one['rows']:,}", one["error"] or _about(one)) for one in found
    ]
    typer.echo(
        text.table(("file", "rows", "span (UTC)"), rows) if rows else f"{data} holds no feather file\n", nl=False
    )


def _said(one: "Downloaded") -> str:
    return f"{one.missing:,} missing: {one.note}" if one.missing else one.note


def _span(times: list[int]) -> dict[str, Any]:
    """Rows, first, last, and how many steps are missing at the most frequent step."""
    if not times:
        return {"rows": 0, "first": None, "last": None, "gaps": 0}
    steps = [later - earlier for earlier, later in pairwise(times)]
    usual = max(set(steps), key=steps.count) if steps else 0
    gaps = sum(round(step / usual) - 1 for step in steps if step > usual * 1.5) if usual else 0
    return {"rows": len(times), "first": times[0], "last": times[-1], "gaps": gaps}


def _about(one: dict[str, Any]) -> str:
    if not one["rows"]:
        return "empty"
    span = " to ".join(datetime.fromtimestamp(one[key] / 1000, UTC).strftime("%Y-%m-%d") for key in ("first", "last"))
    return f"{span}, {one['gaps']} missing" if one["gaps"] else span


def _row(one: "Downloaded") -> dict[str, Any]:
    return {"file": str(one.file), "rows": one.rows, "new": one.new, "missing": one.missing, "note": one.note}


async def _download(
    exchange: str,
    folder: Path,
    symbols: tuple[str, ...],
    frames: tuple[str, ...],
    start: int,
    end: int,
    progress: Callable[[str, int, int], None],
) -> "list[Downloaded]":
    from data_fetchers.download import Downloader
    from data_fetchers.errors import FetchError
    from orchestrator import settings
    from orchestrator.clock import SystemClock
    from orchestrator.desk import connected

    loaded = settings.load()
    url = loaded.paper_url if exchange == "paper" else loaded.environment.get(f"VOLGAMMA_{exchange.upper()}_URL")
    if exchange == "paper" and url is None:
        raise UsageError("usage", "--exchange paper needs a running exchange", "set VOLGAMMA_PAPER_URL")
    done: list[Downloaded] = []
    async with connected(exchange, url) as client:
        loader = Downloader(client, exchange, SystemClock(), folder, progress)
        try:
            for symbol in symbols:
                for frame in frames:
                    done.append(await loader.candles(symbol, frame, start, end))
                done.append(await loader.funding(symbol, start, end))
                done += await loader.crowd(symbol)
        except FetchError as error:
            raise HostError(
                "download_failed", f"{error}; what had come is kept", "run the same command again to go on"
            ) from error
    return done


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar a series on stderr; nothing where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield lambda name, done, of: None
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    with Progress(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(name: str, done: int, of: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=max(1, of))
            bars.update(tasks[name], completed=done, total=max(1, of))

        yield show
