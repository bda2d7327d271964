"""The first page: the account, open pairs on the price, what is next, and whether all is well."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from db.constraints_repository import ConstraintsRepository
from db.journal_search import Filter, JournalSearch
from db.pairs_repository import PairsRepository
from orchestrator.dashboard import charts
from orchestrator.dashboard.curve import account
from orchestrator.dashboard.house import house
from orchestrator.dashboard.pairs_view import marks, open_pairs, pair_view
from orchestrator.dashboard.status import status
from orchestrator.desk import TRADER_ID
from orchestrator.keeping import keeping

if TYPE_CHECKING:
    from db.database import Database

_LAST = 6
_MARKS = 200
_CANDLES = {"15m": 120, "1h": 200, "4h": 120, "1d": 120}


def overview(request: Request) -> Response:
    """The page."""
    here = house(request)
    with here.database() as database:
        constraints = ConstraintsRepository(database).current(TRADER_ID)
        search = JournalSearch(database)
        exchanges = search.choices().exchanges
        chosen = request.query_params.get("account") or newest_exchange(search)
        now = here.config.now_ms()
        closed = PairsRepository(database).closed_pairs(chosen or None)[-5:]
        return here.pages.html(
            request,
            "overview.html",
            title="Overview",
            account=account(database, chosen, constraints.limits) if chosen else None,
            chosen=chosen,
            exchanges=exchanges,
            pairs=open_pairs(database),
            keepers={(one.symbol, one.exchange): one for one in keeping(here.config.settings).pairs},
            closed=tuple(reversed(closed)),
            status=status(database, here.config.settings, constraints),
            last=search.page(Filter(), _LAST)[0],
            constraints=constraints,
            now=now,
        )


def newest_exchange(search: JournalSearch) -> str:
    """The account of the newest decision; empty before the first."""
    entries, _ = search.page(Filter(), 1)
    return entries[0].exchange if entries else ""


def equity_chart(request: Request) -> Response:
    """Equity of an account as a plotly document."""
    here = house(request)
    with here.database() as database:
        limits = ConstraintsRepository(database).current(TRADER_ID).limits
        chosen = request.query_params.get("account") or newest_exchange(JournalSearch(database))
        found = account(database, chosen, limits)
    return here.pages.json({"empty": True} if found is None else charts.equity(found))


def pair_chart(request: Request) -> Response:
    """Price and levels of a pair."""
    here = house(request)
    frame = request.query_params.get("frame", "15m")
    with here.database() as database:
        view = pair_view(database, request.path_params["pair_id"])
        candles = last_candles(database, view.pair.symbol, frame)
        seen = [(one.at, float(one.price)) for one in marks(database, view.pair.symbol, _MARKS)]
    if candles is None:
        return here.pages.json({"empty": True})
    since = candles["time"][0]
    points = sorted(point for point in seen if point[0] >= since)
    return here.pages.json(charts.price(candles, view.levels, points, view.pair.opened_at))


def last_candles(database: "Database", symbol: str, frame: str) -> Mapping[str, Any] | None:
    """The newest candles a decision on the symbol was taken on: time (UTC ms), open, high, low, close."""
    for one in JournalSearch(database).documents("snapshot", Filter(symbol=symbol), 1):
        return candles_of(one.document, symbol, frame)
    return None


def candles_of(snapshot: Mapping[str, Any], symbol: str, frame: str) -> Mapping[str, Any] | None:
    """Candles of a stored snapshot, the last of them; None where it has none of that time frame."""
    market = (snapshot["symbols"].get(symbol) or {}).get("market_data") or {}
    series = (market.get("candles") or {}).get(frame)
    if not series or not series.get("time"):
        return None
    count = _CANDLES.get(frame, 200)
    return {name: series[name][-count:] for name in ("time", "open", "high", "low", "close")}
