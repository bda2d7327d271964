"""Live trading takes deliberate steps, and is refused where execution was not checked against the venue.

    1. `live = true` in volgamma.toml (or VOLGAMMA_LIVE=true)
    2. `--live` on the command line, and the phrase of the account, typed or in VOLGAMMA_LIVE_CONFIRM

Then the pre-flight of `volgamma live check` must find nothing broken, or a run only keeps what is open. A data folder
is either of a live account or of one that is only looked at: figures of a paper account (its equity high) would be
limits of the real one otherwise.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.clock import Clock
from orchestrator.errors import HostError, UsageError
from orchestrator.finding import Finding
from orchestrator.keys import PARTS, Keys, find, system_ring, variable
from orchestrator.settings import Settings
from orchestrator.storage import opened, translated
from orchestrator.venue_facts import VENUES

if TYPE_CHECKING:
    from db.journal_repository import JournalRepository
    from db.pairs_repository import PairsRepository
    from orchestrator.desk import Store
    from orchestrator.live_check import PreFlight

#: Shown the pre-flight, says the phrase; None: nobody could be asked.
Confirm = Callable[["PreFlight"], "str | None"]
EXCHANGES = tuple(venue.name for venue in VENUES)
CONFIRM = "VOLGAMMA_LIVE_CONFIRM"
#: Findings of the pre-flight: the one about the switch, and the one that makes a run keep only.
KILL_SWITCH = "kill switch"
KEEP_ONLY = "keep only"
#: Key of the state that marks a database as of a live account; its scope is the exchange.
MARK = "live_account"


def phrase(exchange: str) -> str:
    """What a person has to write."""
    return f"I-ACCEPT-LOSSES-ON-{exchange.upper()}"


def refuse_live(settings: Settings, exchange: str, live: bool) -> None:
    """Raises HostError or UsageError unless the first step, and what does not depend on a person, allow it."""
    if exchange not in EXCHANGES:
        raise UsageError("unknown_exchange", f"no exchange {exchange!r}", f"one of {', '.join(EXCHANGES)}")
    if not live:
        return
    if exchange == "paper":
        raise UsageError("live_on_paper", "--live makes no sense on the paper exchange", "leave --live out")
    facts = next(venue for venue in VENUES if venue.name == exchange)
    if not facts.execution_verified:
        raise HostError(
            "live_unverified",
            f"orders on {exchange} are {facts.execution}: nobody has seen this program's orders answered there",
            "leave --live out (real data, no order); see `volgamma venues`",
        )
    if not settings.live:
        raise HostError(
            "live_off",
            "live trading is off: `live = true` is not configured",
            "read docs/going_live.md; without --live, real data are read and orders fill on paper",
        )


def require_phrase(exchange: str, given: str | None) -> None:
    """The second step. Raises UsageError."""
    if given is None or given.strip() != phrase(exchange):
        raise UsageError(
            "live_not_confirmed",
            f"live orders on {exchange} are not confirmed",
            f"type {phrase(exchange)}, or set {CONFIRM} to it, after `volgamma live check --exchange {exchange}`",
        )


async def confirmed(settings: Settings, clock: Clock, exchange: str, confirm: Confirm | None) -> None:
    """The pre-flight, and a person's word on it. Raises HostError, UsageError; nothing has been sent by then."""
    from orchestrator.live_check import pre_flight

    found = await pre_flight(settings, clock, exchange)
    said = None if confirm is None else confirm(found)
    if not found.ready:
        raise _not_ready([one for one in found.findings if one.status == "fail"])
    require_phrase(exchange, said)


async def confirmed_to_run(settings: Settings, clock: Clock, exchange: str, confirm: Confirm | None) -> str | None:
    """As `confirmed`, for a run: why it may only keep and close what is open, None when it may decide.

    A kill switch never keeps a run from starting: the guard refuses entries, and it takes a run to close what the
    switch asks to close. Whatever else is broken must not leave open pairs, or orders of unknown fate, to nobody.
    """
    from orchestrator.live_check import pre_flight

    found = await pre_flight(settings, clock, exchange)
    broken = [one for one in found.findings if one.status == "fail" and one.check != KILL_SWITCH]
    open_ = _open_business(settings, exchange) if broken else None
    if broken and open_ is None:
        if confirm is not None:
            confirm(found)
        raise _not_ready(broken)
    allowed = [replace(one, status="warn") if one.status == "fail" else one for one in found.findings]
    if open_ is not None:
        text = f"{open_}: this run keeps and closes them, and decides nothing until a restart"
        allowed.append(Finding(KEEP_ONLY, "warn", text, "mend what is said above, then restart"))
    found = replace(found, findings=tuple(allowed))
    require_phrase(exchange, None if confirm is None else confirm(found))
    return "; ".join(f"{one.check}: {one.detail}" for one in broken) or None


def _not_ready(broken: list[Finding]) -> HostError:
    return HostError(
        "live_not_ready",
        "; ".join(f"{one.check}: {one.detail}" for one in broken),
        "; ".join(dict.fromkeys(one.remedy for one in broken if one.remedy)),
    )


def _open_business(settings: Settings, exchange: str) -> str | None:
    """What of ours is open on the exchange, in words. Raises HostError when the database does not say."""
    from db.orders_repository import OrdersRepository
    from db.pairs_repository import PairsRepository

    with opened(settings) as database:
        pairs = [pair.symbol for pair in PairsRepository(database).open_pairs(exchange)]
        unknown = len(OrdersRepository(database).unresolved())
    said = [f"open: {', '.join(pairs)}"] if pairs else []
    said += [f"orders of unknown fate: {unknown}"] if unknown else []
    return "; ".join(said) or None


def live_keys(settings: Settings, exchange: str) -> Keys:
    """Raises HostError where there are none."""
    keys = find(exchange, settings.environment, system_ring())
    if keys is None:
        names = " and ".join(variable(exchange, part) for part in PARTS[exchange])
        raise HostError(
            "no_keys",
            f"there is no key of {exchange}",
            f"set {names} in the environment, or `volgamma keys set {exchange}` (system keyring); see docs/keys.md",
        )
    return keys


def claim_folder(store: "Store", exchange: str, live: bool, now: int) -> None:
    """Raises HostError when the database is of the other kind: of a live account, or one that is only looked at.

    Paper pairs beside live ones would count as open pairs and trades of the same trader.
    """
    with translated():
        mark = store.state.get(MARK, exchange)
        if live:
            if mark is None:
                refuse_paper_past(store.journal, store.pairs, exchange)
                store.state.set(MARK, True, "volgamma", "first live use", now, exchange)
            return
        marked = (exchange,) if mark is not None else store.state.scopes(MARK) if exchange == "paper" else ()
    if marked:
        mine = exchange == marked[0]
        raise HostError(
            "folder_is_live",
            f"this database is of your live account on {', '.join(marked)}",
            f"{'give --live to `decide` or `run`, or ' if mine else ''}set VOLGAMMA_DATA_DIR to another folder"
            + ("" if mine else " for the paper exchange"),
        )


def refuse_paper_past(journal: "JournalRepository", pairs: "PairsRepository", exchange: str) -> None:
    """Raises HostError where a live account must not begin: paper decisions on it, or open paper pairs beside it."""
    new_folder = "set VOLGAMMA_DATA_DIR to a new folder for the live account"
    if any(entry.exchange == exchange for entry in journal.entries(limit=None)):
        raise HostError(
            "folder_not_live",
            f"this database holds decisions on {exchange} that were only looked at: their paper account's "
            "equity would be the mark that your drawdown is measured from",
            new_folder,
        )
    beside = [pair.symbol for pair in pairs.open_pairs("paper")]
    if beside:
        raise HostError(
            "folder_not_live", f"this database holds open pairs of the paper exchange: {', '.join(beside)}", new_folder
        )
