"""What must hold in every life: after each event at the venue, once it is calm, and in the books at the end."""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

from orchestrator.execution.goal import latest_bracket
from orchestrator.execution.venue import OrderRequest
from orchestrator.hands import execution_store
from orchestrator.ledger.book import Book, tie_out
from orchestrator.ledger.rows import Row
from orchestrator.ledger_feed import refresh
from orchestrator.pair_book import load_state
from orchestrator.paper_exchange.forced import ADL
from orchestrator.rebalancer.state import Phase
from tests.chaos.exchange import WALLET
from tests.chaos.memory_desk import as_desk
from tests.guard_scenario import SOL

if TYPE_CHECKING:
    from tests.chaos.life import Life

D = Decimal
LOTS = 100


def opening(life: "Life", order: OrderRequest) -> None:
    """No new risk while an outcome is unknown."""
    others = [
        row.client_order_id
        for row in life.desk.store.orders.unresolved()
        if row.kind != "goal" and row.client_order_id != order.client_order_id
    ]
    life.demand(not others, f"an opening order while {others} are unknown")
    life.demand(order.client_order_id in life.desk.store.orders.rows, "an order without an intent")


def always(life: "Life") -> None:
    """What holds after every event at the venue."""
    names = [row["clientOrderId"] for row in life.engine.orders if row["clientOrderId"] != ADL]
    life.demand(len(names) == len(set(names)), "an id was used for two orders")
    for side, opens in (("LONG", "BUY"), ("SHORT", "SELL")):
        rows = [row for row in life.engine.orders if (row["positionSide"], row["side"]) == (side, opens)]
        filled = sum((D(row["executedQty"]) for row in rows), D(0))
        life.demand(filled <= LOTS, f"{filled} opened of {LOTS} on the {side} side")
    held = {position.side for position in life.engine.account.open_positions()}
    orphans = [row["clientAlgoId"] for row in life.engine.open_algos() if row["positionSide"] not in held]
    life.demand(not orphans, f"conditional orders of a position that is gone: {orphans}")
    for pair in life.desk.store.pairs.open_pairs():
        life.demand(f"rebalancer:{pair.pair_id}" in life.desk.store.state.rows, "a pair whose ladder has no state")


def settled(life: "Life") -> None:
    """What holds once a calm venue has been looked at: protected and within the limit, or flat with nothing left."""
    always(life)
    store = life.desk.store
    life.demand(not store.orders.unresolved(), f"unresolved: {[r.client_order_id for r in store.orders.unresolved()]}")
    held = {p.side: abs(p.quantity) for p in life.engine.account.open_positions()}
    pairs = store.pairs.open_pairs()
    resting = life.engine.open_algos() + life.engine.open_orders()
    if not held:
        life.demand(not resting, "flat, but orders rest")
        life.demand(not pairs, "flat, but the record says open")
        return
    life.demand(set(held) == {"LONG", "SHORT"}, f"one leg alone: {held}")
    life.demand(len(pairs) == 1, "positions without a pair on record")
    state = load_state(as_desk(life.desk), pairs[0].pair_id)
    life.demand(state is not None and not state.in_flight, "closes still in flight")
    assert state is not None
    life.demand((held["LONG"], held["SHORT"]) == (state.long.left, state.short.left), f"{held} is not as remembered")
    life.demand(abs(state.net_delta) <= D("0.35"), f"net delta {state.net_delta}")
    # what the venue took of one leg is taken over, within the limit on net delta; nothing of ours makes legs unequal
    taken = any(event.name == "quantity_changed" for event in store.pairs.log)
    equal = held["LONG"] == held["SHORT"]
    life.demand(state.phase is not Phase.NEUTRAL or equal or taken, f"unequal while neutral: {held}")
    places = {(row["positionSide"], row["orderType"]) for row in resting}
    life.demand(len(resting) == 4 and len(places) == 4, f"the bracket is not four orders: {sorted(places)}")
    bracket = latest_bracket(execution_store(as_desk(life.desk)), pairs[0].decision_id)
    assert bracket is not None
    prices = {D(row["triggerPrice"]) for row in resting}
    life.demand(prices == {bracket.upper, bracket.lower}, f"the bracket rests at {sorted(prices)}, not at {bracket}")


def tied(life: "Life") -> None:
    """Every cent of the wallet is in the ledger."""
    asyncio.run(refresh(as_desk(life.desk), SOL))
    book = Book()
    book.add(
        Row(r.venue_id, r.time, r.kind, r.symbol, r.amount, r.position_side, r.side, r.price, r.quantity)  # type: ignore[arg-type]
        for r in life.desk.store.ledger.rows.values()
    )
    difference = tie_out(book, WALLET, life.engine.account.wallet).difference
    life.demand(abs(difference) < D("0.005"), f"the ledger is off by {difference}")
