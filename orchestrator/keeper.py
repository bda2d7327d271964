"""The fast loop: looks at every open pair each second and does what the rebalancer asks for.

No model and no guard is asked here: the plan was permitted when it was opened, and what is done under it only closes.
A venue that does not answer leaves a pair as it is, protected by the bracket that rests at the exchange.
"""

from decimal import Decimal

from data_fetchers.symbols import prefix_of
from orchestrator import ledger_feed
from orchestrator.desk import Desk
from orchestrator.errors import HostError
from orchestrator.execution.venue import VenueError
from orchestrator.hands import recover_open_business
from orchestrator.pair_actions import PairActions
from orchestrator.pair_book import follow_plan, load_state, save_state
from orchestrator.pair_check import PairCheck
from orchestrator.rebalancer.events import BarClosed, Kill, Tick
from orchestrator.rebalancer.state import PairState, Phase
from orchestrator.reconciler import Reconciler
from orchestrator.responses import Responses
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.portfolio import OpenPair


class Keeper:
    """Keeps the open pairs of one desk. `notes` are lines for people, taken by whoever shows them."""

    def __init__(self, desk: Desk, constraints: ConstraintSet, responses: Responses | None = None) -> None:
        responses = responses or Responses()
        self._desk = desk
        self._constraints = constraints
        self._actions = PairActions(desk, constraints)
        self._check = PairCheck(desk, constraints, self._actions, responses)
        self._account = Reconciler(desk, constraints, responses, self._actions.notes)
        self.unanswered = 0

    @property
    def notes(self) -> list[str]:
        """Lines for people; whoever shows them clears the list."""
        return self._actions.notes

    @property
    def reopenable(self) -> list[str]:
        """Closed pairs that another ladder may follow, if it is opened before the process ends; whoever does takes
        them out."""
        return self._actions.reopenable

    async def resume(self) -> None:
        """After a start, recovery having settled earlier orders: every pair as the venue has it now.

        Raises VenueError. What was between two steps when the last process ended is taken up by the next look.
        """
        for symbol in self._constraints.limits.allowed_symbols:
            # the last process may have ended between an order and its row in the ledger, with no pair left to tell
            await ledger_feed.refresh(self._desk, symbol)
        for pair in self._desk.store.pairs.open_pairs(self._desk.exchange_name):
            now = await self._desk.venue.server_time()
            state = load_state(self._desk, pair.pair_id)
            if state is None:
                text = "no ladder state is stored: only the bracket protects it"
                self._actions.note(pair, "state_missing", text, now)
                continue
            state = await self._check.money(pair, state, now)
            held = await self._check.held(pair)
            if len(held) == 2 and not state.in_flight:
                if state.bands_hit > pair.bands_hit:  # stored with the state, and the process ended there
                    self._actions.count_band(pair, state, now)
                await self._actions.protect(pair, state, now)

    async def look(self, *, flatten: bool = False) -> None:
        """One look at every open pair, and when it is time at the whole account.

        Venue errors are counted, not raised; errors of the store are raised. With `flatten` nothing that goes wrong
        with one pair keeps the others from being closed: it is noted.
        """
        async with self._desk.hands:
            for pair in self._desk.store.pairs.open_pairs(self._desk.exchange_name):
                try:
                    await self._look_at(pair, load_state(self._desk, pair.pair_id), flatten)
                    self.unanswered = 0
                except (VenueError, HostError) as error:
                    self._silent(pair, error)
                except Exception as error:
                    if not flatten:
                        raise
                    self.notes.append(f"{pair.symbol}: could not be closed ({error!r}); the other pairs are closed")
            if not flatten:
                await self._account.when_due()

    async def bar(self, context: Context) -> None:
        """Tell the pairs of a symbol what the last closed bar says. Venue errors are counted, not raised."""
        p = prefix_of(context.symbol)
        source = context.sources.get(f"{p}.market_data.1h")
        event = BarClosed(
            at=context.as_of,
            bar=None if source is None else source.as_of,
            atr_ratio=_exact(context.value(f"{p}.1h.atr_ratio")),
            funding_rate_8h=_exact(context.value(f"{p}.funding.rate_8h")),
            readings={name: Decimal(repr(reading.value)) for name, reading in context.readings.items()},
        )
        async with self._desk.hands:
            for pair in self._desk.store.pairs.open_pairs(self._desk.exchange_name):
                state = load_state(self._desk, pair.pair_id)
                if pair.symbol != context.symbol or state is None:
                    continue
                try:
                    # a decision may have opened it a moment ago: what is in flight is settled by the next look
                    await self._actions.apply(pair, state, event, max(event.at, pair.opened_at))
                except VenueError as error:
                    self._silent(pair, error)

    async def _look_at(self, pair: OpenPair, state: PairState | None, flatten: bool) -> None:
        now = await self._desk.venue.server_time()
        if state is None:
            if flatten:
                await self._actions.close_unknown(pair, "kill", now)
            return None
        if state.phase is Phase.FLAT:  # ended, but its record could not be closed then
            return await self._actions.end(pair, state, now)
        followed = follow_plan(state, pair)
        retightened = followed != state
        if retightened:
            state = followed
            save_state(self._desk, state, "the plan was tightened", now)
        if self._check.money_due(pair, now):
            state = await self._check.money(pair, state, now)
        if state.in_flight:
            state = await self._check.catch_up(pair, state, now)
        held = await self._check.held(pair)
        state = await self._check.gone(pair, state, held, now)
        state = await self._check.agree(pair, state, held, now)
        if state.phase is Phase.FLAT:
            return None
        if not pair.protected and not state.in_flight:
            if self._desk.store.orders.unresolved():
                self._actions.notes += await recover_open_business(self._desk, self._constraints)
            await self._actions.protect(pair, state, now)
            state = self._actions.stored(state)
        elif not state.in_flight:
            state = await self._check.bracket(pair, state, now)
        mark = next((position.mark_price for position in held.values()), None)
        if flatten:
            await self._actions.apply(pair, state, Kill(at=now), now)
        elif mark is not None:
            state = await self._actions.apply(pair, state, Tick(at=now, mark=mark), now)
            if retightened and not state.in_flight:
                await self._actions.protect(pair, state, now)
        return None

    def _silent(self, pair: OpenPair, error: Exception) -> None:
        self.unanswered += 1
        if self.unanswered in (1, 10, 60):
            self.notes.append(f"{pair.symbol}: the venue does not answer ({error}); the bracket still rests")


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))
