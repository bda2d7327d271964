"""The account holds something else than is remembered: over HTTP through ccxt, what is noticed and what is done."""

from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator.hands import recover_open_business
from tests.kept_pair import SOL, Kept, kept_pair, new_keeper

D = Decimal
EVERY = {"VOLGAMMA_RECONCILE_EVERY_S": "1"}
FOREIGN = f"foreign:{SOL}"


def told(k: Kept, name: str) -> list[str]:
    return [event.document["text"] for event in k.desk.store.pairs.events() if event.name == name]


@pytest.mark.parametrize(
    ("side", "share", "first"),
    [("long", "1", None), ("short", "0.3", None), ("short", "1", "0.0201"), ("short", "0.3", "-0.0201")],
)
async def test_an_auto_deleveraged_leg_takes_the_other_with_it(
    tmp_path: Path, side: str, share: str, first: str | None
) -> None:
    """All of it or a part: what the venue has begun to take is not held against the other leg."""
    async with kept_pair(tmp_path) as k:
        if first is not None:
            await k.move(first)
            await k.keeper.look()
        await k.control("adl", {"symbol": "SOLUSDT", "side": side, "share": share})
        await k.keeper.look()
        await k.assert_flat("leg_auto_deleveraged")
        assert len(k.events("leg_auto_deleveraged")) == 1


@pytest.mark.parametrize("share", ["1", "0.3"])
async def test_auto_deleveraged_while_no_process_ran(tmp_path: Path, share: str) -> None:
    async with kept_pair(tmp_path) as k:
        await k.control("adl", {"symbol": "SOLUSDT", "side": "short", "share": share})
        await k.restart()
        await k.keeper.look()
        await k.assert_flat("leg_auto_deleveraged")


async def test_a_leg_closed_by_hand_while_no_process_ran(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.by_hand("long", D(263))
        await k.restart()
        await k.keeper.look()
        await k.assert_flat("leg_closed")


@pytest.mark.parametrize("side", ["long", "short"])
async def test_a_liquidated_leg_takes_the_other_with_it(tmp_path: Path, side: str) -> None:
    """Its bracket was cancelled by somebody, and the price jumps beyond the liquidation price of one leg."""
    async with kept_pair(tmp_path) as k:
        await k.desk.exchange.fapiPrivateDeleteAlgoOpenOrders({"symbol": "SOLUSDT"})
        await k.move("-0.25" if side == "long" else "0.25")
        assert set(await k.held()) == {"short" if side == "long" else "long"}
        await k.keeper.look()
        await k.assert_flat("leg_liquidated")
        assert len(k.events("leg_liquidated")) == 1


async def test_why_a_leg_went_is_not_waited_for(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.control("adl", {"symbol": "SOLUSDT", "side": "long", "share": 1})
        await k.control("faults", [{"match": {"path": "/fapi/v1/forceOrders"}, "do": "status", "status": 503}])
        await k.keeper.look()
        await k.assert_flat("leg_closed")


@pytest.mark.parametrize(
    ("response", "held", "reason"),
    [
        ("protect", {"long": D(240), "short": D(240)}, None),
        ("alert", {"long": D(263), "short": D(240)}, None),
        ("flatten", {}, "quantity_changed"),
    ],
)
async def test_a_leg_made_smaller_by_hand(
    tmp_path: Path, response: str, held: dict[str, Decimal], reason: str | None
) -> None:
    async with kept_pair(tmp_path, {"VOLGAMMA_ON_QUANTITY_CHANGED": response}) as k:
        await k.by_hand("short", D(23))
        await k.keeper.look()
        assert await k.held() == held
        assert k.events("quantity_changed") == [{"text": "short is 240, 263 was expected"}]
        if reason is not None:
            await k.assert_flat(reason)
            return
        assert len(await k.resting()) == 4
        await k.keeper.look()
        assert len(k.events("quantity_changed")) == 1
        await k.move("0.045")
        await k.keeper.look()
        await k.assert_flat("last_band")


@pytest.mark.parametrize(("response", "long"), [("protect", D(263)), ("alert", D(300)), ("flatten", None)])
async def test_a_leg_made_larger_by_hand(tmp_path: Path, response: str, long: Decimal | None) -> None:
    """What nobody permitted is closed again, unless the user wants it otherwise."""
    async with kept_pair(tmp_path, {"VOLGAMMA_ON_QUANTITY_CHANGED": response}) as k:
        await k.by_hand("long", D(37), opens=True)
        await k.keeper.look()
        assert await k.held() == ({} if long is None else {"long": long, "short": D(263)})
        assert len(k.events("quantity_changed")) == 1
        if long is None:
            await k.assert_flat("quantity_changed")
            return
        await k.keeper.look()
        assert len(k.events("quantity_changed")) == 1
        await k.move("0.045")
        await k.keeper.look()
        await k.assert_flat("last_band")


@pytest.mark.parametrize("response", ["alert", "flatten"])
async def test_a_foreign_position_on_a_symbol_of_ours(tmp_path: Path, response: str) -> None:
    """An equal long and short net to nothing and are two positions: each is named, and left alone unless set so."""
    async with kept_pair(tmp_path, {"VOLGAMMA_ON_FOREIGN_POSITION": response, **EVERY}) as k:
        for side in ("long", "short"):
            await k.by_hand(side, D(50), opens=True, symbol="AVAXUSDT")
        await k.keeper.look()
        await k.keeper.look()
        doing = "closing" if response == "flatten" else "left alone"
        assert told(k, "foreign_position") == [f"50 long, 50 short: {doing}"]
        avax = await k.desk.venue.positions(["AVAX/USDT:USDT"])
        assert {p.side: p.quantity for p in avax} == ({} if response == "flatten" else {"long": 50, "short": 50})
        assert await k.held() == {"long": D(263), "short": D(263)} or response == "alert"
        assert {p.side: p.quantity for p in await k.desk.venue.positions([SOL])} == {"long": 263, "short": 263}
        assert not k.desk.store.orders.unresolved()


@pytest.mark.parametrize(("response", "left"), [("alert", 1), ("protect", 0)])
async def test_a_foreign_order_beside_a_pair(tmp_path: Path, response: str, left: int) -> None:
    async with kept_pair(tmp_path, {"VOLGAMMA_ON_FOREIGN_ORDER": response, **EVERY}) as k:
        order = {"symbol": "SOLUSDT", "positionSide": "LONG", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        await k.desk.exchange.fapiPrivatePostOrder(
            {**order, "quantity": "5", "price": "180", "newClientOrderId": "mine"}
        )
        for _ in range(2):
            await k.keeper.look()
        assert told(k, "foreign_order") == [f"mine: {'cancelled' if response == 'protect' else 'left alone'}"]
        assert len(await k.desk.venue.open_orders(SOL, conditional=False)) == left
        assert len(await k.desk.venue.open_orders(SOL, conditional=True)) == 4


async def test_a_venue_that_does_not_answer_is_unknown_and_never_flat(tmp_path: Path) -> None:
    async with kept_pair(tmp_path, EVERY) as k:
        await k.control("faults", [{"match": {"path": "/fapi/v3/positionRisk"}, "do": "status", "status": 503}])
        await k.keeper.look()
        assert k.stored().closed_at is None
        assert len(told(k, "reconcile_unknown")) == 2, "once for each symbol"
        assert k.events("closed") == []
        await k.control("faults", [])
        await k.keeper.look()
        assert await k.held() == {"long": D(263), "short": D(263)}
        await k.control("adl", {"symbol": "SOLUSDT", "side": "long", "share": 1})
        await k.keeper.look()
        await k.assert_flat("leg_auto_deleveraged")


async def test_an_equal_long_and_short_held_at_a_restart_are_two_legs(tmp_path: Path) -> None:
    """Net nothing, and by no means flat: with a record both stand protected, without one they are somebody's."""
    async with kept_pair(tmp_path) as k:
        before = await k.resting()
        await k.restart()
        await k.keeper.look()
        assert await k.held() == {"long": D(263), "short": D(263)}
        assert await k.resting() == before
        assert k.stored().closed_at is None
        assert told(k, "foreign_position") == []
        k.desk.store.pairs.close(k.pair.pair_id, 1, "as if the record were lost")
        lines = await recover_open_business(k.desk, k.desk.constraints())
        assert [line for line in lines if "not ours" in line]
        k.keeper = new_keeper(k.desk)
        await k.keeper.resume()
        await k.keeper.look()
        assert told(k, "foreign_position") == ["263 long, 263 short: left alone"]
        assert await k.held() == {"long": D(263), "short": D(263)}


async def test_an_order_of_the_bracket_that_somebody_cancelled_rests_again(tmp_path: Path) -> None:
    """Also while the exchange does not say what rests: the price is looked at all the same."""
    async with kept_pair(tmp_path) as k:
        before = await k.resting()
        await k.desk.exchange.fapiPrivateDeleteAlgoOpenOrders({"symbol": "SOLUSDT"})
        silent = {"match": {"method": "GET", "path": "/fapi/v1/openAlgoOrders"}, "do": "status", "status": 503}
        await k.control("faults", [silent])
        await k.keeper.look()
        assert await k.resting() == []
        await k.control("faults", [])
        await k.keeper.look()
        assert await k.resting() == before
        assert len(k.events("bracket_missing")) == 1
        await k.control("faults", [silent])
        await k.control("advance", {"ms": 60_000})
        await k.move("0.045")
        await k.keeper.look()
        assert await k.held() == {}
