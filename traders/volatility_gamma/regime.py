"""Regime and signals of a set of readings: the same functions, on the same rounded numbers, as the guard's."""

from collections.abc import Mapping
from decimal import Decimal

from indicators.entry_matrix import EntrySignals, classify_regime, collapse_level, entry_signals
from traders.contract.context import Reading
from traders.contract.decision import Regime
from traders.contract.limits import Limits
from traders.contract.portfolio import OpenPair, Portfolio


def exact(readings: Mapping[str, Reading], name: str) -> Decimal | None:
    """A reading as its decimal text says, or None: 0.0005 is then not above 0.0005."""
    reading = readings.get(name)
    return None if reading is None else Decimal(repr(reading.value))


def pair_collapse_level(pair: OpenPair, limits: Limits) -> Decimal | None:
    """The ATR ratio below which this pair's volatility has collapsed; None when its ratio at entry is not known."""
    return None if pair.atr_ratio_entry is None else Decimal(collapse_level(pair.atr_ratio_entry, limits))


def regime_of(
    readings: Mapping[str, Reading], prefix: str, symbol: str, portfolio: Portfolio, limits: Limits
) -> Regime:
    """The 1h regime (domain.md section 6). A missing reading never makes it one that allows an entry."""
    levels = [
        level
        for pair in portfolio.pairs
        if pair.symbol == symbol and (level := pair_collapse_level(pair, limits)) is not None
    ]
    return Regime(
        classify_regime(
            atr_ratio=exact(readings, f"{prefix}.1h.atr_ratio"),
            atr_ratio_prev=exact(readings, f"{prefix}.1h.atr_ratio_prev"),
            tr_multiple=exact(readings, f"{prefix}.1h.tr_multiple"),
            natr=exact(readings, f"{prefix}.1h.natr14"),
            natr_median=exact(readings, f"{prefix}.1h.natr14_median_1y"),
            vix_proxy=exact(readings, f"{prefix}.1h.vix_proxy"),
            collapse_level=max(levels, default=None),
            limits=limits,
        )
    )


def signals_of(readings: Mapping[str, Reading], prefix: str, limits: Limits) -> EntrySignals:
    """The four entry signals; None where a reading is missing."""
    return entry_signals(
        atr_ratio=exact(readings, f"{prefix}.1h.atr_ratio"),
        bb_expansion_age=exact(readings, f"{prefix}.1h.bb_expansion_age"),
        funding_rate_8h=exact(readings, f"{prefix}.funding.rate_8h"),
        imbalance=exact(readings, f"{prefix}.book.imbalance"),
        limits=limits,
    )
