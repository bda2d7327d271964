"""The pair that `fake_venue.plan_for` opens, as the database would know it."""

from decimal import Decimal

from orchestrator.execution.result import ExecutionResult
from tests.fake_venue import START, plan_for
from traders.contract.portfolio import OpenPair, PairLeg
from traders.contract.verdict import ExecutionPlan


def open_pair(long: Decimal = Decimal(312), short: Decimal = Decimal(312)) -> OpenPair:
    """312 SOL a leg at 120, 5x."""
    return _pair(plan_for(), long, short)


def pair_of(plan: ExecutionPlan, result: ExecutionResult) -> OpenPair:
    """The pair that an execution left."""
    quantities = [
        next((leg.quantity for leg in result.legs if leg.side == side), Decimal(0)) for side in ("long", "short")
    ]
    return _pair(plan, *quantities)


def _pair(plan: ExecutionPlan, long: Decimal, short: Decimal) -> OpenPair:
    legs = tuple(
        PairLeg(
            leg_id=leg.leg_id,
            venue=plan.legs[0].venue,
            symbol=plan.symbol,
            side=leg.side,
            quantity=quantity,
            entry_price=plan.entry_price,
        )
        for leg, quantity in zip(plan_for().legs, (long, short), strict=True)
    )
    return OpenPair.model_validate(
        {
            "pair_id": plan.decision_id,
            "decision_id": plan.decision_id,
            "kind": "gamma",
            "symbol": plan.symbol,
            "opened_at": START,
            "entry_price": plan.entry_price,
            "legs": [leg.model_dump() for leg in legs],
            "pair_margin": plan.pair_margin,
            "leverage": 5,
            "plan": {
                "kind": "gamma",
                "legs": [
                    {"venue": plan.legs[0].venue, "symbol": plan.symbol, "side": side, "weight": 1}
                    for side in ("long", "short")
                ],
                "pair_margin_fraction": "0.15",
                "leverage": 5,
                "bands": [band.model_dump() for band in plan_for().bands],
                "rehedge": "none",
                "reversal_rule": "opposite_band",
                "stop_loss": "0.08",
                "take_profit": "0.12",
                "trailing_atr_multiple": 3,
                "max_holding_hours": 48,
                "reopen": False,
            },
            "net_delta": 0,
            "cycle_pnl": 0,
        }
    )
