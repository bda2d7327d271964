"""One run of many, as a worker process does it: from a JSON item to a JSON result, without a database."""

import functools
import json
from collections.abc import Mapping
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestrator.desk import find_trader
from orchestrator.simulation import statistics
from orchestrator.simulation.document import number, settled
from orchestrator.simulation.engine import survey_of
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.history import Market
from orchestrator.simulation.run import Request, markets_of, played, setup_of
from traders.contract.constraints import ConstraintSet, constraint_set, limit_values, parse_limits


def item_of(request: Request, constraints: ConstraintSet) -> dict[str, Any]:
    """Everything that the result depends on: its hash names the result, in this run and in a later one."""
    model = request.model
    return {
        "code": version("volatility-gamma"),
        "trader": constraints.trader_id,
        "constraints_version": constraints.version,
        "limits": limit_values(constraints.limits),
        "folder": str(request.folder.resolve()),
        "files": _files(request.folder),
        "symbols": list(request.symbols),
        "start": request.start,
        "end": request.end,
        "capital": str(request.capital),
        "venue": request.venue,
        "missing": request.missing,
        "model": {
            name: str(getattr(model, name)) for name in ("taker", "maker", "spread", "depth_usdt", "cost_factor")
        },
    }


def trial(item: Mapping[str, Any]) -> dict[str, Any]:
    """Run an item of `item_of`: the headline figures, and the daily returns they rest on.

    Raises HostError for data or limits that cannot be simulated, LedgerMismatch as `document` does.
    """
    trader = find_trader(item["trader"])
    request = Request(
        folder=Path(item["folder"]),
        symbols=tuple(item["symbols"]),
        start=item["start"],
        end=item["end"],
        capital=Decimal(item["capital"]),
        model=FillModel(**{name: Decimal(value) for name, value in item["model"].items()}),
        venue=item["venue"],
        missing=item["missing"],
        trader=item["trader"],
    )
    markets = loaded(request)
    limits = parse_limits(dict(item["limits"]), where="this run")
    constraints = constraint_set(item["trader"], item["constraints_version"], limits)
    setup = setup_of(request, markets)
    engine = played(trader, constraints, markets, setup, survey_of(trader, markets, constraints))
    curve, capital = engine.account.curve, float(setup.capital)
    returns = statistics.daily_returns(curve, setup.start, setup.end, capital)
    cycles = engine.outcome.cycles
    return {
        "from": setup.start,
        "to": setup.end,
        "decisions": engine.outcome.decisions,
        "cycles": len(cycles),
        **settled(engine, setup),
        "win_rate": number(statistics.win_rate(statistics.array([float(cycle.net) for cycle in cycles]))),
        "sharpe": number(statistics.sharpe(returns)),
        "return": number(float(engine.account.wallet) / capital - 1),
        "max_drawdown": round(statistics.max_drawdown(curve, capital), 6),
        "daily_returns": returns.tolist(),
    }


def loaded(request: Request) -> dict[str, Market]:
    """The markets of a request, read once in a process."""
    files = json.dumps(_files(request.folder))
    return _loaded(request.folder.resolve(), request.symbols, request.venue, request.trader, files)


@functools.lru_cache(maxsize=1)
def _loaded(folder: Path, symbols: tuple[str, ...], venue: str, trader: int, files: str) -> dict[str, Market]:
    request = Request(folder, symbols, None, None, Decimal(1), FillModel(), venue, "waive")
    return markets_of(find_trader(trader), request)


def _files(folder: Path) -> list[list[Any]]:
    """Name, size and time of change of each file of candles or funding: data changed are other data."""
    if not folder.is_dir():
        return []
    return [[file.name, (stat := file.stat()).st_size, stat.st_mtime_ns] for file in sorted(folder.glob("*.feather"))]
