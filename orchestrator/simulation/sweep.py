"""The same history under every combination of some limits, and how much of the best of them chance explains.

The best of many tries looks good even when none is: the deflated Sharpe ratio (Bailey and Lopez de Prado 2014) asks
how likely the best one's true ratio is above 0, given how many were tried and how far apart they came out.
"""

import itertools
import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from orchestrator.errors import HostError, UsageError
from orchestrator.given_limits import read
from orchestrator.other_limits import changed
from orchestrator.settings import Settings
from orchestrator.simulation import statistics
from orchestrator.simulation.document import assumed
from orchestrator.simulation.run import Request, setup_of, trader_of
from orchestrator.simulation.submit import submit
from orchestrator.simulation.trial import item_of, loaded, trial
from traders.contract.constraints import ConstraintSet, limit_values
from traders.contract.limit_words import complaints
from traders.contract.limits import Limits

SCHEMA = "volgamma.sweep/1"
#: What a deflated Sharpe ratio must reach before the best of N counts as more than luck.
CONFIDENT = 0.95
_MOST = 2_000
_EXAMPLE = "for example --sweep stop_loss_max=0.04,0.06,0.08"
Changes = dict[str, Any]
Figures = dict[str, Any]


@dataclass(frozen=True)
class Spread:
    """How runs are spread: processes (None: all but one), file of finished runs, a bar or none, a Dask scheduler."""

    workers: int | None = None
    done_file: Path | None = None
    progress: bool = True
    scheduler: str | None = None


@dataclass(frozen=True)
class Trials:
    """Runs of one period: figures by place in `combinations`, and what went wrong with the others."""

    figures: dict[int, Figures]
    errors: dict[int, str]
    kept: int

    def best(self) -> int | None:
        """The place with the highest net, the first of equals."""
        return max(self.figures, key=lambda place: (Decimal(self.figures[place]["net"]), -place), default=None)


@dataclass(frozen=True)
class Sweep:
    """What is swept: constraints by combination, those that contradict themselves left out with the reason."""

    request: Request
    standing: ConstraintSet
    combinations: tuple[Changes, ...]
    constraints: tuple[ConstraintSet, ...]
    left_out: tuple[tuple[Changes, str], ...]


def parsed(given: Iterable[str]) -> dict[str, list[Any]]:
    """`key=v1,v2` texts; values are JSON where they are JSON, else the text between commas. Raises UsageError."""
    found: dict[str, list[Any]] = {}
    for one in given:
        key, equals, text = (part.strip() for part in one.partition("="))
        if not equals or not key or not text:
            raise UsageError("usage", f"--sweep {one!r}", _EXAMPLE)
        if key in found:
            raise UsageError("usage", f"--sweep {key} is given twice", "give all its values at once")
        found[key] = list({json.dumps(value): value for value in _values(key, text)}.values())
    return found


def _values(key: str, text: str) -> list[Any]:
    try:
        values: list[Any] = json.loads(f"[{text}]")
        return values
    except ValueError:
        return [read(key, part.strip()) for part in text.split(",") if part.strip()]


def prepared(settings: Settings, request: Request, swept: Mapping[str, Sequence[Any]]) -> Sweep:
    """Every combination, checked. Raises HostError when none can be run, or there are too many."""
    if both := sorted(set(swept) & set(request.changes)):
        raise UsageError("usage", f"{both[0]} is given with --set and with --sweep", "use one of them")
    if (count := math.prod(len(values) for values in swept.values())) > _MOST:
        raise UsageError("usage", f"{count:,} combinations", f"sweep at most {_MOST:,}: fewer values, or fewer limits")
    _, standing = trader_of(settings, request)
    _require_values(standing, swept)
    combinations, sets, left_out = [], [], []
    first: HostError | None = None
    for values in itertools.product(*swept.values()):
        changes = dict(zip(swept, values, strict=True))
        try:
            sets.append(changed(standing, changes))
            combinations.append(changes)
        except HostError as error:
            first = first or error
            left_out.append((changes, error.message))
    if first is not None and not sets:
        raise first
    return Sweep(request, standing, tuple(combinations), tuple(sets), tuple(left_out))


def _require_values(standing: ConstraintSet, swept: Mapping[str, Sequence[Any]]) -> None:
    """A value that no combination could make good is a slip of the hand. Raises UsageError naming it."""
    values = limit_values(standing.limits)
    for key, one in ((key, one) for key, each in swept.items() if key in values for one in each):
        try:
            Limits.model_validate({**values, key: one})
        except ValidationError as error:
            raise UsageError("usage", f"--sweep {complaints(error, values)[0]}", _EXAMPLE) from error


def documented(plan: Sweep, swept: Mapping[str, Sequence[Any]], spread: Spread) -> dict[str, Any]:
    """Run them all: the document `volgamma.sweep/1`. Raises HostError for data that cannot be simulated."""
    setup = setup_of(plan.request, loaded(plan.request))
    began = time.perf_counter()
    trials = ran([(plan.request, one) for one in plan.constraints], spread, "runs")
    order = sorted(trials.figures, key=lambda place: (-Decimal(trials.figures[place]["net"]), place))
    failed = [{"changes": plan.combinations[place], "error": error} for place, error in sorted(trials.errors.items())]
    return {
        "schema": SCHEMA,
        "swept": dict(swept),
        "changed": plan.request.changes,
        "trials": len(trials.figures),
        "rows": [{"changes": plan.combinations[place], **headline(trials.figures[place])} for place in order],
        "best": None if not order else judged(trials, order[0], plan.combinations),
        "no_effect": without_effect(trials, plan.combinations, list(swept)),
        "failed": failed,
        "left_out": [{"changes": changes, "reason": reason} for changes, reason in plan.left_out],
        "taken_from_file": trials.kept,
        "seconds": round(time.perf_counter() - began, 3),
        "data": {"from": setup.start, "to": setup.end, "venue": plan.request.venue, "symbols": list(setup.symbols)},
        "capital": str(setup.capital),
        "fill_model": assumed(setup.model),
    }


def ran(runs: Sequence[tuple[Request, ConstraintSet]], spread: Spread, words: str) -> Trials:
    """Each run once, over processes; equal runs are computed once."""
    items = [item_of(replace(request, changes={}), constraints) for request, constraints in runs]
    places: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        places.setdefault(json.dumps(item, sort_keys=True), []).append(place)
    figures: dict[int, Figures] = {}
    errors: dict[int, str] = {}
    kept = 0
    progress = words if spread.progress else None
    for result in submit(
        items,
        trial,
        workers=spread.workers,
        done_file=spread.done_file,
        progress=progress,
        scheduler=spread.scheduler,
    ):
        kept += result.kept
        for place in places[json.dumps(result.item, sort_keys=True)]:
            if result.error is None:
                figures[place] = result.value
            else:
                errors[place] = result.error
    return Trials(figures, errors, kept)


def judged(trials: Trials, place: int, combinations: Sequence[Changes]) -> dict[str, Any]:
    """The best, and the probability that it is better than the best of as many tries without an edge."""
    count = len(trials.figures)
    ratios = np.array([_daily_ratio(one) for one in trials.figures.values()])
    deviation = float(ratios.std(ddof=1)) if count > 1 else 0.0
    returns = statistics.array(trials.figures[place]["daily_returns"])
    probability = statistics.deflated_sharpe(returns, count, deviation)
    return {
        "changes": combinations[place],
        **headline(trials.figures[place]),
        "trials": count,
        "deflated_sharpe": None if math.isnan(probability) else round(probability, 4),
        "more_than_chance": bool(probability >= CONFIDENT),
    }


def without_effect(trials: Trials, combinations: Sequence[Changes], keys: Sequence[str]) -> list[str]:
    """The limits of which each value, the others being equal, gives the very same run."""
    found = []
    for key in keys:
        groups: dict[str, list[Figures]] = {}
        for place, figures in trials.figures.items():
            others = {name: value for name, value in combinations[place].items() if name != key}
            groups.setdefault(json.dumps(others, sort_keys=True), []).append(figures)
        if any(len(group) > 1 for group in groups.values()) and all(
            one == group[0] for group in groups.values() for one in group
        ):
            found.append(key)
    return found


def _daily_ratio(figures: Figures) -> float:
    """Not annualised; a run without any variation (it never traded) has earned exactly nothing: 0."""
    ratio = statistics.sharpe(statistics.array(figures["daily_returns"]))
    return 0.0 if math.isnan(ratio) else ratio / math.sqrt(statistics.DAYS_A_YEAR)


def headline(figures: Figures) -> Figures:
    """What a document says of a run."""
    return {name: value for name, value in figures.items() if name not in ("daily_returns", "from", "to")}
