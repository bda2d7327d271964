"""What a keeper's start brings in of trades that the last process made and did not live to write down."""

from decimal import Decimal
from typing import Literal, cast

from orchestrator.clock import Clock
from orchestrator.execution.venue import OrderRequest
from orchestrator.keeper import Keeper
from orchestrator.ledger.book import Book, tie_out
from orchestrator.ledger.rows import Row
from tests.chaos.exchange import WALLET, direct
from tests.chaos.memory_desk import MemoryDesk, as_desk, memory_store
from tests.chaos.simulated_clock import SimulatedClock
from tests.guard_scenario import SOL, permitted


async def test_trades_of_an_opening_that_was_undone_are_in_the_ledger_after_a_start() -> None:
    scene, clock = permitted(), SimulatedClock()
    venue, engine = direct(clock=clock)
    await venue.set_position_mode("hedge")
    sides: tuple[Literal["buy", "sell"], ...] = ("buy", "sell")
    for number, side in enumerate(sides):
        order = OrderRequest(
            client_order_id=f"lone-{number}",
            symbol=SOL,
            side=side,
            position_side="long",
            type="market",
            quantity=Decimal(10),
            reduces=side == "sell",
        )
        assert (await venue.place(order)).filled == 10
    desk = MemoryDesk(memory_store(scene.context, lambda: None), cast("Clock", clock), venue)
    assert engine.account.wallet != WALLET
    await Keeper(as_desk(desk), scene.constraints).resume()
    book = Book()
    book.add(
        Row(r.venue_id, r.time, r.kind, r.symbol, r.amount, r.position_side, r.side, r.price, r.quantity)  # type: ignore[arg-type]
        for r in desk.store.ledger.rows.values()
    )
    assert abs(tie_out(book, WALLET, engine.account.wallet).difference) < Decimal("0.005")
