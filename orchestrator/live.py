"""Live trading takes deliberate steps, and is refused where execution was not checked against the venue.

    1. `live = true` in volgamma.toml (or VOLGAMMA_LIVE=true)
    2. `--live` on the command line, and the phrase of the account, typed or in VOLGAMMA_LIVE_CONFIRM

Then the pre-flight of `volgamma live check` must find nothing broken. A data folder is either of a live account or of
one that is only looked at: figures of a paper account (its equity high) would be limits of the real one otherwise.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.clock import Clock
from orchestrator.errors import HostError, UsageError
from orchestrator.keys import PARTS, Keys, find, system_ring, variable
from orchestrator.settings import Settings
from orchestrator.storage import translated
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
        broken = [one for one in found.findings if one.status == "fail"]
        raise HostError(
            "live_not_ready",
            "; ".join(f"{one.check}: {one.detail}" for one in broken),
            "; ".join(dict.fromkeys(one.remedy for one in broken if one.remedy)),
        )
    require_phrase(exchange, said)


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
