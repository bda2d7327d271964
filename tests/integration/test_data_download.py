"""History onto disk over HTTP: what came is kept, what is missing is asked for, and the census reads the result."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from data_fetchers.download import Downloader
from data_fetchers.errors import FetchError
from data_fetchers.feather_file import CANDLE_COLUMNS, BadFile, candle_file, read, write
from data_fetchers.venue import open_exchange
from orchestrator.clock import SystemClock
from orchestrator.paper_exchange.server import ExchangeConfig, RunningExchange, start
from tests.simulated_market import write_candles
from tests.store_cli import Volgamma

SOL = "SOL/USDT:USDT"
#: The paper exchange begins here, with 400 days behind it.
NOW = 1_735_689_600_000
DAY = 86_400_000


@pytest.fixture
async def exchange() -> AsyncIterator[RunningExchange]:
    running = await start(ExchangeConfig(frozen=True))
    yield running
    await running.stop()


async def loader(url: str, folder: Path) -> tuple[Any, Downloader]:
    client = open_exchange("paper", base_url=url, api_key="key", secret="secret")
    return client, Downloader(client, "paper", SystemClock(), folder, lambda name, done, of: None)


async def asked(url: str, path: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/_control/state") as answer:
        state = await answer.json()
    return sum(request["path"] == path for request in state["requests"])


async def fault(url: str, *faults: dict[str, Any]) -> None:
    async with aiohttp.ClientSession() as session:
        await (await session.post(f"{url}/_control/faults", json=list(faults))).read()


async def test_a_second_run_asks_for_nothing_and_a_longer_one_only_for_the_rest(
    exchange: RunningExchange, tmp_path: Path
) -> None:
    client, download = await loader(exchange.url, tmp_path)
    first = await download.candles(SOL, "15m", NOW - 40 * DAY, NOW - 10 * DAY)
    assert (first.rows, first.new, first.missing) == (30 * 96, 30 * 96, 0)
    pages = await asked(exchange.url, "/fapi/v1/klines")
    assert pages == 3  # 2,880 bars in pages of 1,000
    again = await download.candles(SOL, "15m", NOW - 40 * DAY, NOW - 10 * DAY)
    assert again.new == 0 and await asked(exchange.url, "/fapi/v1/klines") == pages
    longer = await download.candles(SOL, "15m", NOW - 40 * DAY, NOW)
    assert (longer.rows, longer.new) == (40 * 96, 10 * 96)
    assert await asked(exchange.url, "/fapi/v1/klines") == pages + 1
    await client.close()


async def test_interrupted_and_resumed_is_the_same_file(exchange: RunningExchange, tmp_path: Path) -> None:
    client, whole = await loader(exchange.url, tmp_path / "whole")
    await whole.candles(SOL, "5m", NOW - 60 * DAY, NOW)
    # the eighth page fails for good: two batches of six are asked, one is kept
    other, broken = await loader(exchange.url, tmp_path / "broken")

    seen = await asked(exchange.url, "/fapi/v1/klines")
    await fault(
        exchange.url,
        *({"match": {"path": "/fapi/v1/klines", "nth": n}, "do": "error_code", "code": -1121} for n in range(8, 30)),
    )
    with pytest.raises(FetchError):
        await broken.candles(SOL, "5m", NOW - 60 * DAY, NOW)
    kept = read(candle_file(tmp_path / "broken", SOL, "5m"), CANDLE_COLUMNS)
    assert len(kept) == 6_000 and await asked(exchange.url, "/fapi/v1/klines") > seen
    await fault(exchange.url)
    done = await broken.candles(SOL, "5m", NOW - 60 * DAY, NOW)
    assert (done.rows, done.new) == (60 * 288, 60 * 288 - 6_000)
    files = [candle_file(tmp_path / name, SOL, "5m").read_bytes() for name in ("whole", "broken")]
    assert files[0] == files[1]
    await other.close()
    await client.close()


async def test_nothing_before_the_listing_is_made_up(exchange: RunningExchange, tmp_path: Path) -> None:
    client, download = await loader(exchange.url, tmp_path)
    found = await download.candles(SOL, "1d", NOW - 500 * DAY, NOW)
    assert found.missing == 500 - found.rows > 0 and "not yet listed" in found.note
    await client.close()


async def test_funding_and_crowd(exchange: RunningExchange, tmp_path: Path) -> None:
    client, download = await loader(exchange.url, tmp_path)
    funding = await download.funding(SOL, NOW - 100 * DAY, NOW)
    assert funding.file.name == "SOL_USDT_USDT-8h-funding_rate.feather"
    assert funding.rows == pytest.approx(300, abs=1)
    again = await download.funding(SOL, NOW - 100 * DAY, NOW)
    assert (again.rows, again.new) == (funding.rows, 0)
    # a hole in the middle is found and filled
    rows = read(funding.file, CANDLE_COLUMNS)
    write(funding.file, {at: row for at, row in rows.items() if at not in sorted(rows)[40:45]}, CANDLE_COLUMNS)
    mended = await download.funding(SOL, NOW - 100 * DAY, NOW)
    assert mended.new == 5 and read(funding.file, CANDLE_COLUMNS) == rows
    names = {one.file.name for one in await download.crowd(SOL)}
    assert names == {"SOL_USDT_USDT-open_interest.feather", "SOL_USDT_USDT-long_short_ratio.feather"}
    await client.close()


def test_files_that_no_reader_would_take_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times, ones = np.arange(4) * 3_600_000, np.ones(4)
    bad = {"SOL": times[[0, 1, 1, 2]], "AVAX": times[::-1].copy(), "FINE": times}
    for coin, stamps in bad.items():
        write_candles(tmp_path / f"{coin}_USDT_USDT-1h-futures.feather", stamps, *[ones] * 5)
    write_candles(tmp_path / "NAN_USDT_USDT-1h-futures.feather", times, ones, ones, ones, ones * np.nan, ones)
    rows = Volgamma(tmp_path, monkeypatch)("data", "list", "--data", ".", "--json").json["files"]
    assert {row["file"].split("_")[0]: row["error"] is None for row in rows} == {
        "SOL": False,
        "AVAX": False,
        "FINE": True,
        "NAN": False,
    }


def test_a_foreign_file_is_named_and_left_alone(tmp_path: Path) -> None:
    file = candle_file(tmp_path, SOL, "1h")
    file.write_text("not a table")
    with pytest.raises(BadFile, match="SOL_USDT_USDT-1h-futures"):
        read(file, CANDLE_COLUMNS)
    assert file.read_text() == "not a table"
    write(file, {5: (1.0, 1.0, 1.0, 1.0, 0.0), 3: (2.0, 2.0, 2.0, 2.0, 0.0)}, CANDLE_COLUMNS)
    assert list(read(file, CANDLE_COLUMNS)) == [3, 5]
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


async def test_the_command_and_what_reads_its_files(
    exchange: RunningExchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    monkeypatch.setenv("VOLGAMMA_PAPER_URL", exchange.url)
    volgamma = Volgamma(tmp_path, monkeypatch)
    words = ("--exchange", "paper", "--symbols", "SOL", "--timeframes", "1h,15m", "--from", "2024-11-01", "--data", "d")
    done = await asyncio.to_thread(volgamma, "data", "download", *words, "--json")
    assert done.code == 0, done.err
    files = {Path(row["file"]).name: row for row in done.json["files"]}
    assert files["SOL_USDT_USDT-1h-futures.feather"]["rows"] == 61 * 24
    listed = volgamma("data", "list", "--data", "d", "--json").json["files"]
    assert {row["file"]: row["gaps"] for row in listed}["SOL_USDT_USDT-15m-futures.feather"] == 0
    counted = volgamma("census", "--data", "d", "--symbols", "SOL", "--json")
    assert counted.json["symbols"][SOL]["1h"]["bars"] == 61 * 24
    page = volgamma("data", "list", "--data", "d")
    assert "2024-11-01 to 2024-12-31" in page.out and all(len(line) <= 80 for line in page.out.splitlines())


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("download", "--from", "soon", "--data", "d"), 2, "no date"),
        (("download", "--from", "2024-02-01", "--to", "2024-01-01", "--data", "d"), 2, "before"),
        (("download", "--from", "2024-01-01", "--data", "d", "--exchange", "paper"), 2, "running exchange"),
        (("list", "--data", "nowhere"), 1, "nowhere"),
    ],
)
def test_wrong_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, named: str
) -> None:
    monkeypatch.delenv("VOLGAMMA_PAPER_URL", raising=False)
    done = Volgamma(tmp_path, monkeypatch)("data", *words, "--json")
    assert (done.code, named in json.dumps(done.json["error"])) == (code, True), done.json
