"""Opening an exchange: names, addresses, options; no request is sent."""

import pytest

from data_fetchers.errors import FetchCode, UnknownVenue
from data_fetchers.venue import open_exchange

PAPER = "http://127.0.0.1:8900"


def test_paper_is_binance_on_another_address() -> None:
    exchange = open_exchange("paper", base_url=PAPER + "/", api_key="key", secret="secret", timeout_ms=1234)
    assert exchange.id == "binanceusdm"
    assert exchange.urls["api"]["fapiPublic"] == f"{PAPER}/fapi/v1"
    assert exchange.urls["api"]["fapiData"] == f"{PAPER}/futures/data"
    assert {url for url in exchange.urls["api"].values() if not url.startswith(PAPER)} == set()
    assert exchange.options["fetchCurrencies"] is False
    assert exchange.options["adjustForTimeDifference"] is True
    assert exchange.options["maxRetriesOnFailure"] == 0
    assert exchange.enableRateLimit is False
    assert exchange.timeout == 1234
    assert (exchange.apiKey, exchange.secret) == ("key", "secret")


@pytest.mark.parametrize("name", ["binanceusdm", "bybit", "okx", "bitget", "gate", " OKX "])
def test_real_venues_keep_their_address_and_rate_limit(name: str) -> None:
    exchange = open_exchange(name)
    assert exchange.id == name.strip().lower()
    assert exchange.enableRateLimit is True
    assert all(url.startswith("https://") for url in exchange.urls["api"].values() if isinstance(url, str))
    assert exchange.options["adjustForTimeDifference"] is True


def test_a_real_venue_can_be_pointed_elsewhere() -> None:
    exchange = open_exchange("bybit", base_url=PAPER)
    assert set(exchange.urls["api"].values()) == {PAPER}
    assert open_exchange("bybit").urls["api"]["public"].startswith("https://")


@pytest.mark.parametrize(
    ("name", "near"), [("binanceusd", "binanceusdm"), ("bybitt", "bybit"), ("papper", "paper"), ("OKKX", "okx")]
)
def test_an_unknown_name_gets_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnknownVenue, match=f"did you mean '{near}'") as caught:
        open_exchange(name)
    assert caught.value.code is FetchCode.UNKNOWN_VENUE


def test_an_attribute_of_ccxt_is_no_exchange() -> None:
    with pytest.raises(UnknownVenue, match="Supported: paper"):
        open_exchange("exchanges")


def test_paper_without_an_address_says_what_to_do() -> None:
    with pytest.raises(UnknownVenue, match="volgamma exchange serve"):
        open_exchange("paper")


@pytest.mark.parametrize("address", ["ftp://x", "http://", "/no/host"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UnknownVenue, match="no address"):
        open_exchange("paper", base_url=address)
