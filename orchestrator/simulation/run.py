"""One request to simulate, from folder to document: load, run, and (in full) the baselines and other costs."""

import asyncio
import time
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from orchestrator.desk import TRADER_ID, find_trader, open_store
from orchestrator.other_limits import changed
from orchestrator.settings import Settings
from orchestrator.simulation import asked as by_model
from orchestrator.simulation.baselines import buy_and_hold, ladders, random_starts
from orchestrator.simulation.document import SEED, document, ladder_document
from orchestrator.simulation.engine import Engine, Missing, Setup, survey_of
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.funding_document import Second
from orchestrator.simulation.funding_document import section as funding_pairs
from orchestrator.simulation.history import HistoryError, Market, load
from orchestrator.simulation.position import Cycle
from orchestrator.trader_switch import first_limits, require_enabled
from traders.contract.constraints import ConstraintSet, limit_values
from traders.contract.history import Survey
from traders.contract.trader import Trader

_RANDOM_LADDERS = 200


@dataclass(frozen=True)
class Request:
    """What to simulate. `changes` are limits for this run only; times UTC ms, None: as far as the data go.

    `asked` None: by the rules. `second`: the other venue of funding pairs.
    """

    folder: Path
    symbols: tuple[str, ...]
    start: int | None
    end: int | None
    capital: Decimal
    model: FillModel
    venue: str
    missing: Missing
    changes: dict[str, Any] = field(default_factory=dict)
    full: bool = False
    asked: by_model.Asked | None = None
    second: Second | None = None
    trader: int = TRADER_ID
    #: A bar on stderr, where that is a terminal.
    progress: bool = False


@dataclass(frozen=True)
class Done:
    """A run: the JSON document, and what a report draws."""

    document: dict[str, Any]
    cycles: tuple[Cycle, ...]
    curve: tuple[tuple[int, float], ...]
    markets: dict[str, Market]
    setup: Setup


def simulate(settings: Settings, request: Request) -> Done:
    """Run. Raises HostError for a folder, symbol, period or limit that cannot be simulated."""
    trader, constraints = trader_of(settings, request)
    markets = markets_of(trader, request)
    setup = setup_of(request, markets)
    began = time.perf_counter()
    survey = survey_of(trader, markets, constraints)
    if request.asked is None:
        words = "decisions" if request.progress else None
        engine, asked = played(trader, constraints, markets, setup, survey, words), None
    else:
        engine, asked = asyncio.run(by_model.run(trader, constraints, markets, setup, survey, request.asked))
    found = document(engine, setup, markets, time.perf_counter() - began)
    if asked is not None:
        found["model"] = asked
    found["trader"] = {"trader_id": request.trader, "name": trader.descriptor.name}
    found["constraints"] = {
        "version": constraints.version,
        "hash": constraints.hash,
        "changed": request.changes,
        "differ": differing(trader, constraints),
    }
    if request.second is not None:
        found["funding_pairs"] = funding_pairs(trader, survey, constraints, markets, setup, request.second)
    if request.full:
        found["baselines"] = _baselines(
            markets, setup, constraints, laddered=found["one_leg"] < max(1, found["cycles"])
        )
        if request.asked is None:  # a model would have to be asked everything again, about other costs
            found["cost_sensitivity"] = _costs(trader, constraints, markets, setup, survey, progress=request.progress)
    return Done(found, tuple(engine.outcome.cycles), tuple(engine.account.curve), markets, setup)


def trader_of(settings: Settings, request: Request) -> tuple[Trader, ConstraintSet]:
    """The trader and its limits for this run. Raises HostError for one that is unknown, off, or without limits."""
    trader = find_trader(request.trader)
    with open_store(settings) as store:
        require_enabled(store.database, trader.descriptor)
        standing = store.constraints.current(request.trader)
    return trader, changed(standing, request.changes)


def played(
    trader: Trader,
    constraints: ConstraintSet,
    markets: dict[str, Market],
    setup: Setup,
    survey: Survey,
    progress: str | None = None,
) -> Engine:
    """A run from the first bar to the last. `progress` names a bar on stderr, drawn only on a terminal."""
    engine = Engine(trader, constraints, markets, setup, survey=survey)
    asyncio.run(engine.run(progress))
    return engine


def differing(trader: Trader, constraints: ConstraintSet) -> dict[str, Any]:
    """The limits of a run that are not those the trader is delivered with."""
    delivered = limit_values(first_limits(trader.descriptor))
    return {key: value for key, value in limit_values(constraints.limits).items() if delivered.get(key) != value}


def markets_of(trader: Trader, request: Request) -> dict[str, Market]:
    """The symbols asked for, and those of their partners that the folder has. Raises HistoryError."""
    markets = load(request.folder, tuple(request.symbols), request.venue)
    for symbol in _partners(trader, request.symbols):
        if symbol not in markets:
            markets |= _if_there(request, symbol)
    return markets


def setup_of(request: Request, markets: dict[str, Market]) -> Setup:
    """The period that all symbols have, cut to what was asked for."""
    paths = [markets[symbol].bars[markets[symbol].path] for symbol in request.symbols]
    first = max(int(bars.time[0]) for bars in paths)
    last = min(int(bars.time[-1]) + bars.interval_ms for bars in paths)
    start = max(first, request.start or first)
    end = min(last, request.end or last)
    if start >= end:
        raise HistoryError("no_data", "the data and the period asked for do not overlap", "choose --from and --to")
    policy: Literal["llm", "rules"] = "rules" if request.asked is None else "llm"
    return Setup(request.symbols, start, end, request.capital, request.model, policy, request.missing)


def _partners(trader: Trader, symbols: tuple[str, ...]) -> list[str]:
    return [name for symbol in symbols for name in trader.requirements(symbol).candles if name not in symbols]


def _if_there(request: Request, symbol: str) -> dict[str, Market]:
    """A partner symbol only adds readings: its absence is a reading less."""
    try:
        return load(request.folder, (symbol,), request.venue)
    except HistoryError:
        return {}


def _baselines(
    markets: dict[str, Market], setup: Setup, constraints: ConstraintSet, *, laddered: bool
) -> dict[str, Any]:
    """Holding, and ladders where the trader's own were some (`laddered`)."""
    limits, span = constraints.limits, (setup.start, setup.end)
    found: dict[str, dict[str, Any]] = {"back to back": {}, "random": {}}
    for symbol in setup.symbols if laddered else ():
        market = markets[symbol]
        starts = random_starts(market, _RANDOM_LADDERS, *span, seed=SEED)
        for name, at in (("back to back", None), ("random", starts)):
            found[name][symbol] = ladder_document(list(ladders(market, at, limits, setup.model, *span)))
    return {
        "ladders": found if laddered else {},
        "buy_and_hold": {symbol: round(buy_and_hold(markets[symbol], *span), 6) for symbol in setup.symbols},
    }


def _costs(
    trader: Trader,
    constraints: ConstraintSet,
    markets: dict[str, Market],
    setup: Setup,
    survey: Survey,
    *,
    progress: bool,
) -> dict[str, Any]:
    """The whole run again at other costs: the guard sees them too, and permits more or less."""
    rows: dict[str, Any] = {}
    for factor in ("0", "1", "2"):
        other = replace(setup, model=replace(setup.model, cost_factor=Decimal(factor)))
        engine = played(trader, constraints, markets, other, survey, f"costs x{factor}" if progress else None)
        cycles = engine.outcome.cycles
        net = sum((cycle.net for cycle in cycles), Decimal(0))
        rows[factor] = {
            "cycles": len(cycles),
            "net": format(net.quantize(Decimal("1e-8")), "f"),
            "refused_by": dict(engine.outcome.rules.most_common()),
        }
    return rows
