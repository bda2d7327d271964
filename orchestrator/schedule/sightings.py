"""What price and funding triggers look at: symbols as they are now, and as they were at the last decision."""

from collections.abc import Iterable
from decimal import Decimal

from data_fetchers.symbols import prefix_of
from orchestrator.desk import Desk
from orchestrator.execution.venue import VenueError
from orchestrator.schedule.triggers import Seen


class Sightings:
    """Asks the venue at most every `every_ms` of the host's stopwatch; what it does not say starts nothing."""

    def __init__(self, desk: Desk, symbols: Iterable[str], every_ms: int = 5_000) -> None:
        self._desk = desk
        self._symbols = tuple(dict.fromkeys(symbols))
        self._every = every_ms
        self._asked: float | None = None
        self._seen: dict[str, Seen] = {}
        #: The last decision of a trader on a symbol, and the price it saw.
        self._prices: dict[tuple[int, str], tuple[str, Decimal | None]] = {}

    async def now(self) -> dict[str, Seen]:
        """Mark price and next funding time of each symbol."""
        clock = self._desk.clock.monotonic_ms()
        if self._asked is None or clock - self._asked >= self._every:
            self._asked = clock
            for symbol in self._symbols:
                try:
                    quote = await self._desk.venue.leg_quote(symbol)
                    self._seen[symbol] = Seen(quote.mark, quote.next_funding_time)
                except VenueError:
                    self._seen.pop(symbol, None)
        return dict(self._seen)

    def last(self, trader_id: int, symbol: str) -> Decimal | None:
        """The price that the trader's last finished decision on a symbol saw; None when there is none."""
        journal = self._desk.store.journal
        newest = journal.entries(limit=1, symbol=symbol, trader_id=trader_id, status="finished")
        if not newest:
            return None
        name = newest[0].decision_id
        known = self._prices.get((trader_id, symbol))
        if known is None or known[0] != name:
            known = (name, _price(journal.load(name).get("context"), symbol))
            self._prices[trader_id, symbol] = known
        return known[1]


def _price(context: object, symbol: str) -> Decimal | None:
    if not isinstance(context, dict):
        return None
    for name in ("price.mark", "price.last"):
        reading = context.get("readings", {}).get(f"{prefix_of(symbol)}.{name}")
        if isinstance(reading, dict) and reading.get("value") is not None:
            return Decimal(repr(reading["value"]))
    return None
