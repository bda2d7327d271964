"""What is known of each venue, and how it was checked: the one table that `doctor`, `volgamma venues` and docs say.

`recorded`: against answers that the venue, or its documentation, really gave. `captured`: the requests that leave are
compared with its documentation and with ccxt's own builder, the answers were written by hand; nobody has yet seen the
venue itself answer. `paper`: against the paper exchange, by requests, faults and kills.
"""

from dataclasses import asdict, dataclass
from typing import Literal

Checked = Literal["paper", "recorded", "partly recorded", "captured"]


@dataclass(frozen=True)
class VenueFacts:
    """One venue. Texts are short enough for a cell."""

    name: str
    reads: Checked
    execution: Checked
    hedge_mode: str
    closes_by: str
    stops: str
    absent_after_s: float
    notes: str

    @property
    def execution_verified(self) -> bool:
        """Whether what is sent and read was checked against the venue's own answers throughout."""
        return self.execution in ("paper", "recorded")


VENUES: tuple[VenueFacts, ...] = (
    VenueFacts(
        name="paper",
        reads="paper",
        execution="paper",
        hedge_mode="account",
        closes_by="positionSide",
        stops="4 orders, closePosition",
        absent_after_s=3,
        notes="speaks binanceusdm's dialect",
    ),
    VenueFacts(
        name="binanceusdm",
        reads="recorded",
        execution="recorded",
        hedge_mode="account",
        closes_by="positionSide",
        stops="4 orders, closePosition",
        absent_after_s=3,
        notes="rights of the key are read from the spot API, captured",
    ),
    VenueFacts(
        name="bybit",
        reads="recorded",
        execution="partly recorded",
        hedge_mode="symbol",
        closes_by="positionIdx, reduceOnly",
        stops="4 orders, qty 0 with closeOnTrigger",
        absent_after_s=3,
        notes="unified accounts only; margin mode is the whole account's; conditional orders and refusals are captured",
    ),
    VenueFacts(
        name="okx",
        reads="captured",
        execution="captured",
        hedge_mode="account",
        closes_by="posSide",
        stops="2 orders (oco), closeFraction 1",
        absent_after_s=31,
        notes="futures mode only; sizes are contracts; each order says isolated margin",
    ),
    VenueFacts(
        name="bitget",
        reads="captured",
        execution="captured",
        hedge_mode="all USDT futures",
        closes_by="tradeSide close, side names the leg",
        stops="4 orders, pos_loss and pos_profit",
        absent_after_s=31,
        notes="classic accounts only; look by hand whether the key may withdraw",
    ),
)
HEADERS = ("venue", "reads", "execution", "hedge mode of", "a close says", "stops of a leg", "absent after", "notes")


def cells(venue: VenueFacts) -> tuple[str, ...]:
    """The row of a venue, as text."""
    execution = venue.execution if venue.execution_verified else f"{venue.execution}, unverified"
    return (
        venue.name, venue.reads, execution, venue.hedge_mode, venue.closes_by, venue.stops,
        f"{venue.absent_after_s:g} s", venue.notes,
    )  # fmt: skip


def markdown() -> str:
    """The table of docs/venues.md."""
    rows = [HEADERS, ("---",) * len(HEADERS), *(cells(venue) for venue in VENUES)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def document() -> dict[str, object]:
    """`volgamma venues --json`."""
    rows = [{**asdict(venue), "execution_verified": venue.execution_verified} for venue in VENUES]
    return {"schema": "volgamma.venues/1", "venues": rows}


def reads_unverified() -> tuple[str, ...]:
    """Venues whose data nobody has yet seen."""
    return tuple(venue.name for venue in VENUES if venue.reads == "captured")
