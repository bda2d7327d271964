"""A signed request: it lives for a moment only, and nothing of it shows in what is said of an error."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from data_fetchers.translate import without_query
from orchestrator.execution.venue import VenueError
from orchestrator.observability.redaction import Redactor
from orchestrator.ownership import MARGIN_MS
from tests.dialect_stub import Answer, stubbed_venue
from tests.integration.test_execution_ccxt_venue import BUY, FILLED, RESTING, SOL, STOP
from tests.venue_stub import AVAX, exchanged

#: What the fence of a lease counts on (docs/scaling.md), ms.
LATEST = 5_000
WRITES: list[tuple[str, Any, Callable[[Any], Awaitable[Any]]]] = [
    ("POST /fapi/v1/order", FILLED, lambda v: v.place(BUY)),
    ("POST /fapi/v1/algoOrder", RESTING, lambda v: v.place_conditional(STOP)),
    ("DELETE /fapi/v1/order", FILLED, lambda v: v.cancel(SOL, "vg1", conditional=False)),
    ("DELETE /fapi/v1/algoOrder", RESTING, lambda v: v.cancel(SOL, "vg1", conditional=True)),
    ("POST /fapi/v1/leverage", {}, lambda v: v.set_leverage(SOL, 2)),
    ("POST /fapi/v1/marginType", {}, lambda v: v.set_margin_mode(SOL, "isolated")),
    ("POST /fapi/v1/positionSide/dual", {}, lambda v: v.set_position_mode("hedge")),
]
READS: list[tuple[str, Callable[[Any], Awaitable[Any]]]] = [
    ("GET /fapi/v3/positionRisk", lambda v: v.positions([SOL])),
    ("GET /fapi/v3/account", lambda v: v.balance()),
]


def test_the_margin_of_a_lease_is_longer_than_a_request_lives() -> None:
    assert LATEST < MARGIN_MS


@pytest.mark.parametrize(("key", "body", "act"), WRITES, ids=[key for key, *_ in WRITES])
async def test_what_changes_something_is_refused_when_it_comes_late(
    key: str, body: Any, act: Callable[[Any], Awaitable[Any]]
) -> None:
    async with stubbed_venue() as (venue, stub):
        stub.say(key, Answer(body=body))
        await act(venue)
        (sent,) = stub.sent(key)
    assert 0 < int(sent["recvWindow"]) <= LATEST
    assert sent["signature"]


@pytest.mark.parametrize("conditional", [False, True])
async def test_bybit_is_told_the_same(conditional: bool) -> None:
    async with exchanged("bybit") as (venue, stub):
        stub.say("POST /v5/order/cancel", {"retCode": 0, "retMsg": "OK", "result": {}, "time": 1})
        await venue.cancel(AVAX, "vg1", conditional=conditional)
        assert len(stub.sent("POST /v5/order/cancel")) == 1
    window = {name.lower(): value for name, value in stub.headers.items()}["x-bapi-recv-window"]
    assert 0 < int(window) <= LATEST


@pytest.mark.parametrize("answer", [Answer(drop=True), Answer(status=502, text="<html>no</html>"), Answer(slow_s=0.5)])
async def test_an_error_names_the_path_and_nothing_signed(answer: Answer) -> None:
    asked = [(key, act) for key, _, act in WRITES] + READS
    async with stubbed_venue(timeout_ms=250) as (venue, stub):
        for key, act in asked:
            stub.say(key, answer)
            with pytest.raises(VenueError) as raised:
                await act(venue)
            said = str(raised.value)
            assert key.split(" ")[1] in said
            assert not re.search(r"signature|recvWindow|timestamp|\?", said), said
            assert all(query["signature"] not in said for query in stub.sent(key))


def test_the_query_of_every_address_goes_and_the_rest_stays() -> None:
    text = 'GET https://a/b?timestamp=1&signature=ab "http://c/d?e=f" x?y apiKey=k1&signature=cd end'
    assert without_query(text) == 'GET https://a/b "http://c/d" x?y apiKey=***&signature=*** end'


def test_logs_hide_a_signature_wherever_it_stands() -> None:
    said = Redactor().text("GET /fapi/v3/positionRisk?recvWindow=10000&signature=d5bd0a1f then")
    assert said == "GET /fapi/v3/positionRisk?recvWindow=10000&signature=*** then"
