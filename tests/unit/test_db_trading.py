"""Order intents, pairs and ledger rows: written once, never lost, never doubled."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from db.database import Database, open_database
from db.errors import Conflict, Corrupt, NotFound
from db.ledger_repository import LedgerRepository, LedgerRow
from db.orders_repository import OrdersRepository
from db.pairs_repository import PairsRepository
from tests.store import fresh
from traders.contract.decision import Band, LegPlan, PairPlan
from traders.contract.portfolio import OpenPair, PairLeg

SOL = "SOL/USDT:USDT"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = fresh(tmp_path)
    yield database
    database.close()


def pair(pair_id: str = "p1", venue: str = "paper", opened_at: int = 1_000) -> OpenPair:
    return OpenPair(
        pair_id=pair_id,
        decision_id="d1",
        kind="gamma",
        symbol=SOL,
        opened_at=opened_at,
        entry_price=Decimal("120.10"),
        legs=tuple(
            PairLeg(
                leg_id=f"{pair_id}-{side}",
                venue=venue,
                symbol=SOL,
                side=side,
                quantity=Decimal("416.66"),
                entry_price=Decimal("120.1"),
            )
            for side in ("long", "short")
        ),
        pair_margin=Decimal(20_000),
        leverage=5,
        plan=PairPlan(
            kind="gamma",
            legs=tuple(LegPlan(venue=venue, symbol=SOL, side=side, weight=Decimal(1)) for side in ("long", "short")),
            pair_margin_fraction=Decimal("0.2"),
            leverage=5,
            bands=(
                Band(move=Decimal("0.02"), leg="losing", fraction=Decimal("0.5")),
                Band(move=Decimal("0.04"), leg="both", fraction=Decimal(1)),
            ),
            rehedge="none",
            reversal_rule="opposite_band",
            stop_loss=Decimal("0.08"),
            take_profit=Decimal("0.12"),
            trailing_atr_multiple=Decimal(3),
            max_holding_hours=Decimal(48),
            reopen=True,
        ),
        net_delta=Decimal(0),
        cycle_pnl=Decimal("-0.005"),
    )


# orders


def test_an_intent_is_durable_before_anything_is_sent(database: Database) -> None:
    orders = OrdersRepository(database)
    assert orders.intend("vgabc", "d1", "long", 0, "entry", {"quantity": "1.5"}, 1_000)
    elsewhere = open_database(str(database.url))  # another process, after a crash
    found = OrdersRepository(elsewhere).unresolved()
    assert [(one.client_order_id, one.request, one.status) for one in found] == [
        ("vgabc", {"quantity": "1.5"}, "intended")
    ]
    elsewhere.close()


def test_the_same_intent_twice_is_one_and_another_order_under_its_id_is_refused(database: Database) -> None:
    orders = OrdersRepository(database)
    assert orders.intend("vgabc", "d1", "long", 0, "entry", {"quantity": "1.5"}, 1_000)
    assert not orders.intend("vgabc", "d1", "long", 0, "entry", {"quantity": "1.5"}, 2_000)
    with pytest.raises(Conflict, match="another request"):
        orders.intend("vgabc", "d1", "long", 0, "entry", {"quantity": "2"}, 2_000)
    with pytest.raises(Conflict, match="another decision_id"):
        orders.intend("vgabc", "d2", "long", 0, "entry", {"quantity": "1.5"}, 2_000)
    assert orders.unresolved()[0].intended_at == 1_000


def test_unknown_stays_unresolved_until_the_venue_says(database: Database) -> None:
    orders = OrdersRepository(database)
    for number in range(3):
        orders.intend(f"vg{number}", "d1", "long", number, "entry", {}, 1_000 + number)
    orders.resolve("vg0", "filled", {"filled": "1"}, 2_000)
    orders.resolve("vg1", "unknown", None, 2_000)
    assert [one.client_order_id for one in orders.unresolved()] == ["vg1", "vg2"]
    orders.resolve("vg1", "canceled", None, 3_000)
    assert [one.client_order_id for one in orders.unresolved()] == ["vg2"]
    assert [(one.status, one.report, one.resolved_at) for one in orders.of_decision("d1")][:2] == [
        ("filled", {"filled": "1"}, 2_000),
        ("canceled", None, 3_000),
    ]
    assert orders.get("nothing") is None
    with pytest.raises(NotFound, match="vg9"):
        orders.resolve("vg9", "filled", None, 1)


# pairs


def test_a_pair_lives_from_opening_until_flat_to_the_last_digit(database: Database) -> None:
    pairs = PairsRepository(database)
    pairs.open_pair(pair())
    pairs.open_pair(pair("p2", "bybit", 2_000))
    assert pairs.open_pairs("paper") == (pair(),)
    assert [one.pair_id for one in pairs.open_pairs()] == ["p1", "p2"]
    changed = pair().model_copy(update={"bands_hit": 1, "net_delta": Decimal("0.333333333")})
    pairs.update(changed)
    assert pairs.open_pairs("paper") == (changed,)
    pairs.close("p1", 9_000, "target", {"net": Decimal("398.25").to_eng_string()})
    assert pairs.open_pairs("paper") == ()
    stored = pairs.get("p1")
    assert (stored.closed_at, stored.reason, stored.result) == (9_000, "target", {"net": "398.25"})
    assert [one.pair.pair_id for one in pairs.closed_pairs("paper", since=9_000)] == ["p1"]
    assert pairs.closed_pairs("paper", since=9_001) == ()


def test_a_pair_is_opened_once_and_closed_once(database: Database) -> None:
    pairs = PairsRepository(database)
    pairs.open_pair(pair())
    with pytest.raises(Conflict, match="p1"):
        pairs.open_pair(pair())
    pairs.close("p1", 9_000, "stop")
    for again in (lambda: pairs.close("p1", 9_999, "target"), lambda: pairs.update(pair()), lambda: pairs.get("p9")):
        with pytest.raises(NotFound):
            again()
    assert pairs.get("p1").reason == "stop"


def test_a_damaged_pair_is_an_error_and_not_a_flat_account(database: Database) -> None:
    pairs = PairsRepository(database)
    pairs.open_pair(pair())
    with database.write() as connection:
        connection.execute(text("UPDATE pairs SET document = '{}'"))
    with pytest.raises(Corrupt, match="p1"):
        pairs.open_pairs("paper")


def test_openings_and_half_closes_count_as_trades_and_closes_never_do(database: Database) -> None:
    pairs = PairsRepository(database)
    pairs.open_pair(pair())  # at 1_000: counted by itself
    for at, name in enumerate(("half_closed", "closed", "stopped", "reopened", "reversed", "opened"), 1_001):
        pairs.event("p1", "d1", name, {"price": "122.4"}, at)
    pairs.event("p1", None, "counted_by_the_caller", {}, 2_000, trades=2)
    assert pairs.trades_since(0) == 5
    assert pairs.trades_since(1_000) == 4  # exactly 24 h old: out
    assert (pairs.trades_since(0, "paper"), pairs.trades_since(0, "bybit")) == (5, 0)
    events = pairs.events("p1")
    assert [(event.name, event.trades) for event in events][:3] == [("opened", 1), ("half_closed", 1), ("closed", 0)]
    assert events[1].document == {"price": "122.4"}
    assert pairs.events("p2") == ()
    assert len(pairs.events(since=1_006)) == 2


def test_a_pair_that_could_not_be_stored_counts_nothing(database: Database) -> None:
    pairs = PairsRepository(database)
    pairs.open_pair(pair())
    with pytest.raises(Conflict):
        pairs.open_pair(pair())
    assert pairs.trades_since(0) == 1


def test_an_event_written_before_its_pair_counts_all_the_same(database: Database) -> None:
    pairs = PairsRepository(database)
    pairs.event("p1", "d1", "half_closed", {}, 1_000)
    assert (pairs.trades_since(0, "paper"), pairs.trades_since(0, "bybit")) == (1, 1)  # whose it is, is not known yet
    pairs.open_pair(pair())
    assert (pairs.trades_since(0, "paper"), pairs.trades_since(0, "bybit")) == (2, 0)


# ledger


def row(venue_id: str, amount: str = "25.000000000000000001", **changes: object) -> LedgerRow:
    values = {"exchange": "paper", "kind": "fill", "venue_id": venue_id, "time": 1_000, "symbol": SOL, "side": "buy"}
    values |= {"amount": Decimal(amount), "price": Decimal("120.10"), "quantity": Decimal("0.1"), **changes}
    return LedgerRow(**values)  # type: ignore[arg-type]


def test_a_fill_reported_twice_is_kept_once_to_the_last_digit(database: Database) -> None:
    ledger = LedgerRepository(database)
    assert (ledger.add([row("1"), row("2"), row("1")]).new, ledger.add([row("2"), row("3")]).known) == (2, 1)
    assert [one.venue_id for one in ledger.rows()] == ["1", "2", "3"]
    assert ledger.rows()[0] == row("1")


def test_the_same_id_on_another_exchange_or_of_another_kind_is_another_row(database: Database) -> None:
    ledger = LedgerRepository(database)
    assert ledger.add([row("1"), row("1", exchange="bybit"), row("1", kind="funding")]).new == 3
    assert len(ledger.rows("paper")) == 2
    assert len(ledger.rows("paper", "funding", SOL, 1_000)) == 1
    assert ledger.rows(since=1_001) == ()


def test_other_figures_under_a_known_id_are_reported_and_do_not_overwrite(database: Database) -> None:
    ledger = LedgerRepository(database)
    ledger.add([row("1")])
    added = ledger.add([row("1", "-25")])
    assert (added.new, added.known, added.differing) == (0, 1, (row("1", "-25"),))
    assert ledger.rows() == (row("1"),)


def test_a_row_is_assigned_to_its_pair_and_still_recognised(database: Database) -> None:
    ledger = LedgerRepository(database)
    ledger.add([row("1"), row("2")])
    ledger.assign(row("1"), "p1")
    assert [one.venue_id for one in ledger.rows(pair_id="p1")] == ["1"]
    assert ledger.add([row("1")]).differing == ()
