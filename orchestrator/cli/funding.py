"""`volgamma funding`: the funding rates of several venues side by side."""

import json
import sys
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.output import command, emit
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.funding_monitor import FundingMonitor, SymbolFunding

EXAMPLE = "volgamma funding --exchanges binanceusdm,bybit --symbols SOL,AVAX"
EXCHANGES_HELP = (
    "comma-separated: exchange names, or LABEL=URL for paper exchanges, as in "
    "a=http://127.0.0.1:5001,b=http://127.0.0.1:5002"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("funding", help=f"Funding rates of several venues, e.g. `{EXAMPLE} --watch`.")(funding)


@command
def funding(
    exchanges: Annotated[str, typer.Option("--exchanges", help=EXCHANGES_HELP)] = "binanceusdm,bybit,okx,bitget",
    symbols: Annotated[str, typer.Option("--symbols", help="comma-separated, any common spelling")] = "SOL,AVAX",
    notional: Annotated[str, typer.Option("--notional", help="of each leg, USDT, for the worked example")] = "50000",
    taker: Annotated[str, typer.Option("--taker", help="cost per unit of notional traded, a fraction")] = "0.0005",
    timeout: Annotated[str, typer.Option("--timeout", help="longest wait for a venue")] = "10s",
    watch: Annotated[bool, typer.Option("--watch", help="again and again until Ctrl-C")] = False,
    every: Annotated[str, typer.Option("--every", help="time between rounds of --watch: 30s, 5m")] = "30s",
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document; with --watch a line a round")] = False,
) -> None:
    """Predicted rates, intervals, per 8 h and APR, next payment, and the best pair; read-only.

    A venue that cannot be read is one line `unavailable` with the reason. Exit code 1 when no venue could be read.
    """
    import asyncio

    from data_fetchers.symbols import UnknownSymbol, normalise
    from orchestrator.funding_monitor import parse_venues

    names = parse_venues(exchanges)
    try:
        wanted = tuple(dict.fromkeys(normalise(part) for part in symbols.split(",") if part.strip()))
    except UnknownSymbol as error:
        raise UsageError("bad_symbol", str(error), "for example --symbols SOL,AVAX") from error
    if not wanted:
        raise UsageError("no_symbol", f"--symbols {symbols!r} names no symbol", "for example --symbols SOL,AVAX")
    pause_s, timeout_s = _seconds("--every", every), _seconds("--timeout", timeout)
    on_each, share = _amount("--notional", notional, Decimal("1e12")), _amount("--taker", taker, Decimal("0.05"))
    if on_each == 0:
        raise UsageError("bad_number", "--notional 0: a leg of nothing", f"for example `{EXAMPLE}`")
    enter, enabled = _limits()

    from orchestrator.clock import SystemClock
    from orchestrator.funding_monitor import FundingMonitor

    monitor = FundingMonitor(names, wanted, SystemClock(), notional=on_each, taker=share, timeout_s=timeout_s)
    show = _Show(enter, enabled, as_json)
    if watch:
        try:
            asyncio.run(_watch(monitor, show, pause_s))
        except KeyboardInterrupt:
            return  # the usual way to end it
    found = asyncio.run(_once(monitor))
    show.once(found)
    if all(part.pair is None and not _any(part) for part in found):
        raise typer.Exit(1)


def _any(part: "SymbolFunding") -> bool:
    from data_fetchers.snapshot import Unavailable

    return any(not isinstance(row, Unavailable) for row in part.venues.values())


async def _once(monitor: "FundingMonitor") -> "tuple[SymbolFunding, ...]":
    async with monitor:
        return await monitor.read()


async def _watch(monitor: "FundingMonitor", show: "_Show", pause_s: float) -> None:
    """Round after round, the pause counted from the end of one to the start of the next."""
    import asyncio

    async with monitor:
        with show:
            while True:
                show.round(await monitor.read())
                await asyncio.sleep(pause_s)


class _Show:
    """Where rounds go: redrawn in place on a terminal, else a block (or with --json a line) a round."""

    def __init__(self, enter: Decimal, enabled: bool, as_json: bool) -> None:
        self._enter = enter
        self._enabled = enabled
        self._as_json = as_json
        self._live: object | None = None

    def once(self, found: "tuple[SymbolFunding, ...]") -> None:
        """The only round."""
        from orchestrator.cli.funding_text import document, render

        if self._as_json:
            emit(document(found, self._enter, enabled=self._enabled))
        else:
            typer.echo(render(found, self._enter, enabled=self._enabled))

    def __enter__(self) -> "_Show":
        if not self._as_json and sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(auto_refresh=False).__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        from rich.live import Live

        if isinstance(self._live, Live):
            self._live.stop()

    def round(self, found: "tuple[SymbolFunding, ...]") -> None:
        """One round of many."""
        from orchestrator.cli.funding_text import document, render

        if self._as_json:
            line = json.dumps(document(found, self._enter, enabled=self._enabled), allow_nan=False)
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            return
        text = render(found, self._enter, enabled=self._enabled)
        from rich.live import Live
        from rich.text import Text

        if isinstance(self._live, Live):
            self._live.update(Text(text), refresh=True)
        else:
            sys.stdout.write(text + "\n\n")
            sys.stdout.flush()


def _limits() -> tuple[Decimal, bool]:
    """The spread a funding pair enters at, per 8 h, and whether such pairs are allowed at all: from the database."""
    from db.constraints_repository import ConstraintsRepository
    from orchestrator import settings
    from orchestrator.desk import TRADER_ID
    from orchestrator.storage import opened

    with opened(settings.load()) as database:
        limits = ConstraintsRepository(database).current(TRADER_ID).limits
    return Decimal(str(limits.funding_spread_enter)), limits.funding_pair_enabled


def _seconds(option: str, text: str) -> float:
    from orchestrator.schedule.ticks import parse_duration

    try:
        return parse_duration(text) / 1000
    except ValueError as error:
        raise UsageError("bad_duration", f"{option}: {error}", "for example --every 30s") from error


def _amount(option: str, text: str, most: Decimal) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise UsageError("bad_number", f"{option} {text!r} is no number", f"for example `{EXAMPLE}`") from None
    if not (value.is_finite() and 0 <= value <= most):
        raise UsageError("bad_number", f"{option} {text}: 0 to {most:f}", f"for example `{EXAMPLE}`")
    return value
