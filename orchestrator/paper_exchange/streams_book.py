"""Numbers of the order book: every change of it has one, larger than the one before, the same for REST and streams."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.live_market import LiveMarket
from orchestrator.paper_exchange.market import Level


@dataclass(frozen=True)
class Numbered:
    """A book, best first on both sides, and the number of the change that made it so."""

    number: int
    bids: list[Level]
    asks: list[Level]


@dataclass
class BookNumbers:
    """The last book seen of each symbol. A number is the time (or the mirrored venue's own number) where that grows."""

    engine: Engine
    _seen: dict[str, Numbered] = field(default_factory=dict)

    def now(self, symbol: str) -> Numbered:
        """The book of now. Raises NoRecording."""
        market = self.engine.market
        bids, asks = market.book(symbol, self.engine.now)
        natural = self.engine.now
        if isinstance(market, LiveMarket):
            given = market.depth(symbol).document.get("lastUpdateId")
            natural = given if isinstance(given, int) else natural
        seen = self._seen.get(symbol)
        if seen is None:
            number = natural
        elif seen.bids == bids and seen.asks == asks:
            number = max(seen.number, natural)
        else:
            # a price set by hand changes the book while time stands still
            number = max(seen.number + 1, natural)
        if seen is None or seen.number != number:
            self._seen[symbol] = seen = Numbered(number, bids, asks)
        return seen


def changes(before: list[Level], after: list[Level]) -> list[list[str]]:
    """What makes one side of a book the other: [price, new quantity] as text, quantity 0 where a level is gone."""
    old, new = dict(before), dict(after)
    rows = [[format(price, "f"), format(size, "f")] for price, size in after if old.get(price) != size]
    return rows + [[format(price, "f"), "0"] for price, _ in before if price not in new]


def top(side: list[Level], levels: int) -> list[list[str]]:
    """The best levels as text."""
    return [[_text(price), _text(size)] for price, size in side[:levels]]


def _text(value: Decimal) -> str:
    return format(value, "f")


def depth_event(symbol: str, time: int, first: int, previous: int, book: Numbered, sides: Any) -> dict[str, Any]:
    """`depthUpdate`: the changes numbered `first` to the book's own; `previous` is where the event before ended."""
    event = {"e": "depthUpdate", "E": time, "T": time, "s": symbol, "U": first, "u": book.number, "pu": previous}
    bids, asks = sides
    return {**event, "b": bids, "a": asks}
