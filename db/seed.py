"""Trader #11 as delivered: the constraints of domain.md section 5, each with where it comes from.

This is version 1, written by the data migration; it never changes again. A new default is a new migration that writes
a new version. Whoever runs the trader changes limits with `volgamma constraints set`.
"""

from typing import Any

from traders.contract.constraints import limit_values, parse_limits
from traders.contract.limits import Limits

TRADER_ID = 11
TRADER_NAME = "VolatilityGamma"
SEED_WHO = "seed"
SEED_WHY = "defaults of domain.md section 5"
#: 2025-02-02T00:00Z, the day the profile gives as the trader's creation: fixed, so that two installations agree.
SEED_WHEN = 1_738_454_400_000

_CHARACTER = "profile: Characteristics"
_STRUCTURE = "profile: Trade Structure"
_ENTRY = "profile: Entry Conditions"
_MATRIX = "profile: Entry Matrix"
_EXIT = "profile: Exit Conditions"
_RISK = "profile: Risk Management"
_TACTICS = "profile: Special Tactics"
_FRAMES = "profile: Timeframes"
_PRIMARY = "profile: Primary Indicators"
_STYLE = "profile: Trading Style"
_BEST_WORST = "profile: Performance Notes"
_INSTRUMENTS = "profile: Trading Instruments"
_ARTICLE_GAMMA = "article: Risk 1, Negative Gamma Exposure"
_ARTICLE_SLIP = "article: Risk 2, Slippage and Latency"
_ARTICLE_DELTA = "article: Leverage Management"
_SETTLED = "settled"

#: key -> (value, source)
SEED: dict[str, tuple[Any, str]] = {
    # what may be traded
    "allowed_symbols": (["SOL/USDT:USDT", "AVAX/USDT:USDT"], _INSTRUMENTS),
    "forbidden_bases": (["BTC", "ETH", "USDC", "FDUSD", "TUSD", "DAI", "USDE"], _INSTRUMENTS),
    "allowed_timeframes": (["1h", "4h", "1d"], _FRAMES),
    # size and leverage
    "leverage_min": (5, _CHARACTER),
    "leverage_max": (8, _CHARACTER),
    "pair_margin_min": (0.15, _CHARACTER),
    "pair_margin_max": (0.20, _CHARACTER),
    "pair_margin_floor_numerator": (0.15, _RISK),
    "size_reduced_factor": (0.5, _SETTLED),
    "size_high_vol_factor": (0.5, _SETTLED),
    "band_high_vol_factor": (0.75, _SETTLED),
    "pairs_max": (2, _SETTLED),
    "pairs_per_symbol_max": (1, _SETTLED),
    "vol_capture_share_max": (0.60, _RISK),
    "cash_reserve_min": (0.30, _RISK),
    "directional_share_max": (0.10, _RISK),
    "directional_enabled": (False, _SETTLED),
    "spread_pair_enabled": (False, _SETTLED),
    "funding_pair_enabled": (False, _SETTLED),
    # losses
    "max_drawdown": (0.25, _CHARACTER),
    "daily_loss_max": (0.10, _SETTLED),
    "stop_loss_min": (0.02, _SETTLED),
    "stop_loss_max": (0.08, _EXIT),
    "take_profit_min": (0.05, _EXIT),
    "take_profit_max": (0.15, _EXIT),
    "reward_risk_min": (1.5, _RISK),
    "breakeven_at": (0.10, _EXIT),
    "trailing_atr_multiple": (3, _EXIT),
    # the ladder
    "rebalance_bands": ([{"move": 0.02, "fraction": 0.5}, {"move": 0.04, "fraction": 1.0}], _EXIT),
    "reversal_rule": ("opposite_band", _SETTLED),
    "reopen_after_reversal": (False, _SETTLED),
    "trades_per_day_max": (15, _STYLE),
    "holding_hours_max": (48, _STYLE),
    "entry_net_delta_max": (0.01, _STRUCTURE),
    "net_delta_max": (0.35, _ARTICLE_DELTA),
    "imbalance_grace_s": (5, _SETTLED),
    "effective_gamma_min": (0, _ARTICLE_GAMMA),
    "breakeven_margin": (0.005, _SETTLED),
    "cost_multiple_min": (2, _SETTLED),
    # volatility
    "atr_ratio_full": (2.0, _ENTRY),
    "atr_ratio_reduced": (1.5, _PRIMARY),
    "atr_ratio_contraction": (0.8, _PRIMARY),
    "atr_ratio_extreme": (3.0, _MATRIX),
    "atr_collapse_factor": (0.8, _SETTLED),
    "tr_extreme_multiple": (3, _SETTLED),
    "natr_min_daily": (0.01, _BEST_WORST),
    "vix_proxy_fade": (2.5, _TACTICS),
    "vix_proxy_reenter": (1.5, _SETTLED),
    "bb_active_bars": (48, _SETTLED),
    # funding, book, correlation
    "funding_extreme": (0.0005, _ENTRY),
    "funding_adverse_exit": (0.0003, _EXIT),
    "funding_flip_min": (0.0003, _SETTLED),
    "funding_spread_enter": (0.0010, _TACTICS),
    "funding_spread_exit": (0.0003, _TACTICS),
    "funding_blackout_s": (60, _SETTLED),
    "imbalance_min": (0.60, _ENTRY),
    "depth_min": (2_000_000, _PRIMARY),
    "depth_full": (5_000_000, _BEST_WORST),
    "correlation_min": (0.5, _TACTICS),
    "correlation_exit": (0.7, _SETTLED),
    "entry_min_signals": (2, _SETTLED),
    "slippage_max": (0.0010, _ARTICLE_SLIP),
    "basis_max": (0.003, _SETTLED),
    "mark_last_divergence_max": (0.005, _SETTLED),
    # protection, data, process
    "liquidation_distance_min": (0.06, _SETTLED),
    "maker_allowed": (False, _SETTLED),
    "margin_mode": ("isolated", _SETTLED),
    "data_age_max_s": ({"market": 120, "book": 15, "funding": 3600, "positioning": 7200}, _SETTLED),
    "clock_skew_max_ms": (1000, _SETTLED),
    "confidence_min": (0.5, _SETTLED),
    "monitoring_interval_s": (900, _FRAMES),
    "requote_move_max": (0.003, _SETTLED),
    "plan_ttl_s": (30, _SETTLED),
    "unwind_s": (10, _SETTLED),
    "llm_tokens_day": (2_000_000, _SETTLED),
    "llm_cost_day": (10, _SETTLED),
}


def seed_limits() -> Limits:
    """The delivered limits, typed and checked as a whole."""
    return parse_limits({key: value for key, (value, _) in SEED.items()}, where=f"trader {TRADER_ID} (seed)")


def seed_values() -> dict[str, Any]:
    """Key -> value as stored."""
    return limit_values(seed_limits())
