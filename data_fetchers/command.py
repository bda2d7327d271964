"""What makes each fetcher a command: options, one request, CSV or JSON on stdout, errors as one line on stderr."""

import argparse
import asyncio
import csv
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from data_fetchers.errors import FetchError, UnknownVenue
from data_fetchers.snapshot import TIMEFRAME_MS, Requirements
from data_fetchers.source import Source
from data_fetchers.symbols import UnknownSymbol, normalise

_TIMEOUT_S = 30.0
_DEFAULT_LIMIT = 100


@dataclass(frozen=True)
class Command:
    """A fetcher as a command: `fetch` gives a model of `snapshot`, `rows` its CSV rows under `columns`."""

    name: str
    about: str
    columns: tuple[str, ...]
    fetch: Callable[[Source], Awaitable[Any]]
    rows: Callable[[Any], Iterable[tuple[Any, ...]]]
    timeframes: bool = False


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Wrong usage: one line, exit code 2."""
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


class _SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> float:
        return time.monotonic_ns() / 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run(command: Command, argv: list[str] | None = None) -> int:
    """Carry a command out. Exit code 0 done, 1 could not be had, 2 wrong usage."""
    parser = _parser(command)
    options = parser.parse_args(argv)
    if options.exchange == "paper" and options.paper_url is None:
        parser.error("--exchange paper needs --paper-url")
    try:
        found = asyncio.run(_fetch(command, options))
    except (UnknownVenue, UnknownSymbol) as error:
        parser.error(str(error))
    except (FetchError, TimeoutError) as error:
        sys.stderr.write(f"{parser.prog}: {str(error) or f'no answer within {_TIMEOUT_S:g} s'}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    try:
        _print(command, found, as_json=options.json)
    except BrokenPipeError:  # the reader of the pipe has seen enough
        sys.stderr.close()
    return 0


def _parser(command: Command) -> argparse.ArgumentParser:
    example = f"python -m data_fetchers.{command.name} --exchange binanceusdm --symbol SOLUSDT"
    parser = _Parser(prog=f"data_fetchers.{command.name}", description=command.about, epilog=f"Example: {example}")
    parser.add_argument("--exchange", default="binanceusdm", help="paper, binanceusdm, bybit, okx, bitget, ...")
    parser.add_argument("--symbol", default="SOL/USDT:USDT", help="any common spelling")
    parser.add_argument("--limit", type=_count, default=_DEFAULT_LIMIT, help="points, bars or levels")
    if command.timeframes:
        parser.add_argument("--timeframe", choices=tuple(TIMEFRAME_MS), default="1h")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of CSV")
    parser.add_argument("--paper-url", metavar="URL", help="another address for the exchange, as http://127.0.0.1:8900")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError(f"{text} is not in 1..100000")
    return number


async def _fetch(command: Command, options: argparse.Namespace) -> Any:
    from data_fetchers.retry import Calls, gate_of
    from data_fetchers.source import ExchangeTime, measure_drift
    from data_fetchers.venue import open_exchange

    symbol = normalise(options.symbol)
    limit: int = options.limit
    requirements = Requirements(
        primary=symbol,
        keywords=(command.name,),
        candles={symbol: {options.timeframe: limit}} if command.timeframes else {},
        funding_points=limit,
        positioning_points=limit,
        open_interest_points=limit,
        book_levels=limit,
    )
    clock = _SystemClock()
    exchange = open_exchange(options.exchange, base_url=options.paper_url)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            calls = Calls(options.exchange, gate_of(exchange), clock, clock.monotonic_ms() + 1000 * _TIMEOUT_S)
            drift = asyncio.get_running_loop().create_future()
            drift.set_result(await measure_drift(exchange, calls, clock))
            where = (exchange, options.exchange, symbol, requirements, calls)
            return await command.fetch(Source(*where, ExchangeTime(clock, drift), _TIMEOUT_S))
    finally:
        await exchange.close()


def _print(command: Command, found: Any, *, as_json: bool) -> None:
    if as_json:
        document = {"schema": f"volgamma.{command.name}/1", **found.model_dump(mode="json")}
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(command.columns)
        writer.writerows(command.rows(found))
    sys.stdout.flush()
