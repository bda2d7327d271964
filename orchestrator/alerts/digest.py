"""The day in figures, and a small picture of equity where matplotlib is installed."""

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec

from db.database import Database
from db.journal_repository import JournalRepository
from db.journal_search import Filter, JournalSearch
from db.pairs_repository import PairsRepository

_DAY_MS = 86_400_000
_POINTS = 500


@dataclass(frozen=True)
class Day:
    """One account over the last day of its own clock. `equity`: (UTC ms, USDT), oldest first; a week at most."""

    exchange: str
    decisions: int
    outcomes: tuple[tuple[str, int], ...]
    refused_by: tuple[tuple[str, int], ...]
    opened: int
    closed: int
    net: Decimal
    open_now: int
    unprotected: int
    model_cost: float
    equity: tuple[tuple[int, Decimal], ...]


def days(database: Database) -> tuple[Day, ...]:
    """One for each account that decided within the last day of its clock. Raises errors of the store."""
    journal, pairs = JournalRepository(database), PairsRepository(database)
    newest = journal.entries(limit=1)
    if not newest:
        return ()
    until = newest[0].started_at
    entries = journal.entries(limit=None, since=until - _DAY_MS)
    found = []
    for exchange in sorted({entry.exchange for entry in entries}):
        mine = [entry for entry in entries if entry.exchange == exchange]
        closed = pairs.closed_pairs(exchange, until - _DAY_MS)
        standing = pairs.open_pairs(exchange)
        documents = JournalSearch(database).documents(
            "portfolio", Filter(exchange=exchange, since=until - 7 * _DAY_MS), _POINTS
        )
        points = [(one.started_at, Decimal(one.document["equity"])) for one in documents]
        found.append(
            Day(
                exchange=exchange,
                decisions=len(mine),
                outcomes=_counted(entry.outcome or entry.status for entry in mine),
                refused_by=_counted(rule for entry in mine for rule in entry.refused_rules)[:5],
                opened=sum(1 for entry in mine if entry.action == "enter" and entry.execution_status == "open"),
                closed=len(closed),
                net=sum((_net(pair.result) for pair in closed), Decimal(0)),
                open_now=len(standing),
                unprotected=sum(1 for pair in standing if not pair.protected),
                model_cost=sum(entry.cost_usd or 0.0 for entry in mine),
                equity=tuple(sorted(points)),
            )
        )
    return tuple(found)


def text(found: Sequence[Day]) -> str:
    """For people."""
    if not found:
        return "No decision yet."
    parts = []
    for day in found:
        lines = [
            f"{day.exchange}: {day.decisions} decisions in 24 h ({_listed(day.outcomes) or 'none finished'}).",
            f"{day.opened} opened, {day.closed} closed, net {day.net:.2f} USDT; {day.open_now} open now"
            + (f", {day.unprotected} WITHOUT a bracket." if day.unprotected else "."),
        ]
        if day.refused_by:
            lines.append(f"Refused most often by: {_listed(day.refused_by)}.")
        if day.equity:
            first, last = day.equity[0][1], day.equity[-1][1]
            lines.append(f"Equity {last:,.2f} USDT, {last - first:+,.2f} since the first figure within a week.")
        if day.model_cost:
            lines.append(f"Model: {day.model_cost:.2f} USD.")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def picture(found: Sequence[Day]) -> bytes | None:
    """PNG of equity, one line an account; None without matplotlib, or with fewer than two figures."""
    lines = [day for day in found if len(day.equity) > 1]
    if not lines or find_spec("matplotlib") is None:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 2.4), layout="constrained")
    axes = figure.add_subplot()
    for day in lines:
        last = day.equity[-1][0]
        axes.plot(
            [(at - last) / _DAY_MS for at, _ in day.equity],
            [float(value) for _, value in day.equity],
            label=day.exchange,
            linewidth=1.5,
        )
    axes.set_ylabel("equity, USDT")
    axes.set_xlabel("days")
    axes.tick_params(labelsize=7)
    if len(lines) > 1:
        axes.legend(fontsize=7)
    into = io.BytesIO()
    FigureCanvasAgg(figure).print_png(into)
    return into.getvalue()


def _counted(values: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(values).most_common())


def _listed(counted: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counted)


def _net(result: object) -> Decimal:
    return Decimal(str(result["net"])) if isinstance(result, dict) and "net" in result else Decimal(0)
