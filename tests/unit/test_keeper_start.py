"""What a keeper's start makes good that the last process did and did not live to write down."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, cast

import pytest

from orchestrator.clock import Clock
from orchestrator.execution.venue import OrderRequest
from orchestrator.keeper import Keeper
from orchestrator.ledger.book import Book, tie_out
from orchestrator.ledger.rows import Row
from orchestrator.pair_book import new_state, save_state
from orchestrator.paper_exchange.engine import Engine
from orchestrator.rebalancer.state import Phase
from tests.chaos.exchange import WALLET, DirectVenue, direct
from tests.chaos.memory_desk import MemoryDesk, as_desk, memory_store
from tests.chaos.simulated_clock import SimulatedClock
from tests.guard_scenario import SOL, permitted
from tests.open_pairs import open_pair
from traders.contract.decision import Side


@dataclass
class Started:
    """A desk on an exchange in this process, and its keeper."""

    venue: DirectVenue
    engine: Engine
    desk: MemoryDesk
    keeper: Keeper

    async def trade(self, name: str, position_side: Side, side: Literal["buy", "sell"], quantity: int) -> None:
        order = OrderRequest(
            client_order_id=name,
            symbol=SOL,
            side=side,
            position_side=position_side,
            type="market",
            quantity=Decimal(quantity),
        )
        assert (await self.venue.place(order)).filled == quantity


async def started() -> Started:
    scene, clock = permitted(), SimulatedClock()
    venue, engine = direct(clock=clock)
    await venue.set_position_mode("hedge")
    desk = MemoryDesk(memory_store(scene.context, lambda: None), cast("Clock", clock), venue)
    return Started(venue, engine, desk, Keeper(as_desk(desk), scene.constraints))


async def test_trades_of_an_opening_that_was_undone_are_in_the_ledger_after_a_start() -> None:
    s = await started()
    await s.trade("lone", "long", "buy", 10)
    await s.trade("undone", "long", "sell", 10)
    assert s.engine.account.wallet != WALLET
    await s.keeper.resume()
    book = Book()
    book.add(
        Row(r.venue_id, r.time, r.kind, r.symbol, r.amount, r.position_side, r.side, r.price, r.quantity)  # type: ignore[arg-type]
        for r in s.desk.store.ledger.rows.values()
    )
    assert abs(tie_out(book, WALLET, s.engine.account.wallet).difference) < Decimal("0.005")


@pytest.mark.parametrize("written", [False, True])
async def test_a_half_close_that_was_stored_with_the_state_alone_is_counted_once(written: bool) -> None:
    s, scene = await started(), permitted()
    await s.trade("long", "long", "buy", 10)
    await s.trade("short", "short", "sell", 5)
    pair, ten = open_pair(Decimal(10), Decimal(10)), Decimal(10)
    state = new_state(pair, scene.decision, scene.constraints, Decimal("0.0005"), Decimal(1))
    short = state.short.model_copy(update={"opened": ten, "left": Decimal(5)})
    state = state.model_copy(update={"phase": Phase.UP, "bands_hit": 1, "best": pair.entry_price, "short": short})
    pairs = s.desk.store.pairs
    save_state(as_desk(s.desk), state, "Filled", 1)
    pairs.open_pair(pair, "paper")
    if written:  # the process ended between the event and the pair
        pairs.event(pair.pair_id, pair.decision_id, "half_closed", {"band": 1}, 1)
    for _ in range(2):
        await s.keeper.resume()
    assert [event.trades for event in pairs.events(pair.pair_id) if event.name == "half_closed"] == [1]
    assert pairs.get(pair.pair_id).pair.bands_hit == 1
    assert {leg.side: leg.quantity for leg in pairs.get(pair.pair_id).pair.legs} == {"long": 10, "short": 5}
