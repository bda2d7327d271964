"""What a person is told unasked, and what each of it means. `docs/alerts.md` is generated from this table."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Severity = Literal["info", "success", "warning", "failure"]
_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


class Kind(StrEnum):
    """The stable name of an alert."""

    PAIR_OPENED = "pair_opened"
    PAIR_CLOSED = "pair_closed"
    BAND_HIT = "band_hit"
    REFUSED_IN_A_ROW = "refused_in_a_row"
    UNKNOWN_OUTCOME = "unknown_outcome"
    UNPROTECTED_LEG = "unprotected_leg"
    NOT_DONE = "not_done"
    FORCED = "forced"
    CHANGED_OUTSIDE = "changed_outside"
    BREAKER = "breaker"
    DRAWDOWN = "drawdown"
    KILL = "kill"
    FEE_CHANGED = "fee_changed"
    STALE_DATA = "stale_data"
    EXCHANGE_SILENT = "exchange_silent"
    NO_DECISIONS = "no_decisions"
    RUN_ENDED = "run_ended"
    DATABASE = "database"
    OVER = "over"
    DIGEST = "digest"
    TEST = "test"


@dataclass(frozen=True)
class About:
    """`again_after`: ms until the same is said again while it lasts. `urgent`: never held back by the rate."""

    severity: Severity
    again_after: int
    urgent: bool
    meaning: str
    remedy: str


ABOUT: dict[Kind, About] = {
    Kind.PAIR_OPENED: About(
        "info", _DAY, False, "A pair is open, both legs, its bracket rests.", "Nothing; `volgamma journal show ID`."
    ),
    Kind.PAIR_CLOSED: About(
        "info",
        _DAY,
        False,
        "A pair is flat; the money is the venue's own figures.",
        "Nothing; `volgamma ledger --journal`.",
    ),
    Kind.BAND_HIT: About(
        "info", _DAY, False, "The price crossed a band: half a leg, or a leg, was closed.", "Nothing."
    ),
    Kind.REFUSED_IN_A_ROW: About(
        "warning",
        6 * _HOUR,
        False,
        "The guard has refused every decision for a while; the rules are named.",
        "`volgamma journal list`; a limit too tight for this market, or data that never arrive. Do not loosen blindly.",
    ),
    Kind.UNKNOWN_OUTCOME: About(
        "failure",
        10 * _MINUTE,
        True,
        "An order was sent and its fate is not known. New risk is blocked; the venue is asked until it is known.",
        "Look at the venue's order list. If it lasts, compare positions with `volgamma journal show ID`.",
    ),
    Kind.UNPROTECTED_LEG: About(
        "failure",
        5 * _MINUTE,
        True,
        "An open pair has no bracket at the exchange. The fast loop tries to place it each second.",
        "See that `volgamma run` is alive. Otherwise place a stop by hand, or `volgamma kill --flatten`.",
    ),
    Kind.NOT_DONE: About(
        "failure",
        10 * _MINUTE,
        True,
        "The venue refused, or did not confirm, what the ladder asked for. It is tried again.",
        "Read the reason. Margin, minimum size or permissions need a person.",
    ),
    Kind.FORCED: About(
        "failure",
        _DAY,
        True,
        "The venue itself closed some of a leg: liquidation or auto-deleveraging. The rest of the pair is closed too.",
        "Look at the account at the venue: margin, leverage, the size of the move. `volgamma kill` until you know why.",
    ),
    Kind.CHANGED_OUTSIDE: About(
        "warning",
        10 * _MINUTE,
        True,
        "Somebody else changed a leg, or a bracket order is gone. The venue counts; a bracket is placed again.",
        "Was it you, or another program with a key of this account? One account, one program.",
    ),
    Kind.BREAKER: About(
        "warning",
        6 * _HOUR,
        False,
        "The model failed so often in a row that it is left alone for a while; decisions stand aside meanwhile.",
        "`volgamma doctor`; the model server, its key, or its quota.",
    ),
    Kind.DRAWDOWN: About(
        "failure",
        6 * _HOUR,
        True,
        "Equity has fallen near, or to, the drawdown limit. At the limit entries are latched off.",
        "Exits go on. Find out why; then `volgamma resume --drawdown` is a person's decision.",
    ),
    Kind.KILL: About(
        "failure",
        6 * _HOUR,
        True,
        "The kill switch is on: no new risk; exits and protection go on.",
        "`volgamma resume` when you mean it.",
    ),
    Kind.FEE_CHANGED: About(
        "warning",
        _DAY,
        False,
        "Fills cost another fee than before. The guard uses the venue's own rate; results do change.",
        "Look at your fee tier at the venue; `volgamma replay what-if` shows what it does to decisions.",
    ),
    Kind.STALE_DATA: About(
        "warning",
        _HOUR,
        False,
        "A decision was refused because data were old, missing, or the clocks differ.",
        "`volgamma doctor`: clock, network, the venue's status page.",
    ),
    Kind.EXCHANGE_SILENT: About(
        "failure",
        _HOUR,
        True,
        "The exchange does not answer a run under way. The run waits for it; open pairs keep their bracket there, and "
        "nothing moves it meanwhile.",
        "The exchange's status page, `volgamma doctor`, the network. Nothing to restart: the run goes on by itself.",
    ),
    Kind.NO_DECISIONS: About(
        "warning",
        _HOUR,
        True,
        "No decision has finished for three intervals though the schedule runs.",
        "The lines of `volgamma run`; `volgamma doctor`. Open pairs keep their bracket.",
    ),
    Kind.RUN_ENDED: About(
        "failure",
        10 * _MINUTE,
        True,
        "`volgamma run` ended with an error. Open pairs keep their bracket, nothing moves it any more.",
        "Start it again: it takes up what it finds.",
    ),
    Kind.DATABASE: About(
        "failure",
        _HOUR,
        True,
        "The database cannot be read or written. Without it no new risk is taken: the kill switch counts as on.",
        "`volgamma db check`, `volgamma doctor`: disk, rights, the server. Pairs keep the bracket at the exchange.",
    ),
    Kind.OVER: About("success", _MINUTE, False, "What was reported before has ended.", "Nothing."),
    Kind.DIGEST: About("info", _DAY, True, "The day in figures.", "Nothing."),
    Kind.TEST: About("info", 0, True, "Asked for with `volgamma alerts test`.", "Nothing."),
}


@dataclass(frozen=True)
class Event:
    """Something that happened, or still is so. `key` tells one from another: the same key is the same thing,
    whichever process saw it. `picture`: PNG bytes."""

    kind: Kind
    key: str
    text: str
    picture: bytes | None = None

    @property
    def title(self) -> str:
        """In a few words."""
        return {Kind.OVER: "it is over", Kind.DIGEST: "the day"}.get(self.kind, self.kind.value.replace("_", " "))

    @property
    def about(self) -> About:
        """Its line of the table."""
        return ABOUT[self.kind]


@dataclass(frozen=True)
class Message:
    """What is sent. `picture`: PNG bytes."""

    severity: Severity
    title: str
    text: str
    picture: bytes | None = None
