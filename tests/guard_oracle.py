"""What domain.md demands of a permitted entry, checked without any of the guard's rules or formulas.

Money is worked out by playing the fills one after the other, not by closed forms. Limits are the numbers of section 5.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from tests.guard_scenario import HOUR, Scenario
from traders.contract.decision import Band
from traders.contract.verdict import Verdict

D = Decimal


def violations(scenario: Scenario, verdict: Verdict) -> list[str]:
    """Every demand that the permitted plan breaks."""
    return list(_violations(scenario, verdict))


def _read(scenario: Scenario, name: str) -> Decimal:
    return D(repr(scenario.context.readings[f"sol.{name}"].value))


def _violations(s: Scenario, verdict: Verdict) -> Iterator[str]:
    decision, orders = verdict.decision, verdict.plan
    if decision is None or decision.plan is None or orders is None:
        yield "a permitted entry carries decision, plan and orders"
        return
    plan, account, quote = decision.plan, s.context.portfolio, s.quote.legs["SOL/USDT:USDT"]
    now, mid = s.quote.taken_at, quote.mid

    def demand(holds: bool, text: str) -> Iterator[str]:
        if not holds:
            yield text

    # people, account
    switches = s.switches
    yield from demand(not (switches.kill or switches.drawdown_latched), "kill or latch")
    yield from demand(switches.unknown_orders == switches.unprotected_pairs == 0, "unknown or unprotected")
    yield from demand(switches.blackout is None, "blackout")
    yield from demand(account.equity > D("0.75") * account.equity_high, "drawdown 25 %")
    yield from demand(account.equity > D("0.90") * account.day_start_equity, "daily loss 10 %")
    yield from demand(account.trades_24h + 2 <= 15, "15 trades a day")
    yield from demand(len(account.pairs) + 1 <= 2, "two pairs")
    yield from demand(all(pair.symbol != decision.symbol for pair in account.pairs), "one pair a symbol")
    held = sum((pair.pair_margin for pair in account.pairs), D(0))
    yield from demand(held + orders.pair_margin <= D("0.60") * account.equity, "60 % in pairs")
    yield from demand(account.cash - orders.pair_margin >= D("0.30") * account.equity, "30 % cash")
    # the wish
    yield from demand(decision.symbol in ("SOL/USDT:USDT", "AVAX/USDT:USDT"), "symbol")
    yield from demand(plan.kind == "gamma" and {leg.side for leg in plan.legs} == {"long", "short"}, "a gamma pair")
    yield from demand(5 <= plan.leverage <= 8, "leverage 5 to 8")
    yield from demand(D("0.15") <= plan.pair_margin_fraction <= D("0.20"), "15 to 20 %")
    yield from demand(D("0.02") <= plan.stop_loss <= D("0.08"), "stop 2 to 8 %")
    yield from demand(D("0.05") <= plan.take_profit <= D("0.15"), "target 5 to 15 %")
    yield from demand(2 * plan.take_profit >= 3 * plan.stop_loss, "reward to risk 1.5")
    yield from demand(0 < plan.max_holding_hours <= 48, "48 h")
    yield from demand(0 < plan.trailing_atr_multiple <= 3, "3 ATR")
    yield from demand(decision.confidence >= D("0.5"), "confidence")
    yield from demand(plan.reversal_rule in ("opposite_band", "entry"), "reversal rule")
    yield from demand(plan.rehedge == "none", "instant re-hedge has no gamma")
    # the market seen
    ratio, natr, median = _read(s, "1h.atr_ratio"), _read(s, "1h.natr14"), _read(s, "1h.natr14_median_1y")
    yield from demand(ratio <= 3 and _read(s, "1h.tr_multiple") <= 3, "extreme volatility")
    yield from demand(_read(s, "1h.vix_proxy") <= D("2.5"), "VIX proxy")
    yield from demand(ratio > D("1.5"), "volatility expands")
    yield from demand(_read(s, "1d.natr14") >= D("0.01"), "dead market")
    readings = s.context.readings
    age = readings.get("sol.1h.bb_expansion_age")
    rate = readings.get("sol.funding.rate_8h")
    share = readings.get("sol.book.imbalance")
    others = [
        age is not None and age.value < 48,
        rate is not None and abs(D(repr(rate.value))) > D("0.0005"),
        share is not None and not D("0.4") < D(repr(share.value)) < D("0.6"),
    ]
    yield from demand(any(others), "a second signal")
    for item in decision.evidence:
        shown = readings.get(item.reading)
        yield from demand(shown is not None and repr(float(item.value)) == repr(shown.value), "evidence")
    # ages
    sources = s.context.sources
    for timeframe, hours in (("1h", 1), ("4h", 4), ("1d", 24)):
        as_of = sources[f"sol.market_data.{timeframe}"].as_of
        yield from demand(as_of is not None and now - as_of - hours * HOUR <= 120_000, f"{timeframe} candles")
    yield from demand(now - quote.book_as_of <= 15_000, "book age")
    yield from demand(now - (sources["sol.funding"].as_of or 0) <= HOUR, "funding age")
    yield from demand(now - (sources["sol.open_interest"].as_of or 0) <= 2 * HOUR, "open interest age")
    yield from demand(abs(s.quote.clock_drift_ms) <= 1000, "clock")
    yield from demand(
        quote.next_funding_time is not None and abs(quote.next_funding_time - now) >= 60_000, "funding time"
    )
    yield from demand(abs(mid / _read(s, "book.mid") - 1) <= D("0.003"), "price moved")
    yield from demand(abs(quote.last / quote.mark - 1) <= D("0.005"), "mark and last")
    yield from demand(quote.index is not None and abs(quote.mark / quote.index - 1) <= D("0.003"), "basis")
    yield from demand(quote.margin_mode == "isolated" and s.quote.position_mode == "hedge", "modes")
    # the size: pair margin = f x equity x m_regime x m_depth
    near = sum(p * q for p, q in quote.bids if p >= mid * D("0.99")) + sum(
        p * q for p, q in quote.asks if p <= mid * D("1.01")
    )
    yield from demand(near >= 2_000_000, "depth 2 M")
    m_depth = min(D(1), (D(near) - 2_000_000) / 3_000_000)
    m_regime = (D(1) if ratio > 2 else D("0.5")) * (D("0.5") if natr > median else D(1))
    budget = plan.pair_margin_fraction * account.equity * m_depth * m_regime
    yield from demand(abs(orders.pair_margin - budget) < D("0.0001"), "pair margin")
    yield from demand(orders.pair_margin * plan.leverage >= D("0.15") * account.equity - D("0.001"), "floor 0.15 / L")
    quantities = {leg.quantity for leg in orders.legs}
    yield from demand(len(quantities) == 1 and len(orders.legs) == 2, "equal legs")
    quantity = quantities.pop()
    step = quote.contract.quantity_step
    yield from demand(quantity % step == 0 and quantity * mid * 2 / plan.leverage <= orders.pair_margin, "lots")
    half = (quantity / step / 2).to_integral_value("ROUND_FLOOR") * step
    yield from demand(quantity >= 2 * step and half * mid >= quote.contract.min_notional, "half a leg")
    yield from demand(quote.contract.market_max_quantity >= quantity >= quote.contract.min_quantity, "order size")
    free = s.quote.available_margin
    yield from demand(free is not None and quantity * mid * 2 / plan.leverage <= free, "free margin")
    # the ladder
    bands = plan.bands
    outer = bands[-1].move
    factor = D("0.75") if natr > median else D(1)
    yield from demand(len(bands) >= 2 and all(a.move < b.move for a, b in pairwise(bands)), "bands rise")
    yield from demand(bands[-1].leg == "both" and bands[-1].fraction == 1 and outer <= D("0.04") * factor, "last band")
    yield from demand(
        all(band.leg == "losing" and band.fraction <= D("0.5186") for band in bands[:-1]), "net delta .35"
    )
    early = [band.fraction for band in bands if band.move <= D("0.02") * factor]
    yield from demand(bool(early) and max(early) >= D("0.5"), "half closed at 2 %")
    slips = [abs(_fill(quote.asks, quantity) / mid - 1), abs(_fill(quote.bids, quantity) / mid - 1)]
    yield from demand(max(slips) <= D("0.001"), "slippage 10 bp")
    cost = s.quote.fees.taker + max(slips)
    for sign in (1, -1):
        gross, costs = _played(bands, mid, quantity, cost, sign, outer)
        yield from demand(gross > 0, "long gamma")
        yield from demand(gross - costs >= 2 * costs, "wins twice its costs")
        gross, costs = _played(bands, mid, quantity, cost, sign, outer - D("0.005"))
        yield from demand(gross >= costs, "breaks even 0.5 % before the outer band")
    # protection
    tier = next(t for t in quote.tiers if t.notional_floor <= quantity * mid <= t.notional_cap)
    yield from demand(plan.leverage <= tier.max_leverage, "tier")
    notional, rate_ = quantity * mid, tier.maintenance_margin_rate
    for sign in (1, -1):
        at = (notional - sign * (notional / plan.leverage + tier.maintenance_amount)) / (quantity * (1 - sign * rate_))
        yield from demand(abs(1 - at / mid) >= outer + D("0.06"), "liquidation")
    yield from demand(orders.bracket.upper <= mid * (1 + outer + D("0.01")), "bracket U")
    yield from demand(orders.bracket.lower >= mid * (1 - outer - D("0.01")), "bracket D")
    long, short = sorted(orders.legs, key=lambda leg: leg.side)
    yield from demand(mid <= long.limit_price <= mid * D("1.001"), "long limit")
    yield from demand(mid * D("0.999") <= short.limit_price <= mid, "short limit")
    yield from demand(orders.expires_at == now + 30_000, "30 s")


def _fill(levels: tuple[tuple[Decimal, Decimal], ...], quantity: Decimal) -> Decimal:
    """Average price of a market order."""
    left, paid = quantity, D(0)
    for price, available in levels:
        taken = min(left, available)
        paid, left = paid + taken * price, left - taken
    assert left == 0
    return paid / quantity


def _played(
    bands: tuple[Band, ...], entry: Decimal, quantity: Decimal, cost: Decimal, sign: int, end: Decimal
) -> tuple[Decimal, Decimal]:
    """(gross, costs) of opening at E, closing at each band on the way and everything at the move `end`."""
    winning, losing = quantity, quantity
    gross, costs = D(0), 2 * quantity * entry * cost
    for band in bands:
        if band.move >= end:
            break
        price = entry * (1 + sign * band.move)
        closed = quantity * band.fraction - (quantity - losing)
        gross -= closed * abs(price - entry)
        costs += closed * price * cost
        losing -= closed
    price = entry * (1 + sign * end)
    gross += (winning - losing) * abs(price - entry)
    return gross, costs + (winning + losing) * price * cost
