"""The one place where real parts are wired together for a command."""

import asyncio
import contextlib
import functools
import itertools
import os
import platform
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orchestrator.alerts.watch import watching
from orchestrator.asked_symbol import allowed_symbol
from orchestrator.claims import AlreadyClaimed, Order, Policy
from orchestrator.clock import Clock, SystemClock
from orchestrator.decide_report import DecideReport
from orchestrator.decision_id import manual_suffix
from orchestrator.desk import Desk, open_desk
from orchestrator.errors import HostError
from orchestrator.journey import decide
from orchestrator.live import Confirm, confirmed, confirmed_to_run, refuse_live
from orchestrator.mind import ModelSource
from orchestrator.paper_session import data_folder_lock
from orchestrator.schedule.loop import Plan, Tally, run
from orchestrator.settings import Settings
from orchestrator.stop_signals import StopSignals
from orchestrator.storage import translated

if TYPE_CHECKING:
    from orchestrator.worker.tick_run import Counts
    from orchestrator.worker.work import Shift


@dataclass(frozen=True)
class Ask:
    """What a person asked `decide` for."""

    symbol: str
    exchange: str
    policy: Policy
    dry_run: bool = False
    compare: bool = False
    live: bool = False
    #: Asked with the pre-flight before live orders; what it says must be the account's phrase.
    confirm: Confirm | None = None


async def decide_once(settings: Settings, ask: Ask, clock: Clock | None = None) -> DecideReport:
    """One decision asked for by a person. Raises HostError."""
    clock = clock or SystemClock()
    refuse_live(settings, ask.exchange, ask.live)
    if ask.live:
        await confirmed(settings, clock, ask.exchange, ask.confirm)
    policy = ask.policy
    if ask.compare and policy == "llm" and not model_at_hand(settings):
        policy = "rules"
    async with open_desk(settings, clock, ask.exchange, live=ask.live) as desk:
        order = Order(symbol=ask.symbol, policy=policy, dry_run=ask.dry_run, compare=ask.compare)
        return await decide_by_hand(desk, order, model_source(settings, clock, policy), iter(manual_suffix, None))


async def decide_by_hand(
    desk: Desk, order: Order, open_model: ModelSource, suffixes: Iterator[str], tries: int = 8
) -> DecideReport:
    """A decision under the first suffix that is free: on a frozen exchange all of a day share one second.

    Raises AlreadyClaimed when `tries` suffixes in a row are taken, else as `decide` does.
    """
    for suffix in itertools.islice(suffixes, tries - 1):
        with contextlib.suppress(AlreadyClaimed):
            return await decide(desk, replace(order, suffix=suffix), open_model)
    return await decide(desk, replace(order, suffix=next(suffixes)), open_model)


def model_source(settings: Settings, clock: Clock, policy: Policy) -> ModelSource:
    """Opens the model when it is needed. Raises HostError at once when the policy needs one and none can be had."""
    from orchestrator.model_choice import open_model

    if policy == "llm":
        require_model(settings)
    return functools.partial(open_model, settings, clock)


def model_at_hand(settings: Settings) -> bool:
    """Whether a model can be asked without installing anything."""
    from orchestrator.local_model import is_installed

    return bool(settings.api_key or settings.base_url) or is_installed()


def require_model(settings: Settings) -> None:
    """Raises HostError naming the remedy where no model can be had."""
    if not model_at_hand(settings):
        from orchestrator.local_model import require_installed

        require_installed()


async def run_schedule(
    settings: Settings,
    exchange: str,
    symbols: tuple[str, ...],
    plan: Plan,
    say: Callable[[str], None],
    *,
    shadow: bool = False,
    live: bool = False,
    confirm: Confirm | None = None,
) -> Tally:
    """Decisions when they are due and the fast loop between them, until the time is over or a signal comes.

    With `shadow` decisions and would-be orders are recorded, and none is sent. With `live`, what the pre-flight finds
    broken makes it a run that only keeps and closes, where there is something to keep.

    SIGINT and SIGTERM end it; SIGUSR1 throws the kill switch, and ends it too where that cannot be written.
    Raises HostError; a second start on the same data folder refuses.
    """
    clock = SystemClock()
    by = f"run on {platform.node() or 'this machine'}"
    refuse_live(settings, exchange, live)
    if live:
        broken = await confirmed_to_run(settings, clock, exchange, confirm)
        if broken:
            say(f"KEEP ONLY: open pairs are kept and closed, nothing is decided until a restart without: {broken}")
            plan = replace(plan, keep_only=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    then = "all pairs are closed" if plan.flatten_on_exit else "open pairs stay protected"
    loop.add_signal_handler(signal.SIGUSR1, _kill, settings, clock, stop, say)
    every = None if plan.keep_only else plan.every
    word = f"a decision under way is dropped, or finished where it is sending; {then}"
    try:
        with (
            StopSignals(stop, clock, say, word),
            data_folder_lock(settings.data_dir, "run"),
            watching(settings, clock, every, say, by),
        ):
            async with open_desk(settings, clock, exchange, shadow=shadow, live=live) as desk:
                if shadow:
                    nothing_to_keep(desk)
                constraints = desk.constraints()
                wanted = tuple(dict.fromkeys(allowed_symbol(symbol, constraints) for symbol in symbols))
                source = _nobody if plan.keep_only else model_source(settings, clock, plan.policy)
                plan = replace(plan, symbols=wanted)
                say(described(plan, desk, os.getpid()))
                return await run(desk, plan, source, say, stop)
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)


def described(plan: Plan, desk: Desk, process: int) -> str:
    """What a run is, in one line."""
    orders = (
        "live orders"
        if desk.live
        else "shadow, no order is sent"
        if desk.shadow
        else "only read, no order is sent"
        if desk.reads_only
        else "paper orders"
    )
    what = "keep only, no decision" if plan.keep_only else f"every {plan.every / 1000:g} s by {plan.policy}"
    return (
        f"run: {desk.exchange_name}, {orders}, {', '.join(plan.symbols)}, {what}, "
        f"data in {desk.settings.data_dir}, process {process}"
    )


def _nobody() -> Any:
    raise HostError("keep_only", "this run decides nothing", "restart it once the pre-flight finds nothing broken")


def nothing_to_keep(desk: Desk) -> None:
    """A shadow run can keep no pair. Raises HostError where there is one, or an order of unknown fate."""
    with translated():
        pairs = desk.store.pairs.open_pairs(desk.exchange_name)
        orders = desk.store.orders.unresolved()
    if pairs or orders:
        raise HostError(
            "shadow_needs_flat",
            f"{len(pairs)} pairs are open on {desk.exchange_name}, {len(orders)} orders are of unknown fate: "
            "a shadow run sends nothing and could not keep them",
            "let `volgamma run` keep or close them (--flatten-on-exit), or use another VOLGAMMA_DATA_DIR",
        )


def _kill(settings: Settings, clock: Clock, stop: asyncio.Event, say: Callable[[str], None]) -> None:
    """SIGUSR1. A switch that cannot be thrown ends the run: an error here must end in less risk."""
    from orchestrator import kill_switch

    try:
        for line in kill_switch.kill(settings, "signal", "SIGUSR1", clock.now_ms(), flatten=False):
            say(line)
    except Exception as error:
        say(f"the kill switch cannot be thrown ({error}): stopping instead")
        stop.set()


async def run_worker(
    settings: Settings,
    exchange: str,
    name: str,
    shift: "Shift",
    traders: tuple[int, ...],
    say: Callable[[str], None],
) -> "Counts":
    """One of several workers on one database, until the time is over or a signal comes.

    SIGINT and SIGTERM end it orderly: decisions under way are finished, pairs are left to the other workers. Raises
    HostError.
    """
    from orchestrator.worker.floor import open_floor
    from orchestrator.worker.work import Worker

    clock = SystemClock()
    refuse_live(settings, exchange, live=False)
    word = "decisions under way are finished, other workers keep the pairs"
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, _kill, settings, clock, stop, say)
    try:
        with StopSignals(stop, clock, say, word), watching(settings, clock, None, say, f"worker {name}"):
            async with open_floor(settings, clock, exchange, name, traders) as floor:
                for line in floor.left_out:
                    say(line)
                deciding = ", ".join(f"#{seat.trader_id}" for seat in floor.seats.values() if seat.decides)
                say(f"worker {name}: traders {deciding}")
                with translated():
                    return await Worker(floor, name, shift, model_source(settings, clock, shift.policy), say).run(stop)
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)
