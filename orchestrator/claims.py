"""What is to be decided, and who takes it: a decision id is claimed once, by one process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import JsonValue

from orchestrator.desk import Desk
from orchestrator.errors import HostError
from orchestrator.going_on import STARTED
from orchestrator.storage import translated
from traders.contract.context import Context
from traders.contract.proposal import Proposal

if TYPE_CHECKING:
    from db.journal_entry import JournalEntry

Policy = Literal["llm", "rules"]


class AlreadyClaimed(HostError):
    """Another process takes, or took, this decision."""


@dataclass(frozen=True)
class Order:
    """What to decide on. `suffix` makes a manual decision unique; `due` is the scheduled time (None: now)."""

    symbol: str
    policy: Policy
    dry_run: bool = False
    compare: bool = False
    due: int | None = None
    suffix: str | None = None
    #: Go on with this decision where an interruption left it; whoever asks for this makes sure that nobody else does.
    adopt: bool = False
    #: Why now, where it is not simply the time: kept with the decision.
    trigger: Mapping[str, JsonValue] | None = None
    #: Proposes instead of the policy: the next ladder of a cycle is nobody's idea. Its proposal says so.
    propose: Callable[[Context], Proposal] | None = None


def claim(desk: Desk, name: str, symbol: str, policy: str, now: int) -> None:
    """Take a decision id. Raises AlreadyClaimed."""
    with translated():
        mine = desk.store.journal.claim(name, desk.trader.descriptor.trader_id, symbol, desk.exchange_name, policy, now)
    if not mine:
        raise AlreadyClaimed("already_claimed", f"decision {name} was taken before", "see `volgamma journal show`")


def take_up(desk: Desk, order: Order, name: str, symbol: str, now: int) -> "JournalEntry | None":
    """Claim a decision: None for a new one, the entry of one to go on with. Raises AlreadyClaimed."""
    try:
        claim(desk, name, symbol, order.policy, now)
    except AlreadyClaimed:
        entry = desk.store.journal.load(name)
        if not order.adopt or entry.info.status != STARTED:
            raise
        return entry
    if order.trigger is not None:
        desk.store.journal.record(name, "trigger", dict(order.trigger))
    return None
