"""The same simple rule played by this program, by backtesting.py and by vectorbt: `make bench` installs those two.

The rule is the unconditional ladder, back to back, on 15-minute bars of one symbol: from a price, +-2 % opens a
direction, 4 % from that price takes the profit, the opposite 2 % ends it. Ours plays it through the production
rebalancer in exact decimals with both legs, fees and slippage; the peers hold the equivalent one-sided position. So the
ratio says what exactness costs, not who is the better library. pytest-benchmark prints it beside each median.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchestrator.simulation.baselines import ladders
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.history import Market, load
from tests.benchmarks.test_bench_simulation import timed
from tests.guard_scenario import limits_of
from tests.simulated_market import write_market

SYMBOL = "SOL/USDT:USDT"
BAND, LAST = 0.02, 0.04
pytestmark = [
    pytest.mark.benchmark(group="back-to-back ladders, bars of one symbol"),
    pytest.mark.filterwarnings("ignore"),  # the peers' own
]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return load(write_market(tmp_path_factory.mktemp("history"), days=730), (SYMBOL,), "binanceusdm")[SYMBOL]


@pytest.fixture(scope="module")
def frame(market: Market) -> pd.DataFrame:
    bars = market.bars[market.path]
    index = pd.to_datetime(bars.time, unit="ms")
    columns = {name: getattr(bars, name.lower()) for name in ("Open", "High", "Low", "Close", "Volume")}
    return pd.DataFrame(columns, index=index)


def test_ours(benchmark: Any, market: Market, frame: pd.DataFrame) -> None:
    bars = market.bars[market.path]
    span = int(bars.time[0]), int(bars.time[-1]) + bars.interval_ms
    limits, model = limits_of().limits, FillModel()
    found = timed(benchmark, lambda: list(ladders(market, None, limits, model, *span)), len(frame), 3, "bars/s")
    said(benchmark, len(found), sum(run.reached >= 2 for run in found))


def test_backtesting_py(benchmark: Any, frame: pd.DataFrame) -> None:
    library = pytest.importorskip("backtesting")

    class Ladder(library.Strategy):  # type: ignore[misc, name-defined]
        def init(self) -> None:
            pass

        def next(self) -> None:
            if self.position:
                for order in self.orders:
                    if not order.is_contingent:
                        order.cancel()
            elif len(self.orders) != 2:
                for order in self.orders:  # the other side of a ladder that opened and closed within one bar
                    order.cancel()
                price = self.data.Close[-1]
                up, down = price * (1 + BAND), price * (1 - BAND)
                self.buy(size=1, stop=up, sl=down, tp=price * (1 + LAST))
                self.sell(size=1, stop=down, sl=up, tp=price * (1 - LAST))

    def play() -> Any:
        return library.Backtest(frame, Ladder, cash=1e7, commission=0.0005, finalize_trades=True).run()

    trades = timed(benchmark, play, len(frame), 3, "bars/s")["_trades"]
    said(benchmark, len(trades), int((trades["PnL"] > 0).sum()))


def test_vectorbt(benchmark: Any, frame: pd.DataFrame) -> None:
    library = pytest.importorskip("vectorbt")
    numba = pytest.importorskip("numba")
    nothing, order = library.portfolio.nb.order_nothing_nb, library.portfolio.nb.order_nb

    @numba.njit  # type: ignore[untyped-decorator]
    def ladder(c: Any, high: Any, low: Any, state: Any) -> Any:
        """`state`: price the ladder hangs at (0: none), direction."""
        i = c.i
        if state[0] == 0.0:
            state[0] = c.close[i, c.col]
            return nothing()
        up, down = state[0] * (1 + BAND), state[0] * (1 - BAND)
        if state[1] == 0.0:
            if high[i] >= up:
                state[1] = 1.0
                return order(1.0, up, fees=0.0005)
            if low[i] <= down:
                state[1] = -1.0
                return order(-1.0, down, fees=0.0005)
            return nothing()
        stop, target = (down, state[0] * (1 + LAST)) if state[1] > 0 else (up, state[0] * (1 - LAST))
        stopped = low[i] <= stop if state[1] > 0 else high[i] >= stop
        reached = high[i] >= target if state[1] > 0 else low[i] <= target
        if not stopped and not reached:
            return nothing()
        size = -state[1]
        state[0], state[1] = 0.0, 0.0
        return order(size, stop if stopped else target, fees=0.0005)

    high, low = frame["High"].to_numpy(), frame["Low"].to_numpy()

    def play() -> Any:
        portfolio = library.Portfolio.from_order_func(
            frame["Close"], ladder, high, low, np.zeros(2), init_cash=1e7, freq="15min"
        )
        return portfolio.trades.records

    trades = timed(benchmark, play, len(frame), 3, "bars/s")
    said(benchmark, len(trades), int((trades["pnl"] > 0).sum()))


def said(benchmark: Any, count: int, went_on: int) -> None:
    """How many ladders, and how many of them reached the last band: the peers must find about as many."""
    benchmark.extra_info |= {"ladders": count, "went_on": went_on}
    print(f"{benchmark.name}: {count} ladders, {went_on} to the last band")
    assert count > 500 and 0.5 < went_on / count < 0.8
