"""The two-venue section of a simulation: three plays of one tactic, and what each is worth reading for.

`as_configured` is what the user's limits do. `with_switch_on` is the same guard with `funding_pair_enabled` true.
`refusals_silenced` follows every wide spread as if the rules that refuse it said nothing: what they cost or saved.
The last two are hypothetical, and say so.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from indicators.funding_pair import FundingPair
from orchestrator.errors import UsageError
from orchestrator.ledger.book import Book
from orchestrator.ledger.position import plain
from orchestrator.other_limits import changed
from orchestrator.simulation.columns import HistoryError
from orchestrator.simulation.document import LedgerMismatch
from orchestrator.simulation.engine import Setup
from orchestrator.simulation.evaluable import rules_for, with_interest
from orchestrator.simulation.funding_guard import Bench, Judged, judged
from orchestrator.simulation.funding_pairs import FundingRun, FundingTactic, Qualified
from orchestrator.simulation.funding_position import FundingCycle
from orchestrator.simulation.funding_venues import TwoVenues, guessed_venue, joined, second_markets
from orchestrator.simulation.history import Market
from orchestrator.simulation.situation import Situations
from traders.contract.constraints import ConstraintSet
from traders.contract.history import Survey
from traders.contract.portfolio import Portfolio
from traders.contract.trader import Trader

SWITCH = "funding_pair_enabled"
_MONEY = ("gross", "slippage", "fees", "funding", "funding_short", "funding_long", "net")


@dataclass(frozen=True)
class Second:
    """The second venue of a request: its folder, and its name (None: as the folder's path gives it away)."""

    folder: Path
    venue: str | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.venue or guessed_venue(self.folder)


def section(
    trader: Trader,
    survey: Survey,
    constraints: ConstraintSet,
    markets: dict[str, Market],
    setup: Setup,
    second: Second,
) -> dict[str, Any]:
    """Play it. Raises HistoryError for a second folder without data, UsageError for two venues of one name."""
    first_venue = next(iter(markets.values())).venue
    if second.name == first_venue:
        raise UsageError("usage", f"both venues are called {first_venue}", "name them with --venue and --second-venue")
    if not 1 <= len(second.name) <= 32:
        raise UsageError("usage", f"--second-venue {second.name!r}", "a name of 1 to 32 characters")
    there, left_out = second_markets(second.folder, setup.symbols, second.name)
    pairs = []
    for symbol, market in there.items():
        try:
            pairs.append(joined(markets[symbol], market))
        except HistoryError as error:
            left_out[symbol] = error.message
    spans = {one.symbol: _overlap(one, setup) for one in pairs}
    for symbol, span in spans.items():
        if span is None:
            left_out[symbol] = f"{first_venue} and {second.name} have no candles of {symbol} at the same time"
    pairs = [one for one in pairs if spans[one.symbol] is not None]
    if not pairs:
        raise HistoryError(
            "no_data", "; ".join(left_out.values()), "name a folder with candles and funding of the same period"
        )
    asked, _ = rules_for(setup.missing, markets)
    bench = Bench(
        trader=trader,
        survey=survey,
        first=Situations(markets, setup.model, book=setup.missing == "waive"),
        second=Situations(there, setup.model, book=True),
        venues=(first_venue, second.name),
        model=setup.model,
        rules=asked,
        rules_with_interest=asked if setup.missing == "strict" else with_interest(asked),
    )
    enabled = constraints.limits.funding_pair_enabled
    on = constraints if enabled else changed(constraints, {SWITCH: True})
    configured = _played(bench, pairs, constraints, setup, silenced=False)
    return {
        "venues": [first_venue, second.name],
        "spans": {symbol: list(span) for symbol, span in spans.items() if span is not None},
        "left_out": left_out,
        "switch": SWITCH,
        "enabled": enabled,
        "enter": float(constraints.limits.funding_spread_enter),
        "exit": float(constraints.limits.funding_spread_exit),
        "intervals": configured.intervals,
        "unknown": configured.unknown,
        "qualified": len(configured.qualified),
        "widest_spread_8h": float(configured.widest),
        "qualified_at": [_qualified(one) for one in configured.qualified],
        "as_configured": _play(configured, setup, hypothetical=False),
        "with_switch_on": None
        if enabled
        else _play(_played(bench, pairs, on, setup, silenced=False), setup, hypothetical=True),
        "refusals_silenced": _play(_played(bench, pairs, on, setup, silenced=True), setup, hypothetical=True),
    }


def _overlap(pair: TwoVenues, setup: Setup) -> tuple[int, int] | None:
    first, last = pair.span()
    start, end = max(first, setup.start), min(last, setup.end)
    return (start, end) if start < end else None


def _played(
    bench: Bench, pairs: Sequence[TwoVenues], constraints: ConstraintSet, setup: Setup, *, silenced: bool
) -> FundingRun:
    def judge(symbol: str, at: int, found: FundingPair, portfolio: Portfolio, latched: bool) -> Judged:
        return judged(bench, symbol, at, found, portfolio, constraints, latched=latched, silenced=silenced)

    tactic = FundingTactic(pairs, constraints, setup.model, setup.capital, (setup.start, setup.end), judge)
    return tactic.play()


def checked(run: FundingRun, capital: Decimal) -> None:
    """Raises LedgerMismatch when ledger, wallet and the pairs' own figures are not one sum."""
    book = Book()
    book.add(run.account.rows)
    gained = run.account.wallet - capital
    own = sum((cycle.net for cycle in run.cycles), Decimal(0))
    if max(abs(plain(book.net) - gained), abs(own - gained)) > Decimal("0.000001"):
        raise LedgerMismatch(f"funding pairs: ledger {plain(book.net)}, wallet {gained}, pairs {own}")


def _play(run: FundingRun, setup: Setup, *, hypothetical: bool) -> dict[str, Any]:
    checked(run, setup.capital)
    return {
        "hypothetical": hypothetical,
        "pairs": len(run.cycles),
        "expired": run.expired,
        "refused_by": dict(run.refused_by.most_common()),
        **_money(run.cycles),
        "exits": dict(Counter(cycle.reason for cycle in run.cycles).most_common()),
        "cycles": [_cycle(cycle) for cycle in run.cycles],
    }


def _money(cycles: Sequence[FundingCycle]) -> dict[str, str]:
    zero = Decimal(0)
    return {name: _text(sum((getattr(cycle, name) for cycle in cycles), zero)) for name in _MONEY}


def _cycle(cycle: FundingCycle) -> dict[str, Any]:
    return {
        "symbol": cycle.symbol,
        "decision_id": cycle.decision_id,
        "short_venue": cycle.short_venue,
        "long_venue": cycle.long_venue,
        "opened_at": cycle.opened_at,
        "closed_at": cycle.closed_at,
        "spread_8h": float(cycle.spread_entry),
        "notional": _text(cycle.notional),
        "pair_margin": _text(cycle.pair_margin),
        "ended_by": cycle.reason,
        "payments": cycle.payments,
        **{name: _text(getattr(cycle, name)) for name in _MONEY},
    }


def _qualified(one: Qualified) -> Mapping[str, Any]:
    hours = one.found.break_even_hours
    return {
        "symbol": one.symbol,
        "at": one.at,
        "spread_8h": float(one.found.spread_8h),
        "short_venue": one.found.short_venue,
        "long_venue": one.found.long_venue,
        "earns_8h": _text(one.found.earns_8h),
        "costs": _text(one.found.costs),
        "break_even_hours": None if hours is None else round(float(hours), 2),
        "verdict": one.outcome,
        "refused_by": list(one.refused_by),
        "opened": one.opened,
    }


def _text(value: Decimal) -> str:
    return format(value.quantize(Decimal("1e-8")), "f")
