"""The hedge calculator's drawing (extra `plot`). Importing this module loads matplotlib."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from indicators.hedge_sheet import HedgeSheet


def draw(sheet: HedgeSheet, path: str) -> None:
    """Net P&L along a straight way, and after coming back to the entry, into `path` (format by its suffix)."""
    prices = [float(row.price) for row in sheet.grid]
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(prices, [float(row.path.result.total) for row in sheet.grid], marker="o", label="straight to this price")
    axes.plot(
        prices,
        [float(row.back_at_entry) for row in sheet.grid],
        marker=".",
        linestyle="--",
        label="and then back at the entry",
    )
    axes.axhline(0, color="grey", linewidth=0.8)
    for band in sheet.bands:
        for sign in (1, -1):
            axes.axvline(float(sheet.entry) * (1 + sign * float(band.move)), color="grey", linewidth=0.5, linestyle=":")
    axes.set_xlabel("price, USDT")
    axes.set_ylabel("net of costs, USDT")
    axes.set_title(f"Pair at {sheet.entry}, {sheet.leverage}x, {sheet.size.notional:,.0f} USDT a leg")
    axes.legend()
    figure.savefig(path)
