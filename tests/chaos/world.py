"""What happens to a life from outside: the price, bars, funding, and what a venue does of its own accord."""

from decimal import Decimal

from orchestrator.paper_exchange.account import Position
from orchestrator.paper_exchange.forced import deleverage, liquidate
from tests.chaos import invariants
from tests.chaos.life import Life, surviving
from tests.guard_scenario import HOUR, permitted

SYMBOL = "SOLUSDT"


def market_moves(life: Life) -> None:
    """The price walks, at times it jumps; rarely the venue takes a leg or an order; funding; a clock that is set."""
    rng = life.rng
    _price(life, rng.choice((0.002, 0.006, 0.006, 0.025)))
    held = life.engine.account.open_positions()
    if held and rng.random() < 0.01:
        victim = rng.choice(held)
        life.chaos.log.append(f"the venue liquidates {victim.side}")
        liquidate(life.engine, victim)
    elif held and rng.random() < 0.01:
        _deleverage(life, rng.choice(held))
    if rng.random() < 0.02:
        _cancel_one(life)
    _funding(life, 0.03)
    if rng.random() < 0.03:
        life.own_clock.skew_ms = rng.choice((0, 400, -400, 2_000, -2_000, 30_000, -30_000))
        life.chaos.log.append(f"our clock is {life.own_clock.skew_ms} ms off")
    invariants.always(life)


def calm_moves(life: Life) -> None:
    """Nothing goes wrong any more; the market goes on."""
    _price(life, 0.002)
    _funding(life, 0.1)
    invariants.always(life)


def bar_closes(life: Life, chance: float) -> None:
    """The keeper is told of a closed bar: a new one, or the same again; readings like those of the entry or worse."""
    rng = life.rng
    if rng.random() >= chance:
        return
    now, context = life.clock.now_ms(), permitted().context
    closed = now // HOUR * HOUR + HOUR * rng.choice((0, 0, life.bars))
    life.bars += 1
    changed = {"sol.1h.atr_ratio": rng.choice((2.1, 1.6, 1.6, 1.3)), "sol.funding.rate_8h": rng.choice((1e-4, 9e-4))}
    readings = {
        name: reading.model_copy(update={"value": changed.get(name, reading.value)})
        for name, reading in context.readings.items()
    }
    sources = {name: source.model_copy(update={"as_of": closed}) for name, source in context.sources.items()}
    told = context.model_copy(update={"as_of": now, "readings": readings, "sources": sources})
    life.chaos.log.append(f"bar {closed}: {changed}")
    surviving(life, life.keeper.bar(told))
    invariants.always(life)


def _price(life: Life, size: float) -> None:
    engine = life.engine
    engine.advance(life.clock.now_ms())
    price = engine.market.price(SYMBOL, engine.now) * (1 + size * life.rng.uniform(-1, 1))
    engine.market.set_price(SYMBOL, price, engine.now)
    engine.touch(SYMBOL)


def _deleverage(life: Life, position: Position) -> None:
    """The venue takes some or all of a leg at mark, whatever the owner wants."""
    taken = abs(position.quantity * Decimal(life.rng.choice(("0.3", "0.7", "1")))).to_integral_value()
    if taken:
        deleverage(life.engine, position, taken)
        life.chaos.log.append(f"the venue deleverages {taken} of {position.side}")


def _cancel_one(life: Life) -> None:
    """The venue expires one resting order."""
    if resting := life.engine.open_algos():
        row = life.rng.choice(resting)
        row.update(algoStatus="EXPIRED", updateTime=life.engine.now)
        life.chaos.log.append(f"the venue expires {row['orderType']} {row['positionSide']} {row['triggerPrice']}")


def _funding(life: Life, chance: float) -> None:
    """A settlement of funding, as at a funding time."""
    engine = life.engine
    if life.rng.random() < chance:
        rate = Decimal(life.rng.choice((-20, -1, 1, 20))) / 10_000
        for position in engine.account.open_positions():
            engine.account.settle_funding(position, rate, engine.market.mark(SYMBOL, engine.now), engine.now)
        life.chaos.log.append(f"funding at {rate}")
