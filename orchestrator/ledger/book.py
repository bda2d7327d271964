"""The gamma P&L tracker: realised P&L a side, fees, funding, and cycles from first open until both sides are flat.

Rows are keyed by the venue's ids and taken once: reading them again changes nothing (craft.md, failure mode 7).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from orchestrator.ledger.errors import BadRow, Conflicting, Overclosed
from orchestrator.ledger.position import SidePosition, plain
from orchestrator.ledger.rows import Row

Side = Literal["long", "short"]
ZERO = Fraction(0)


@dataclass
class Cycle:
    """One cycle of a symbol. Money in USDT, exact; `turnover` is the notional traded."""

    symbol: str
    account: str
    opened_at: int
    closed_at: int | None = None
    gross: Fraction = ZERO
    gross_long: Fraction = ZERO
    gross_short: Fraction = ZERO
    fees: Fraction = ZERO
    funding: Fraction = ZERO
    turnover: Fraction = ZERO
    fills: int = 0
    #: Average entry and largest quantity of a side before the first close: what a ladder's prediction refers to.
    entry_price: Fraction | None = None
    quantity: Fraction = ZERO
    long: SidePosition = field(default_factory=lambda: SidePosition("long"))
    short: SidePosition = field(default_factory=lambda: SidePosition("short"))
    closing: bool = False

    @property
    def net(self) -> Fraction:
        """After fees and funding."""
        return self.gross - self.fees + self.funding

    @property
    def flat(self) -> bool:
        """Whether both sides are closed."""
        return self.long.quantity == 0 == self.short.quantity

    @property
    def net_delta(self) -> Fraction:
        """(long - short)/(long + short) in quantity; 0 when flat."""
        gross = self.long.quantity + self.short.quantity
        return (self.long.quantity - self.short.quantity) / gross if gross else ZERO


@dataclass
class Book:
    """Rows in, figures out. `add` takes rows in order of time."""

    cycles: list[Cycle] = field(default_factory=list)
    #: Funding that falls in no cycle of its symbol (before the first opening that is known).
    stray_funding: Fraction = ZERO
    _seen: dict[tuple[str, str, str], Row] = field(default_factory=dict)
    _current: dict[tuple[str, str], Cycle] = field(default_factory=dict)

    def add(self, rows: Iterable[Row]) -> int:
        """Take rows; how many were new. Raises Conflicting, Overclosed."""
        new = 0
        for row in sorted(rows, key=lambda row: row.time):
            key = (row.account, row.kind, row.row_id)
            known = self._seen.get(key)
            if known is not None:
                if known.facts != row.facts:
                    raise Conflicting(
                        f"{_at(row)}id {row.row_id} was seen before with other figures{_also(known)}",
                        "an id stands for one row; find out which of the two is right",
                    )
                continue
            self._seen[key] = row
            new += 1
            if row.kind == "fill":
                self._fill(row)
            else:
                self._funding(row)
        return new

    @property
    def gross(self) -> Fraction:
        """Realised, before fees and funding."""
        return sum((cycle.gross for cycle in self.cycles), ZERO)

    @property
    def fees(self) -> Fraction:
        """Paid."""
        return sum((cycle.fees for cycle in self.cycles), ZERO)

    @property
    def funding(self) -> Fraction:
        """Received less paid."""
        return sum((cycle.funding for cycle in self.cycles), self.stray_funding)

    @property
    def net(self) -> Fraction:
        """What the wallet gained."""
        return self.gross - self.fees + self.funding

    def unrealised(self, marks: Mapping[str, Decimal]) -> Fraction:
        """Of what is open, at mark. Raises KeyError for an open symbol without a mark."""
        total = ZERO
        for cycle in self.cycles:
            if not cycle.flat:
                mark = marks[cycle.symbol]
                total += cycle.long.unrealised(mark) + cycle.short.unrealised(mark)
        return total

    def open_cycle(self, symbol: str, account: str = "") -> Cycle | None:
        """The cycle of a symbol that is not flat."""
        cycle = self._current.get((account, symbol))
        return None if cycle is None or cycle.flat else cycle

    def _fill(self, row: Row) -> None:
        if row.position_side is None or row.side is None or row.price is None or row.quantity is None:
            raise BadRow(f"{_at(row)}a fill needs position_side, side, price and quantity", "read the fill again")
        opens = (row.side == "buy") == (row.position_side == "long")
        cycle = self.open_cycle(row.symbol, row.account)
        if cycle is None:
            if not opens:
                raise _overclosed(row, "nothing is open")
            cycle = Cycle(row.symbol, row.account, row.time)
            self.cycles.append(cycle)
            self._current[row.account, row.symbol] = cycle
        position = cycle.long if row.position_side == "long" else cycle.short
        gain = ZERO
        if opens:
            position = position.opened(row.quantity, row.price)
        else:
            try:
                position, gain = position.closed(row.quantity, row.price)
            except ValueError as error:
                raise _overclosed(row, str(error)) from error
            cycle.closing = True
        if row.position_side == "long":
            cycle.long, cycle.gross_long = position, cycle.gross_long + gain
        else:
            cycle.short, cycle.gross_short = position, cycle.gross_short + gain
        cycle.gross += gain
        cycle.fees += Fraction(row.amount)
        cycle.turnover += Fraction(row.quantity) * Fraction(row.price)
        cycle.fills += 1
        if not cycle.closing:
            cycle.quantity = max(cycle.long.quantity, cycle.short.quantity)
            cycle.entry_price = (cycle.long.cost + cycle.short.cost) / (cycle.long.quantity + cycle.short.quantity)
        if cycle.flat:
            cycle.closed_at = row.time

    def _funding(self, row: Row) -> None:
        cycle = self._current.get((row.account, row.symbol))
        if cycle is None:
            self.stray_funding += Fraction(row.amount)
        else:
            cycle.funding += Fraction(row.amount)


@dataclass(frozen=True)
class TieOut:
    """The wallet by the ledger and by the venue, USDT; they agree when `difference` is 0."""

    expected: Decimal
    actual: Decimal

    @property
    def difference(self) -> Decimal:
        """Venue less ledger."""
        return self.actual - self.expected


def tie_out(book: Book, opening_wallet: Decimal, wallet: Decimal) -> TieOut:
    """Opening wallet + realised - fees + funding against the wallet the venue reports (no transfers in between)."""
    return TieOut(plain(Fraction(opening_wallet) + book.net), wallet)


def _overclosed(row: Row, why: str) -> Overclosed:
    return Overclosed(
        f"{_at(row)}{row.side} {row.quantity} of the {row.position_side} side of {row.symbol}: {why}",
        "a row is missing or doubled, or position_side is wrong: a position side never goes below zero",
    )


def _at(row: Row) -> str:
    return f"{row.where}: " if row.where else ""


def _also(row: Row) -> str:
    return f" ({row.where})" if row.where else ""
