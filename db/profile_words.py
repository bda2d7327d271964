"""What trader #11's profile and the article say of each limit, before domain.md section 4 settled them.

For `volgamma constraints diff --profile`: a limit whose source is loose, doubled or wrong is shown beside the
value that is enforced. The sentences are short notes in our own words; `value` is what the words alone would put into
the row, or None where they give no single value.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ProfileWords:
    """One limit in the sources: the value their words give (None: no single one), what they say, why it is settled."""

    value: Any
    says: str
    settled: str = ""


_LOOSE = "the sources give no number"

#: key -> what the sources say. A key that is missing here is not mentioned by them at all.
PROFILE_WORDS: dict[str, ProfileWords] = {
    "allowed_symbols": ProfileWords(
        None, "SOL and AVAX, and a garbled `SOLUSDTUSDT`", "read as the two USDT-margined perpetuals"
    ),
    "forbidden_bases": ProfileWords(
        None, "no stablecoins, BTC, ETH, illiquid microcaps", "named one by one; microcaps fall to allowed_symbols"
    ),
    "allowed_timeframes": ProfileWords(["1h", "4h", "1d"], "1H, 4H, 1D"),
    "leverage_min": ProfileWords(5, "aggressive, 5-8x"),
    "leverage_max": ProfileWords(8, "aggressive, 5-8x"),
    "pair_margin_min": ProfileWords(
        0.15, "15-20 % a trade, divided across the legs; elsewhere 15 % for each leg", "of both legs together"
    ),
    "pair_margin_max": ProfileWords(0.20, "15-20 % a trade, divided across the legs"),
    "pair_margin_floor_numerator": ProfileWords(
        0.15,
        "base position = capital x 0.15 / leverage (its own example divides by nothing)",
        "the floor after scaling",
    ),
    "size_high_vol_factor": ProfileWords(None, "reduce size in sustained high volatility", _LOOSE),
    "band_high_vol_factor": ProfileWords(None, "trail tighter bands in sustained high volatility", _LOOSE),
    "vol_capture_share_max": ProfileWords(0.60, "60 % in volatility pairs"),
    "cash_reserve_min": ProfileWords(0.30, "30 % cash"),
    "directional_share_max": ProfileWords(0.10, "10 % directional bets"),
    "directional_enabled": ProfileWords(True, "directional bets when conviction is high", "off until switched on"),
    "spread_pair_enabled": ProfileWords(True, "spread SOL against AVAX when they diverge", "off until switched on"),
    "funding_pair_enabled": ProfileWords(
        True, "earn the funding spread between a long and a short", "exists only across venues; off until switched on"
    ),
    "max_drawdown": ProfileWords(0.25, "25 %"),
    "stop_loss_max": ProfileWords(0.08, "-8 % hard stop, of what is not said", "of pair margin, a cycle"),
    "take_profit_min": ProfileWords(0.05, "+5 to +15 % a cycle, of what is not said", "of pair margin, a cycle"),
    "take_profit_max": ProfileWords(0.15, "+5 to +15 % a cycle, of what is not said", "of pair margin, a cycle"),
    "reward_risk_min": ProfileWords(1.5, "1 : 1.5 at least"),
    "breakeven_at": ProfileWords(0.10, "at +10 % the stop moves to break-even"),
    "trailing_atr_multiple": ProfileWords(3, "entry ATR x 3"),
    "rebalance_bands": ProfileWords(
        [{"move": 0.02, "fraction": 0.5}, {"move": 0.04, "fraction": 1.0}],
        "+-2 % rebalance 50 %, +-4 % close all; its trade structure says +-3 %",
        "2 % and 4 %, closing the losing leg",
    ),
    "reversal_rule": ProfileWords(
        None, "re-establish the hedge at the new level and repeat", "an instant re-hedge has no gamma: it is refused"
    ),
    "trades_per_day_max": ProfileWords(15, "5-15 trades a day", "a maximum; closes never count"),
    "holding_hours_max": ProfileWords(48, "6-48 hours", "a maximum; 6 h is an expectation"),
    "entry_net_delta_max": ProfileWords(0, "net delta about 0", "1 % of gross: lots do not divide exactly"),
    "net_delta_max": ProfileWords(None, "the article: a hard limit on net delta", _LOOSE),
    "effective_gamma_min": ProfileWords(0, "the article: never short gamma"),
    "atr_ratio_full": ProfileWords(2.0, "ATR14 > 2 x ATR50 as the entry condition"),
    "atr_ratio_reduced": ProfileWords(
        2.0,
        "ATR14 > 2 x ATR50 under Entry Conditions, > 1.5 x under Primary Indicators",
        "1.5 at half size, 2.0 at full",
    ),
    "atr_ratio_contraction": ProfileWords(0.8, "ATR14 < 0.8 x ATR50: avoid"),
    "atr_ratio_extreme": ProfileWords(3.0, "> 3x ATR", "of the ratio, or the last true range (tr_extreme_multiple)"),
    "tr_extreme_multiple": ProfileWords(3, "> 3x ATR", "the ratio alone never got there"),
    "atr_collapse_factor": ProfileWords(
        None, "exit below 1.5 x ATR50", "min(1.5, 0.8 x the ratio at entry): entries begin at 1.5"
    ),
    "natr_min_daily": ProfileWords(0.01, "dead market: daily ATR below 1 %"),
    "vix_proxy_fade": ProfileWords(2.5, "ATR / price above 2.5 x its history", "history is the 365-day median"),
    "vix_proxy_reenter": ProfileWords(None, "re-enter when volatility is normal again", _LOOSE),
    "bb_active_bars": ProfileWords(
        None, "bandwidth under its 20-day mean, followed by expansion", "a squeeze of 6 bars, active for 48"
    ),
    "funding_extreme": ProfileWords(0.0005, "|funding| > 0.05 %, per which interval is not said", "per 8 h"),
    "funding_adverse_exit": ProfileWords(
        0.0003, "exit when funding is more than 0.03 % against", "equal legs of one venue pay nothing net"
    ),
    "funding_flip_min": ProfileWords(
        0, "watch for a change of sign", "a bare change of sign happens in a fifth of intervals"
    ),
    "funding_spread_enter": ProfileWords(0.0010, "+0.08 % against -0.02 %"),
    "funding_spread_exit": ProfileWords(0.0003, "exit when the spread is below 0.03 %"),
    "imbalance_min": ProfileWords(0.60, "more than 60 : 40"),
    "depth_min": ProfileWords(
        2_000_000, "avoid under 2 M USDT of depth, measured how is not said", "within 1 % of mid"
    ),
    "depth_full": ProfileWords(5_000_000, "worst under 5 M USDT of depth"),
    "correlation_min": ProfileWords(0.5, "SOL/AVAX correlation under 0.5"),
    "correlation_exit": ProfileWords(None, "until correlation comes back", _LOOSE),
    "entry_min_signals": ProfileWords(4, "four conditions, none called optional", "2 of 4, the ATR ratio among them"),
    "slippage_max": ProfileWords(None, "the article: slippage wipes out the gain", _LOOSE),
    "monitoring_interval_s": ProfileWords(900, "every 15-30 minutes"),
}


def profile_difference(current: dict[str, Any]) -> list[dict[str, Any]]:
    """Every limit the sources speak of, in the order of `current` (key -> JSON value).

    Each: `{key, profile, says, settled, current, differs}`; `differs` is None where the words give no single value.
    """
    rows: list[dict[str, Any]] = []
    for key, value in current.items():
        words = PROFILE_WORDS.get(key)
        if words is None:
            continue
        rows.append(
            {
                "key": key,
                "profile": words.value,
                "says": words.says,
                "settled": words.settled,
                "current": value,
                "differs": None if words.value is None else words.value != value,
            }
        )
    return rows
