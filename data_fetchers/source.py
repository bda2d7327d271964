"""What a fetcher is handed: one symbol at one venue, a way to ask, and the exchange's time."""

import asyncio
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from data_fetchers.errors import FetchCode, FetchError, NotSupported, Permanent, Transient
from data_fetchers.retry import Calls, Clock
from data_fetchers.snapshot import Requirements, Unavailable, UnavailableCode
from data_fetchers.store import SeriesStore

T = TypeVar("T")


class ExchangeTime:
    """The exchange's clock, read once: the injected clock plus the drift between the two."""

    def __init__(self, clock: Clock, drift: "asyncio.Future[int]") -> None:
        self._clock = clock
        self._drift = drift

    async def now(self) -> int:
        """UTC milliseconds on the exchange's clock, never before what it told. Raises FetchError when it is unknown.

        The clock is read after the drift is known: a reading from before would lie milliseconds before what the
        exchange said, and just after the hour the bar that has closed would at times count as open.
        """
        drift = await asyncio.shield(self._drift)
        return self._clock.now_ms() + drift


async def measure_drift(exchange: Any, calls: Calls, clock: Clock) -> int:
    """Exchange time minus the injected clock in ms, both at the midpoint of the round trip. Raises FetchError."""

    async def ask() -> int:
        sent = clock.now_ms()
        server = await exchange.fetch_time()
        received = clock.now_ms()
        if isinstance(server, bool) or not isinstance(server, (int, float)):
            raise Transient(f"{calls.venue} fetch_time: {server!r} is no time", FetchCode.BAD_ANSWER)
        return int(server) - (sent + received) // 2

    return await calls.run(ask, "fetch_time")


@dataclass(frozen=True)
class Source:
    """One symbol at one venue. `timeout_s` bounds each part of a fetch; `calls` bounds all requests together."""

    exchange: Any
    venue: str
    symbol: str
    requirements: Requirements
    calls: Calls
    time: ExchangeTime
    timeout_s: float
    store: SeriesStore | None = None
    #: Answers that two fetchers of one snapshot share.
    shared: dict[str, "asyncio.Future[Any]"] = field(default_factory=dict)

    async def call(self, method: str, *args: Any, **named: Any) -> Any:
        """What `exchange.<method>(...)` answers, repeated on transient errors. Raises FetchError."""
        function = getattr(self.exchange, method, None)
        if function is None:
            raise NotSupported(f"{self.venue} has no {method}")
        return await self.calls.run(lambda: function(*args, **named), f"{method} {self.symbol}")

    async def call_once(self, method: str) -> Any:
        """As `call(method, symbol)`, asked once for this snapshot whoever needs it. Raises FetchError."""
        key = f"{method} {self.symbol}"
        if key not in self.shared:
            self.shared[key] = asked = asyncio.ensure_future(self.call(method, self.symbol))
            asked.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever waits is told
        return await asyncio.shield(self.shared[key])

    async def market(self) -> dict[str, Any]:
        """ccxt's description of the contract. Raises FetchError, also when the venue does not list the symbol."""
        await self.call("load_markets")

        async def look_up() -> dict[str, Any]:
            market: dict[str, Any] = self.exchange.market(self.symbol)
            return market

        return await self.calls.run(look_up, f"market {self.symbol}")

    async def contract_size(self) -> float:
        """Base units a contract: what turns a venue's contracts into coins."""
        size = (await self.market()).get("contractSize")
        return float(size) if isinstance(size, (int, float)) and size > 0 else 1.0

    def supports(self, capability: str) -> bool:
        """Whether ccxt can do it there, be it emulated."""
        return bool(self.exchange.has.get(capability))

    async def now(self) -> int:
        """The exchange's time."""
        return await self.time.now()

    async def settle(self, work: Awaitable[T], *, share: float = 1.0) -> T | Unavailable:
        """The result of a part, or why there is none; never an exception, never longer than its share of the time."""
        limit = self.timeout_s * share
        try:
            async with asyncio.timeout(limit):
                return await work
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # nobody cancelled this part: it waited for something shared, and that was given up
            reason = f"{self.venue} {self.symbol}: a request shared with another source was given up"
            return Unavailable(code="error", reason=f"{FetchCode.NETWORK}: {reason}")
        except Exception as error:  # whatever it is, it costs this part and no other, and is named in the snapshot
            return unavailable(error, f"{self.venue} {self.symbol}", limit)


#: How a fetch code shows in the snapshot; the others show as `error`.
_SHOWN: dict[FetchCode, UnavailableCode] = {
    FetchCode.NOT_SUPPORTED: "not_supported",
    FetchCode.BANNED: "banned",
    FetchCode.TIMEOUT: "timeout",
    FetchCode.EMPTY: "empty",
    FetchCode.GAP: "gap",
}


def unavailable(error: Exception, what: str, timeout_s: float | None = None) -> Unavailable:
    """An error as the snapshot shows it."""
    if isinstance(error, FetchError):
        shown = _SHOWN.get(error.code)
        if shown is None:
            prefix = "" if str(error).startswith(f"{error.code}: ") else f"{error.code}: "
            return Unavailable(code="error", reason=f"{prefix}{error}")
        return Unavailable(code=shown, reason=str(error))
    if isinstance(error, TimeoutError):
        after = "" if timeout_s is None else f" within {timeout_s:g} s"
        return Unavailable(code="timeout", reason=f"{what}: no answer{after}")
    return Unavailable(code="error", reason=f"{what}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")


#: Of those that show as `error`: what may work in a moment.
_PASSING = (FetchCode.NETWORK, FetchCode.OUTAGE, FetchCode.RATE_LIMITED, FetchCode.BAD_ANSWER)


def failure_of(part: Unavailable, message: str) -> FetchError:
    """The error of a source none of whose parts came, with the code of the part that matters most."""
    if part.code == "not_supported":
        return NotSupported(message)
    code = _code_of(part)
    return Transient(message, code) if code in _PASSING else Permanent(message, code)


def _code_of(part: Unavailable) -> FetchCode:
    """The fetch code behind an absent part: `unavailable` puts it before the reason of those shown as `error`."""
    codes = {shown: code for code, shown in _SHOWN.items()}
    named = part.reason.split(":", 1)[0]
    return codes.get(part.code) or (FetchCode(named) if named in {*FetchCode} else FetchCode.REFUSED)


async def all_of(work: list[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, concurrently. The first error ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(item) for item in work]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
