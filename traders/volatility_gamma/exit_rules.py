"""When an open pair is closed at decision time (domain.md sections 4 and 6), first match wins.

A missing reading closes nothing: bands, stops and the bracket on the exchange go on protecting the pair.
"""

from decimal import Decimal
from typing import NamedTuple

from data_fetchers.symbols import prefix_of
from traders.contract.context import Context
from traders.contract.decision import Regime
from traders.contract.portfolio import OpenPair
from traders.volatility_gamma.regime import exact, pair_collapse_level

RSI_HIGH, RSI_LOW = Decimal(70), Decimal(30)
_RSI = ("1h.rsi14", "1h.rsi_divergence")
#: 1 while liquidations run on 15 minutes (domain.md section 4, tactic 4).
CASCADE = "oi.cascade"
_HOUR_MS = Decimal(3_600_000)


class ExitReason(NamedTuple):
    """Why, for people, and the readings it rests on (without the symbol's prefix)."""

    text: str
    readings: tuple[str, ...] = ()


def exit_reason(context: Context, pair: OpenPair) -> ExitReason | None:
    """The first exit condition that holds, or None."""
    limits = context.limits
    hours = Decimal(context.as_of - pair.opened_at) / _HOUR_MS
    if hours >= min(pair.plan.max_holding_hours, limits.holding_hours_max):
        return ExitReason(f"held for {hours:.1f} h: the holding time is over")
    if _is_neutral(context, pair) and _has_collapsed(context, pair):
        return ExitReason("volatility collapsed on two closed bars and the legs are equal", ("1h.atr_ratio_prev",))
    if pair.cycle_pnl > 0 and (profit := _profit_reason(context)) is not None:
        return profit
    return _funding_reason(context, pair)


def adverse_funding(context: Context, pair: OpenPair) -> Decimal | None:
    """Funding that the pair pays per 8 h: rate x signed net notional / N (domain.md section 6); None when unknown.

    Positive is adverse: a net long pays a positive rate. N is one leg's notional at approval, PM x L / 2.
    """
    rate = _own(context, "funding.rate_8h")
    price = _own(context, "price.mark") or _own(context, "price.last") or pair.entry_price
    notional = pair.pair_margin * pair.leverage / 2
    if rate is None or notional <= 0:
        return None
    net = sum((leg.quantity if leg.side == "long" else -leg.quantity for leg in pair.legs), Decimal(0))
    return rate * net * price / notional


def _profit_reason(context: Context) -> ExitReason | None:
    """Signs that volatility will fall back, each a reason to take a profit that exists."""
    if context.regime is Regime.EXTREME_VOL:
        return ExitReason("volatility is extreme and the cycle is in profit: take it", ("1h.atr_ratio",))
    if _own(context, CASCADE) == 1:
        return ExitReason("a liquidation cascade runs and the cycle is in profit: take it", (CASCADE,))
    proxy = _own(context, "1h.vix_proxy")
    if proxy is not None and proxy > context.limits.vix_proxy_fade:
        return ExitReason("the volatility proxy is far above its year and the cycle is in profit", ("1h.vix_proxy",))
    if _own(context, "1h.bb_position") not in (None, Decimal(0)):
        return ExitReason("price is outside the Bollinger bands and the cycle is in profit", ("1h.bb_position",))
    rsi, divergence = _own(context, "1h.rsi14"), _own(context, "1h.rsi_divergence")
    if rsi is None or divergence is None:
        return None
    if (rsi > RSI_HIGH and divergence < 0) or (rsi < RSI_LOW and divergence > 0):
        return ExitReason("RSI is extreme and diverges from price, the cycle is in profit", _RSI)
    return None


def _funding_reason(context: Context, pair: OpenPair) -> ExitReason | None:
    limits, rate = context.limits, _own(context, "funding.rate_8h")
    then = pair.funding_rate_entry
    if pair.entered_on_funding and rate is not None and then is not None:
        flipped = rate * then < 0 and abs(rate) > limits.funding_flip_min
        if flipped:
            return ExitReason("entered on funding, and funding has flipped", ("funding.rate_8h",))
    adverse = adverse_funding(context, pair)
    if adverse is not None and adverse > limits.funding_adverse_exit and not _is_neutral(context, pair):
        return ExitReason("the pair is unbalanced and pays too much funding", ("funding.rate_8h",))
    return None


def _has_collapsed(context: Context, pair: OpenPair) -> bool:
    """Two closed bars below the pair's level. Not the regime: below 0.8 that is called a contraction instead."""
    level = pair_collapse_level(pair, context.limits)
    ratio, before = _own(context, "1h.atr_ratio"), _own(context, "1h.atr_ratio_prev")
    return level is not None and ratio is not None and before is not None and ratio < level and before < level


def _is_neutral(context: Context, pair: OpenPair) -> bool:
    return abs(pair.net_delta) <= context.limits.entry_net_delta_max


def _own(context: Context, name: str) -> Decimal | None:
    return exact(context.readings, f"{prefix_of(context.symbol)}.{name}")
