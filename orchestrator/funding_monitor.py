"""Funding rates of several venues side by side: every venue asked at once, each on its own clock and time.

A venue that fails, or lacks a number, is `Unavailable` with the reason: it neither delays nor sinks the others.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from data_fetchers import fundingratehistory
from data_fetchers.errors import UnknownVenue
from data_fetchers.market_data import fetch_ticker
from data_fetchers.retry import Calls, gate_of
from data_fetchers.snapshot import Requirements, Ticker, Unavailable
from data_fetchers.source import ExchangeTime, Source, measure_drift, unavailable
from data_fetchers.venue import open_exchange
from indicators.funding import apr, rate_per_8h
from indicators.funding_pair import FundingPair, best_pair
from orchestrator.clock import Clock
from orchestrator.errors import UsageError

#: Settled rates asked for: enough to tell the interval where a venue does not declare it.
_SETTLED = 3
_EXAMPLE = "for example --exchanges binanceusdm,bybit or --exchanges a=http://127.0.0.1:5001,b=http://127.0.0.1:5002"


@dataclass(frozen=True)
class VenueName:
    """One entry of `--exchanges`: an id of ccxt, or a label and the address of a paper exchange."""

    label: str
    url: str | None


@dataclass(frozen=True)
class VenueFunding:
    """The running interval of one symbol at one venue.

    `rate`: predicted, fraction of notional per `interval_hours`. Times in UTC milliseconds and `next_in_s` by the
    venue's own clock, None where it does not say when. `mark` in quote currency.
    """

    rate: Decimal
    interval_hours: Decimal
    rate_8h: Decimal
    apr: Decimal
    next_time: int | None
    next_in_s: int | None
    mark: Decimal | Unavailable
    as_of: int


@dataclass(frozen=True)
class SymbolFunding:
    """One symbol over all venues, in the order asked for; `pair` is None with fewer than two of them available."""

    symbol: str
    venues: dict[str, VenueFunding | Unavailable]
    pair: FundingPair | None


def parse_venues(text: str) -> tuple[VenueName, ...]:
    """`binanceusdm,a=http://127.0.0.1:5001` as names. Raises UsageError."""
    names: list[VenueName] = []
    for part in (part.strip() for part in text.split(",")):
        if not part:
            continue
        label, _, url = (piece.strip() for piece in part.partition("="))
        if not label or ("=" in part and not url.startswith(("http://", "https://"))):
            raise UsageError(
                "bad_exchange", f"--exchanges: {part!r} is no NAME and no LABEL=http://HOST:PORT", _EXAMPLE
            )
        if label in (name.label for name in names):
            raise UsageError("bad_exchange", f"--exchanges names {label!r} twice", "give each its own label")
        names.append(VenueName(label, url or None))
    if not names:
        raise UsageError("bad_exchange", f"--exchanges {text!r} names no exchange", _EXAMPLE)
    return tuple(names)


class FundingMonitor:
    """The venues, opened once and asked as often as wanted. An asynchronous context manager."""

    def __init__(
        self,
        names: Sequence[VenueName],
        symbols: Sequence[str],
        clock: Clock,
        *,
        notional: Decimal,
        taker: Decimal,
        timeout_s: float = 10.0,
    ) -> None:
        self._names = names
        self._symbols = symbols
        self._clock = clock
        self._notional = notional
        self._taker = taker
        self._timeout_s = timeout_s
        self._exchanges: dict[str, Any] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "FundingMonitor":
        """Open every client; nothing is sent yet. Raises UsageError for an exchange that does not exist."""
        try:
            for name in self._names:
                exchange = open_exchange("paper" if name.url else name.label, base_url=name.url)
                self._stack.push_async_callback(exchange.close)
                self._exchanges[name.label] = exchange
        except UnknownVenue as error:
            await self._stack.aclose()
            raise UsageError("unknown_exchange", str(error), _EXAMPLE) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def read(self) -> tuple[SymbolFunding, ...]:
        """One round over all venues at once: its wall time is that of the slowest, at most the time-out."""
        labels = tuple(self._exchanges)
        rounds = await asyncio.gather(*(self._venue(label, exchange) for label, exchange in self._exchanges.items()))
        return tuple(
            self._symbol(symbol, {label: found[symbol] for label, found in zip(labels, rounds, strict=True)})
            for symbol in self._symbols
        )

    def _symbol(self, symbol: str, venues: dict[str, VenueFunding | Unavailable]) -> SymbolFunding:
        rates = {label: found.rate_8h for label, found in venues.items() if isinstance(found, VenueFunding)}
        return SymbolFunding(symbol, venues, best_pair(rates, self._notional, self._taker))

    async def _venue(self, label: str, exchange: Any) -> dict[str, VenueFunding | Unavailable]:
        """Every symbol of one venue. Never raises."""
        clock, limit = self._clock, self._timeout_s
        calls = Calls(label, gate_of(exchange), clock, clock.monotonic_ms() + 900 * limit)
        drift = asyncio.get_running_loop().create_future()
        time = ExchangeTime(clock, drift)
        sources = [
            Source(exchange, label, symbol, _wanted(symbol), calls, time, 0.9 * limit) for symbol in self._symbols
        ]
        try:
            async with asyncio.timeout(limit):
                # markets first and alone: ccxt shares one loading, and whoever gives up on it ends it for all
                drift.set_result(await measure_drift(exchange, calls, clock))
                await calls.run(exchange.load_markets, "load_markets")
                found = await asyncio.gather(*(self._one(source) for source in sources))
        except Exception as error:  # whatever it is, it costs this venue and no other, and is named in its rows
            found = [unavailable(error, label, limit)] * len(sources)
        return dict(zip(self._symbols, found, strict=True))

    async def _one(self, source: Source) -> VenueFunding | Unavailable:
        funding, ticker = await asyncio.gather(
            source.settle(fundingratehistory.fetch(source)), source.settle(fetch_ticker(source))
        )
        if isinstance(funding, Unavailable):
            return funding
        if funding.predicted_rate is None:
            return Unavailable(code="empty", reason=f"{source.venue} {source.symbol}: no predicted rate")
        rate, hours = _exact(funding.predicted_rate), _exact(funding.interval_hours)
        upcoming = funding.next_funding_time
        return VenueFunding(
            rate=rate,
            interval_hours=hours,
            rate_8h=rate_per_8h(rate, hours),
            apr=apr(rate, hours),
            next_time=upcoming,
            next_in_s=None if upcoming is None else max(0, upcoming - await source.now()) // 1000,
            mark=_mark(ticker, source),
            as_of=funding.as_of,
        )


def _mark(ticker: Ticker | Unavailable, source: Source) -> Decimal | Unavailable:
    if isinstance(ticker, Unavailable):
        return ticker
    if ticker.mark is None:
        return Unavailable(code="empty", reason=f"{source.venue} {source.symbol}: no mark price")
    return _exact(ticker.mark)


def _wanted(symbol: str) -> Requirements:
    return Requirements(primary=symbol, keywords=("funding",), candles={}, funding_points=_SETTLED)


def _exact(value: float) -> Decimal:
    """The shortest decimal that reads back as this float: what the venue wrote."""
    return Decimal(repr(value))
