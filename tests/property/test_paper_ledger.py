"""Whatever happens on the paper exchange: its wallet is explained to the last cent; a leg loses its margin at most."""

from decimal import Decimal
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.paper_exchange.account import Account
from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.errors import Refusal
from orchestrator.paper_exchange.market import Market
from orchestrator.paper_exchange.synthetic import START, SyntheticMarket
from orchestrator.paper_exchange.texture import TEXTURES

D = Decimal
DEPOSIT = D(100_000)
TAKER = D("0.0005")


@cache
def source() -> SyntheticMarket:
    return SyntheticMarket(7, "expanding")


def engine(hedge: bool, leverage: int) -> Engine:
    account = Account(wallet=DEPOSIT, deposit=DEPOSIT, hedge=hedge)
    for chosen in account.settings.values():
        chosen.leverage, chosen.margin_type = leverage, "ISOLATED"
    return Engine(Market(source(), 7, TEXTURES["expanding"]), account, START, TAKER, D("0.0002"))


symbols = st.sampled_from(["SOLUSDT", "AVAXUSDT"])
sides = st.sampled_from(["BUY", "SELL"])
legs = st.sampled_from(["LONG", "SHORT"])
shares = st.integers(900, 1100).map(lambda n: D(n) / 1000)
steps = st.one_of(
    st.tuples(st.just("market"), symbols, sides, legs, st.integers(1, 800)),
    st.tuples(st.just("limit"), symbols, sides, legs, st.integers(1, 800), shares, st.sampled_from(["GTC", "IOC"])),
    st.tuples(st.just("stop"), symbols, sides, legs, st.sampled_from(["STOP_MARKET", "TAKE_PROFIT_MARKET"]), shares),
    st.tuples(st.just("some"), symbols, sides, legs, st.integers(1, 800), shares),
    st.tuples(st.just("price"), symbols, st.integers(500, 1500)),
    st.tuples(st.just("advance"), st.integers(1, 40 * 3_600_000)),
    st.tuples(st.just("thin"), symbols, sides, legs, st.integers(1, 800), st.sampled_from(["0.1", "0.5"])),
)


def play(engine: Engine, step: tuple[Any, ...]) -> None:
    """One step; a refusal is an answer."""
    kind, *rest = step
    if kind == "advance":
        engine.advance(engine.now + rest[0])
        return
    symbol = rest[0]
    mark = engine.market.mark(symbol, engine.now)
    if kind == "price":
        engine.market.set_price(symbol, max(1.0, float(mark) * rest[1] / 1000), engine.now)
        engine.touch(symbol)
        return
    order = {"symbol": symbol, "side": rest[1], "type": "MARKET"}
    if engine.account.hedge:
        order["positionSide"] = rest[2]
    tick = D("0.01") if symbol == "SOLUSDT" else D("0.001")
    if kind in ("limit", "some"):
        order |= {"quantity": str(rest[3])}
        price = str((mark * rest[4]).quantize(tick))
    if kind == "limit":
        order |= {"type": "LIMIT", "price": price, "timeInForce": rest[5]}
    elif kind == "some":
        order |= {"type": "STOP_MARKET", "triggerPrice": price}
    elif kind == "stop":
        order |= {"type": rest[3], "triggerPrice": str((mark * rest[4]).quantize(tick)), "closePosition": "true"}
    else:
        order |= {"quantity": str(rest[3])}
    engine.thinned = D(rest[4]) if kind == "thin" else D(1)
    try:
        if kind in ("stop", "some"):
            engine.place_conditional(order)
        else:
            engine.place(order)
    except Refusal:
        pass
    finally:
        engine.thinned = D(1)


def check(engine: Engine) -> None:
    account = engine.account
    parts = {
        kind: sum((D(row["income"]) for row in account.income if row["incomeType"] == kind), D(0))
        for kind in ("REALIZED_PNL", "COMMISSION", "FUNDING_FEE")
    }
    assert abs(account.wallet - DEPOSIT - sum(parts.values())) <= D("1e-8")
    assert sum((D(row["realizedPnl"]) for row in account.trades), D(0)) == parts["REALIZED_PNL"]
    assert -sum((D(row["commission"]) for row in account.trades), D(0)) == parts["COMMISSION"]
    # quantities: what was bought less what was sold is what is held
    for (symbol, side), position in account.positions.items():
        rows = [row for row in account.trades if (row["symbol"], row["positionSide"]) == (symbol, side)]
        net = sum((D(row["qty"]) * (1 if row["buyer"] else -1) for row in rows), D(0))
        assert net == position.quantity
        if side == "LONG":
            assert position.quantity >= 0
        if side == "SHORT":
            assert position.quantity <= 0
        assert position.margin >= 0
        assert bool(position.quantity) or position.margin == 0
        # cash: wallet is also deposit plus all money in and out, fills at their price, open quantity at entry
        cash = sum((D(row["quoteQty"]) * (-1 if row["buyer"] else 1) for row in rows), D(0))
        realised = sum((D(row["realizedPnl"]) for row in rows), D(0))
        assert abs(cash + position.quantity * position.entry - realised) < D("1e-4")
        # nothing open stands beyond its liquidation price
        price, mark = position.liquidation(), engine.market.mark(symbol, engine.now)
        if position.quantity and price is not None:
            assert (mark > price) if position.quantity > 0 else (mark < price)
    for row in engine.orders:
        assert D(row["executedQty"]) <= D(row["origQty"])
        assert not (row["type"] == "MARKET" and row["status"] in ("NEW", "PARTIALLY_FILLED"))


@settings(max_examples=60, deadline=None)
@given(st.booleans(), st.sampled_from([3, 5, 20]), st.lists(steps, min_size=1, max_size=12))
def test_the_wallet_is_explained_whatever_happens(hedge: bool, leverage: int, played: list[tuple[Any, ...]]) -> None:
    tried = engine(hedge, leverage)
    for step in played:
        play(tried, step)
        check(tried)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([2, 5, 8, 10]),
    st.integers(1, 500),
    st.integers(1, 2500),
    st.integers(0, 3 * 86_400_000),
    st.booleans(),
)
def test_an_isolated_leg_loses_its_margin_at_most(
    leverage: int, quantity: int, permille: int, wait: int, long: bool
) -> None:
    tried = engine(hedge=True, leverage=leverage)
    leg, side = ("LONG", "BUY") if long else ("SHORT", "SELL")
    order = {"symbol": "SOLUSDT", "side": side, "positionSide": leg, "type": "MARKET", "quantity": str(quantity)}
    tried.place(order)
    position = tried.account.positions["SOLUSDT", leg]
    fee = DEPOSIT - tried.account.wallet
    margin = position.margin
    play(tried, ("price", "SOLUSDT", permille))
    tried.advance(tried.now + wait)
    worth = tried.account.wallet + position.unrealised(tried.market.mark("SOLUSDT", tried.now))
    received = max(D(0), -tried.account.funding_paid())
    assert worth >= DEPOSIT - fee - margin - received - D("1e-6")
    if not position.quantity:
        assert tried.account.wallet == DEPOSIT - fee - margin
    check(tried)
