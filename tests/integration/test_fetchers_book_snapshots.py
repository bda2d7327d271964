"""Several books a few seconds apart through the real ccxt client: which is the newest, and what a lost one costs."""

from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from data_fetchers import fetch_orderbook
from data_fetchers.errors import FetchError
from data_fetchers.snapshot import OrderBook, Requirements
from tests.fetchers_venue import NOW, Handler, ManualClock, StubVenue, hang, opened, source_of, status, stub_venue

DEPTH = "/fapi/v1/depth"


def book(best_bid: float, stamp: int | None) -> dict[str, Any]:
    said: dict[str, Any] = {"lastUpdateId": 1, "bids": [[f"{best_bid}", "1"], ["90", "9"]]}
    said["asks"] = [[f"{best_bid + 1}", "2"], ["110", "9"]]
    return said if stamp is None else said | {"E": stamp, "T": stamp}


def one_after_another(*answers: dict[str, Any] | Handler) -> Handler:
    left = list(answers)

    async def handler(request: web.Request) -> web.StreamResponse:
        answer = left.pop(0)
        return web.json_response(answer) if isinstance(answer, dict) else await answer(request)

    return handler


async def taken(venue: StubVenue, clock: ManualClock | None = None, **named: Any) -> OrderBook:
    wanted = {"book_snapshots": 3, "book_pause_s": 0.7, **named}
    async with opened("paper", venue.url) as exchange:
        await exchange.load_markets()
        return await fetch_orderbook.fetch(source_of(exchange, clock, **wanted))


async def test_the_newest_is_the_book_and_the_others_stand_beside_it() -> None:
    clock = ManualClock()
    async with stub_venue() as venue:
        venue.say[DEPTH] = one_after_another(book(99, NOW), book(100, NOW + 690), book(101, NOW + 1390))
        found = await taken(venue, clock)
    assert (found.bids[0], found.as_of, found.fetched_at) == ((101.0, 1.0), NOW + 1390, NOW + 1400)
    assert [(shot.bids[0][0], shot.asks[0][0], shot.as_of) for shot in found.earlier] == [
        (99.0, 100.0, NOW),
        (100.0, 101.0, NOW + 690),
    ]
    assert clock.slept == [0.7, 0.7] and found.note == ""
    assert OrderBook.model_validate_json(found.model_dump_json()) == found


async def test_order_is_the_venues_clock_not_the_answers() -> None:
    """A load balancer may answer the second request from a server that lags behind."""
    async with stub_venue() as venue:
        venue.say[DEPTH] = one_after_another(book(99, NOW), book(100, NOW + 900), book(98, NOW + 500))
        found = await taken(venue)
    assert found.bids[0][0] == 100 and [shot.bids[0][0] for shot in found.earlier] == [99, 98]
    assert found.as_of == NOW + 900


async def test_the_same_book_twice_is_one_book_and_the_last_request() -> None:
    async with stub_venue() as venue:
        venue.say[DEPTH] = one_after_another(book(99, NOW), book(99, NOW))
        found = await taken(venue)
        assert len(venue.asked(DEPTH)) == 2
    assert (found.earlier, found.note) == ((), "book 2 of 3 is one already there")


async def test_without_stamps_the_answers_times_stand() -> None:
    async with stub_venue() as venue:
        venue.say[DEPTH] = one_after_another(book(99, None), book(99, None), book(100, None))
        found = await taken(venue)
    assert [shot.as_of for shot in found.earlier] == [NOW, NOW + 700] and found.as_of == NOW + 1400


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (status(400, '{"code":-1121,"msg":"Invalid symbol."}'), "book 2 of 3 failed: bad_symbol"),
        ({"lastUpdateId": 1, "bids": [], "asks": []}, "book 2 of 3 failed: empty"),
    ],
)
async def test_a_lost_later_book_keeps_the_first_and_asks_no_more(bad: Any, said: str) -> None:
    async with stub_venue() as venue:
        venue.say[DEPTH] = one_after_another(book(99, NOW), bad)
        found = await taken(venue)
        assert len(venue.asked(DEPTH)) == 2
    assert (found.bids[0][0], found.earlier, found.note) == (99.0, (), said)


async def test_a_ban_between_two_books_is_obeyed() -> None:
    async with stub_venue() as venue:
        venue.say[DEPTH] = one_after_another(book(99, NOW), status(429, "{}", **{"Retry-After": "60"}))
        found = await taken(venue)
        assert len(venue.asked(DEPTH)) == 2
    assert found.bids[0][0] == 99 and found.note.startswith("book 2 of 3 failed: ")


async def test_a_hanging_later_book_costs_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_orderbook, "_LATER_S", 0.2)
    async with stub_venue() as venue:
        venue.say[DEPTH] = one_after_another(book(99, NOW), hang)
        found = await taken(venue)
    assert (found.bids[0][0], found.note) == (99.0, "book 2 of 3 failed: timeout")


async def test_no_time_left_is_no_reason_to_lose_the_first() -> None:
    clock = ManualClock()
    async with stub_venue() as venue:
        venue.say[DEPTH] = one_after_another(book(99, NOW), book(100, NOW + 1))
        found = await taken(venue, clock, timeout_s=1.0)
    assert found.note == "book 3 of 3: no time left" and found.bids[0][0] == 100
    assert clock.slept == [0.7]


async def test_the_first_book_must_come() -> None:
    async with stub_venue() as venue:
        venue.say[DEPTH] = one_after_another({"lastUpdateId": 1, "bids": [], "asks": []}, book(99, NOW))
        with pytest.raises(FetchError, match="empty book"):
            await taken(venue)


async def test_one_is_what_is_taken_when_nobody_asks_for_more() -> None:
    async with stub_venue() as venue:
        async with opened("paper", venue.url) as exchange:
            found = await fetch_orderbook.fetch(source_of(exchange))
        assert len(venue.asked(DEPTH)) == 1
    assert found.earlier == ()


def test_an_old_recording_without_earlier_books_is_read() -> None:
    old = {"venue": "paper", "symbol": "SOL/USDT:USDT", "bids": [], "asks": [], "as_of": 1, "fetched_at": 2}
    assert OrderBook.model_validate(old).earlier == ()


@pytest.mark.parametrize("changes", [{"book_snapshots": 0}, {"book_snapshots": 11}, {"book_pause_s": -1.0}])
def test_counts_and_pauses_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Requirements(**{"primary": "SOL/USDT:USDT", "keywords": (), "candles": {}, **changes})
