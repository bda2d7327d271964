"""Regime, entry signals and size factors from plain numbers (domain.md sections 4 and 6).

Used by `observe`, by the rules policy and by the guard, so that the three cannot disagree. Thresholds are strict where
the specification says so; a float is taken by its shortest text, so that 0.0005 is not above 0.0005. None means
unavailable (NaN counts as None) and never leads to an entry.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

Number = Decimal | float | None

EXTREME_VOL = "extreme_vol"
CONTRACTION = "contraction"
VOL_COLLAPSE = "vol_collapse"
LOW_VOL_EXPANDING = "low_vol_expanding"
HIGH_VOL_SUSTAINED = "high_vol_sustained"
UNCLEAR = "unclear"


class MatrixLimits(Protocol):
    """What is read of the constraints; `traders.contract.limits.Limits` fits."""

    @property
    def atr_ratio_full(self) -> Decimal: ...
    @property
    def atr_ratio_reduced(self) -> Decimal: ...
    @property
    def atr_ratio_contraction(self) -> Decimal: ...
    @property
    def atr_ratio_extreme(self) -> Decimal: ...
    @property
    def atr_collapse_factor(self) -> Decimal: ...
    @property
    def tr_extreme_multiple(self) -> Decimal: ...
    @property
    def vix_proxy_fade(self) -> Decimal: ...
    @property
    def bb_active_bars(self) -> int: ...
    @property
    def funding_extreme(self) -> Decimal: ...
    @property
    def imbalance_min(self) -> Decimal: ...
    @property
    def entry_min_signals(self) -> int: ...
    @property
    def size_reduced_factor(self) -> Decimal: ...
    @property
    def size_high_vol_factor(self) -> Decimal: ...
    @property
    def band_high_vol_factor(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class EntrySignals:
    """The four signals: True, False, or None where the reading is unavailable."""

    volatility: bool | None
    bollinger: bool | None
    funding: bool | None
    imbalance: bool | None

    @property
    def count(self) -> int:
        """How many are true."""
        return sum(signal is True for signal in (self.volatility, self.bollinger, self.funding, self.imbalance))

    def enough(self, limits: MatrixLimits) -> bool:
        """Whether they allow an entry: the ATR ratio among them, and at least `entry_min_signals`."""
        return self.volatility is True and self.count >= limits.entry_min_signals


def classify_regime(
    *,
    atr_ratio: Number,
    atr_ratio_prev: Number,
    tr_multiple: Number,
    natr: Number,
    natr_median: Number,
    vix_proxy: Number,
    collapse_level: Number,
    limits: MatrixLimits,
) -> str:
    """The regime on 1h, first match of domain.md section 6; a value of `traders.contract.decision.Regime`.

    `collapse_level` is None when no pair is open. An entry regime needs every other input; without one of them the
    answer is at best `unclear`.
    """
    ratio, previous, level = _exact(atr_ratio), _exact(atr_ratio_prev), _exact(collapse_level)
    true_range, own, median, proxy = _exact(tr_multiple), _exact(natr), _exact(natr_median), _exact(vix_proxy)
    if (
        (ratio is not None and ratio > limits.atr_ratio_extreme)
        or (true_range is not None and true_range > limits.tr_extreme_multiple)
        or (proxy is not None and proxy > limits.vix_proxy_fade)
    ):
        return EXTREME_VOL
    if ratio is None:
        return UNCLEAR
    if ratio < limits.atr_ratio_contraction:
        return CONTRACTION
    if level is not None and ratio < level:
        if previous is None:
            return UNCLEAR  # one bar below the level, and whether it is the second cannot be known
        if previous < level:
            return VOL_COLLAPSE
    if true_range is None or own is None or median is None or proxy is None:
        return UNCLEAR
    if own > median:
        return HIGH_VOL_SUSTAINED
    return LOW_VOL_EXPANDING if ratio > limits.atr_ratio_reduced else UNCLEAR


def entry_signals(
    atr_ratio: Number, bb_expansion_age: Number, funding_rate_8h: Number, imbalance: Number, limits: MatrixLimits
) -> EntrySignals:
    """The four signals of domain.md section 6.

    `bb_expansion_age` counts bars since the last expansion event (0: it is the last closed bar; active for
    `bb_active_bars` bars); rates are fractions per 8 h; imbalance = bid / (bid + ask).
    """
    ratio, age, rate, share = (_exact(value) for value in (atr_ratio, bb_expansion_age, funding_rate_8h, imbalance))
    return EntrySignals(
        volatility=None if ratio is None else ratio > limits.atr_ratio_reduced,
        bollinger=None if age is None else 0 <= age < limits.bb_active_bars,
        funding=None if rate is None else abs(rate) > limits.funding_extreme,
        imbalance=None if share is None else share >= limits.imbalance_min or share <= 1 - limits.imbalance_min,
    )


def size_factor(regime: str, atr_ratio: Number, limits: MatrixLimits) -> Decimal:
    """m_regime: 1 in `low_vol_expanding` above `atr_ratio_full`, else reduced; times `size_high_vol_factor` in
    `high_vol_sustained`; 0 in every other regime and without a ratio (domain.md sections 3 and 4)."""
    ratio = _exact(atr_ratio)
    if ratio is None:
        return Decimal(0)
    by_ratio = Decimal(1) if ratio > limits.atr_ratio_full else limits.size_reduced_factor
    if regime == LOW_VOL_EXPANDING:
        return by_ratio
    if regime == HIGH_VOL_SUSTAINED:
        return limits.size_high_vol_factor * by_ratio
    return Decimal(0)


def band_factor(regime: str, limits: MatrixLimits) -> Decimal:
    """What band moves are multiplied by: tighter in `high_vol_sustained` (domain.md section 3)."""
    return limits.band_high_vol_factor if regime == HIGH_VOL_SUSTAINED else Decimal(1)


def collapse_level(atr_ratio_at_entry: Decimal | float, limits: MatrixLimits) -> Decimal:
    """min(`atr_ratio_reduced`, `atr_collapse_factor` x ratio at entry); two bars below it are a collapse."""
    ratio = _exact(atr_ratio_at_entry)
    if ratio is None:
        return limits.atr_ratio_reduced
    return min(limits.atr_ratio_reduced, limits.atr_collapse_factor * ratio)


def _exact(value: Number) -> Decimal | None:
    """A float by its shortest text; None for anything that is no finite number."""
    if value is None:
        return None
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    return exact if exact.is_finite() else None
