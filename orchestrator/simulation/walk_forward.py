"""Choosing on the past, tried on what came next: the sweep's best of each training part, run on the part after it.

The period is cut into equal parts at the nearest UTC midnights. Fold k trains on everything before its test part, as
a person would have, and tests on the next part, of which nothing was known. The standing limits run on the same test
parts: a choice that does not beat leaving them alone was not worth making.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from orchestrator.errors import HostError
from orchestrator.simulation.run import Request, setup_of
from orchestrator.simulation.statistics import DAY_MS
from orchestrator.simulation.sweep import Changes, Figures, Spread, Sweep, Trials, headline, ran
from orchestrator.simulation.trial import loaded

Period = tuple[int, int]


@dataclass(frozen=True)
class Fold:
    """UTC ms: trained on [start, middle), tested on [middle, end)."""

    start: int
    middle: int
    end: int


def folds(start: int, end: int, count: int) -> tuple[Fold, ...]:
    """`count` folds over `count` + 1 parts. Raises HostError for parts of less than a day."""
    part = (end - start) // (count + 1)
    if part < DAY_MS:
        raise HostError("no_data", f"{count} folds leave less than a day to each", "use fewer folds or more data")
    edges = [start, *((start + k * part + DAY_MS // 2) // DAY_MS * DAY_MS for k in range(1, count + 1)), end]
    return tuple(Fold(start, edges[k], edges[k + 1]) for k in range(1, count + 1))


def walked(plan: Sweep, count: int, spread: Spread) -> dict[str, Any]:
    """The part `walk_forward` of a sweep's document. Raises HostError as `folds` does."""
    setup = setup_of(plan.request, loaded(plan.request))
    cut = folds(setup.start, setup.end, count)
    size = len(plan.constraints)
    training = ran(
        [(_within(plan.request, fold.start, fold.middle), one) for fold in cut for one in plan.constraints],
        spread, "training",
    )  # fmt: skip
    chosen = [_choice(_part(training, k * size, size)) for k in range(count)]
    testing = ran(
        [
            (_within(plan.request, fold.middle, fold.end), one)
            for fold, place in zip(cut, chosen, strict=True)
            for one in (plan.standing if place is None else plan.constraints[place], plan.standing)
        ],
        spread,
        "tests",
    )
    rows = [
        _row(fold, place, _part(training, k * size, size), _part(testing, 2 * k, 2), plan.combinations)
        for k, (fold, place) in enumerate(zip(cut, chosen, strict=True))
    ]
    return {
        "folds": rows,
        **{f"{name}_net_30d": _mean_of(rows, name) for name in ("in_sample", "out_of_sample", "standing")},
        "failed": [*training.errors.values(), *testing.errors.values()],
    }


def _within(request: Request, start: int, end: int) -> Request:
    return replace(request, start=start, end=end)


def _part(trials: Trials, first: int, size: int) -> Trials:
    """The runs of one fold, counted from 0."""
    places = range(first, first + size)
    figures = {place - first: trials.figures[place] for place in places if place in trials.figures}
    return Trials(figures, {place - first: trials.errors[place] for place in places if place in trials.errors}, 0)


def _choice(training: Trials) -> int | None:
    """The best; None where training tells nothing apart, and the standing limits stay."""
    nets = {figures["net"] for figures in training.figures.values()}
    return None if len(nets) < 2 and len(training.figures) > 1 else training.best()


def _row(
    fold: Fold, place: int | None, training: Trials, testing: Trials, combinations: Sequence[Changes]
) -> dict[str, Any]:
    """One fold. `chosen` is {} where the standing limits stay; `tied` counts the combinations as good as the best."""
    first = training.best()
    best = None if first is None else training.figures[first]
    return {
        "train": {"from": fold.start, "to": fold.middle},
        "test": {"from": fold.middle, "to": fold.end},
        "chosen": None if best is None else {} if place is None else combinations[place],
        "tied": 0 if best is None else sum(one["net"] == best["net"] for one in training.figures.values()),
        "in_sample": _figures(best, fold.middle - fold.start),
        "out_of_sample": _figures(None if best is None else testing.figures.get(0), fold.end - fold.middle),
        "standing": _figures(testing.figures.get(1), fold.end - fold.middle),
    }


def _figures(figures: Figures | None, span_ms: int) -> Figures | None:
    """With the net of 30 days, since training parts grow."""
    if figures is None:
        return None
    monthly = Decimal(figures["net"]) * 30 * DAY_MS / span_ms
    return {**headline(figures), "net_30d": format(monthly.quantize(Decimal("1e-8")), "f")}


def _mean_of(rows: Sequence[dict[str, Any]], name: str) -> str | None:
    """The mean over folds of the net of 30 days."""
    values = [Decimal(row[name]["net_30d"]) for row in rows if row[name] is not None]
    return format((sum(values, Decimal(0)) / len(values)).quantize(Decimal("1e-8")), "f") if values else None
