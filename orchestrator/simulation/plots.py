"""The pictures of a run: drawn by matplotlib, readable in grey and by colour-blind eyes; SVG text or PNG files."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.errors import HostError
from orchestrator.simulation.cursor import Cursor
from orchestrator.simulation.history import Market
from orchestrator.simulation.position import Cycle

#: Okabe-Ito.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"
_MOST_POINTS = 3000
_SHADE = {"high_vol_sustained": ORANGE, "low_vol_expanding": BLUE}


@dataclass(frozen=True)
class Picture:
    """A drawn figure; to be written once."""

    figure: Any
    title: str

    def svg(self) -> str:
        """As an element of a page."""
        buffer = io.StringIO()
        self.figure.savefig(buffer, format="svg", metadata={"Date": None, "Title": self.title}, transparent=True)
        self._over()
        text = buffer.getvalue()
        return text[text.index("<svg") :]

    def png(self, file: Path) -> None:
        """As a file, on white. Raises OSError."""
        self.figure.suptitle(self.title, fontsize=10)
        self.figure.savefig(file, format="png", dpi=160, metadata={"Title": self.title, "Software": None})
        self._over()

    def _over(self) -> None:
        from matplotlib import pyplot

        pyplot.close(self.figure)


def equity(curve: Sequence[tuple[int, float]], capital: float, start: int, end: int) -> "Picture":
    """Equity and, below it, the fall from its high."""
    pyplot = _pyplot()
    times = [start, *(at for at, _ in curve), end]
    values = np.array([capital, *(value for _, value in curve), curve[-1][1] if curve else capital])
    highs = np.maximum.accumulate(values)
    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(9, 4.2), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    dates = [_date(at) for at in times]
    above.step(dates, values, where="post", color=BLUE, linewidth=1.2)
    above.set_ylabel("equity, USDT")
    below.fill_between(dates, -(highs - values) / highs * 100, 0, step="post", color=RED, alpha=0.5)
    below.set_ylabel("fall, %")
    return Picture(figure, "Equity and the fall from its high")


def price(market: Market, cycles: Sequence[Cycle], start: int, end: int) -> "Picture":
    """The price with every pair: where it opened and closed, shaded by the regime it was opened in."""
    pyplot = _pyplot()
    from matplotlib import ticker

    path = Cursor(market, start, end)
    bars = market.bars[market.path]
    first, last = np.searchsorted(bars.time, [start, end])
    every = max(1, path.count // _MOST_POINTS)
    figure, axis = pyplot.subplots(figsize=(9, 3.2), layout="constrained")
    axis.plot([_date(int(at)) for at in bars.time[first:last:every]], bars.close[first:last:every], color=GREY, lw=0.7)
    for cycle in cycles:
        shade = _SHADE.get(cycle.regime, GREY)
        axis.axvspan(_date(cycle.opened_at), _date(cycle.closed_at), color=shade, alpha=0.35, lw=1)
        mark, colour = ("^", GREEN) if cycle.net > 0 else ("v", RED)
        axis.plot(_date(cycle.opened_at), float(cycle.entry), mark, color=colour, markersize=5)
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_locator(ticker.LogLocator(subs=(2, 3, 5)))
    axis.yaxis.set_minor_formatter("{x:g}")
    axis.set_ylabel(market.symbol)
    return Picture(figure, f"{market.symbol}: pairs opened")


def predicted(cycles: Sequence[Cycle]) -> "Picture":
    """Gross as the ladder intended it against gross as it came, of pairs that ended at a band or a reversal."""
    pyplot = _pyplot()
    figure, axis = pyplot.subplots(figsize=(4.4, 3.6), layout="constrained")
    known = [(float(c.predicted), float(c.gross - c.slippage)) for c in cycles if c.predicted is not None]
    if known:
        x, y = zip(*known, strict=True)
        reach = [min(*x, *y), max(*x, *y)]
        axis.plot(reach, reach, color=GREY, lw=0.8, linestyle="--")
        axis.plot(x, y, "o", color=BLUE, alpha=0.7, markersize=4)
    axis.set_xlabel("predicted, USDT")
    axis.set_ylabel("realised, USDT")
    return Picture(figure, "Predicted and realised gross of each ladder")


def counts(title: str, values: dict[str, int]) -> "Picture":
    """Horizontal bars."""
    pyplot = _pyplot()
    figure, axis = pyplot.subplots(figsize=(4.4, 0.6 + 0.28 * max(3, len(values))), layout="constrained")
    names = list(values)[::-1] or ["none"]
    axis.barh(names, [values.get(name, 0) for name in names], color=BLUE)
    for place, name in enumerate(names):
        axis.text(values.get(name, 0), place, f" {values.get(name, 0)}", va="center", fontsize=8)
    axis.margins(x=0.15)
    return Picture(figure, title)


def _pyplot() -> Any:
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise HostError(
            "plot_missing", "matplotlib is not installed", "pip install 'volatility-gamma[plot]'"
        ) from error
    mpl.use("svg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 9, "axes.grid": True, "grid.alpha": 0.3, "svg.hashsalt": "volgamma"})
    return pyplot


def _date(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
