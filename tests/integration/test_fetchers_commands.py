"""Each fetcher as a command: header first, JSON, one line of error, exit codes."""

import asyncio
import csv
import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from data_fetchers import fetch_open_interest, fetch_orderbook, fundingratehistory, longshortratio, market_data
from tests.fetchers_venue import StubVenue, status, stub_venue

FETCHERS = (market_data, fundingratehistory, fetch_orderbook, longshortratio, fetch_open_interest)
HEADERS = {
    market_data: "time,open,high,low,close,volume",
    fundingratehistory: "time,rate,interval_hours",
    fetch_orderbook: "side,price,quantity",
    longshortratio: "time,kind,ratio",
    fetch_open_interest: "time,coins,quote",
}


@pytest.fixture
def venue() -> Iterator[StubVenue]:
    """A venue on a thread of its own: commands run their own event loop."""
    ready, stop = threading.Event(), asyncio.Event()
    running: dict[str, Any] = {}

    async def serve() -> None:
        async with stub_venue() as stub:
            running["venue"], running["loop"] = stub, asyncio.get_running_loop()
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    yield running["venue"]
    running["loop"].call_soon_threadsafe(stop.set)
    thread.join(60)


def words(venue: StubVenue, *more: str) -> list[str]:
    return ["--exchange", "paper", "--paper-url", venue.url, "--symbol", "solusdt", *more]


@pytest.mark.parametrize("fetcher", FETCHERS, ids=lambda fetcher: fetcher.__name__.split(".")[-1])
def test_csv_with_its_header_first(fetcher: Any, venue: StubVenue, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetcher.main(words(venue, "--limit", "7")) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == HEADERS[fetcher]
    table = list(csv.DictReader(io.StringIO(out)))
    assert len(table) == {fetch_orderbook: 20, longshortratio: 28}.get(fetcher, 7)
    assert all(None not in row.values() for row in table)
    if "time" in lines[0]:
        assert table[-1]["time"].startswith("2025-03-01T")
        assert table[-1]["time"].endswith("Z")
    assert err == ""


@pytest.mark.parametrize("fetcher", FETCHERS, ids=lambda fetcher: fetcher.__name__.split(".")[-1])
def test_one_json_document(fetcher: Any, venue: StubVenue, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetcher.main(words(venue, "--limit", "7", "--json")) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == f"volgamma.{fetcher.__name__.split('.')[-1]}/1"
    assert document["symbol"] == "SOL/USDT:USDT"
    assert isinstance(document["as_of"], int)


def test_funding_rates_are_printed_as_they_are(venue: StubVenue, capsys: pytest.CaptureFixture[str]) -> None:
    fundingratehistory.main(words(venue, "--limit", "3"))
    assert capsys.readouterr().out.splitlines()[1:] == [
        "2025-03-01T00:00:00.003Z,0.00012345,4.0",
        "2025-03-01T04:00:00.003Z,0.00012345,4.0",
        "2025-03-01T08:00:00.003Z,0.00012345,4.0",
    ]


def test_time_frames_of_candles(venue: StubVenue, capsys: pytest.CaptureFixture[str]) -> None:
    market_data.main(words(venue, "--limit", "2", "--timeframe", "1d"))
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == [
        "time",
        "2025-02-27T00:00:00Z",
        "2025-02-28T00:00:00Z",
    ]


def test_what_cannot_be_had_is_one_line_and_one(venue: StubVenue, capsys: pytest.CaptureFixture[str]) -> None:
    venue.say["/fapi/v1/depth"] = status(400, '{"code":-1121,"msg":"Invalid symbol."}')
    assert fetch_orderbook.main(words(venue)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("data_fetchers.fetch_orderbook: paper fetch_order_book SOL/USDT:USDT: BadSymbol")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--exchange", "binanceusd"], "did you mean 'binanceusdm'"),
        (["--symbol", "!!"], "no USDT-margined perpetual"),
        (["--limit", "0"], "0 is not in 1..100000"),
        (["--limit", "x"], "--limit"),
        (["--exchange", "paper"], "needs --paper-url"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_wrong_usage_is_one_line_and_two(options: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        fundingratehistory.main(options)
    out, err = capsys.readouterr()
    assert caught.value.code == 2
    assert out == ""
    assert says in err
    assert err.count("\n") == 1


def test_it_runs_as_a_module(venue: StubVenue) -> None:
    program = [sys.executable, "-m", "data_fetchers.fundingratehistory", *words(venue, "--limit", "2")]
    done = subprocess.run(program, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "time,rate,interval_hours"
    assert len(done.stdout.splitlines()) == 3


def test_help_is_quick_and_shows_an_example() -> None:
    program = (
        "import sys; from data_fetchers import market_data as m\n"
        "try: m.main(['--help'])\nfinally: print('ccxt' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0
    assert "python -m data_fetchers.market_data --exchange binanceusdm --symbol SOLUSDT" in " ".join(
        done.stdout.split()
    )
    assert done.stdout.splitlines()[-1] == "False"
