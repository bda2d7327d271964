"""Seeded mishaps around any `Venue`. Each is one that the port's errors allow; the log tells which struck where.

lose        a request never arrives; nobody says so (OutcomeUnknown; a read: Transient)
drop        it was carried out, the answer is lost
late        nobody answers, and it is carried out up to the receive window later
repeat      it arrives twice: the second time as a duplicate, and that is the answer heard
echo        it arrives twice, and the first answer is heard
refuse      the venue says no, for want of margin
throttle    429: nothing happened
ban         418: nothing happened, and nothing does until the ban ends
broken      5xx: it may have been carried out
partial     only part of the book is there
slow        the answer takes its time
crash       the process is killed, before or after the request
"""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from orchestrator.direct_venue import DirectVenue, ExchangeError
from orchestrator.execution import ccxt_errors as errors
from orchestrator.execution.obstacles import Problem, Traits
from orchestrator.execution.venue import (
    ConditionalRequest,
    Duplicate,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
    Rejected,
    VenueError,
)
from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.errors import Refusal
from tests.chaos.simulated_clock import SimulatedClock
from traders.contract.verdict import ExecutionPlan

T = TypeVar("T")
#: The venue refuses what is older (`ccxt_venue.RECV_WINDOW_MS`).
_WINDOW_MS = 2_500
_WRITES = ("lose", "drop", "late", "repeat", "refuse", "throttle", "ban", "partial", "slow", "broken", "echo")
_READS = ("lose", "slow", "throttle", "ban", "broken")
_ANSWERS = {
    "throttle": [(-1003, "Too many requests.", 429)],
    "ban": [(-1003, "Way too many requests; IP banned until the end of it.", 418)],
    "broken": [
        (-1000, "An unknown error occurred while processing the request.", 500),
        (-1001, "Internal error; unable to process your request.", 503),
        (-1007, "Timeout waiting for response from backend server.", 408),
        (-1008, "Server is currently overloaded.", 503),
        (0, "Bad gateway", 502),
    ],
}


class Crash(BaseException):
    """The process is killed here. No Exception, so that nothing can handle it."""


@dataclass
class Chaos:
    """How often what goes wrong. `calm` stops it all."""

    rng: random.Random
    write_rate: float
    read_rate: float
    crash_rate: float
    calm: bool = False
    banned_until: float = 0
    log: list[str] = field(default_factory=list)

    def touch(self) -> None:
        """A place at which the process may be killed."""
        if not self.calm and self.rng.random() < self.crash_rate:
            self.log.append("crash")
            raise Crash

    def strike(self, kinds: tuple[str, ...], rate: float) -> str | None:
        """What goes wrong now, if anything."""
        return None if self.calm or self.rng.random() >= rate else self.rng.choice(kinds)


def run(work: Awaitable[T]) -> T:
    """Drive a coroutine that never really waits."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("something waited for real")


class FaultyVenue:
    """A `Venue`. `seen` is called after each event at the venue, `opening` before each order that opens."""

    def __init__(
        self,
        venue: DirectVenue,
        engine: Engine,
        clock: SimulatedClock,
        chaos: Chaos,
        seen: Callable[[], None],
        opening: Callable[[OrderRequest], None],
    ) -> None:
        self._venue, self._engine, self._clock, self._chaos = venue, engine, clock, chaos
        self._seen, self._opening = seen, opening

    name = "paper"
    traits = Traits()

    async def obstacles(self, plan: ExecutionPlan) -> tuple[Problem, ...]:
        return await self._venue.obstacles(plan)

    def __getattr__(self, what: str) -> Any:
        """Whatever only reads."""
        ask = getattr(self._venue, what)

        async def read(*args: Any, **options: Any) -> Any:
            self._chaos.touch()
            fault = self._chaos.strike(_READS, self._chaos.read_rate)
            if fault is not None:
                self._note(what, fault)
                self._clock.pass_ms(self._chaos.rng.choice((5, 200, 900)))
                if fault != "slow":
                    raise errors.of_read(self._answer(fault))
            if self._banned:
                raise errors.of_read(self._answer("ban"))
            self._clock.pass_ms(1)
            return await ask(*args, **options)

        return read

    async def place(self, order: OrderRequest) -> OrderReport:
        if not order.reduces:
            self._opening(order)
        return await self._write(f"place {order.side} {order.position_side} {order.quantity}", self._venue.place, order)

    async def place_conditional(self, order: ConditionalRequest) -> OrderReport:
        name = f"rest {order.kind} {order.position_side} {order.trigger_price}"
        return await self._write(name, self._venue.place_conditional, order)

    async def cancel(self, symbol: str, client_order_id: str, *, conditional: bool) -> None:
        async def act(_: Any) -> None:
            await self._venue.cancel(symbol, client_order_id, conditional=conditional)

        await self._write(f"cancel {client_order_id[:8]}", act, None)

    async def _write(self, what: str, act: Callable[[Any], Awaitable[T]], order: Any) -> T:
        chaos, rng = self._chaos, self._chaos.rng
        chaos.touch()
        fault = chaos.strike(_WRITES, chaos.write_rate)
        self._note(what, fault or "ok")
        self._clock.pass_ms(rng.randint(1, 40))
        try:
            return await self._struck("ban" if self._banned else fault, act, order, rng)
        finally:
            self._seen()
            chaos.touch()

    async def _struck(self, fault: str | None, act: Callable[[Any], Awaitable[T]], order: Any, rng: random.Random) -> T:
        match fault:
            case "lose":
                raise OutcomeUnknown("no answer")
            case "broken":
                if rng.random() < 0.5:
                    await act(order)
                raise errors.of_write(self._answer("broken"))
            case "drop":
                await act(order)
                raise OutcomeUnknown("the connection closed")
            case "late":
                self._clock.plan(rng.randint(1, _WINDOW_MS), lambda: self._arrive(act, order))
                self._clock.pass_ms(rng.choice((1, 500)))
                raise OutcomeUnknown("timed out")
            case "repeat" if order is not None:
                await act(order)
                return await act(order)
            case "echo" if order is not None:
                answer = await act(order)
                with suppress(Duplicate):
                    await act(order)
                return answer
            case "refuse" if order is not None:
                raise Rejected("Margin is insufficient.", "-2019")
            case "throttle" | "ban":
                raise errors.of_write(self._answer(fault))
            case "slow":
                answer = await act(order)
                self._clock.pass_ms(rng.randint(100, 4_000))
                return answer
            case "partial":
                self._engine.thinned = Decimal(rng.randint(0, 9)) / 10
                try:
                    return await act(order)
                finally:
                    self._engine.thinned = Decimal(1)
            case _:
                return await act(order)

    @property
    def _banned(self) -> bool:
        return not self._chaos.calm and self._clock.monotonic_ms() < self._chaos.banned_until

    def _answer(self, fault: str) -> ExchangeError | TimeoutError:
        """What the live adapter's client would raise."""
        if fault not in _ANSWERS:
            return TimeoutError(fault)
        if fault == "ban" and not self._banned:
            self._chaos.banned_until = self._clock.monotonic_ms() + self._chaos.rng.choice((500, 2_000, 8_000))
        return ExchangeError(Refusal(*self._chaos.rng.choice(_ANSWERS[fault])))

    def _arrive(self, act: Callable[[Any], Awaitable[Any]], order: Any) -> None:
        try:
            run(act(order))
            self._note("late arrival", "ok")
        except (VenueError, Duplicate) as error:
            self._note("late arrival", str(error)[:60])
        self._seen()

    def _note(self, what: str, fault: str) -> None:
        self._chaos.log.append(f"{self._clock.monotonic_ms():>9.0f}  {what}: {fault}")
