"""A client that keeps to the venue's rate limit: what waits in its queue when a ban comes."""

from importlib import import_module
from typing import Any

import pytest

from data_fetchers.collector import collect
from data_fetchers.plugins import Plugins
from data_fetchers.snapshot import MarketSnapshot, Requirements, Unavailable
from tests.fetchers_venue import AVAX, NOW, PATHS, SOL, StubVenue, first_then, opened, status, stub_venue, well
from tests.virtual_time import LoopClock, seconds, virtual

NO_PLUGINS = Plugins({}, ())
WANTED = Requirements(
    primary=SOL,
    keywords=("price_action", "funding_rate", "orderbook", "open_interest", "liquidation"),
    candles={SOL: {"1h": 1200, "4h": 60}, AVAX: {"1h": 80}},
    book_levels=5,  # a deeper one costs a second of the rate limit by itself
)


async def queued(venue: StubVenue, refusal: int) -> tuple[MarketSnapshot, list[float]]:
    """A snapshot whose order book is refused at first, for a second; when requests came, in seconds from there."""
    async with opened("paper", venue.url, paced=True) as exchange:
        await exchange.load_markets()
        exchange.throttler.config["delay"] = 0.01  # how often its queue looks at the time
        arrived: list[float] = []
        refused: list[float] = []

        async def good(request: Any) -> Any:
            arrived.append(seconds())
            return await well(venue)(request)

        async def bad(request: Any) -> Any:
            refused.append(seconds())
            return await status(refusal, "{}", **{"Retry-After": "1"})(request)

        venue.say = {**dict.fromkeys(PATHS, good), "/fapi/v1/depth": first_then(1, bad, good)}
        venue.requests.clear()
        found = await collect(WANTED, exchange, venue_name="paper", clock=LoopClock(NOW), plugins=NO_PLUGINS)
        return found, [moment - refused[0] for moment in arrived]


@pytest.mark.parametrize("refusal", [429, 418])
@virtual
async def test_a_ban_holds_back_what_waits_for_its_turn(refusal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("ccxt.async_support.base.throttler"), "time", seconds)
    async with stub_venue() as venue:
        found, moments = await queued(venue, refusal)
        assert found.requests == len(venue.requests)
    assert [moment for moment in moments if 0 < moment < 0.99] == []
    later = [moment for moment in moments if moment >= 0.99]
    assert len(later) > 5  # there was a queue, and it went on
    assert later[5] - later[0] > 0.2  # ... at the pace of the rate limit, not all at once
    lost = {name for name, timing in found.timings.items() if timing.error_code}
    assert lost == (set() if refusal == 429 else {"sol.fetch_orderbook"})
    book = found.symbols[SOL].order_book
    assert isinstance(book, Unavailable) is (refusal == 418)
