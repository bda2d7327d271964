"""What is stored saves requests and changes nothing: warm and cold snapshots are the same."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from data_fetchers.collector import collect
from data_fetchers.feather_file import CANDLE_COLUMNS, candle_file, read, write
from data_fetchers.snapshot import Candles, MarketData, MarketSnapshot
from data_fetchers.store import SeriesStore
from data_fetchers.venue import open_exchange
from orchestrator.clock import SystemClock
from orchestrator.paper_exchange.server import ExchangeConfig, RunningExchange, start
from traders.volatility_gamma.requirements import requirements

SOL, AVAX = "SOL/USDT:USDT", "AVAX/USDT:USDT"
MINUTE = 60_000
#: Seconds of book pauses would only make the tests slow.
WANTED = requirements(SOL).model_copy(update={"book_pause_s": 0.0})


@dataclass
class Place:
    """A frozen exchange and its client."""

    running: RunningExchange
    client: Any

    async def snapshot(self, store: SeriesStore) -> MarketSnapshot:
        return await collect(WANTED, self.client, venue_name="paper", clock=SystemClock(), store=store)

    async def post(self, path: str, document: Any) -> None:
        async with aiohttp.ClientSession() as session:
            await (await session.post(f"{self.running.url}/_control/{path}", json=document)).read()

    async def asked(self) -> Counter[str]:
        async with aiohttp.ClientSession() as session, session.get(f"{self.running.url}/_control/state") as answer:
            return Counter(request["path"] for request in (await answer.json())["requests"])


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async for one in serve(ExchangeConfig(frozen=True)):
        yield one


async def serve(config: ExchangeConfig) -> AsyncIterator[Place]:
    running = await start(config)
    client = open_exchange("paper", base_url=running.url, api_key="key", secret="secret")
    one = Place(running, client)
    await one.post("advance", {"ms": 7 * MINUTE})  # away from the hour, so that no bar closes between two snapshots
    yield one
    await client.close()
    await running.stop()


def essence(snapshot: MarketSnapshot) -> Any:
    """Everything but when it was fetched, how long that took and what it cost."""

    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: stripped(one) for key, one in value.items() if key not in _MOMENT}
        return [stripped(one) for one in value] if isinstance(value, list) else value

    return stripped(snapshot.model_dump(mode="json"))


_MOMENT = {"fetched_at", "as_of", "clock_drift_ms", "timings", "requests", "earlier"}


def candles(snapshot: MarketSnapshot, timeframe: str, symbol: str = SOL) -> Candles:
    market = snapshot.symbols[symbol].market_data
    assert isinstance(market, MarketData)
    found = market.candles[timeframe]
    assert isinstance(found, Candles), found
    return found


async def test_a_warm_decision_costs_at_most_twelve_requests_whatever_the_hour(place: Place, tmp_path: Path) -> None:
    store = SeriesStore(tmp_path)
    first = await place.snapshot(store)
    assert first.requests > 20
    counts = []
    for _ in range(39):  # to 09:52 by quarters: full hours, a 4h bar, a funding time
        await place.post("advance", {"ms": 15 * MINUTE})
        snapshot = await place.snapshot(store)
        # the paper market stands still, and a book seen before is not asked for a third time: a live one is
        counts.append(snapshot.requests + 1)
    cold = await place.snapshot(SeriesStore())
    assert essence(snapshot) == essence(cold) and cold.requests > 20
    assert max(counts) <= 12, counts
    assert min(counts) <= 8, counts


async def test_a_restart_reads_the_files_and_compares_the_last_bars_once(place: Place, tmp_path: Path) -> None:
    cold = await place.snapshot(SeriesStore(tmp_path))
    before = await place.asked()
    again = SeriesStore(tmp_path)
    warm = await place.snapshot(again)
    assert essence(warm) == essence(cold)
    assert (await place.asked())["/fapi/v1/klines"] - before["/fapi/v1/klines"] == 5  # one for each series
    third = await place.asked()
    await place.snapshot(again)
    assert (await place.asked())["/fapi/v1/klines"] == third["/fapi/v1/klines"]


async def test_another_market_under_the_same_name_is_noticed(place: Place, tmp_path: Path) -> None:
    await place.snapshot(SeriesStore(tmp_path))
    async for other in serve(ExchangeConfig(frozen=True, seed=99)):
        found = await other.snapshot(SeriesStore(tmp_path))
        truth = await other.snapshot(SeriesStore())
    for timeframe in ("15m", "1h", "4h", "1d"):
        assert candles(found, timeframe).close == candles(truth, timeframe).close


async def test_a_revised_bar_drops_the_series(place: Place, tmp_path: Path) -> None:
    truth = await place.snapshot(SeriesStore(tmp_path))
    file = candle_file(tmp_path / "paper" / "futures", SOL, "1h")
    rows = read(file, CANDLE_COLUMNS)
    last = max(rows)
    write(file, {**rows, last: (*rows[last][:3], rows[last][3] * 1.0001, rows[last][4])}, CANDLE_COLUMNS)
    found = await place.snapshot(SeriesStore(tmp_path))
    assert candles(found, "1h").close == candles(truth, "1h").close
    assert read(file, CANDLE_COLUMNS)[last] == rows[last], "the file is mended"


@pytest.mark.parametrize("damage", ["text", "gap", "empty"])
async def test_a_damaged_file_costs_requests_and_nothing_else(place: Place, tmp_path: Path, damage: str) -> None:
    truth = await place.snapshot(SeriesStore(tmp_path))
    file = candle_file(tmp_path / "paper" / "futures", SOL, "1h")
    rows = read(file, CANDLE_COLUMNS)
    if damage == "text":
        file.write_text("not a table")
    elif damage == "gap":
        write(file, {time: row for time, row in rows.items() if time != sorted(rows)[-100]}, CANDLE_COLUMNS)
    else:
        file.write_bytes(b"")
    found = await place.snapshot(SeriesStore(tmp_path))
    assert essence(found) == essence(truth)
    assert read(file, CANDLE_COLUMNS) == rows
    assert (file.with_name(f"{file.name}.unreadable").exists()) == (damage != "gap")


@pytest.mark.parametrize("shift", [17 * MINUTE, 60 * MINUTE * 24 * 400])
async def test_bars_that_the_venue_does_not_confirm_are_not_believed(place: Place, tmp_path: Path, shift: int) -> None:
    """Off the grid, or so old that nothing fetched overlaps them."""
    truth = await place.snapshot(SeriesStore(tmp_path))
    file = candle_file(tmp_path / "paper" / "futures", SOL, "1h")
    rows = read(file, CANDLE_COLUMNS)
    file.unlink()
    write(file, {time - shift: tuple(2 * value for value in row) for time, row in rows.items()}, CANDLE_COLUMNS)
    found = await place.snapshot(SeriesStore(tmp_path))
    assert essence(found) == essence(truth)


async def test_longer_history_is_kept(place: Place, tmp_path: Path) -> None:
    await place.snapshot(SeriesStore(tmp_path))
    file = candle_file(tmp_path / "paper" / "futures", AVAX, "1h")
    rows = read(file, CANDLE_COLUMNS)
    hour, first = 60 * MINUTE, min(rows)
    older = {first - n * hour: (1.0, 1.0, 1.0, 1.0, 0.0) for n in range(1, 50)}
    write(file, {**older, **rows}, CANDLE_COLUMNS)
    await place.post("advance", {"ms": hour})
    await place.snapshot(SeriesStore(tmp_path))
    kept = read(file, CANDLE_COLUMNS)
    assert set(older) <= set(kept) and len(kept) == len(rows) + len(older) + 1
    rates = next((tmp_path / "paper" / "futures").glob("SOL_USDT_USDT-*-funding_rate.feather"))
    settled = read(rates, CANDLE_COLUMNS)
    before = min(settled) - 8 * hour
    write(rates, {before: (0.5, 0.0, 0.0, 0.0, 0.0), **settled}, CANDLE_COLUMNS)
    await place.snapshot(SeriesStore(tmp_path))
    assert set(read(rates, CANDLE_COLUMNS)) == {before, *settled}


async def test_a_clock_that_went_back_believes_nothing_from_the_future(tmp_path: Path) -> None:
    async for later in serve(ExchangeConfig(frozen=True)):
        await later.post("advance", {"ms": 5 * 60 * MINUTE})
        await later.snapshot(SeriesStore(tmp_path))
    async for earlier in serve(ExchangeConfig(frozen=True)):
        found, truth = await earlier.snapshot(SeriesStore(tmp_path)), await earlier.snapshot(SeriesStore())
    assert essence(found) == essence(truth)
    assert candles(found, "15m").time[-1] == candles(truth, "15m").time[-1]


async def test_a_store_that_cannot_be_written_fails_no_decision(place: Place, tmp_path: Path) -> None:
    (tmp_path / "paper").write_text("a file where a folder should be")
    found = await place.snapshot(SeriesStore(tmp_path))
    assert essence(found) == essence(await place.snapshot(SeriesStore()))


async def test_two_processes_leave_a_whole_file(place: Place, tmp_path: Path) -> None:
    import asyncio

    await asyncio.gather(*(place.snapshot(SeriesStore(tmp_path)) for _ in range(3)))
    folder = tmp_path / "paper" / "futures"
    assert len(read(candle_file(folder, SOL, "1h"), CANDLE_COLUMNS)) == 9000
    assert [file.name for file in folder.iterdir() if file.name.startswith(".")] == []
