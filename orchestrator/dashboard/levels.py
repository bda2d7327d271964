"""At which prices something happens to an open pair, and how far away they are. Pure.

The levels are those of the rebalancer (domain.md sections 3 and 7) for the state as stored; a pair that is still equal
on both sides gains and loses next to nothing with the price, so its stop and target have no price until a band is hit.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from orchestrator.rebalancer.state import PairState, Phase
from traders.contract.arithmetic import in_one_arithmetic
from traders.contract.verdict import Bracket

Kind = Literal["entry", "band", "bracket", "stop", "target", "reversal", "trailing"]
#: Levels at which the pair ends with a loss or is protected from one.
STOPS: frozenset[Kind] = frozenset({"bracket", "stop", "reversal", "trailing"})


@dataclass(frozen=True)
class Level:
    """A price in quote currency; `distance` from the mark, a signed fraction of it, None without a mark.

    `done`: it has been reached. `beyond`: something else closes the pair before the price gets there.
    """

    kind: Kind
    name: str
    price: Decimal
    effect: str
    distance: Decimal | None
    done: bool = False
    beyond: bool = False


@in_one_arithmetic
def levels(state: PairState, bracket: Bracket | None, mark: Decimal | None) -> tuple[Level, ...]:
    """Every level, highest price first."""
    found: list[tuple[Kind, str, Decimal, str, bool]] = [
        ("entry", "entry", state.entry, "where the pair was opened", False)
    ]
    found += _bands(state)
    if bracket is not None:
        text = "orders resting at the exchange close both legs"
        found += [
            ("bracket", "bracket, upper edge", bracket.upper, text, False),
            ("bracket", "bracket, lower edge", bracket.lower, text, False),
        ]
    found += _exits(state)
    inner = [price for kind, _, price, _, _ in found if kind not in ("stop", "target")]
    made = [
        Level(
            kind,
            name,
            price,
            effect,
            None if not mark else price / mark - 1,
            done,
            beyond=kind in ("stop", "target") and not min(inner) <= price <= max(inner),
        )
        for kind, name, price, effect, done in found
    ]
    return tuple(sorted(made, key=lambda level: -level.price))


def nearest_stop(found: tuple[Level, ...]) -> Level | None:
    """The stop that is least far away."""
    stops = [
        (abs(level.distance), level)
        for level in found
        if level.kind in STOPS and level.distance is not None and not level.beyond
    ]
    return min(stops, key=lambda pair: pair[0], default=(None, None))[1]


def _bands(state: PairState) -> list[tuple[Kind, str, Decimal, str, bool]]:
    found: list[tuple[Kind, str, Decimal, str, bool]] = []
    for sign, word, phase in ((1, "up", Phase.UP), (-1, "down", Phase.DOWN)):
        if state.phase not in (Phase.NEUTRAL, phase):
            continue  # once a band is hit the other side is the reversal's
        for number, band in enumerate(state.rules.bands, 1):
            legs = "both legs" if band.leg == "both" else f"the {band.leg} leg"
            what = f"{band.fraction * 100:.0f} % of {legs}"
            found.append(
                (
                    "band",
                    f"band {number} {word}",
                    state.entry * (1 + sign * band.move),
                    f"closes {what}",
                    state.phase is phase and number <= state.bands_hit,
                )
            )
    return found


def _exits(state: PairState) -> list[tuple[Kind, str, Decimal, str, bool]]:
    found: list[tuple[Kind, str, Decimal, str, bool]] = []
    if state.phase not in (Phase.UP, Phase.DOWN):
        return found
    away = 1 if state.phase is Phase.UP else -1
    bands = state.rules.bands
    if bands:
        move = {"entry": Decimal(0), "opposite_band": bands[0].move, "none": bands[-1].move}[state.rules.reversal_rule]
        back = state.entry * (1 - away * move)
        found.append(("reversal", "reversal", back, "the ladder ends, both legs close", False))
    stop = Decimal(0) if state.breakeven_latched else -state.rules.stop
    name = "stop at break-even" if state.breakeven_latched else "cycle stop"
    if (price := price_of_result(state, stop)) is not None:
        found.append(("stop", name, price, f"cycle result {stop:.2%} of pair margin", False))
    if (price := price_of_result(state, state.rules.target)) is not None:
        found.append(("target", "cycle target", price, f"cycle result {state.rules.target:+.2%} of pair margin", False))
    if state.rules.trailing_distance is not None and state.best is not None:
        price = state.best - away * state.rules.trailing_distance
        found.append(
            ("trailing", "trailing stop", price, f"{state.rules.trailing_distance:.4f} behind the best", False)
        )
    return found


def price_of_result(state: PairState, result: Decimal) -> Decimal | None:
    """The price at which the cycle's liquidation value is `result` of pair margin; None where no price gives it.

    `cycle_pnl` is linear in the price: so far + L (S - l) + X (x - S) - (L + X) S c = result.
    """
    long, short = state.long, state.short
    slope = long.left - short.left - (long.left + short.left) * state.rules.cost
    if slope == 0:
        return None
    fixed = state.so_far + short.left * short.average - long.left * long.average
    price = (result * state.pair_margin - fixed) / slope
    return price if price > 0 else None
