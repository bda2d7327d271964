"""Keyword map, third-party fetchers, and what importing the light modules may load."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any

import pytest

from data_fetchers.errors import FetchCode, UnknownKeyword
from data_fetchers.keywords import resolve
from data_fetchers.plugins import GROUP, Plugin, Plugins, load_plugins
from data_fetchers.snapshot import source_names

ALL = ("market_data", "fundingratehistory", "fetch_orderbook", "longshortratio", "fetch_open_interest")
NONE = Plugins({}, ())


@pytest.mark.parametrize(
    ("keyword", "fetchers"),
    [
        ("price_action", {"market_data"}),
        ("ohlcv", {"market_data"}),
        ("trend", {"market_data"}),
        ("momentum", {"market_data"}),
        ("candles", {"market_data"}),
        ("klines", {"market_data"}),
        ("volatility", {"market_data"}),
        ("funding_rate", {"fundingratehistory"}),
        ("funding", {"fundingratehistory"}),
        ("futures", {"fundingratehistory"}),
        ("orderbook", {"fetch_orderbook"}),
        ("order_flow", {"fetch_orderbook"}),
        ("liquidity", {"fetch_orderbook"}),
        ("depth", {"fetch_orderbook"}),
        ("open_interest", {"fetch_open_interest"}),
        ("oi", {"fetch_open_interest"}),
        ("leverage", {"fetch_open_interest"}),
        ("long_short_ratio", {"longshortratio"}),
        ("lsr", {"longshortratio"}),
        ("sentiment", {"longshortratio"}),
        ("positioning", {"longshortratio"}),
        ("liquidation", {"fetch_orderbook", "longshortratio", "fetch_open_interest"}),
        ("squeeze", {"fetch_orderbook", "longshortratio", "fetch_open_interest"}),
        ("arbitrage", {"fetch_orderbook", "fundingratehistory"}),
        ("basis", {"fetch_orderbook", "fundingratehistory"}),
        ("Price Action", {"market_data"}),
        (" long-short-ratio ", {"longshortratio"}),
    ],
)
def test_keyword(keyword: str, fetchers: set[str]) -> None:
    assert set(resolve([keyword], NONE)) == fetchers


def test_the_profiles_six_keywords_need_all_five() -> None:
    six = ("price_action", "funding_rate", "orderbook", "open_interest", "liquidation", "volatility")
    assert resolve(six, NONE) == ALL == tuple(source_names())


def test_order_and_repetition_do_not_matter() -> None:
    assert resolve(["oi", "klines", "oi", "trend"], NONE) == ("market_data", "fetch_open_interest")
    assert resolve([], NONE) == ()


def test_unknown_keyword_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownKeyword, match=r"'fundin_rate'.*did you mean 'funding_rate'") as caught:
        resolve(["oi", "fundin_rate"], NONE)
    assert caught.value.code is FetchCode.UNKNOWN_KEYWORD
    with pytest.raises(UnknownKeyword, match="known: arbitrage, basis"):
        resolve(["zzzzzz"], NONE)


async def _nothing(source: Any) -> dict[str, Any]:
    return {}


def test_a_third_partys_keyword_selects_its_fetcher() -> None:
    extra = Plugins({"gas": Plugin("gas", ("gas_price", "congestion"), _nothing)}, ())
    assert resolve(["congestion", "price_action"], extra) == ("market_data", "gas")
    assert resolve(["gas"], extra) == ("gas",)
    with pytest.raises(UnknownKeyword, match="did you mean 'congestion'"):
        resolve(["congestio"], extra)


def test_a_third_party_cannot_take_our_keywords() -> None:
    greedy = Plugins({"greedy": Plugin("greedy", ("orderbook",), _nothing)}, ())
    assert resolve(["orderbook"], greedy) == ("fetch_orderbook",)


def test_entry_points_are_loaded_and_broken_ones_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vg_gas", SimpleNamespace(KEYWORDS=("Gas_Price",), fetch=_nothing))
    monkeypatch.setitem(sys.modules, "vg_mute", SimpleNamespace(KEYWORDS=("mute",)))
    found = load_plugins(
        [
            EntryPoint("gas", "vg_gas", GROUP),
            EntryPoint("mute", "vg_mute", GROUP),
            EntryPoint("absent", "vg_no_such_module", GROUP),
            EntryPoint("market_data", "vg_gas", GROUP),
            EntryPoint("fetch_orderbook", "data_fetchers.fetch_orderbook", GROUP),
        ]
    )
    assert set(found.fetchers) == {"gas"}
    assert found.fetchers["gas"].keywords == ("gas_price",)
    assert [problem.split(":")[0] for problem in found.problems] == [
        "fetcher plugin 'absent' (vg_no_such_module)",
        "fetcher plugin 'market_data' (vg_gas)",
        "fetcher plugin 'mute' (vg_mute)",
    ]
    with pytest.raises(UnknownKeyword, match="vg_no_such_module"):
        resolve(["absent"], found)


def test_our_five_are_registered_as_entry_points() -> None:
    from importlib.metadata import entry_points

    ours = {entry.name: entry.value for entry in entry_points(group=GROUP) if entry.value.startswith("data_fetchers.")}
    assert ours == {name: f"data_fetchers.{name}" for name in ALL}
    for entry in entry_points(group=GROUP):
        if entry.name in ours:
            assert callable(entry.load().fetch)


def test_light_modules_load_no_exchange_code() -> None:
    program = (
        "import sys, data_fetchers.snapshot, data_fetchers.symbols, data_fetchers.keywords as k;"
        "k.resolve(['price_action', 'liquidation']);"
        "import data_fetchers.venue, data_fetchers.collector;"
        "print([m for m in ('ccxt', 'pandas', 'aiohttp', 'numpy') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
