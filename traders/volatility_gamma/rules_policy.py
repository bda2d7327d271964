"""The deterministic policy: the profile's rules over the readings, without any model (domain.md sections 3, 4 and 6).

Entries: right regime, enough signals, no weak breakout, no dead market, enough depth. Exits: see `exit_rules`.
Whatever it cites is the reading itself, so that the guard finds it grounded.
"""

from decimal import ROUND_DOWN, Decimal

from data_fetchers.symbols import prefix_of
from indicators.entry_matrix import EntrySignals, band_factor, collapse_level
from traders.contract.context import Context
from traders.contract.decision import Action, Condition, Decision, Evidence, Regime
from traders.contract.limits import Limits
from traders.volatility_gamma.exit_rules import CASCADE, exit_reason
from traders.volatility_gamma.plans import neutral_plan, open_pair_on
from traders.volatility_gamma.regime import exact, signals_of

#: Stop of pair margin where the limits allow it (profile: "-8 %"), and volume that makes a breakout weak.
USUAL_STOP = Decimal("0.08")
WEAK_VOLUME = Decimal("0.5")
_MANY_SIGNALS = 3
_ENTRY_REGIMES = (Regime.LOW_VOL_EXPANDING, Regime.HIGH_VOL_SUSTAINED)
_WHY_NOT = {
    Regime.EXTREME_VOL: "volatility is extreme: it tends to fall back",
    Regime.CONTRACTION: "volatility is contracting",
    Regime.VOL_COLLAPSE: "volatility has collapsed",
    Regime.UNCLEAR: "no regime for an entry: volatility does not expand enough, or a reading it needs is missing",
}
#: Cited with every decision, where they are available.
_BASIS = ("1h.atr_ratio", "1h.tr_multiple", "1h.natr14", "1h.natr14_median_1y", "1h.vix_proxy")
_OF_SIGNAL = {"bollinger": "1h.bb_expansion_age", "funding": "funding.rate_8h", "imbalance": "book.imbalance"}


def decide(context: Context) -> Decision:
    """Enter, stand aside, exit or hold. Pure and total."""
    pair = open_pair_on(context)
    if pair is not None:
        reason = exit_reason(context, pair)
        return Decision(
            action=Action.HOLD if reason is None else Action.EXIT,
            symbol=context.symbol,
            pair_id=pair.pair_id,
            regime=context.regime,
            evidence=_cite(context, (*_BASIS, *(reason.readings if reason else ()))),
            confidence=Decimal(1),
            rationale="no exit condition holds" if reason is None else reason.text,
        )
    signals = signals_of(context.readings, prefix_of(context.symbol), context.limits)
    obstacle = _obstacle(context, signals)
    if obstacle is not None:
        return Decision(
            action=Action.STAND_ASIDE,
            symbol=context.symbol,
            regime=context.regime,
            evidence=_cite(context, _BASIS),
            confidence=Decimal(1),
            rationale=obstacle,
        )
    return _enter(context, signals)


def _obstacle(context: Context, signals: EntrySignals) -> str | None:
    """The first reason against an entry, or None."""
    limits = context.limits
    if context.regime not in _ENTRY_REGIMES:
        return _WHY_NOT[context.regime]
    if (cascade := _cascade_obstacle(context)) is not None:
        return cascade
    if not signals.enough(limits):
        return f"{signals.count} of 4 entry signals, {limits.entry_min_signals} with volatility among them are needed"
    position, volume = _own(context, "1h.bb_position"), _own(context, "1h.volume_ratio")
    if position is None or volume is None:
        return "whether a breakout is weak cannot be told: band position or volume is unavailable"
    if position != 0 and volume < WEAK_VOLUME:
        return "weak breakout: price is outside the bands on less than half of the usual volume"
    natr, depth = _own(context, "1d.natr14"), _own(context, "book.depth_usdt")
    if natr is None or natr < limits.natr_min_daily:
        return "dead market: daily range is unavailable or below its limit"
    if depth is None or depth <= limits.depth_min:
        return "thin book: depth is unavailable or at its lower limit"
    return None


def _cascade_obstacle(context: Context) -> str | None:
    """A cascade, or bars that look like one while open interest cannot rule it out.

    Where 15-minute bars are not to be had at all (an hourly history) the extreme regime, which is judged on the 1h
    range, has to do; without open interest the guard lets nobody in anyway.
    """
    if _own(context, CASCADE) == 1:
        return "liquidations cascade on 15m"
    reason = context.unavailable.get(f"{prefix_of(context.symbol)}.{CASCADE}", "")
    return "liquidations may cascade on 15m: it cannot be ruled out" if reason.startswith("undefined:") else None


def _enter(context: Context, signals: EntrySignals) -> Decision:
    limits = context.limits
    ratio = _own(context, "1h.atr_ratio")
    assert ratio is not None  # the volatility signal is true, so its reading exists
    strong = signals.count >= _MANY_SIGNALS and ratio > limits.atr_ratio_full
    stop, target = _stop_and_target(limits)
    found = tuple(name for signal, name in _OF_SIGNAL.items() if getattr(signals, signal))
    return Decision(
        action=Action.ENTER,
        symbol=context.symbol,
        regime=context.regime,
        plan=neutral_plan(
            context,
            pair_margin_fraction=limits.pair_margin_max if strong else limits.pair_margin_min,
            leverage=limits.leverage_min,
            band_factor=band_factor(context.regime, limits),
            stop_loss=stop,
            take_profit=target,
            holding_hours=limits.holding_hours_max,
        ),
        invalidation=_invalidation(context, ratio),
        evidence=_cite(context, (*_BASIS, *found)),
        confidence=min(Decimal(1), max(limits.confidence_min, Decimal("0.4") + signals.count / Decimal(10))),
        rationale=f"{context.regime}: ATR ratio {ratio}, {signals.count} of 4 signals (volatility{_list(found)})",
    )


def _stop_and_target(limits: Limits) -> tuple[Decimal, Decimal]:
    """The usual stop within the limits, and the nearest target that keeps the reward/risk ratio."""
    stop = max(limits.stop_loss_min, min(USUAL_STOP, limits.stop_loss_max))
    if stop * limits.reward_risk_min > limits.take_profit_max:
        stop = (limits.take_profit_max / limits.reward_risk_min).quantize(Decimal("0.0001"), ROUND_DOWN)
        stop = max(stop, limits.stop_loss_min)
    target = max(limits.take_profit_min, stop * limits.reward_risk_min)
    return stop, min(target, limits.take_profit_max)


def _invalidation(context: Context, ratio: Decimal) -> tuple[Condition, ...]:
    """Collapse below the pair's level, and the three ways to extreme volatility; only over readings that exist."""
    limits, prefix = context.limits, prefix_of(context.symbol)
    level = Decimal(collapse_level(ratio, limits)).quantize(Decimal("0.0001"), ROUND_DOWN)
    conditions = (
        Condition(reading=f"{prefix}.1h.atr_ratio", op="lt", value=level),
        Condition(reading=f"{prefix}.1h.atr_ratio", op="gt", value=limits.atr_ratio_extreme),
        Condition(reading=f"{prefix}.1h.tr_multiple", op="gt", value=limits.tr_extreme_multiple),
        Condition(reading=f"{prefix}.1h.vix_proxy", op="gt", value=limits.vix_proxy_fade),
    )
    return tuple(condition for condition in conditions if condition.reading in context.readings)


def _cite(context: Context, names: tuple[str, ...]) -> tuple[Evidence, ...]:
    prefix = prefix_of(context.symbol)
    cited = [(name, exact(context.readings, name)) for name in dict.fromkeys(f"{prefix}.{name}" for name in names)]
    return tuple(Evidence(reading=name, value=value) for name, value in cited if value is not None)[:8]


def _own(context: Context, name: str) -> Decimal | None:
    return exact(context.readings, f"{prefix_of(context.symbol)}.{name}")


def _list(names: tuple[str, ...]) -> str:
    return "".join(f", {name}" for name in names)
