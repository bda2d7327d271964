"""Every reading this trader knows, in the order prompts show them: digits, unit, meaning.

The meaning is in a few words, empty where the name says it. Names are written without the symbol's prefix. Rates are
fractions.
"""

import functools
from dataclasses import dataclass
from decimal import Decimal

TIMEFRAMES = ("1h", "4h", "1d")


@dataclass(frozen=True)
class Spec:
    """How a reading is rounded and explained. `unit` "flag" is 0 or 1; "sign" is -1, 0 or 1."""

    digits: int
    unit: str
    meaning: str


_PER_TIMEFRAME = {
    "close": Spec(6, "USDT", ""),
    "atr14": Spec(6, "USDT", "Wilder"),
    "atr50": Spec(6, "USDT", ""),
    "atr_ratio": Spec(4, "ratio", "ATR14 / ATR50"),
    "natr14": Spec(6, "of price", "ATR14 / close"),
    "tr_multiple": Spec(4, "ratio", "last true range / ATR14 before it"),
    "bb_upper": Spec(6, "USDT", "Bollinger, 20, 2"),
    "bb_middle": Spec(6, "USDT", ""),
    "bb_lower": Spec(6, "USDT", ""),
    "bb_bandwidth": Spec(6, "ratio", "(upper - lower) / middle"),
    "bb_bandwidth_mean": Spec(6, "ratio", "mean of those before"),
    "bb_squeeze_run": Spec(0, "bars", "in a row below that mean"),
    "bb_expansion_age": Spec(0, "bars", "since the last expansion after a squeeze"),
    "bb_position": Spec(0, "sign", "close above (1), below (-1) the bands"),
    "rsi14": Spec(2, "0-100", "RSI, Wilder"),
    "rsi_divergence": Spec(0, "sign", "1 bullish, -1 bearish"),
    "volume_ratio": Spec(4, "ratio", "volume / mean of 20 bars"),
}

_ONCE = {
    "1h.atr_ratio_prev": Spec(4, "ratio", "one bar earlier"),
    "1h.natr14_median_1y": Spec(6, "of price", "median of one year"),
    "1h.vix_proxy": Spec(4, "ratio", "natr14 / that median"),
    "price.last": Spec(8, "USDT", ""),
    "price.mark": Spec(8, "USDT", ""),
    "price.index": Spec(8, "USDT", ""),
    "price.basis": Spec(6, "of index", "mark / index - 1"),
    "price.quote_volume_24h": Spec(0, "USDT", ""),
    "funding.rate_8h": Spec(8, "per 8 h", "next funding rate; positive: longs pay"),
    "funding.settled_rate_8h": Spec(8, "per 8 h", ""),
    "funding.interval_hours": Spec(2, "h", ""),
    "funding.seconds_to_next": Spec(0, "s", ""),
    "funding.apr": Spec(6, "per year", ""),
    "book.mid": Spec(8, "USDT", ""),
    "book.spread": Spec(6, "of mid", "ask - bid"),
    "book.imbalance": Spec(4, "share", "bids / both sides within 1 % of mid"),
    "book.depth_usdt": Spec(0, "USDT", "both sides within 1 % of mid"),
    "book.imbalance_median": Spec(4, "share", "over snapshots"),
    "book.imbalance_range": Spec(4, "share", ""),
    "book.bid_wall": Spec(4, "of mid", "distance of the nearest wall"),
    "book.ask_wall": Spec(4, "of mid", ""),
    "oi.coins": Spec(2, "coins", ""),
    "oi.change_1h": Spec(6, "fraction", ""),
    "oi.change_4h": Spec(6, "fraction", ""),
    "oi.change_24h": Spec(6, "fraction", ""),
    "oi.state": Spec(0, "sign", "1 fresh positions, -1 closing"),
    "oi.cascade": Spec(0, "flag", "15m: liquidations cascade"),
    "oi.model_liq_below": Spec(4, "of price", "a guess: distance of most long liquidations"),
    "oi.model_liq_above": Spec(4, "of price", "of shorts"),
    "lsr.accounts": Spec(4, "ratio", "longs / shorts"),
    "lsr.top_accounts": Spec(4, "ratio", ""),
    "lsr.top_positions": Spec(4, "ratio", ""),
    "lsr.taker": Spec(4, "ratio", "buys / sells"),
    "signal.volatility": Spec(0, "flag", "1h ATR ratio expands"),
    "signal.bollinger": Spec(0, "flag", "recent expansion"),
    "signal.funding": Spec(0, "flag", ""),
    "signal.imbalance": Spec(0, "flag", ""),
    "signal.count": Spec(0, "of 4", ""),
}

#: Readings of the pair SOL/AVAX: without a symbol's prefix.
PAIR = {
    "pair.correlation_72h": Spec(4, "r", "hourly returns"),
    "pair.correlation_720h": Spec(4, "r", ""),
    "pair.beta_720h": Spec(4, "ratio", "SOL on AVAX"),
    "pair.spread_z_72h": Spec(4, "sigma", "SOL - beta x AVAX"),
}

#: What a small model is shown: enough for every rule it is told, and no more.
KEY_READINGS = (
    "1h.atr_ratio",
    "1h.tr_multiple",
    "1h.natr14",
    "1h.natr14_median_1y",
    "1h.vix_proxy",
    "1h.bb_expansion_age",
    "1h.bb_position",
    "1h.rsi14",
    "1h.volume_ratio",
    "4h.atr_ratio",
    "1d.atr_ratio",
    "price.mark",
    "price.basis",
    "funding.rate_8h",
    "book.imbalance",
    "book.depth_usdt",
    "oi.change_24h",
    "oi.cascade",
    "signal.volatility",
    "signal.bollinger",
    "signal.funding",
    "signal.imbalance",
    "signal.count",
)


def catalogue(prefix: str) -> dict[str, Spec]:
    """Full name -> specification of every reading of the symbol with this prefix (`sol`)."""
    return dict(_catalogue(prefix))


@functools.lru_cache(maxsize=64)
def _catalogue(prefix: str) -> dict[str, Spec]:
    names: dict[str, Spec] = {}
    for timeframe in TIMEFRAMES:
        names |= {f"{prefix}.{timeframe}.{name}": spec for name, spec in _PER_TIMEFRAME.items()}
        names |= {f"{prefix}.{name}": spec for name, spec in _ONCE.items() if name.startswith(f"{timeframe}.")}
    names |= {f"{prefix}.{name}": spec for name, spec in _ONCE.items() if f"{prefix}.{name}" not in names}
    return names | PAIR


def key_readings(prefix: str) -> tuple[str, ...]:
    """Full names of the short list."""
    return tuple(f"{prefix}.{name}" for name in KEY_READINGS)


def shown(value: float) -> str:
    """A reading's value as prompts show it: plain digits, no exponent, no trailing zeros."""
    text = format(Decimal(repr(value)), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
