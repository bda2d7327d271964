"""`volgamma funding`: several paper exchanges on different ports stand for the venues."""

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from data_fetchers.snapshot import Unavailable
from orchestrator.clock import Clock, SystemClock
from orchestrator.errors import UsageError
from orchestrator.funding_monitor import FundingMonitor, SymbolFunding, VenueFunding, VenueName, parse_venues
from tests.fetchers_venue import AVAX, NOW, SOL, StubVenue, hang, stub_venue
from tests.paper import Paper, paper
from tests.virtual_time import LoopClock, seconds, virtual

N, TAKER = Decimal(50_000), Decimal("0.0005")
FAIL = {"match": {"path": "/fapi/*"}, "do": "status", "status": 503}


@dataclass
class Five:
    """Three paper exchanges (dear, cheap, failing) and a stub venue that pays every 4 h."""

    dear: Paper
    cheap: Paper
    failing: Paper
    four: StubVenue

    @property
    def text(self) -> str:
        urls = {"dear": self.dear.url, "cheap": self.cheap.url, "failing": self.failing.url, "four": self.four.url}
        return ",".join(f"{label}={url}" for label, url in urls.items())


@asynccontextmanager
async def venues() -> AsyncIterator[Five]:
    async with AsyncExitStack() as stack:
        dear = await stack.enter_async_context(paper(scenario="expanding", seed=3))
        cheap = await stack.enter_async_context(paper(scenario="extreme", seed=4))
        failing = await stack.enter_async_context(paper(scenario="calm", seed=5))
        await failing.faults(FAIL)
        yield Five(dear, cheap, failing, await stack.enter_async_context(stub_venue()))
    gc.collect()  # three markets of 45 MB each, which nobody else has


async def read(
    text: str, symbols: tuple[str, ...] = (SOL,), timeout_s: float = 5, clock: Clock | None = None
) -> tuple[SymbolFunding, ...]:
    clock = clock or SystemClock()
    monitor = FundingMonitor(parse_venues(text), symbols, clock, notional=N, taker=TAKER, timeout_s=timeout_s)
    async with monitor:
        return await monitor.read()


async def premium(venue: Paper) -> Any:
    """What the venue itself says, past our fetchers."""
    async with venue.session.get(f"{venue.url}/fapi/v1/premiumIndex", params={"symbol": "SOLUSDT"}) as answer:
        return await answer.json()


async def test_every_venue_has_its_own_rate_interval_clock_and_mark() -> None:
    async with venues() as five:
        (found,) = await read(five.text)
        said = {"dear": await premium(five.dear), "cheap": await premium(five.cheap)}
    assert list(found.venues) == ["dear", "cheap", "failing", "four"]
    for label, raw in said.items():
        row = found.venues[label]
        assert isinstance(row, VenueFunding)
        assert (row.rate, row.interval_hours) == (Decimal(raw["lastFundingRate"]).normalize(), 8)
        assert row.rate_8h == row.rate
        assert row.apr == row.rate * 1095
        assert row.next_time == raw["nextFundingTime"]
        # frozen: its clock stands still years behind ours
        assert row.next_in_s is not None
        assert abs(row.next_in_s - (raw["nextFundingTime"] - raw["time"]) / 1000) <= 5
        assert row.mark == Decimal(raw["markPrice"]).normalize()
    four = found.venues["four"]
    assert isinstance(four, VenueFunding)
    assert (four.rate, four.interval_hours, four.rate_8h) == (Decimal("-0.00071234"), 4, Decimal("-0.00142468"))
    assert four.apr == Decimal("-0.00071234") * 2190
    assert four.next_time is not None
    assert abs(four.next_in_s - (four.next_time - NOW) / 1000) <= 5  # type: ignore[operator]
    failing = found.venues["failing"]
    assert isinstance(failing, Unavailable)
    assert "503" in failing.reason or "planned failure" in failing.reason
    pair = found.pair
    assert pair is not None
    assert (pair.short_venue, pair.long_venue) == ("dear", "four")
    assert pair.spread_8h == Decimal(said["dear"]["lastFundingRate"]) + Decimal("0.00142468")
    assert (pair.earns_8h, pair.costs) == (pair.spread_8h * N, 100)


@virtual
async def test_a_round_takes_as_long_as_the_slowest_venue() -> None:
    async with venues() as five:
        monitor = FundingMonitor(
            parse_venues(five.text), (SOL, AVAX), LoopClock(NOW), notional=N, taker=TAKER, timeout_s=5
        )
        async with monitor:
            await monitor.read()  # markets are loaded
            slow = {"match": {"path": "/fapi/v1/premiumIndex"}, "do": "delay_ms", "ms": 700}
            for venue in (five.dear, five.cheap, five.failing):
                await venue.faults(slow)
            started = seconds()
            found = await monitor.read()
            wall = seconds() - started
    assert wall == pytest.approx(0.7)  # one after the other: 2.1 s, and twice that by symbol
    assert [part.symbol for part in found] == [SOL, AVAX]
    assert all(isinstance(row, VenueFunding) for row in found[0].venues.values())


@virtual
async def test_a_hanging_venue_costs_its_time_out_and_nobody_elses_row() -> None:
    async with venues() as five:
        five.four.say["/fapi/v1/time"] = hang
        started = seconds()
        (found,) = await read(five.text, timeout_s=2.0, clock=LoopClock(NOW))
        wall = seconds() - started
    assert wall == pytest.approx(2.0)
    four = found.venues["four"]
    assert isinstance(four, Unavailable)
    assert four.code == "timeout"
    assert isinstance(found.venues["dear"], VenueFunding)
    assert found.pair is not None
    assert found.pair.long_venue == "cheap"


async def test_a_missing_rate_or_symbol_is_named_and_never_zero() -> None:
    async with stub_venue() as venue:

        async def without_rate(request: Any) -> Any:
            from aiohttp import web

            return web.json_response({"symbol": "SOLUSDT", "markPrice": "142.1", "time": NOW, "lastFundingRate": ""})

        venue.say["/fapi/v1/premiumIndex"] = without_rate
        sol, other = await read(f"x={venue.url}", (SOL, "DOGE/USDT:USDT"))
    assert isinstance(sol.venues["x"], Unavailable)
    assert "no predicted rate" in sol.venues["x"].reason
    assert isinstance(other.venues["x"], Unavailable)
    assert "DOGE" in other.venues["x"].reason
    assert sol.pair is None


@pytest.mark.parametrize(
    ("text", "about"),
    [("", "names no exchange"), ("a=b", "LABEL=http"), ("=http://x", "LABEL=http"), ("bybit,bybit", "twice")],
)
def test_exchanges_that_cannot_be_read(text: str, about: str) -> None:
    with pytest.raises(UsageError, match=about):
        parse_venues(text)


async def test_names_and_addresses_mix_and_an_unknown_name_has_a_remedy() -> None:
    assert parse_venues("bybit, b=http://127.0.0.1:1") == (
        VenueName("bybit", None),
        VenueName("b", "http://127.0.0.1:1"),
    )
    for text, about in (("bybot", "did you mean 'bybit'"), ("paper", "volgamma exchange serve")):
        with pytest.raises(UsageError, match=about):
            await read(text)


async def command(folder: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator",
        "funding",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "VOLGAMMA_DATA_DIR": str(folder)},
    )


async def test_the_table_fits_eighty_columns_and_says_it_is_off(tmp_path: Path) -> None:
    async with venues() as five:
        process = await command(tmp_path, "--exchanges", five.text, "--symbols", "SOLUSDT,avax", "--timeout", "60s")
        out, err = await process.communicate()
    text = out.decode()
    assert (process.returncode, err.decode()) == (0, "")
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "Funding pairs are off by default (funding_pair_enabled = false)" in text
    assert "failing     unavailable: " in text
    assert "-0.0712 %   4 h   -0.1425 %  -156.00 %" in text
    # AVAX at `four` has no declared interval: the steps of its history say 4 h too
    assert text.count("  4 h ") == 2
    assert text.count("cost 100.00 (20 bp)") == 2
    assert text.count("entry at +0.1000 %:") == 2


async def test_nothing_from_anybody_is_exit_code_one(tmp_path: Path) -> None:
    process = await command(tmp_path, "--exchanges", "a=http://127.0.0.1:9", "--timeout", "3s", "--json")
    out, _ = await process.communicate()
    found = json.loads(out)
    assert process.returncode == 1
    assert [list(part["venues"][0]) for part in found["symbols"]] == [["venue", "unavailable"]] * 2


async def test_watch_prints_a_line_a_round_until_interrupted(tmp_path: Path) -> None:
    async with venues() as five:
        words = (
            "--exchanges",
            five.text,
            "--symbols",
            "SOL",
            "--watch",
            "--every",
            "0.2s",
            "--json",
            "--timeout",
            "60s",
        )
        process = await command(tmp_path, *words)
        assert process.stdout is not None
        async with asyncio.timeout(90):
            lines = [json.loads(await process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "")
    assert {line["schema"] for line in lines} == {"volgamma.funding/1"}
    pair = lines[-1]["symbols"][0]["pair"]
    assert (pair["short_venue"], pair["long_venue"], pair["spread_enter_reached"]) == ("dear", "four", True)
    assert lines[-1]["symbols"][0]["venues"][2]["unavailable"]["code"] == "error"


@pytest.mark.parametrize(
    ("words", "about"),
    [
        (("--symbols", "?"), "is no USDT-margined perpetual"),
        (("--every", "soon"), "--every"),
        (("--notional", "0"), "--notional"),
        (("--taker", "x"), "--taker"),
    ],
)
async def test_wrong_words_are_exit_code_two(words: tuple[str, ...], about: str, tmp_path: Path) -> None:
    process = await command(tmp_path, "--exchanges", "a=http://127.0.0.1:9", *words)
    _, err = await process.communicate()
    assert process.returncode == 2
    assert about in err.decode()
