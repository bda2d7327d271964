"""A snapshot takes as long as its slowest source alone: delays are injected at the paper exchange."""

from data_fetchers.collector import collect
from data_fetchers.plugins import Plugins
from data_fetchers.snapshot import Requirements, source_names
from orchestrator.paper_exchange.synthetic import START
from tests.fetchers_venue import opened
from tests.paper import SOL, paper
from tests.virtual_time import LoopClock, seconds, virtual

DELAYS_MS = {"/fapi/v1/time": 200, "/fapi/v1/klines": 300, "/fapi/v1/depth": 600, "/futures/data/*": 400}


@virtual
async def test_the_wall_time_is_at_most_a_fifth_above_the_slowest_source_alone() -> None:
    async with paper(scenario="expanding") as venue, opened("paper", venue.url) as exchange:
        await exchange.load_markets()
        await venue.faults(*({"match": {"path": path}, "do": "delay_ms", "ms": ms} for path, ms in DELAYS_MS.items()))

        async def wall(*keywords: str) -> float:
            wanted = Requirements(primary=SOL, keywords=keywords, candles={SOL: {"1h": 500, "4h": 200}})
            started = seconds()
            found = await collect(wanted, exchange, venue_name="paper", clock=LoopClock(START), plugins=Plugins({}, ()))
            assert all(timing.error_code is None for timing in found.timings.values())
            return seconds() - started

        alone = [await wall(name) for name in source_names()]
        together = await wall(*source_names())
    assert max(alone) >= 0.6
    assert together <= 1.2 * max(alone) < sum(alone) / 1.5
