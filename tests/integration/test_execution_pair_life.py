"""A pair's whole life on bybit, okx and bitget, through the adapters and ccxt, against a venue behind a socket.

The venue (`tests/mini_venue.py`) is as strict as the documentation says; no real venue has seen these orders.
"""

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution.close_pair import close_pair, move_bracket
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.preflight import apply_settings, check
from orchestrator.execution.saga import carry_out
from orchestrator.execution.venue import Duplicate, OrderRequest, Rejected
from tests.fake_venue import FakeClock, memory_store, plan_for
from tests.fetchers_venue import NOW
from tests.mini_bitget import Bitget
from tests.mini_bybit import Bybit
from tests.mini_okx import Okx
from tests.mini_venue import Engine, lived_in
from tests.open_pairs import pair_of
from tests.venue_stub import AVAX
from traders.contract.verdict import Bracket, ExecutionPlan

D = Decimal
FACES: dict[str, Any] = {"bybit": Bybit, "okx": Okx, "bitget": Bitget}
LIMITS = ExecutionLimits(clock_skew_max_ms=None)


def plan(quantity: str = "12") -> ExecutionPlan:
    """12 AVAX a leg at 20.5, 5x."""
    made = plan_for().model_dump(mode="json")
    for leg, limit in zip(made["legs"], ("20.52", "20.48"), strict=True):
        leg |= {"symbol": AVAX, "quantity": quantity, "limit_price": limit}
    made |= {
        "symbol": AVAX, "entry_price": "20.5", "pair_margin": str(2 * D(quantity) * D("20.5") / 5),
        "bracket": {"upper": "21.5", "lower": "19.5"}, "expires_at": NOW + 10**9,
    }  # fmt: skip
    return ExecutionPlan.model_validate(made)


def resting(engine: Engine) -> set[tuple[str, str, Decimal]]:
    """(leg, kind, price), however many orders hold them."""
    return {
        (order.leg, kind, price)
        for order in engine.resting()
        for kind, price in (("stop", order.stop), ("profit", order.profit))
        if price is not None
    }


def edges(upper: str, lower: str) -> set[tuple[str, str, Decimal]]:
    return {
        ("short", "stop", D(upper)), ("long", "profit", D(upper)),
        ("long", "stop", D(lower)), ("short", "profit", D(lower)),
    }  # fmt: skip


@pytest.mark.parametrize("name", FACES)
async def test_from_wrong_settings_to_a_protected_pair_and_flat_again(name: str) -> None:
    face = FACES[name]()
    async with lived_in(name, face) as (venue, _):
        store, clock, wanted = memory_store(), FakeClock(), plan()
        found = {problem.code.value for problem in (await check(wanted, venue, clock, LIMITS)).problems}
        assert found >= {"position_mode", "leverage"}
        assert await apply_settings(wanted, venue) == ()
        assert (face.engine.hedge, face.engine.leverage) == (True, {"long": 5, "short": 5})
        assert (await check(wanted, venue, clock, LIMITS)).problems == ()

        result = await carry_out(wanted, venue, store, clock, LIMITS)
        assert (result.status, result.protected, result.net_delta) == ("open", True, 0), result.reason
        assert face.engine.legs == {"long": D(12), "short": D(12)}
        assert resting(face.engine) == edges("21.5", "19.5")
        assert len(face.engine.resting()) == (2 if name == "okx" else 4)
        fees = [line.fee for line in result.orders if line.kind == "entry"]
        assert fees == [D("0.01"), D("0.01")]

        pair = pair_of(wanted, result)
        moved = Bracket(upper=D(21), lower=D(20))
        result = await move_bracket(pair, moved, venue, store, clock, LIMITS, reason="band 1")
        assert (result.status, result.protected) == ("open", True), result.reason
        assert resting(face.engine) == edges("21", "20")

        result = await close_pair(pair, D("0.5"), venue, store, clock, LIMITS, reason="reduce")
        assert (result.status, face.engine.legs) == ("open", {"long": D(6), "short": D(6)}), result.reason
        result = await close_pair(pair, D(1), venue, store, clock, LIMITS)
        assert (result.status, face.engine.legs) == ("closed", {"long": D(0), "short": D(0)}), result.reason
        assert face.engine.resting() == []
        assert store.orders.unresolved() == []


@pytest.mark.parametrize("name", FACES)
async def test_ten_lost_answers_are_ten_orders_and_not_one_more(name: str) -> None:
    """The ack-lost probe, on the wire of each venue: carried out, not answered, looked up."""
    face = FACES[name]()
    async with lived_in(name, face) as (venue, mini):
        wanted, clock = plan(), FakeClock()
        await apply_settings(wanted, venue)
        mini.lose = 10**6
        store = memory_store()
        result = await carry_out(wanted, venue, store, clock, LIMITS)
        assert (result.status, result.protected) == ("open", True), result.reason
        assert face.engine.legs == {"long": D(12), "short": D(12)}
        assert mini.orders == len(face.engine.done) + len(face.engine.waiting) == (4 if name == "okx" else 6)
        pair = pair_of(wanted, result)
        result = await close_pair(pair, D(1), venue, store, clock, LIMITS)
        assert (result.status, face.engine.legs) == ("closed", {"long": D(0), "short": D(0)}), result.reason
        assert mini.orders == len(face.engine.done) + len(face.engine.waiting) == (6 if name == "okx" else 8)
        assert store.orders.unresolved() == []


@pytest.mark.parametrize("name", FACES)
async def test_a_bracket_that_would_fire_at_once_is_not_kept(name: str) -> None:
    face = FACES[name]()
    async with lived_in(name, face) as (venue, _):
        wanted, clock = plan(), FakeClock()
        await apply_settings(wanted, venue)
        face.engine.mark = D(22)
        result = await carry_out(wanted, venue, memory_store(), clock, LIMITS)
        assert (result.status, face.engine.legs) == ("unwound", {"long": D(0), "short": D(0)}), result.reason
        assert face.engine.resting() == []


@pytest.mark.parametrize("leg", ["long", "short"])
@pytest.mark.parametrize("name", FACES)
async def test_a_close_that_is_too_large_opens_nothing(name: str, leg: Any) -> None:
    face = FACES[name]()
    async with lived_in(name, face) as (venue, _):
        wanted, clock = plan(), FakeClock()
        await apply_settings(wanted, venue)
        assert (await carry_out(wanted, venue, memory_store(), clock, LIMITS)).status == "open"
        order = OrderRequest(
            client_order_id="vg" + "9" * 30, symbol=AVAX, side="sell" if leg == "long" else "buy", position_side=leg,
            type="market", quantity=D(13), reduces=True,
        )  # fmt: skip
        with pytest.raises(Rejected):
            await venue.place(order)
        assert face.engine.legs == {"long": D(12), "short": D(12)}
        await venue.place(order.model_copy(update={"quantity": D(12)}))
        other = "short" if leg == "long" else "long"
        assert face.engine.legs == {leg: D(0), other: D(12)}
        with pytest.raises(Duplicate):
            await venue.place(order.model_copy(update={"quantity": D(12)}))


@pytest.mark.parametrize("name", FACES)
async def test_a_bracket_that_fired_is_found_by_its_id(name: str) -> None:
    face = FACES[name]()
    async with lived_in(name, face) as (venue, _):
        wanted, clock, store = plan(), FakeClock(), memory_store()
        await apply_settings(wanted, venue)
        assert (await carry_out(wanted, venue, store, clock, LIMITS)).status == "open"
        face.engine.move(D("21.5"))
        assert face.engine.legs == {"long": D(0), "short": D(0)}
        assert await venue.positions([AVAX]) == []
        fired = [order.name for order in face.engine.waiting.values() if order.state == "fired"]
        assert len(fired) == 2
        for order_id in fired:
            found = await venue.find(AVAX, order_id, conditional=True)
            assert found is not None
            assert found.status == "triggered"
