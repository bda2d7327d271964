"""The typed constraints of a trader: one field a database row.

No field has a default: a limit that is missing stops the trader, it is never assumed. Units are part of the type,
because 0.0005 and 0.05 % are the same number and 0.0005 % is not.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from data_fetchers.symbols import normalise
from traders.contract.base import Fraction, Frozen

Share = Annotated[Fraction, Field(ge=0, le=1)]
Positive = Annotated[Fraction, Field(gt=0)]
NotNegative = Annotated[Fraction, Field(ge=0)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]


def limit(unit: str, meaning: str) -> Any:
    """A field's unit and one-line meaning, kept in the JSON Schema and in the documentation."""
    return Field(description=meaning, json_schema_extra={"unit": unit})


class DataAgeMax(Frozen):
    """Oldest data on which an entry is allowed, seconds of exchange time."""

    market: Positive
    book: Positive
    funding: Positive
    positioning: Positive


class BandLimit(Frozen):
    """One step of the standing ladder."""

    move: Positive
    fraction: Share


class Limits(Frozen):
    """Every constraint of domain.md section 5, typed."""

    # what may be traded
    allowed_symbols: Annotated[tuple[str, ...], limit("symbols", "perpetuals this trader may trade")]
    forbidden_bases: Annotated[tuple[str, ...], limit("assets", "base assets never traded")]
    allowed_timeframes: Annotated[
        tuple[Literal["1h", "4h", "1d"], ...], limit("timeframes", "time frames a decision may rest on")
    ]
    # size and leverage
    leverage_min: Annotated[int, Field(ge=1, le=125), limit("x", "least leverage of a leg")]
    leverage_max: Annotated[int, Field(ge=1, le=125), limit("x", "greatest leverage of a leg")]
    pair_margin_min: Annotated[Share, limit("of equity", "least requested margin of a pair")]
    pair_margin_max: Annotated[Share, limit("of equity", "greatest requested margin of a pair")]
    pair_margin_floor_numerator: Annotated[
        Share, limit("of equity", "after scaling, pair margin below this / leverage is refused")
    ]
    size_reduced_factor: Annotated[Share, limit("factor", "size when volatility expands but not fully")]
    size_high_vol_factor: Annotated[Share, limit("factor", "size in sustained high volatility")]
    band_high_vol_factor: Annotated[Share, limit("factor", "band moves in sustained high volatility")]
    pairs_max: Annotated[Count, limit("pairs", "open pairs at once")]
    pairs_per_symbol_max: Annotated[Count, limit("pairs", "open pairs of one symbol")]
    vol_capture_share_max: Annotated[Share, limit("of equity", "margin in volatility pairs together")]
    cash_reserve_min: Annotated[Share, limit("of equity", "cash left after an entry")]
    directional_share_max: Annotated[Share, limit("of equity", "margin in directional positions")]
    directional_enabled: Annotated[bool, limit("switch", "directional positions allowed")]
    spread_pair_enabled: Annotated[bool, limit("switch", "SOL/AVAX spread pairs allowed")]
    funding_pair_enabled: Annotated[bool, limit("switch", "two-venue funding pairs allowed")]
    # losses
    max_drawdown: Annotated[Share, limit("of equity high", "drawdown that latches entries off")]
    daily_loss_max: Annotated[Share, limit("of equity", "loss since the day's start that stops entries")]
    stop_loss_min: Annotated[Share, limit("of pair margin", "tightest cycle stop")]
    stop_loss_max: Annotated[Share, limit("of pair margin", "widest cycle stop")]
    take_profit_min: Annotated[Share, limit("of pair margin", "nearest cycle target")]
    take_profit_max: Annotated[Share, limit("of pair margin", "farthest cycle target")]
    reward_risk_min: Annotated[Positive, limit("ratio", "take_profit / stop_loss at least")]
    breakeven_at: Annotated[Share, limit("of pair margin", "profit at which the stop becomes 0")]
    trailing_atr_multiple: Annotated[Positive, limit("ATR", "trailing distance while unbalanced")]
    # the ladder
    rebalance_bands: Annotated[
        tuple[BandLimit, ...], Field(min_length=2), limit("move->fraction", "the standing ladder")
    ]
    reversal_rule: Annotated[Literal["opposite_band", "entry", "none"], limit("rule", "what ends an unbalanced pair")]
    reopen_after_reversal: Annotated[bool, limit("switch", "a new ladder after a reversal")]
    trades_per_day_max: Annotated[Count, limit("trades / 24 h", "openings and half-closes, rolling")]
    holding_hours_max: Annotated[Positive, limit("h", "longest holding time of a pair")]
    entry_net_delta_max: Annotated[Share, limit("of gross", "net delta at entry")]
    net_delta_max: Annotated[Share, limit("of gross", "net delta in any settled state")]
    imbalance_grace_s: Annotated[NotNegative, limit("s", "time allowed to complete or unwind a leg")]
    effective_gamma_min: Annotated[Fraction, limit("1/price", "effective gamma must be above this")]
    breakeven_margin: Annotated[NotNegative, limit("of price", "room between break-even and outer band")]
    cost_multiple_min: Annotated[NotNegative, limit("ratio", "net win of one ladder / its costs")]
    # volatility
    atr_ratio_full: Annotated[Positive, limit("ratio", "ATR14/ATR50 above this: full size")]
    atr_ratio_reduced: Annotated[Positive, limit("ratio", "ATR14/ATR50 above this: expanding")]
    atr_ratio_contraction: Annotated[Positive, limit("ratio", "ATR14/ATR50 below this: no entry")]
    atr_ratio_extreme: Annotated[Positive, limit("ratio", "ATR14/ATR50 above this: stand aside")]
    atr_collapse_factor: Annotated[Positive, limit("factor", "collapse level = this x ratio at entry")]
    tr_extreme_multiple: Annotated[Positive, limit("ATR", "last true range above this: stand aside")]
    natr_min_daily: Annotated[NotNegative, limit("of price", "daily NATR below this: dead market")]
    vix_proxy_fade: Annotated[Positive, limit("ratio", "NATR / its median above this: fade")]
    vix_proxy_reenter: Annotated[Positive, limit("ratio", "NATR / its median below this: normal again")]
    bb_active_bars: Annotated[Count, limit("bars", "how long a Bollinger expansion stays a signal")]
    # funding, book, correlation
    funding_extreme: Annotated[Positive, limit("per 8 h", "absolute rate above this: dislocation")]
    funding_adverse_exit: Annotated[Positive, limit("per 8 h", "adverse rate that ends an unbalanced pair")]
    funding_flip_min: Annotated[Positive, limit("per 8 h", "least opposite rate that counts as a flip")]
    funding_spread_enter: Annotated[Positive, limit("per 8 h", "two-venue spread to enter")]
    funding_spread_exit: Annotated[Positive, limit("per 8 h", "two-venue spread to exit")]
    funding_blackout_s: Annotated[NotNegative, limit("s", "no entry this close to a funding time")]
    imbalance_min: Annotated[Share, limit("of book", "bid (or ask) share of the book within 1 %")]
    depth_min: Annotated[NotNegative, limit("USDT", "depth within 1 % of mid: no entry below")]
    depth_full: Annotated[Positive, limit("USDT", "depth within 1 % of mid: full size above")]
    correlation_min: Annotated[Fraction, Field(ge=-1, le=1), limit("correlation", "spread entry below")]
    correlation_exit: Annotated[Fraction, Field(ge=-1, le=1), limit("correlation", "spread exit above")]
    entry_min_signals: Annotated[Count, limit("of 4", "entry signals needed, the ATR ratio among them")]
    slippage_max: Annotated[Positive, limit("of mid", "worst average fill of a leg")]
    basis_max: Annotated[Positive, limit("of index", "absolute mark/index - 1")]
    mark_last_divergence_max: Annotated[Positive, limit("of mark", "absolute last/mark - 1")]
    # protection, data, process
    liquidation_distance_min: Annotated[
        NotNegative, limit("of price", "liquidation beyond the outer band by at least this")
    ]
    maker_allowed: Annotated[bool, limit("switch", "post-only orders allowed")]
    margin_mode: Annotated[Literal["isolated"], limit("mode", "margin mode of every leg")]
    data_age_max_s: Annotated[DataAgeMax, limit("s", "oldest data on which an entry is allowed")]
    clock_skew_max_ms: Annotated[Positive, limit("ms", "difference to the exchange's clock")]
    confidence_min: Annotated[Share, limit("0..1", "least declared confidence of an entry")]
    monitoring_interval_s: Annotated[int, Field(ge=900, le=1800), limit("s", "time between scheduled decisions")]
    requote_move_max: Annotated[Positive, limit("of price", "move since the context: refuse")]
    plan_ttl_s: Annotated[Positive, limit("s", "how long a permitted plan may be executed")]
    unwind_s: Annotated[Positive, limit("s", "time to unwind a one-sided entry")]
    llm_tokens_day: Annotated[Count, limit("tokens", "model tokens per UTC day")]
    llm_cost_day: Annotated[NotNegative, limit("USD", "model cost per UTC day")]

    def problems(self) -> tuple[str, ...]:
        """Contradictions between values (empty when the set makes sense as a whole).

        A limit so tight that nothing passes is a choice and no contradiction: both of two limits hold.
        """
        found: list[str] = []
        for low, high in (
            ("leverage_min", "leverage_max"),
            ("pair_margin_min", "pair_margin_max"),
            ("stop_loss_min", "stop_loss_max"),
            ("take_profit_min", "take_profit_max"),
            ("depth_min", "depth_full"),
            ("atr_ratio_contraction", "atr_ratio_reduced"),
            ("atr_ratio_reduced", "atr_ratio_full"),
            ("atr_ratio_full", "atr_ratio_extreme"),
            ("funding_spread_exit", "funding_spread_enter"),
            ("correlation_min", "correlation_exit"),
            ("vix_proxy_reenter", "vix_proxy_fade"),
            ("entry_net_delta_max", "net_delta_max"),
        ):
            if getattr(self, low) > getattr(self, high):
                found.append(f"{low} {_plain(getattr(self, low))} is above {high} {_plain(getattr(self, high))}")
        if self.depth_min == self.depth_full:
            found.append(f"depth_min equals depth_full {_plain(self.depth_full)}: the size between them is undefined")
        if self.take_profit_max < self.reward_risk_min * self.stop_loss_min:
            found.append(
                f"take_profit_max {_plain(self.take_profit_max)} over stop_loss_min "
                f"{_plain(self.stop_loss_min)} does not reach reward_risk_min {_plain(self.reward_risk_min)}"
            )
        moves = [band.move for band in self.rebalance_bands]
        fractions = [band.fraction for band in self.rebalance_bands]
        if moves != sorted(set(moves)) or fractions != sorted(set(fractions)):
            found.append("rebalance_bands must rise strictly in move and in fraction")
        if fractions[-1] != 1:
            found.append("the last of rebalance_bands must close everything (fraction 1)")
        if any(f / (2 - f) > self.net_delta_max for f in fractions[:-1]):
            found.append(
                f"rebalance_bands leave more net delta than net_delta_max {_plain(self.net_delta_max)} before "
                f"the last band: closing f of a leg leaves f / (2 - f), {_most(fractions[:-1])} here"
            )
        if not self.allowed_symbols:
            found.append("allowed_symbols is empty")
        for symbol in self.allowed_symbols:
            try:
                same = normalise(symbol) == symbol
            except ValueError:
                same = False
            if not same:
                found.append(f"allowed_symbols: write {symbol!r} in full, as SOL/USDT:USDT")
        if self.band_high_vol_factor == 0:
            found.append("band_high_vol_factor is 0: bands would lie at the entry price")
        if self.effective_gamma_min < 0:
            found.append(
                f"effective_gamma_min {_plain(self.effective_gamma_min)} is below 0: "
                "a grid is short gamma and is never permitted"
            )
        if self.plan_ttl_s > self.monitoring_interval_s:
            found.append(
                f"plan_ttl_s {_plain(self.plan_ttl_s)} is above monitoring_interval_s {self.monitoring_interval_s}: "
                "a plan would outlive the next decision"
            )
        if self.entry_min_signals > 4:
            found.append(f"entry_min_signals {self.entry_min_signals} is above 4: there are four")
        return tuple(found)


def _plain(value: Fraction | int) -> str:
    return str(value) if isinstance(value, int) else f"{value.normalize():f}"


def _most(fractions: list[Fraction]) -> str:
    return f"{max(float(f / (2 - f)) for f in fractions):.3g}"


def unit_of(key: str) -> str:
    """The unit of a constraint. Raises KeyError for an unknown key."""
    extra = Limits.model_fields[key].json_schema_extra
    assert isinstance(extra, dict)
    return str(extra["unit"])
