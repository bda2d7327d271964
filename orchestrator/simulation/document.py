"""What a run says: the pinned JSON of `volgamma simulate`, and everything the text and the report are made from."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from orchestrator.ledger.book import Book
from orchestrator.ledger.position import plain
from orchestrator.simulation import statistics
from orchestrator.simulation.baselines import LadderRun
from orchestrator.simulation.engine import Engine, Setup
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.history import Market
from orchestrator.simulation.position import Cycle

SCHEMA = "volgamma.simulate/1"
SEED = 11
#: Reasons to stand aside that are told, the most frequent first.
_REASONS = 5


class LedgerMismatch(Exception):
    """The ledger and the simulated wallet disagree: a fault of the simulator, never of the data."""


def settled(engine: Engine, setup: Setup) -> dict[str, str]:
    """gross, fees, funding, slippage and net of all pairs, decimal strings.

    Raises LedgerMismatch when the production ledger, fed with every row, does not arrive at the same wallet.
    """
    account = engine.account
    book = Book()
    book.add(account.rows)
    if abs(plain(book.net) - (account.wallet - setup.capital)) > Decimal("0.000001"):
        raise LedgerMismatch(
            f"the ledger's net is {plain(book.net)}, the wallet gained {account.wallet - setup.capital}"
        )
    return _money(engine.outcome.cycles)


def document(engine: Engine, setup: Setup, markets: dict[str, Market], seconds: float) -> dict[str, Any]:
    """Money as decimal strings; fractions and ratios as numbers. `gross` is before slippage, fees and funding.

    Raises LedgerMismatch.
    """
    outcome, account = engine.outcome, engine.account
    totals = settled(engine, setup)
    capital = float(setup.capital)
    returns = statistics.daily_returns(account.curve, setup.start, setup.end, capital)
    nets = [float(cycle.net) for cycle in outcome.cycles]
    return {
        "schema": SCHEMA,
        "bars": outcome.bars,
        "seconds": round(seconds, 3),
        "bars_per_second": round(outcome.bars / seconds) if seconds > 0 else None,
        "decisions": outcome.decisions,
        "verdicts": dict(sorted(outcome.verdicts.items())),
        "actions": dict(sorted(outcome.actions.items())),
        "refused_by": dict(outcome.rules.most_common()),
        "stood_aside": dict(outcome.aside.most_common(_REASONS)),
        "cycles": len(outcome.cycles),
        "one_leg": sum(cycle.side is not None for cycle in outcome.cycles),
        **totals,
        "max_drawdown": round(statistics.max_drawdown(account.curve, capital), 6),
        "drawdown_latched_at": account.latched_at,
        "win_rate": number(statistics.win_rate(np.asarray(nets))),
        "sharpe": number(statistics.sharpe(returns)),
        "return": number(float(account.wallet) / capital - 1),
        "intervals": {
            "net_per_cycle": statistics.interval(nets, statistics.mean, seed=SEED),
            "win_rate": statistics.interval(nets, statistics.win_rate, seed=SEED),
            "sharpe": statistics.interval(returns.tolist(), statistics.sharpe, seed=SEED, block=5),
        },
        "exits": dict(Counter(cycle.reason for cycle in outcome.cycles).most_common()),
        "continuation": continuation(outcome.cycles),
        "expired": outcome.expired,
        "per_symbol": {
            symbol: {
                "cycles": sum(cycle.symbol == symbol for cycle in outcome.cycles),
                **_money([cycle for cycle in outcome.cycles if cycle.symbol == symbol]),
            }
            for symbol in setup.symbols
        },
        "data": {
            "from": setup.start,
            "to": setup.end,
            "venue": next(iter(markets.values())).venue,
            "path": {symbol: market.path for symbol, market in markets.items() if symbol in setup.symbols},
            "gaps": {symbol: market.gaps for symbol, market in markets.items() if symbol in setup.symbols},
        },
        "policy": setup.policy,
        "capital": str(setup.capital),
        "fill_model": assumed(setup.model),
        "not_evaluable": list(outcome.not_evaluable),
    }


def assumed(model: FillModel) -> dict[str, Any]:
    """How fills are made, for a document."""
    return {
        "taker": float(model.taker * model.cost_factor),
        "spread": float(model.spread),
        "depth_usdt": str(model.depth_usdt),
        "cost_factor": float(model.cost_factor),
        "entry": "open of the next bar",
        "inside_a_bar": "the worse of open-high-low-close and open-low-high-close",
    }


def _money(cycles: Sequence[Cycle]) -> dict[str, str]:
    """gross - slippage - fees + funding = net."""
    zero = Decimal(0)
    figures = {
        name: sum((getattr(cycle, name) for cycle in cycles), zero)
        for name in ("gross", "fees", "funding", "slippage", "net")
    }
    return {name: format(value.quantize(Decimal("1e-8")), "f") for name, value in figures.items()}


def continuation(cycles: Sequence[Cycle]) -> dict[str, Any]:
    """Of the ladders that reached their first band, how many went on to the last before anything else.

    Positions of one leg are no ladders and do not count.
    """
    begun = [cycle for cycle in cycles if cycle.reached >= 1 and cycle.side is None]
    went_on = sum(cycle.reason == "last_band" and cycle.reached >= 2 for cycle in begun)
    return {"reached_band_1": len(begun), "went_on": went_on, "share": went_on / len(begun) if begun else None}


def ladder_document(runs: Sequence[LadderRun]) -> dict[str, Any]:
    """Unconditional ladders: net and gross per ladder in fractions of a leg's notional, and the one probability."""
    nets = [run.net for run in runs]
    reached = [run for run in runs if run.reached >= 1]
    on = sum(run.reached >= 2 for run in reached)
    return {
        "ladders": len(runs),
        "net_mean": number(statistics.mean(np.asarray(nets))),
        "net_interval": statistics.interval(nets, statistics.mean, seed=SEED),
        "gross_mean": number(statistics.mean(np.asarray([run.gross for run in runs]))),
        "continuation": on / len(reached) if reached else None,
    }


def number(value: float) -> float | None:
    """To six digits; None for NaN and infinities."""
    return round(value, 6) if np.isfinite(value) else None
