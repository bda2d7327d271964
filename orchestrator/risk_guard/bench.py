"""What a situation says before any decision is looked at: one bench, many decisions.

Regime, signals and size factors are worked out again from the numeric readings and the constraints; the regime and
flags that the context or a policy states are never trusted. Readings are compared as their decimal text says
(`repr` of the float), so that 0.0005 is not above 0.0005.
"""

from decimal import Decimal
from functools import cached_property

from data_fetchers.symbols import prefix_of
from indicators.entry_matrix import EntrySignals, classify_regime, collapse_level, entry_signals
from orchestrator.risk_guard.market import LegMarket
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import Regime
from traders.contract.quote import Quote, Switches

#: The regimes in which an entry may be made (domain.md section 6).
ENTRY_REGIMES = frozenset({Regime.LOW_VOL_EXPANDING, Regime.HIGH_VOL_SUSTAINED})


class Bench:
    """Context, quote, switches and constraints, with what follows from them alone."""

    def __init__(self, context: Context, quote: Quote, switches: Switches, constraints: ConstraintSet) -> None:
        self.context = context
        self.quote = quote
        self.switches = switches
        self.constraints = constraints
        self.limits = constraints.limits
        self.portfolio = context.portfolio
        self.now = quote.taken_at
        self.prefix = prefix_of(context.symbol)
        self._markets = {(leg.venue, leg.symbol): LegMarket(leg) for leg in quote.legs.values()}

    def reading(self, name: str) -> Decimal | None:
        """A reading exactly as shown, or None."""
        reading = self.context.readings.get(name)
        return None if reading is None else Decimal(repr(reading.value))

    def own(self, name: str) -> Decimal | None:
        """A reading of the primary symbol: `own("1h.atr_ratio")` is `sol.1h.atr_ratio`."""
        return self.reading(f"{self.prefix}.{name}")

    def market(self, venue: str, symbol: str) -> LegMarket | None:
        """The fresh market of a leg, or None when the quote does not have it."""
        return self._markets.get((venue, symbol))

    @cached_property
    def context_intact(self) -> bool:
        """Whether the context is the one whose hash it carries."""
        return self.context.context_hash == self.context.compute_hash()

    @cached_property
    def collapse_level(self) -> Decimal | None:
        """The highest ratio below which volatility has collapsed for a pair open on this symbol; None without one."""
        levels = [
            collapse_level(pair.atr_ratio_entry, self.limits)
            for pair in self.portfolio.pairs
            if pair.symbol == self.context.symbol and pair.atr_ratio_entry is not None
        ]
        return max(levels, default=None)

    @cached_property
    def regime(self) -> Regime:
        """The regime on 1h, from the readings."""
        return Regime(
            classify_regime(
                atr_ratio=self.own("1h.atr_ratio"),
                atr_ratio_prev=self.own("1h.atr_ratio_prev"),
                tr_multiple=self.own("1h.tr_multiple"),
                natr=self.own("1h.natr14"),
                natr_median=self.own("1h.natr14_median_1y"),
                vix_proxy=self.own("1h.vix_proxy"),
                collapse_level=self.collapse_level,
                limits=self.limits,
            )
        )

    @cached_property
    def signals(self) -> EntrySignals:
        """The four entry signals, from the readings."""
        return entry_signals(
            atr_ratio=self.own("1h.atr_ratio"),
            bb_expansion_age=self.own("1h.bb_expansion_age"),
            funding_rate_8h=self.own("funding.rate_8h"),
            imbalance=self.own("book.imbalance"),
            limits=self.limits,
        )
