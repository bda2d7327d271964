"""How a simulated order fills: the assumption behind every simulated figure, stated in one place.

A taker order pays half the spread and walks a book of even density: `depth_usdt` lies within 1 % of mid, half on each
side. The same book is what the guard is quoted, so that it judges the costs that the simulation then charges.
"""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from orchestrator.paper_exchange.contracts import BRACKETS, CONTRACTS, ContractRules
from traders.contract.quote import Contract, Fees, LegQuote, Level, MarginTier

#: Edges of the modelled book's levels, as fractions of mid beyond the best price: fine near it, to beyond 1 %.
_EDGES = tuple(
    Decimal(bp) / 10_000
    for bp in ("0", "0.2", "0.5", "1", "1.5", "2", "3", "4", "5", "7", "10", "15", "20", "30", "40", "60", "80", "120")
)
_NEAR = Decimal("0.01")


@dataclass(frozen=True)
class FillModel:
    """Fees as fractions of notional; spread as a fraction of mid; depth in USDT of both sides within 1 %.

    `price_source` says when an entry decided at a bar's close fills: at the open of the next bar.
    """

    taker: Decimal = Decimal("0.0005")
    maker: Decimal = Decimal("0.0002")
    spread: Decimal = Decimal("0.0001")
    depth_usdt: Decimal = Decimal(20_000_000)
    cost_factor: Decimal = Decimal(1)

    def slippage(self, notional: Decimal) -> Decimal:
        """Average distance from mid at which `notional` USDT fill, as a fraction: half spread + half the walk."""
        walk = notional / (self.depth_usdt / 2) * _NEAR
        return (self.spread / 2 + walk / 2) * self.cost_factor

    def fill_price(self, price: Decimal, quantity: Decimal, *, buys: bool) -> Decimal:
        """Average price of a market order at a mid of `price`."""
        away = self.slippage(quantity * price)
        return price * (1 + away) if buys else price * (1 - away)

    def fee(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Taker fee, USDT."""
        return quantity * price * self.taker * self.cost_factor

    def fees(self) -> Fees:
        """As the guard is told."""
        return Fees(maker=self.maker * self.cost_factor, taker=self.taker * self.cost_factor)

    def levels(self, mid: Decimal, sign: int) -> tuple[Level, ...]:
        """One side of the modelled book, best first (`sign` +1 asks, -1 bids)."""
        density = self.depth_usdt / 2 / _NEAR
        found = []
        for near, far in pairwise(_EDGES):
            price = mid * (1 + sign * (self.spread / 2 + (near + far) / 2))
            found.append((price, density * (far - near) / price))
        return tuple(found)

    def quote(self, venue: str, symbol: str, mid: Decimal, at: int, next_funding_time: int | None) -> LegQuote:
        """What the guard is quoted for one leg: mark, last and mid are the same price, there is no index."""
        rules = contract_rules(symbol)
        return LegQuote(
            venue=venue,
            symbol=symbol,
            mark=mid,
            last=mid,
            index=None,
            mid=mid,
            bids=self.levels(mid, -1),
            asks=self.levels(mid, +1),
            book_as_of=at,
            contract=Contract(
                price_tick=rules.tick,
                quantity_step=rules.step,
                min_quantity=rules.min_quantity,
                max_quantity=rules.max_quantity,
                market_quantity_step=rules.step,
                market_min_quantity=rules.min_quantity,
                market_max_quantity=rules.market_max_quantity,
                min_notional=rules.min_notional,
                trigger_protect=rules.trigger_protect,
                market_take_bound=rules.market_take_bound,
                price_band_up=rules.band_up,
                price_band_down=rules.band_down,
            ),
            tiers=TIERS,
            next_funding_time=next_funding_time,
            margin_mode="isolated",
        )


TIERS = tuple(
    MarginTier(
        notional_floor=bracket.floor,
        notional_cap=bracket.cap,
        max_leverage=bracket.leverage,
        maintenance_margin_rate=bracket.rate,
        maintenance_amount=bracket.cum,
    )
    for bracket in BRACKETS
)


def contract_rules(symbol: str) -> ContractRules:
    """Steps and minima of a perpetual; those of the paper exchange, a usual set for others."""
    name = symbol.split(":")[0].replace("/", "")
    return CONTRACTS.get(name) or ContractRules(name, symbol.split("/")[0], Decimal("0.0001"))
