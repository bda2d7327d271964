"""The hedge calculator's drawing (extra `plot`). Importing this module loads matplotlib."""

from dataclasses import dataclass

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from indicators.hedge_sheet import HedgeSheet


@dataclass(frozen=True, slots=True)
class Line:
    """One side of the entry, outwards: both results at each price, a band's price twice, before and after it acts."""

    prices: list[float]
    straight: list[float]
    back: list[float]


def lines(sheet: HedgeSheet) -> tuple[Line, Line]:
    """The two sides, up first. At a band the results jump: by its fee, and by what the way back then costs."""
    at_entry = next(row for row in sheet.grid if row.move == 0)
    up = [row for row in sheet.grid if row.move >= 0]
    down = [row for row in reversed(sheet.grid) if row.move <= 0]
    bands = {band.move for band in sheet.bands}
    found: list[Line] = []
    for rows in (up, down):
        line = Line([], [], [])
        before = at_entry
        for row in rows:
            if abs(row.move) in bands:
                # a band closes at its own price: just before it, only its fee is missing
                fee = row.path.result.fees - before.path.result.fees
                line.prices.append(float(row.price))
                line.straight.append(float(row.path.result.total + fee))
                line.back.append(float(before.back_at_entry))
            line.prices.append(float(row.price))
            line.straight.append(float(row.path.result.total))
            line.back.append(float(row.back_at_entry))
            before = row
        found.append(line)
    return found[0], found[1]


def draw(sheet: HedgeSheet, path: str) -> None:
    """Net P&L along a straight way, and after coming back to the entry, into `path` (format by its suffix)."""
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, line in enumerate(lines(sheet)):
        straight, back = (None, None) if number else ("straight to this price", "and then back at the entry")
        axes.plot(line.prices, line.straight, color="tab:blue", label=straight)
        axes.plot(line.prices, line.back, color="tab:orange", linestyle="--", label=back)
    prices = [float(row.price) for row in sheet.grid]
    axes.plot(prices, [float(row.path.result.total) for row in sheet.grid], "o", color="tab:blue", markersize=4)
    axes.axhline(0, color="grey", linewidth=0.8)
    for band in sheet.bands:
        for sign in (1, -1):
            axes.axvline(float(sheet.entry) * (1 + sign * float(band.move)), color="grey", linewidth=0.5, linestyle=":")
    axes.set_xlabel("price, USDT")
    axes.set_ylabel("net of costs, USDT")
    axes.set_title(f"Pair at {sheet.entry}, {sheet.leverage}x, {sheet.size.notional:,.0f} USDT a leg")
    axes.legend()
    figure.savefig(path)
