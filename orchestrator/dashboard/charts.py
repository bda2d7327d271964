"""Charts as plotly documents. Colours are named `var(--x)`: the page fills them in for light and dark."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.dashboard.curve import Account
from orchestrator.dashboard.levels import Level
from orchestrator.dashboard.words import iso

Figure = dict[str, Any]
#: Colour and dash of a level: told apart without colour by dash and by the label at its end.
_LINES: Mapping[str, tuple[str, str]] = {
    "entry": ("var(--ink)", "solid"),
    "band": ("var(--blue)", "dash"),
    "bracket": ("var(--bad)", "solid"),
    "stop": ("var(--bad)", "dot"),
    "reversal": ("var(--bad)", "dashdot"),
    "trailing": ("var(--warn)", "dot"),
    "target": ("var(--good)", "longdash"),
}
#: Where labels start that would else lie on each other.
_COLUMNS = (0.0, 0.2, 0.4)


def layout(**changes: Any) -> dict[str, Any]:
    """What all charts share."""
    axis = {"gridcolor": "var(--line)", "zerolinecolor": "var(--line)", "linecolor": "var(--line)", "automargin": True}
    base: dict[str, Any] = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "var(--ink)"},
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "var(--card)", "font": {"color": "var(--ink)"}},
        "showlegend": False,
        "xaxis": dict(axis),
        "yaxis": {**axis, "side": "right"},
    }
    for key, value in changes.items():
        base[key] = {**base[key], **value} if isinstance(base.get(key), dict) else value
    return base


def equity(account: Account) -> Figure:
    """Equity with its high and the drawdown limit below it."""
    times = [iso(point.at) for point in account.points]
    values = [float(point.equity) for point in account.points]
    high, floor = float(account.high), float(account.high * (1 - account.drawdown_limit))
    spread = max(values) - min(values)
    low = min(values) - max(spread, high * 0.002)
    lines = [(high, "var(--ink)", "dot", f"high {high:,.2f}")]
    if floor >= low:
        lines.append((floor, "var(--bad)", "dash", f"drawdown limit {floor:,.2f}"))
    trace = {
        "type": "scatter",
        "mode": "lines" if len(values) > 60 else "lines+markers",
        "x": times,
        "y": values,
        "name": "equity, USDT",
        "line": {"color": "var(--blue)", "width": 2, "shape": "hv"},
        "marker": {"size": 5, "color": "var(--blue)"},
        "hovertemplate": "%{y:,.2f} USDT<extra></extra>",
    }
    shapes = [_line(value, colour, dash) for value, colour, dash, _ in lines]
    labels = [_label(value, text, colour) for value, colour, _, text in lines]
    top = max(max(values), high)
    edge = (top - low) * 0.08 or 1
    axis = {"range": [low - edge, top + edge], "tickformat": ",.0f" if top - low > 20 else ",.2f"}
    return {"data": [trace], "layout": layout(shapes=shapes, annotations=labels, yaxis=axis, xaxis={"type": "date"})}


def price(
    candles: Mapping[str, Sequence[float]],
    found: Iterable[Level] = (),
    marks: Sequence[tuple[int, float]] = (),
    opened_at: int | None = None,
) -> Figure:
    """Candles with every level of a pair as a line that is labelled at its end."""
    times = [iso(int(ms)) for ms in candles["time"]]
    data: list[dict[str, Any]] = [
        {
            "type": "candlestick",
            "name": "price",
            "x": times,
            **{name: list(candles[name]) for name in ("open", "high", "low", "close")},
            # up hollow, down filled: told apart without colour
            "increasing": {"line": {"color": "var(--blue)", "width": 1}, "fillcolor": "var(--card)"},
            "decreasing": {"line": {"color": "var(--orange)", "width": 1}, "fillcolor": "var(--orange)"},
        }
    ]
    if marks:
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": "mark as decisions saw it",
                "x": [iso(at) for at, _ in marks],
                "y": [value for _, value in marks],
                "line": {"color": "var(--ink)", "width": 1},
                "marker": {"size": 5, "symbol": "diamond", "color": "var(--ink)"},
            }
        )
    shapes, labels = [], []
    levels = tuple(level for level in found if not level.beyond)
    values = [*candles["high"], *candles["low"], *(float(level.price) for level in levels)]
    edge = (max(values) - min(values)) * 0.05 or 1
    places = columns([float(level.price) for level in levels], edge)
    for level, place in zip(levels, places, strict=True):
        colour, dash = _LINES[level.kind]
        shapes.append(_line(float(level.price), colour, dash, faint=level.done))
        labels.append(_label(float(level.price), f"{level.name} {float(level.price):,.2f}", colour, place))
    if opened_at is not None:
        shapes.append(
            {"type": "line", "xref": "x", "yref": "paper", "x0": iso(opened_at), "x1": iso(opened_at), "y0": 0, "y1": 1}
            | {"line": {"color": "var(--ink)", "width": 1, "dash": "dot"}}
        )
    return {
        "data": data,
        "layout": layout(
            shapes=shapes,
            annotations=labels,
            xaxis={"type": "date", "rangeslider": {"visible": False}},
            yaxis={"range": [min(values) - edge, max(values) + edge]},
        ),
    }


def rates(series: Mapping[str, Sequence[tuple[int, float]]], limits: Sequence[tuple[float, str]] = ()) -> Figure:
    """Funding rates per 8 h by name, per cent, as steps."""
    styles = (("var(--blue)", "solid"), ("var(--orange)", "dash"), ("var(--good)", "dot"), ("var(--ink)", "dashdot"))
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": [iso(at) for at, _ in points],
            "y": [100 * value for _, value in points],
            "line": {"color": colour, "dash": dash, "width": 2, "shape": "hv"},
            "hovertemplate": "%{y:+.4f} %<extra>" + name + "</extra>",
        }
        for (name, points), (colour, dash) in zip(series.items(), styles, strict=False)
    ]
    shapes = [_line(100 * value, "var(--warn)", "dot") for value, _ in limits]
    labels = [_label(100 * value, text, "var(--warn)") for value, text in limits]
    return {
        "data": data,
        "layout": layout(
            shapes=shapes,
            annotations=labels,
            showlegend=len(data) > 1,
            # fixed margins: plotly's own search for room does not come to an end in a narrow frame with a legend
            legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
            margin={"b": 70, "r": 65},
            xaxis={"type": "date", "automargin": False},
            yaxis={"ticksuffix": " %", "automargin": False},
        ),
    }


def bars(names: Sequence[str], values: Sequence[float], texts: Sequence[str], unit: str) -> Figure:
    """One horizontal bar a name, the first on top."""
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": list(reversed(values)),
        "y": list(reversed(names)),
        "text": list(reversed(texts)),
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": "var(--blue)"},
        "hovertemplate": "%{y}: %{text}<extra></extra>",
    }
    return {
        "data": [trace],
        "layout": layout(
            hovermode="closest",
            margin={"r": 90},
            xaxis={"ticksuffix": unit},
            yaxis={"side": "left", "dtick": 1},
            bargap=0.35,
        ),
    }


def _line(value: float, colour: str, dash: str, *, faint: bool = False) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "opacity": 0.4 if faint else 1,
        "line": {"color": colour, "width": 1.5, "dash": dash},
    }


def columns(prices: Sequence[float], least: float) -> list[float]:
    """Where along the chart (0 to 1) each label starts, so that those less than `least` apart stand side by side."""
    last: dict[float, float] = {}
    found = []
    for price in prices:
        place = next((one for one in _COLUMNS if one not in last or abs(last[one] - price) >= least), _COLUMNS[-1])
        last[place] = price
        found.append(place)
    return found


def _label(value: float, text: str, colour: str, place: float = 0.0) -> dict[str, Any]:
    return {
        "xref": "paper",
        "x": place,
        "xanchor": "left",
        "y": value,
        "yanchor": "bottom",
        "text": text,
        "showarrow": False,
        "font": {"size": 12, "color": colour},
    }
