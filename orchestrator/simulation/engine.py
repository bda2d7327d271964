"""The event loop: the production trader, guard and rebalancer over a history, one account, several symbols.

Time goes from decision to decision while nothing is open, and from bar to bar while a pair is. A decision sees closed
bars only and is filled at the open of the next bar.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

import numpy as np

from orchestrator.decision_id import decision_id
from orchestrator.risk_guard.review import review
from orchestrator.risk_guard.rule import Rule
from orchestrator.simulation.account import Account
from orchestrator.simulation.cursor import Cursor
from orchestrator.simulation.evaluable import rules_for, with_interest
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.follow import move, tell_hour
from orchestrator.simulation.history import HOUR_MS, Market
from orchestrator.simulation.position import Cycle, Position
from orchestrator.simulation.progress import bar
from orchestrator.simulation.situation import Situations
from orchestrator.simulation.surveying import PlainSurvey
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import Action
from traders.contract.history import Survey, Surveyor
from traders.contract.model import Model
from traders.contract.portfolio import OpenPair
from traders.contract.quote import Switches
from traders.contract.trader import Trader
from traders.contract.verdict import Verdict

Missing = Literal["waive", "strict"]
_MOST_REASONS = 500


@dataclass(frozen=True)
class Setup:
    """What is simulated. `start`, `end` UTC ms; `missing` says what becomes of rules whose source history lacks."""

    symbols: tuple[str, ...]
    start: int
    end: int
    capital: Decimal
    model: FillModel
    policy: Literal["llm", "rules"] = "rules"
    missing: Missing = "waive"


@dataclass
class Outcome:
    """What happened. `rules` counts refusing rules, `abstained` why a model said nothing, `aside` why nothing was
    wanted, in the trader's own words.
    """

    cycles: list[Cycle] = field(default_factory=list)
    decisions: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    abstained: Counter[str] = field(default_factory=Counter)
    aside: Counter[str] = field(default_factory=Counter)
    expired: int = 0
    bars: int = 0
    skipped_hours: int = 0
    not_evaluable: tuple[str, ...] = ()


class Engine:
    """One run over one history."""

    def __init__(
        self,
        trader: Trader,
        constraints: ConstraintSet,
        markets: dict[str, Market],
        setup: Setup,
        model: Model | None = None,
        survey: Survey | None = None,
    ) -> None:
        self._trader, self._constraints, self._markets, self._setup = trader, constraints, markets, setup
        self._llm = model
        self.outcome = Outcome()
        self.account = Account(setup.capital, constraints.limits.max_drawdown)
        self._rules, self.outcome.not_evaluable = rules_for(setup.missing, markets)
        self._with_interest = with_interest(self._rules)
        self._situations = Situations(markets, setup.model, book=setup.missing == "waive")
        self._survey = survey or survey_of(trader, markets, constraints)
        self._cadence = constraints.limits.monitoring_interval_s * 1000
        self._open: dict[str, Position] = {}
        self._prices: dict[str, tuple[int, Decimal]] = {}
        self._bars = {symbol: Cursor(markets[symbol], setup.start, setup.end) for symbol in setup.symbols}

    async def run(self, progress: str | None = None) -> Outcome:
        """To the end of the history; what is open then is closed at the last price. `progress` names a bar on stderr,
        drawn only on a terminal.
        """
        due = self._due()
        if progress is None:
            return await self._through(due, None)
        with bar(progress, len(due)) as advance:
            return await self._through(due, advance)

    async def _through(self, due: list[tuple[int, str]], advance: Callable[[], None] | None) -> Outcome:
        number = 0
        while number < len(due) or self._open:
            next_bar = min((self._bars[symbol].closes for symbol in self._open), default=None)
            if number < len(due) and (next_bar is None or due[number][0] < next_bar):
                at, symbol = due[number]
                number += 1
                if advance is not None:
                    advance()
                if symbol not in self._open:
                    await self._decide(symbol, at)
            elif next_bar is not None:
                for symbol in [symbol for symbol in self._open if self._bars[symbol].closes == next_bar]:
                    await self._bar(symbol)
        self.outcome.bars = sum(path.count for path in self._bars.values())
        return self.outcome

    def _due(self) -> list[tuple[int, str]]:
        """(time, symbol) of every decision that could open something, in order."""
        found: list[tuple[int, str]] = []
        for symbol, path in self._bars.items():
            closes = path.time + path.interval
            hours = np.fromiter(self._survey.entry_hours(symbol), dtype=np.int64)
            hours = hours[hours % HOUR_MS == 0]
            parts = zip(np.searchsorted(closes, hours), np.searchsorted(closes, hours + HOUR_MS), strict=True)
            found += [
                (at, symbol)
                for first, last in parts
                for at in closes[first:last].tolist()
                if at % self._cadence == 0 and self._setup.start <= at < self._setup.end
            ]
        return sorted(found)

    async def _decide(self, symbol: str, at: int) -> None:
        """One decision, judged and taken up."""
        context, verdict = await self._judged(symbol, at)
        permitted = verdict.decision
        if permitted is None:
            return
        position = self._open.get(symbol)
        if permitted.action is Action.ENTER and verdict.plan is not None and position is None:
            path = self._bars[symbol]
            path.seek(at)
            if path.opens != at:  # no next bar: the plan's time runs out
                self.outcome.expired += 1
                return
            price = Decimal(repr(path.bar[0]))
            model, constraints = self._setup.model, self._constraints
            opened = Position.open(self.account, model, permitted, verdict.plan, context, constraints, price, at)
            if opened is None:
                self.outcome.expired += 1
            else:
                self._open[symbol] = opened
                path.previous = path.bar[0]
        elif position is not None and permitted.action in (Action.EXIT, Action.REDUCE):
            position.exit_wanted = "policy_exit"

    async def _judged(self, symbol: str, at: int) -> tuple[Context, Verdict]:
        snapshot = self._situations.snapshot(self._trader.requirements(symbol), at)
        portfolio = self.account.portfolio(at, self._unrealised(at), self._pairs(at), self._margin())
        context = self._survey.observe(snapshot, portfolio, self._constraints)
        proposal = await self._trader.propose(context, self._llm, None, self._setup.policy)
        decision = proposal.decision
        legs = decision.plan.legs if decision.plan is not None else ()
        symbols = tuple(dict.fromkeys((symbol, *(leg.symbol for leg in legs if leg.symbol in self._markets))))
        name = decision_id(self._trader.descriptor.trader_id, symbol, at, None)
        quote = self._situations.quote(symbols, name, at, portfolio.cash)
        switches = Switches(drawdown_latched=self.account.latched_at is not None)
        verdict = review(decision, context, quote, switches, self._constraints, rules=self._rules_at(symbol, at))
        self.outcome.decisions += 1
        self.outcome.actions[decision.action.value] += 1
        self.outcome.verdicts[verdict.outcome] += 1
        if decision.action is Action.STAND_ASIDE:
            self._note_aside(decision.rationale)
        if decision.abstained is not None:
            self.outcome.abstained[decision.abstained.value] += 1
        self.outcome.rules.update(f.rule for f in verdict.findings if f.effect == "refuse")
        return context, verdict

    def _note_aside(self, why: str) -> None:
        """Reasons may hold figures and so be endlessly many: those after the first ones are counted together."""
        known = why in self.outcome.aside or len(self.outcome.aside) < _MOST_REASONS
        self.outcome.aside[(why or "no reason given") if known else "other reasons"] += 1

    def _rules_at(self, symbol: str, at: int) -> tuple[Rule, ...]:
        """The rules that can be judged at a time: open interest may be recorded for a part of the history only."""
        if self._setup.missing == "strict" or not self._situations.knows_interest(symbol, at):
            return self._rules
        return self._with_interest

    async def _bar(self, symbol: str) -> None:
        """The next bar of an open pair, the hour's readings, and what the trader says of it then."""
        path, position = self._bars[symbol], self._open[symbol]
        at = path.closes
        move(path, position)
        path.advance()
        if at % HOUR_MS == 0:
            tell_hour(self._survey, symbol, path, position, at)
        if path.over:
            position.exit_wanted = position.exit_wanted or "end_of_data"
            position.begin_bar(Decimal(repr(path.previous)), at)
        elif at % self._cadence == 0 and self._worth_asking(symbol, position, at):
            await self._decide(symbol, at)
        if position.flat:
            del self._open[symbol]
            self.outcome.cycles.append(position.cycle(at))
        self.account.note(at, self._unrealised(at))

    def _worth_asking(self, symbol: str, position: Position, at: int) -> bool:
        """Whether a decision about an open pair could end it."""
        if position.flat or position.exit_wanted is not None:
            return False
        if self._setup.policy == "llm":
            return True  # what the survey knows of exits is the rules' own
        held = position.held(Decimal(repr(self._bars[symbol].previous)))
        return self._survey.may_exit(symbol, at - at % HOUR_MS, held)

    def _unrealised(self, at: int) -> Decimal:
        return sum((p.unrealised(self._price(symbol, at)) for symbol, p in self._open.items()), Decimal(0))

    def _pairs(self, at: int) -> list[OpenPair]:
        return [position.seen(self._price(symbol, at)) for symbol, position in self._open.items()]

    def _margin(self) -> Decimal:
        return sum((position.margin() for position in self._open.values()), Decimal(0))

    def _price(self, symbol: str, at: int) -> Decimal:
        known = self._prices.get(symbol)
        if known is None or known[0] != at:  # asked several times at one time, never at an earlier one again
            known = self._prices[symbol] = (at, Decimal(repr(self._situations.price(symbol, at))))
        return known[1]


def survey_of(trader: Trader, markets: dict[str, Market], constraints: ConstraintSet) -> Survey:
    """The trader's own survey, or one that asks it at every hour."""
    history = {symbol: market.whole() for symbol, market in markets.items()}
    able = _surveyor(trader)
    return PlainSurvey(trader, history) if able is None else able.survey(history, constraints.limits)


def _surveyor(able: object) -> Surveyor | None:
    return able if isinstance(able, Surveyor) else None
