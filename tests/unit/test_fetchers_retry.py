"""Retries, waiting times and bans, on a clock that only passes when somebody sleeps."""

import asyncio
from typing import Any

import ccxt.async_support as ccxt
import pytest

from data_fetchers.errors import Banned, FetchCode, NotSupported, Permanent, RateLimited, Transient
from data_fetchers.retry import Calls, Gate, gate_of
from data_fetchers.translate import translate
from data_fetchers.venue import retry_after
from tests.fetchers_venue import NOW, ManualClock


def marked(error: Exception, status: int | None, wait: float | None = None) -> Exception:
    """An error as the client of `open_exchange` raises it."""
    error.http_status = status  # type: ignore[attr-defined]
    error.retry_after_s = wait  # type: ignore[attr-defined]
    return error


class Script:
    """Raises or returns what it is given, one a call."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls = 0

    async def __call__(self) -> Any:
        answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


def calls_of(clock: ManualClock, seconds: float = 10, gate: Gate | None = None) -> Calls:
    return Calls("stub", gate or Gate(), clock, clock.monotonic_ms() + 1000 * seconds)


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (ccxt.ExchangeNotAvailable("x"), Transient, FetchCode.NETWORK),
        (marked(ccxt.ExchangeNotAvailable("x"), 502), Transient, FetchCode.OUTAGE),
        (marked(ccxt.ExchangeError("x"), 599), Transient, FetchCode.OUTAGE),
        (marked(ccxt.ExchangeNotAvailable("x"), 404), Permanent, FetchCode.REFUSED),
        (marked(ccxt.ExchangeNotAvailable("x"), 451), Permanent, FetchCode.DENIED),
        (ccxt.RequestTimeout("x"), Transient, FetchCode.TIMEOUT),
        (TimeoutError(), Transient, FetchCode.TIMEOUT),
        (ConnectionResetError("x"), Transient, FetchCode.NETWORK),
        (ccxt.OnMaintenance("x"), Transient, FetchCode.NETWORK),
        (ccxt.NullResponse("x"), Transient, FetchCode.BAD_ANSWER),
        (TypeError("string indices must be integers"), Transient, FetchCode.BAD_ANSWER),
        (KeyError("symbol"), Transient, FetchCode.BAD_ANSWER),
        (ccxt.DDoSProtection("x"), RateLimited, FetchCode.RATE_LIMITED),
        (ccxt.RateLimitExceeded("x"), RateLimited, FetchCode.RATE_LIMITED),
        (ccxt.BadSymbol("x"), Permanent, FetchCode.BAD_SYMBOL),
        (ccxt.BadRequest("x"), Permanent, FetchCode.BAD_REQUEST),
        (ccxt.AuthenticationError("x"), Permanent, FetchCode.DENIED),
        (ccxt.NotSupported("x"), NotSupported, FetchCode.NOT_SUPPORTED),
        (ccxt.ExchangeError("x"), Permanent, FetchCode.REFUSED),
        (marked(ccxt.DDoSProtection("x"), 418), Banned, FetchCode.BANNED),
    ],
)
def test_what_an_error_means(error: Exception, kind: type, code: FetchCode) -> None:
    found = translate(error, "stub ask", NOW)
    assert type(found) is kind
    assert found.code is code
    assert str(found).startswith("stub ask: ")


def test_a_message_is_one_short_line_without_the_query() -> None:
    page = ccxt.ExchangeNotAvailable("GET https://x/y?signature=abc&timestamp=1 <html>\n<body>\n" + "z" * 900)
    text = str(translate(page, "stub ask", NOW))
    assert "signature" not in text
    assert "\n" not in text
    assert len(text) < 230


async def test_transient_errors_are_asked_again_with_growing_waits() -> None:
    clock = ManualClock()
    script = Script(ccxt.RequestTimeout("a"), ccxt.ExchangeNotAvailable("b"), "good")
    assert await calls_of(clock).run(script, "ask") == "good"
    assert script.calls == 3
    assert clock.slept == [0.2, 0.4]


async def test_attempts_end() -> None:
    clock = ManualClock()
    script = Script(ccxt.ExchangeNotAvailable("down"))
    with pytest.raises(Transient, match="stub ask: ExchangeNotAvailable: down"):
        await calls_of(clock).run(script, "ask")
    assert script.calls == 4


@pytest.mark.parametrize("error", [ccxt.BadSymbol("x"), ccxt.ExchangeError("x"), ccxt.AuthenticationError("x")])
async def test_permanent_errors_are_not_asked_again(error: Exception) -> None:
    clock = ManualClock()
    script = Script(error, "good")
    with pytest.raises(Permanent):
        await calls_of(clock).run(script, "ask")
    assert script.calls == 1
    assert clock.slept == []


async def test_no_wait_reaches_past_the_deadline() -> None:
    clock = ManualClock()
    script = Script(ccxt.RequestTimeout("a"))
    with pytest.raises(Transient):
        await calls_of(clock, seconds=0.5).run(script, "ask")
    assert script.calls == 2  # 0.2 s fits, the 0.4 s after it does not
    assert clock.now - NOW < 500


async def test_a_429_is_waited_out_as_long_as_the_venue_says() -> None:
    clock = ManualClock()
    script = Script(marked(ccxt.DDoSProtection("429"), 429, 3.0), "good")
    assert await calls_of(clock).run(script, "ask") == "good"
    assert clock.slept == [0.0, 3.0]


async def test_a_429_past_the_deadline_is_a_ban_at_once() -> None:
    clock = ManualClock()
    script = Script(marked(ccxt.DDoSProtection("429"), 429, 30.0), "good")
    with pytest.raises(Banned, match="30 s"):
        await calls_of(clock).run(script, "ask")
    assert script.calls == 1
    assert clock.now == NOW


async def test_a_429_stops_the_other_callers_too() -> None:
    clock, gate = ManualClock(), Gate()
    limited = Script(marked(ccxt.DDoSProtection("429"), 429, 3.0), "good")
    with pytest.raises(Banned):
        await calls_of(clock, 1, gate).run(limited, "ask")
    other = Script("good")
    with pytest.raises(Banned):
        await calls_of(clock, 2, gate).run(other, "other")
    assert other.calls == 0
    assert await calls_of(clock, 10, gate).run(other, "other") == "good"
    assert clock.now == NOW + 3000


async def test_a_418_lets_nothing_out_until_the_ban_ends() -> None:
    clock, gate = ManualClock(), Gate()
    script = Script(marked(ccxt.DDoSProtection("418"), 418, 90.0), "good")
    with pytest.raises(Banned) as caught:
        await calls_of(clock, 10, gate).run(script, "ask")
    assert caught.value.retry_after_s == 90
    clock.now += 89_000
    with pytest.raises(Banned):
        await calls_of(clock, 0.5, gate).run(script, "ask")
    assert script.calls == 1
    clock.now += 1_001
    assert await calls_of(clock, 0.5, gate).run(script, "ask") == "good"


def test_the_end_of_a_ban_is_read_from_the_message() -> None:
    text = f'{{"code":-1003,"msg":"Way too many requests; IP banned until {NOW + 600_000}. Please use the websocket"}}'
    found = translate(ccxt.DDoSProtection(text), "stub ask", NOW)
    assert isinstance(found, Banned)
    assert found.retry_after_s == 600
    silent = translate(marked(ccxt.DDoSProtection("418"), 418), "stub ask", NOW)
    assert isinstance(silent, Banned)
    assert silent.retry_after_s == 120


def test_clients_do_not_share_a_gate() -> None:
    class Client:
        pass

    one, two = Client(), Client()
    gate_of(one).close(5.0, "x")
    assert gate_of(one).closed_until_ms == 5.0
    assert gate_of(two).closed_until_ms < 0


async def test_cancelling_is_not_swallowed() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(calls_of(ManualClock()).run(never, "ask"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_retry_after(headers: Any, seconds: float | None) -> None:
    assert retry_after(headers) == seconds
