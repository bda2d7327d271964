"""How often each condition held on the candles that are here."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from db.constraints_repository import ConstraintsRepository
from orchestrator.dashboard import charts
from orchestrator.dashboard.house import house
from orchestrator.dashboard.market_folders import folders
from orchestrator.desk import TRADER_ID
from orchestrator.errors import HostError
from orchestrator.simulation.history import symbols_in

_TOGETHER = 5


def census(request: Request) -> Response:
    """The page; without candles it says how to get some."""
    here = house(request)
    source, symbol, choices, found = _chosen(request)
    curves: dict[str, list[Mapping[str, Any]]] = {}
    for row in (found or {}).get("1h", {}).get("curve", ()):
        curves.setdefault(row["condition"], []).append(row)
    frames = [name for name in (found or {}) if name != "funding"]
    names = list(dict.fromkeys(name for frame in frames for name in (found or {})[frame]["conditions"]))
    return here.pages.html(
        request,
        "census.html",
        title="Census",
        source=source,
        symbol=symbol,
        choices=choices,
        found=found,
        frames=frames,
        names=names,
        curves=curves,
        together=_TOGETHER,
    )


def census_chart(request: Request) -> Response:
    """Shares of the 1h conditions."""
    pages = house(request).pages
    *_, found = _chosen(request)
    conditions = (found or {}).get("1h", {}).get("conditions", {})
    rows = [(name, one) for name, one in conditions.items() if one["share"] is not None]
    if not rows:
        return pages.json({"empty": True})
    texts = [f"{one['count']:,} ({one['share']:.2%})" for _, one in rows]
    return pages.json(charts.bars([name for name, _ in rows], [100 * one["share"] for _, one in rows], texts, " %"))


def _chosen(request: Request) -> tuple[str, str, dict[str, tuple[str, ...]], Mapping[str, Any] | None]:
    """(source, symbol, what can be chosen, the census or None). Raises HostError for a choice that is not there."""
    here = house(request)
    there = folders(here.config)
    choices = {name: symbols_in(folder) for name, folder in there.items()}
    if not there:
        return "", "", choices, None
    source = request.query_params.get("source") or next(iter(there))
    if source not in there:
        raise HostError("not_found", f"there are no candles {source!r}", "choose one of the list")
    symbol = request.query_params.get("symbol") or choices[source][0]
    if symbol not in choices[source]:
        raise HostError("not_found", f"there are no candles of {symbol}", "choose one of the list")
    with here.database() as database:
        constraints = ConstraintsRepository(database).current(TRADER_ID)
    return source, symbol, choices, here.counted.census(there[source], symbol, constraints)
