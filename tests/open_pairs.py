"""The pair that `fake_venue.plan_for` opens, as the database would know it."""

from decimal import Decimal

from tests.fake_venue import START, plan_for
from traders.contract.portfolio import OpenPair, PairLeg


def open_pair(long: Decimal = Decimal(312), short: Decimal = Decimal(312)) -> OpenPair:
    """312 SOL a leg at 120, 5x."""
    plan = plan_for()
    legs = tuple(
        PairLeg(
            leg_id=leg.leg_id,
            venue="fake",
            symbol=leg.symbol,
            side=leg.side,
            quantity=quantity,
            entry_price=Decimal(120),
        )
        for leg, quantity in zip(plan.legs, (long, short), strict=True)
    )
    return OpenPair.model_validate(
        {
            "pair_id": plan.decision_id,
            "decision_id": plan.decision_id,
            "kind": "gamma",
            "symbol": plan.symbol,
            "opened_at": START,
            "entry_price": "120",
            "legs": [leg.model_dump() for leg in legs],
            "pair_margin": plan.pair_margin,
            "leverage": 5,
            "plan": {
                "kind": "gamma",
                "legs": [
                    {"venue": "fake", "symbol": plan.symbol, "side": side, "weight": 1} for side in ("long", "short")
                ],
                "pair_margin_fraction": "0.15",
                "leverage": 5,
                "bands": [band.model_dump() for band in plan.bands],
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
