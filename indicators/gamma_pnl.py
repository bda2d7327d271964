"""What a pair of one perpetual earned: fills played in order, a ladder played along prices, predicted against realised.

Exact: Decimal only. Gross = realised + unrealised at the last price; total = gross - fees + funding. A fill model is
declared with every figure: `ladder_path` fills whole orders at the price that triggered them (no slippage beyond c).
Source: domain.md sections 1, 2, 3 and 10.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from indicators.delta_neutral_hedge import BandLike, net_delta
from indicators.errors import IndicatorError

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class PairFill:
    """A trade on one leg: `quantity` above 0 opens or adds to the leg, below 0 closes it; base units and price."""

    side: Literal["long", "short"]
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class PairResult:
    """Quantities left (base units), and money in USDT; `traded` is the notional of all fills."""

    long_quantity: Decimal
    short_quantity: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    funding: Decimal
    traded: Decimal

    @property
    def gross(self) -> Decimal:
        """Realised + unrealised, before fees and funding."""
        return self.realised + self.unrealised

    @property
    def total(self) -> Decimal:
        """Gross - fees + funding (signed receipts)."""
        return self.gross - self.fees + self.funding

    @property
    def net_delta(self) -> Decimal:
        """(long - short) / (long + short); 0 when flat."""
        return net_delta(self.long_quantity, self.short_quantity)


@dataclass(frozen=True, slots=True)
class LadderPath:
    """A ladder played along prices: its fills, where it stands after the last price, and what it has earned.

    `bands_hit` counts the bands passed on its own side (gapped over or not), `reversed` says that it came back.
    """

    fills: tuple[PairFill, ...]
    result: PairResult
    bands_hit: int
    reversed: bool

    @property
    def flat(self) -> bool:
        """Whether both legs are closed."""
        return self.result.long_quantity == 0 and self.result.short_quantity == 0


@dataclass(frozen=True, slots=True)
class GammaReport:
    """Predicted and realised gross P&L of one ladder, USDT; `efficiency` is None when nothing was predicted."""

    predicted: Decimal
    realised: Decimal
    fees: Decimal
    funding: Decimal

    @property
    def difference(self) -> Decimal:
        """Realised - predicted: gaps and slippage."""
        return self.realised - self.predicted

    @property
    def net(self) -> Decimal:
        """Realised - fees + funding."""
        return self.realised - self.fees + self.funding

    @property
    def efficiency(self) -> Decimal | None:
        """Realised / predicted."""
        return self.realised / self.predicted if self.predicted else None


def pair_pnl(
    fills: Sequence[PairFill], mark: Decimal | None, cost: Decimal = ZERO, funding: Decimal = ZERO
) -> PairResult:
    """Result of `fills` in order, each costing `cost` per unit of notional; open legs valued at `mark`.

    A leg's entry is the average of what was opened. Raises IndicatorError when a fill closes more than is open, is of
    no quantity or price, or when a leg is open and `mark` is None.
    """
    held = {"long": ZERO, "short": ZERO}
    average = {"long": ZERO, "short": ZERO}
    realised = traded = ZERO
    for number, fill in enumerate(fills, start=1):
        side, sign = fill.side, 1 if fill.side == "long" else -1
        if fill.quantity == 0 or not fill.price > 0:
            raise IndicatorError(f"fill {number}: {fill.quantity} at {fill.price}; a fill has a quantity and a price")
        after = held[side] + fill.quantity
        if after < 0:
            raise IndicatorError(f"fill {number} closes {-fill.quantity} of a {side} leg that holds {held[side]}")
        if fill.quantity > 0:
            average[side] = (average[side] * held[side] + fill.price * fill.quantity) / after
        else:
            realised -= sign * fill.quantity * (fill.price - average[side])
        held[side] = after
        traded += abs(fill.quantity) * fill.price
    unrealised = ZERO
    if held["long"] or held["short"]:
        if mark is None:
            raise IndicatorError("a leg is still open; pass the mark price to value it")
        unrealised = held["long"] * (mark - average["long"]) - held["short"] * (mark - average["short"])
    return PairResult(held["long"], held["short"], realised, unrealised, traded * cost, funding, traded)


def ladder_path(
    bands: Sequence[BandLike],
    entry: Decimal,
    quantity: Decimal,
    cost: Decimal,
    prices: Sequence[Decimal],
    reversal_rule: str = "opposite_band",
) -> LadderPath:
    """Open two legs of `quantity` at `entry` and let the prices happen one after the other.

    The highest band crossed acts alone at the price that crossed it; each band acts once; after a partial close only
    bands of that side remain, and coming back as far as `reversal_rule` allows (opposite_band: the first move on the
    other side, entry, none: the last move on the other side) closes everything. Prices after that change nothing.
    """
    back = _back(bands, entry, reversal_rule)
    fills = [PairFill("long", quantity, entry), PairFill("short", quantity, entry)]
    left: dict[Literal["long", "short"], Decimal] = {"long": quantity, "short": quantity}
    sign, hit, turned = 0, 0, False
    last = entry
    for last in prices:
        moved = last - entry
        if sign and sign * moved <= -back:
            turned = True
            keep = {"long": ZERO, "short": ZERO}
        else:
            side = sign or (1 if moved > 0 else -1)
            reached = sum(1 for band in bands if side * moved >= band.move * entry)
            if reached <= hit:
                continue
            sign, hit = side, reached
            band = bands[hit - 1]
            losing = "short" if sign > 0 else "long"
            keep = {
                name: quantity * (1 - band.fraction)
                if band.leg == "both" or (name == losing) is (band.leg == "losing")
                else left[name]
                for name in ("long", "short")
            }
        for name in left:
            closed = left[name] - keep[name]
            if closed > 0:
                fills.append(PairFill(name, -closed, last))
                left[name] = keep[name]
        if not any(left.values()):
            break
    return LadderPath(tuple(fills), pair_pnl(fills, last, cost), hit, turned)


def intended_prices(
    bands: Sequence[BandLike], entry: Decimal, prices: Sequence[Decimal], reversal_rule: str = "opposite_band"
) -> tuple[Decimal, ...]:
    """The prices a ladder meant to trade at on this path: every band it crossed, gapped over or not, and its reversal.

    Ends with the last price seen when the ladder is still open there, so that both sides value the same position.
    """
    back = _back(bands, entry, reversal_rule)
    meant: list[Decimal] = []
    sign, hit = 0, 0
    for price in prices:
        moved = price - entry
        if sign and sign * moved <= -back:
            return (*meant, entry - sign * back)
        side = sign or (1 if moved > 0 else -1)
        reached = sum(1 for band in bands if side * moved >= band.move * entry)
        if reached > hit:
            sign = side
            meant += [entry * (1 + sign * band.move) for band in bands[hit:reached]]
            hit = reached
        if hit == len(bands):
            return tuple(meant)
    return (*meant, prices[-1]) if prices else ()


def gamma_report(
    bands: Sequence[BandLike],
    entry: Decimal,
    quantity: Decimal,
    prices: Sequence[Decimal],
    fills: Sequence[PairFill],
    fees: Decimal,
    funding: Decimal = ZERO,
    reversal_rule: str = "opposite_band",
) -> GammaReport:
    """Predicted (the ladder at its intended band prices along `prices`) against realised (the real `fills`).

    `prices` are the marks the ladder acted on, the last one also values what is open; `fees` paid and `funding`
    received in USDT. Source: domain.md section 2.
    """
    if not prices:
        raise IndicatorError("prices is empty; pass the marks on which the ladder acted")
    meant = intended_prices(bands, entry, prices, reversal_rule)
    predicted = ladder_path(bands, entry, quantity, ZERO, meant, reversal_rule).result.gross
    realised = pair_pnl(fills, prices[-1]).gross
    return GammaReport(predicted, realised, fees, funding)


def _back(bands: Sequence[BandLike], entry: Decimal, reversal_rule: str) -> Decimal:
    """How far beyond E on the other side an unbalanced ladder is closed, in price."""
    moves = {"opposite_band": bands[0].move, "entry": ZERO, "none": bands[-1].move} if bands else {}
    if reversal_rule not in moves:
        raise IndicatorError(
            f"reversal rule {reversal_rule!r} with {len(bands)} band(s); use opposite_band, entry or none, and bands"
        )
    return entry * moves[reversal_rule]
