"""The host's memory of open pairs: the pair as stored, and the rebalancer's state beside it.

The venue is the truth for quantities; what belongs together, under which plan and since when is only known here.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from data_fetchers.symbols import prefix_of
from indicators.entry_matrix import collapse_level
from orchestrator.desk import Desk
from orchestrator.execution.result import ExecutionResult
from orchestrator.rebalancer.state import Holding, PairState, Rules
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import Decision, Side
from traders.contract.portfolio import OpenPair, PairLeg
from traders.contract.verdict import ExecutionPlan

if TYPE_CHECKING:
    from db.state_repository import StateRepository

HOUR_MS = 3_600_000


def new_pair(
    decision: Decision, plan: ExecutionPlan, context: Context, result: ExecutionResult, exchange: str, at: int
) -> OpenPair:
    """The pair that an execution has opened, as the venue reported its legs."""
    assert decision.plan is not None
    p = prefix_of(plan.symbol)
    funding = context.value(f"{p}.funding.rate_8h")
    held = {leg.side: leg for leg in result.legs}
    legs = tuple(
        PairLeg(
            leg_id=leg.leg_id,
            venue=exchange,
            symbol=leg.symbol,
            side=leg.side,
            quantity=held[leg.side].quantity if leg.side in held else Decimal(0),
            entry_price=held[leg.side].entry_price if leg.side in held else plan.entry_price,
        )
        for leg in plan.legs
    )
    # what was really opened may be less than planned: the margin that carries it is what stop and target refer to
    planned = sum((leg.quantity for leg in plan.legs), Decimal(0))
    opened = sum((leg.quantity for leg in legs), Decimal(0))
    return OpenPair(
        pair_id=result.pair_id or plan.decision_id,
        decision_id=plan.decision_id,
        kind=decision.plan.kind,
        symbol=plan.symbol,
        opened_at=at,
        entry_price=plan.entry_price,
        legs=legs,
        pair_margin=plan.pair_margin * opened / planned if planned else plan.pair_margin,
        leverage=plan.leverage,
        plan=decision.plan,
        net_delta=result.net_delta or Decimal(0),
        cycle_pnl=Decimal(0),
        atr_ratio_entry=_reading(context, f"{p}.1h.atr_ratio"),
        atr_entry=_reading(context, f"{p}.1h.atr14"),
        entered_on_funding=funding is not None and abs(funding) > context.limits.funding_extreme,
        funding_rate_entry=None if funding is None else Decimal(repr(funding)),
        protected=bool(result.protected),
    )


def new_state(
    pair: OpenPair, decision: Decision, constraints: ConstraintSet, cost: Decimal, step: Decimal
) -> PairState:
    """The rebalancer's first state of a pair."""
    limits, plan = constraints.limits, pair.plan
    legs = {leg.side: leg for leg in pair.legs}
    atr = pair.atr_entry
    rules = Rules(
        bands=plan.bands,
        reversal_rule=plan.reversal_rule,
        stop=plan.stop_loss,
        target=plan.take_profit,
        breakeven_at=limits.breakeven_at,
        trailing_distance=None if atr is None else plan.trailing_atr_multiple * atr,
        deadline=pair.opened_at + int(plan.max_holding_hours * HOUR_MS),
        # what ends a neutral pair says nothing about a position that was opened for its direction
        collapse_level=None
        if pair.atr_ratio_entry is None or pair.kind == "directional"
        else collapse_level(pair.atr_ratio_entry, limits),
        funding_adverse_exit=limits.funding_adverse_exit,
        net_delta_max=limits.net_delta_max,
        imbalance_grace_ms=int(limits.imbalance_grace_s * 1000),
        cost=cost,
        reopen=plan.reopen,
        reopen_after_reversal=limits.reopen_after_reversal,
        invalidation=decision.invalidation,
    )

    def holding(side: Side) -> Holding:
        leg = legs.get(side)
        if leg is None:  # a directional position has one leg
            return Holding(opened=Decimal(0), left=Decimal(0), average=pair.entry_price)
        return Holding(opened=leg.quantity, left=leg.quantity, average=leg.entry_price)

    opened = sum((leg.quantity * leg.entry_price for leg in pair.legs), Decimal(0))
    return PairState(
        pair_id=pair.pair_id,
        rules=rules,
        step=step,
        pair_margin=pair.pair_margin,
        entry=pair.entry_price,
        long=holding("long"),
        short=holding("short"),
        fees=opened * cost,
    )


def follow_plan(state: PairState, pair: OpenPair) -> PairState:
    """The rules of a state brought in line with the pair's plan: a permitted rebalance may have tightened it."""
    plan, atr = pair.plan, pair.atr_entry
    rules = state.rules.model_copy(
        update={
            "bands": plan.bands,
            "reversal_rule": plan.reversal_rule,
            "stop": plan.stop_loss,
            "target": plan.take_profit,
            "trailing_distance": None if atr is None else plan.trailing_atr_multiple * atr,
            "deadline": pair.opened_at + int(plan.max_holding_hours * HOUR_MS),
            "reopen": plan.reopen,
        }
    )
    # through the model, so that figures are as they come back from the database, and equal when nothing changed
    rules = Rules.model_validate(rules.model_dump())
    return state if rules == state.rules else state.model_copy(update={"rules": rules})


def remember(desk: Desk, state: PairState, protected: bool | None = None) -> bool:
    """Bring the stored pair up to the state: quantities left, bands hit, net delta. Whether a band was new.

    A band that closed half a leg counts as a trade, once.
    """
    stored = desk.store.pairs.get(state.pair_id).pair
    legs = tuple(leg.model_copy(update={"quantity": state.leg(leg.side).left}) for leg in stored.legs)
    now = stored.model_copy(
        update={
            "legs": legs,
            "bands_hit": state.bands_hit,
            "net_delta": state.net_delta,
            "protected": stored.protected if protected is None else protected,
        }
    )
    now = OpenPair.model_validate(now.model_dump())
    if now != stored:
        desk.store.pairs.update(now)
    return state.bands_hit > stored.bands_hit


def save_state(desk: Desk, state: PairState, why: str, at: int) -> None:
    """Store the rebalancer's state; it is read back after a restart."""
    desk.store.state.set(_key(state.pair_id), state.model_dump(mode="json"), "rebalancer", why, at)


def load_state(desk: Desk, pair_id: str) -> PairState | None:
    """The stored state of a pair, or None when there is none."""
    return read_state(desk.store.state, pair_id)


def read_state(states: "StateRepository", pair_id: str) -> PairState | None:
    """The same for whoever only reads."""
    stored = states.get(_key(pair_id))
    return None if stored is None else PairState.model_validate(stored.value)


def remember_cycle(desk: Desk, decision_id: str, carried: Decimal, ladder: int, at: int) -> None:
    """Note what a cycle has come to (USDT) before a decision that may open its next ladder."""
    value = {"carried": str(carried), "ladder": ladder}
    desk.store.state.set(_cycle_key(decision_id), value, "rebalancer", "the next ladder of a cycle", at)


def of_its_cycle(desk: Desk, state: PairState, decision_id: str) -> PairState:
    """A new pair's state with what its cycle has come to before it; the same where it is a cycle's first ladder."""
    stored = desk.store.state.get(_cycle_key(decision_id))
    if stored is None:
        return state
    carried = {"carried": Decimal(stored.value["carried"]), "ladder": int(stored.value["ladder"])}
    return state.model_copy(update=carried)


def close_out(desk: Desk, pair: OpenPair, at: int, reason: str, result: dict[str, Any]) -> None:
    """The pair is flat: close its record."""
    desk.store.pairs.event(pair.pair_id, pair.decision_id, "closed", {"reason": reason, **result}, at)
    desk.store.pairs.close(pair.pair_id, at, reason, result)


def _key(pair_id: str) -> str:
    return f"rebalancer:{pair_id}"


def _cycle_key(decision_id: str) -> str:
    return f"cycle:{decision_id}"


def _reading(context: Context, name: str) -> Decimal | None:
    value = context.value(name)
    return None if value is None else Decimal(repr(value))
