"""Before anything is sent: is the account set up for exactly this plan? Reads only; settings change elsewhere.

Both legs are checked before either is sent (craft.md, failure mode 3), and the half that band 1 will close as well.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from orchestrator.clock import Clock
from orchestrator.execution.codes import PreflightCode as P
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.obstacles import Problem
from orchestrator.execution.venue import Balance, OrderReport, Position, TradingFees, Venue
from traders.contract.decision import Side
from traders.contract.portfolio import OpenPair
from traders.contract.quote import Contract, LegQuote
from traders.contract.verdict import ExecutionPlan, Leg


@dataclass(frozen=True)
class Preflight:
    """Empty `problems`: the plan may be sent. `quote` is None only when nothing could be read for this plan."""

    problems: tuple[Problem, ...]
    quote: LegQuote | None = None
    fees: TradingFees | None = None


async def check(
    plan: ExecutionPlan, venue: Venue, clock: Clock, limits: ExecutionLimits, *, pair: OpenPair | None = None
) -> Preflight:
    """Every obstacle to a plan. `pair`: the standing pair that the plan adds to. Raises VenueError when unreadable."""
    if (unsupported := _unsupported(plan)) is not None:
        return Preflight((unsupported,))
    symbol = plan.symbol
    own = await venue.obstacles(plan)
    if any(problem.code is P.ACCOUNT_KIND for problem in own):  # the rest of such an account cannot be read
        return Preflight(own)
    before = clock.now_ms()
    server = await venue.server_time()
    skew = abs(server - (before + clock.now_ms()) // 2)
    (quote, fees, balance, mode, settings), (positions, orders, resting) = await asyncio.gather(
        asyncio.gather(
            venue.leg_quote(symbol),
            venue.fees(symbol),
            venue.balance(),
            venue.position_mode(symbol),
            venue.settings(symbol),
        ),
        asyncio.gather(
            venue.positions([symbol]),
            venue.open_orders(symbol, conditional=False),
            venue.open_orders(symbol, conditional=True),
        ),
    )
    found: list[Problem] = []
    if server > plan.expires_at:
        late = server - plan.expires_at
        found.append(Problem(P.PLAN_EXPIRED, f"the plan expired {late} ms ago", "decide again on fresh data"))
    if limits.clock_skew_max_ms is not None and skew > limits.clock_skew_max_ms:
        found.append(
            Problem(
                P.CLOCK_SKEW,
                f"this machine's clock is {skew} ms off the exchange's (limit {limits.clock_skew_max_ms})",
                "synchronise the clock (NTP) and try again",
            )
        )
    if mode != "hedge":
        found.append(
            Problem(
                P.POSITION_MODE,
                "the account is in one-way mode; a long and a short of one perpetual need hedge mode",
                "close all positions and orders, then switch the account to hedge mode",
            )
        )
    if settings.margin_mode != "isolated":
        found.append(
            Problem(
                P.MARGIN_MODE,
                f"{symbol} is set to {settings.margin_mode} margin; isolated is needed to bound the loss",
                f"set {symbol} to isolated while it has no position and no order",
            )
        )
    if not settings.at(plan.leverage):
        found.append(
            Problem(
                P.LEVERAGE,
                f"{symbol} is set to {settings.leverages}, the plan needs {plan.leverage}x",
                f"set the leverage of {symbol} to {plan.leverage}x while it has no position and no order",
            )
        )
    found += _foreign(positions, orders, resting, pair)
    for leg in plan.legs:
        found += _sizes(leg, plan, quote.contract)
    found += _tiers(plan, quote)
    found += _margin(plan, quote, fees, balance)
    found += own
    return Preflight(tuple(found), quote, fees)


async def apply_settings(plan: ExecutionPlan, venue: Venue) -> tuple[Problem, ...]:
    """Set hedge mode, isolated margin and the leverage a plan needs, then read back; what is still wrong.

    Nothing is touched that fits already, and nothing at all while the symbol has a position or an order. Raises
    VenueError when the account cannot be read or the venue refuses a change.
    """
    if (unsupported := _unsupported(plan)) is not None:
        return (unsupported,)
    symbol = plan.symbol
    mode = await venue.position_mode(symbol)
    settings = await venue.settings(symbol)
    fits = mode == "hedge" and settings.margin_mode == "isolated" and settings.at(plan.leverage)
    if fits:
        return ()
    if await venue.positions([symbol]) or await _any_order(venue, symbol):
        return (
            Problem(
                P.FOREIGN_POSITION,
                f"the settings of {symbol} do not fit the plan and cannot change with a position or an order there",
                f"close the positions and cancel the orders of {symbol} first",
            ),
        )
    if mode != "hedge":
        await venue.set_position_mode("hedge", symbol)
    if settings.margin_mode != "isolated":
        await venue.set_margin_mode(symbol, "isolated")
    if not settings.at(plan.leverage):
        await venue.set_leverage(symbol, plan.leverage)
    mode, settings = await venue.position_mode(symbol), await venue.settings(symbol)
    wrong = [
        (P.POSITION_MODE, "position mode", mode, "hedge"),
        (P.MARGIN_MODE, f"margin mode of {symbol}", settings.margin_mode, "isolated"),
        (P.LEVERAGE, f"leverage of {symbol}", settings.leverages, f"{plan.leverage}x"),
    ]
    return tuple(
        Problem(code, f"{name} reads {is_} after it was set to {meant}", "set it by hand on the exchange")
        for code, name, is_, meant in wrong
        if is_ != meant
    )


async def _any_order(venue: Venue, symbol: str) -> bool:
    both = [await venue.open_orders(symbol, conditional=conditional) for conditional in (False, True)]
    return any(both)


def _unsupported(plan: ExecutionPlan) -> Problem | None:
    """Legs that no bracket at the venue can protect together are not opened at all (domain.md section 7)."""
    sides = sorted(leg.side for leg in plan.legs)
    places = {(leg.venue, leg.symbol) for leg in plan.legs}
    if (
        {symbol for _, symbol in places} == {plan.symbol}
        and len(places) == 1
        and sides in (["long", "short"], sides[:1])
    ):
        return None
    shown = ", ".join(f"{leg.side} {leg.symbol} on {leg.venue}" for leg in plan.legs)
    return Problem(
        P.PLAN_UNSUPPORTED,
        f"only one perpetual on one venue can be carried out, as a position or as a long and a short, not {shown}: "
        "the stops that rest at an exchange cannot close two perpetuals, or two venues, together",
        "use a plan of kind gamma or directional",
    )


def _foreign(
    positions: list[Position], orders: list[OrderReport], resting: list[OrderReport], pair: OpenPair | None
) -> Iterator[Problem]:
    expected = {leg.side: leg.quantity for leg in pair.legs if leg.quantity > 0} if pair is not None else {}
    held = {position.side: position.quantity for position in positions}
    if held != expected:
        yield Problem(
            P.FOREIGN_POSITION,
            f"the venue holds {_legs(held)} where {_legs(expected)} is expected",
            "close what is not the trader's, or let recovery reconcile the pair, before entering",
        )
    foreign = [*orders, *(resting if pair is None else ())]
    if foreign:
        yield Problem(
            P.FOREIGN_ORDER,
            f"{len(foreign)} order(s) rest on the symbol, the first with id {foreign[0].client_order_id}",
            "cancel them before entering",
        )


def _legs(held: Mapping[Side, Decimal]) -> str:
    return ", ".join(f"{quantity} {side}" for side, quantity in sorted(held.items())) or "nothing"


def _sizes(leg: Leg, plan: ExecutionPlan, contract: Contract) -> Iterator[Problem]:
    """Steps and minima of one leg and of its half."""
    quantity, step = leg.quantity, contract.quantity_step
    name = f"{leg.side} leg of {leg.symbol}"
    if quantity <= 0 or quantity % step:
        yield Problem(P.QUANTITY_STEP, f"{name}: {quantity} is no multiple of the step {step}", "round the size down")
    if quantity < contract.min_quantity:
        yield Problem(P.QUANTITY_MIN, f"{name}: {quantity} is below the least {contract.min_quantity}", "trade more")
    if quantity > contract.max_quantity:
        yield Problem(P.QUANTITY_MAX, f"{name}: {quantity} is above the most {contract.max_quantity}", "trade less")
    if leg.limit_price % contract.price_tick:
        yield Problem(
            P.PRICE_TICK, f"{name}: {leg.limit_price} is no multiple of the tick {contract.price_tick}", "round it"
        )
    if quantity * leg.limit_price < contract.min_notional:
        yield Problem(
            P.NOTIONAL_MIN, f"{name}: {quantity * leg.limit_price} USDT is below {contract.min_notional}", "trade more"
        )
    half = quantity / 2 // step * step
    if half <= 0 or half < contract.min_quantity or half * plan.bracket.lower < contract.min_notional:
        yield Problem(
            P.HALF_TOO_SMALL,
            f"{name}: the half that band 1 closes ({half}) is below the minima "
            f"({contract.min_quantity}, {contract.min_notional} USDT)",
            "trade at least twice the minimum",
        )
    if half > 0 and contract.market_quantity_step > 0 and half % contract.market_quantity_step:
        yield Problem(
            P.MARKET_QUANTITY,
            f"{name}: the half {half} is no multiple of the market step {contract.market_quantity_step}",
            "choose a size whose half fits the market step",
        )


def _tiers(plan: ExecutionPlan, quote: LegQuote) -> Iterator[Problem]:
    for leg in plan.legs:
        notional = leg.quantity * max(leg.limit_price, quote.mark)
        tier = next((tier for tier in quote.tiers if tier.notional_floor <= notional < tier.notional_cap), None)
        if quote.tiers and (tier is None or plan.leverage > tier.max_leverage):
            most = "nothing" if tier is None else f"{tier.max_leverage}x"
            yield Problem(
                P.LEVERAGE_TIER,
                f"at {notional:.2f} USDT a leg the venue allows {most}, the plan needs {plan.leverage}x",
                "trade less or with less leverage",
            )


def _margin(plan: ExecutionPlan, quote: LegQuote, fees: TradingFees, balance: Balance) -> Iterator[Problem]:
    """Both legs charged, with their opening fees (domain.md section 7)."""
    notional = sum((leg.quantity * max(leg.limit_price, quote.mark) for leg in plan.legs), Decimal(0))
    needed = notional / plan.leverage + notional * fees.taker
    if balance.available < needed:
        yield Problem(
            P.MARGIN,
            f"both legs need {needed:.2f} USDT of margin and fees, {balance.available:.2f} is available",
            "free margin, or trade less",
        )
