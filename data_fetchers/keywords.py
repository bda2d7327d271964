"""Which fetchers a trader's strategy keywords ask for. Loads no exchange code.

A keyword of a third-party fetcher (entry point group `volgamma.fetchers`) counts as well; the five fetchers of this
room and their keywords cannot be replaced by one.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from data_fetchers.errors import UnknownKeyword
from data_fetchers.plugins import Plugins, load_plugins, spelled
from data_fetchers.snapshot import source_names

_MARKET = ("market_data",)
_FUNDING = ("fundingratehistory",)
_BOOK = ("fetch_orderbook",)
_RATIO = ("longshortratio",)
_INTEREST = ("fetch_open_interest",)

#: Keyword -> the fetchers it needs.
KEYWORDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("price_action", "ohlcv", "trend", "momentum", "candles", "klines", "volatility"), _MARKET),
    **dict.fromkeys(("funding_rate", "funding", "futures"), _FUNDING),
    **dict.fromkeys(("orderbook", "order_flow", "liquidity", "depth"), _BOOK),
    **dict.fromkeys(("open_interest", "oi", "leverage"), _INTEREST),
    **dict.fromkeys(("long_short_ratio", "lsr", "sentiment", "positioning"), _RATIO),
    **dict.fromkeys(("liquidation", "squeeze"), (*_BOOK, *_RATIO, *_INTEREST)),
    **dict.fromkeys(("arbitrage", "basis"), (*_BOOK, *_FUNDING)),
    **{name: (name,) for name in source_names()},
}


def resolve(keywords: Iterable[str], plugins: Plugins | None = None) -> tuple[str, ...]:
    """Fetcher names for keywords, each once, the five of this room first and in their usual order.

    Case, spaces and hyphens do not matter (`Price Action`). `plugins` replaces the installed third-party fetchers
    (tests); they are looked up only when a keyword is not one of ours. Raises UnknownKeyword with "did you mean".
    """
    wanted: set[str] = set()
    for text in keywords:
        keyword = spelled(text)
        if keyword in KEYWORDS:
            wanted.update(KEYWORDS[keyword])
            continue
        plugins = load_plugins() if plugins is None else plugins
        found = [name for name, plugin in plugins.fetchers.items() if keyword in (spelled(name), *plugin.keywords)]
        if not found:
            raise UnknownKeyword(_complaint(text, keyword, plugins))
        wanted.update(found)
    ours = [name for name in source_names() if name in wanted]
    return (*ours, *sorted(wanted.difference(ours)))


def _complaint(text: str, keyword: str, plugins: Plugins) -> str:
    known = {*KEYWORDS, *plugins.fetchers, *(word for plugin in plugins.fetchers.values() for word in plugin.keywords)}
    near = get_close_matches(keyword, sorted(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
    broken = f" ({'; '.join(plugins.problems)})" if plugins.problems else ""
    return f"no fetcher answers to the keyword {text!r}; {hint}{broken}"
