"""Recorded open interest, ratios and marks in a history: shown in their time, judged where they are, never early."""

import asyncio
import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather

from data_fetchers.snapshot import OpenInterest, Positioning, Requirements, Unavailable
from orchestrator.simulation.crowd import read_crowd
from orchestrator.simulation.engine import Engine, Setup
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.history import HOUR_MS, HistoryError, Market, load
from orchestrator.simulation.situation import Situations
from tests.guard_scenario import limits_of
from tests.simulated_market import START, write_candles, write_market
from traders.volatility_gamma.trader import VolatilityGamma

SYMBOLS = ("SOL/USDT:USDT", "AVAX/USDT:USDT")
DAY_MS = 24 * HOUR_MS
#: Recorded for these days of 215.
FIRST, LAST = START + 184 * DAY_MS, START + 205 * DAY_MS
STEP = 300_000


def table(file: Path, times: Any, **columns: Any) -> None:
    made = {"date": pa.array(times, pa.timestamp("ms", tz="UTC"))}
    made |= {name: pa.array(column, pa.float64()) for name, column in columns.items()}
    feather.write_feather(pa.table(made), file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market with open interest that falls by 8 % now and then, as in a cascade, and ratios with holes."""
    folder = write_market(tmp_path_factory.mktemp("crowd"))
    times = np.arange(FIRST, LAST, STEP)
    random = np.random.default_rng(3)
    for coin in ("SOL", "AVAX"):
        coins = 1e6 * np.exp(np.cumsum(np.where(random.random(times.size) < 0.02, -0.08, 0.0016)))
        table(folder / f"{coin}_USDT_USDT-open_interest.feather", times, coins=coins, quote=[None] * times.size)
        ratios = {"accounts": 1.5 + 0 * coins, "top_accounts": 1.2 + 0 * coins, "taker": 0.9 + 0 * coins}
        holes = [None if place % 3 else 2.0 for place in range(times.size)]
        table(folder / f"{coin}_USDT_USDT-long_short_ratio.feather", times, top_positions=holes, **ratios)
    return folder


@pytest.fixture(scope="module")
def markets(folder: Path) -> dict[str, Market]:
    return load(folder, SYMBOLS, "binanceusdm")


def shown(markets: dict[str, Market], at: int) -> tuple[OpenInterest | Unavailable, Positioning | Unavailable]:
    wanted = VolatilityGamma().requirements(SYMBOLS[0])
    data = Situations(markets, FillModel(), book=True).snapshot(wanted, at).symbols[SYMBOLS[0]]
    return data.open_interest, data.positioning


def played(markets: dict[str, Market], **changes: Any) -> Engine:
    setup = Setup(SYMBOLS, START, START + 215 * DAY_MS, Decimal(100_000), FillModel())
    engine = Engine(VolatilityGamma(), limits_of(), markets, replace(setup, **changes))
    asyncio.run(engine.run())
    return engine


def test_before_the_recording_there_is_none(markets: dict[str, Market]) -> None:
    interest, ratios = shown(markets, FIRST - 1)
    assert isinstance(interest, Unavailable) and isinstance(ratios, Unavailable)


@pytest.mark.parametrize("ahead", [0, 1, STEP - 1, STEP, 7 * DAY_MS + 17])
def test_what_is_shown_is_the_newest_known_and_nothing_later(markets: dict[str, Market], ahead: int) -> None:
    interest, ratios = shown(markets, FIRST + ahead)
    assert isinstance(interest, OpenInterest) and isinstance(ratios, Positioning)
    newest = FIRST + ahead // STEP * STEP
    assert interest.points[-1].time == interest.as_of == ratios.as_of == newest
    assert len(interest.points) == min(300, ahead // STEP + 1) and interest.points[-1].quote is None
    assert isinstance(ratios.accounts, tuple) and len(ratios.accounts) == min(30, ahead // STEP + 1)
    kept = list(range(ahead // STEP + 1))[-30:]
    whole = [place for place in kept if place % 3 == 0]
    assert isinstance(ratios.top_positions, tuple if whole else Unavailable)
    assert not whole or len(ratios.top_positions) == len(whole)


def test_open_interest_is_judged_where_it_is(folder: Path, markets: dict[str, Market]) -> None:
    """With it, its age is a rule; a hole in it refuses; without it nothing is refused for that."""
    with_it = played(markets)
    assert "positioning_stale" not in with_it.outcome.rules
    line = next(line for line in with_it.outcome.not_evaluable if line.startswith("positioning_stale"))
    assert "but from 2024-05-17 to 2024-06-06" in line
    holed = {symbol: replace(one, crowd=with_hole(one)) for symbol, one in markets.items()}
    assert played(holed).outcome.rules["positioning_stale"] > 0


def test_a_cascade_ends_pairs_in_profit_and_the_gate_knows(markets: dict[str, Market]) -> None:
    """Asked at every tick, the same pairs come out as with the gate."""
    window = {"start": FIRST, "end": LAST}
    gated = played(markets, **window)
    without = played(bare(markets), **window)
    assert gated.outcome.decisions > without.outcome.decisions, "a cascade may show at any decision"
    trader = VolatilityGamma()
    engine = Engine(trader, limits_of(), markets, Setup(SYMBOLS, **window, capital=Decimal(100_000), model=FillModel()))
    engine._worth_asking = lambda symbol, position, at: not position.flat and position.exit_wanted is None  # type: ignore[method-assign]
    asyncio.run(engine.run())
    assert engine.outcome.cycles == gated.outcome.cycles and len(gated.outcome.cycles) >= 3


def test_marks_are_used_when_they_are_as_fine_as_the_path(tmp_path: Path) -> None:
    folder = write_market(tmp_path, days=30)
    plain = load(folder, SYMBOLS, "binanceusdm")[SYMBOLS[0]]
    bars = plain.bars["15m"]
    marks = [getattr(bars, name) * 1.01 for name in ("open", "high", "low", "close")]
    write_candles(folder / "SOL_USDT_USDT-1h-mark.feather", bars.time[::4], *[m[::4] for m in marks], bars.volume[::4])
    assert load(folder, SYMBOLS, "x")[SYMBOLS[0]].mark is None, "hourly marks beside a path of 15 minutes are too old"
    write_candles(folder / "SOL_USDT_USDT-15m-mark.feather", bars.time, *marks, bars.volume)
    market = load(folder, SYMBOLS, "x")[SYMBOLS[0]]
    situations = Situations({SYMBOLS[0]: market}, FillModel(), book=True)
    at = int(bars.time[2000]) + bars.interval_ms
    quote = situations.quote((SYMBOLS[0],), "11-X", at, Decimal(1)).legs[SYMBOLS[0]]
    assert float(quote.mark) == pytest.approx(1.01 * float(quote.last))
    wanted = Requirements(primary=SYMBOLS[0], keywords=(), candles={SYMBOLS[0]: {"1h": 10}})
    data = situations.snapshot(wanted, at).symbols[SYMBOLS[0]].market_data
    assert not isinstance(data, Unavailable) and not isinstance(data.ticker, Unavailable)
    assert data.ticker.mark is not None and math.isclose(data.ticker.mark, float(quote.mark))


@pytest.mark.parametrize("times", [[2, 1], [1, 1]])
def test_a_broken_file_is_named(tmp_path: Path, times: list[int]) -> None:
    table(tmp_path / "SOL_USDT_USDT-open_interest.feather", times, coins=[1.0, 2.0], quote=[1.0, 2.0])
    with pytest.raises(HistoryError, match="SOL_USDT_USDT-open_interest"):
        read_crowd(tmp_path, "SOL_USDT_USDT")


def bare(markets: dict[str, Market]) -> dict[str, Market]:
    return {symbol: replace(market, crowd=None) for symbol, market in markets.items()}


def with_hole(market: Market) -> Any:
    """The same, but for the days from the second to the last."""
    crowd = market.crowd
    assert crowd is not None
    keep = (crowd.interest_time < FIRST + DAY_MS) | (crowd.interest_time > LAST - DAY_MS)
    return replace(crowd, interest_time=crowd.interest_time[keep], coins=crowd.coins[keep], quote=crowd.quote[keep])
