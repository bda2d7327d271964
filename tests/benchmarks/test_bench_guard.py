"""How long a verdict takes: `pytest tests/benchmarks/test_bench_guard.py`.

Target: under 300 microseconds a verdict on a kept bench, 10,000 lines of `volgamma guard` in a few seconds.
"""

from typing import Any

from orchestrator.risk_guard.bench import Bench
from orchestrator.risk_guard.lines import judge_lines
from orchestrator.risk_guard.review import judge
from tests.guard_scenario import D, Scenario, permitted


def deep(levels: int = 500) -> Scenario:
    """A book as venues send it: hundreds of levels a side."""
    asks = tuple((D(120) + D("0.01") * n, D(400)) for n in range(1, levels + 1))
    bids = tuple((D(120) - D("0.01") * n, D(400)) for n in range(1, levels + 1))
    return permitted().with_leg(bids=bids, asks=asks)


def bench_of(scenario: Scenario) -> Bench:
    return Bench(scenario.context, scenario.quote, scenario.switches, scenario.constraints)


def test_one_verdict_from_scratch(benchmark: Any) -> None:
    scenario = permitted()
    assert benchmark(scenario.review).outcome == "approved"


def test_one_verdict_from_scratch_on_a_deep_book(benchmark: Any) -> None:
    scenario = deep()
    assert benchmark(scenario.review).outcome == "approved"


def test_one_verdict_on_a_kept_bench(benchmark: Any) -> None:
    scenario = permitted()
    bench = bench_of(scenario)
    assert benchmark(judge, scenario.decision, bench).outcome == "approved"


def test_one_refusal_on_a_kept_bench(benchmark: Any) -> None:
    scenario = permitted().with_plan(leverage=9, stop_loss=D("0.09")).with_switches(kill=True)
    bench = bench_of(scenario)
    assert benchmark(judge, scenario.decision, bench).outcome == "refused"


def test_a_thousand_lines(benchmark: Any) -> None:
    scenario = deep()
    bench, line = bench_of(scenario), scenario.decision.model_dump_json()

    def run() -> int:
        return sum(len(one.json()) > 0 for one in judge_lines([line] * 1_000, bench))

    assert benchmark(run) == 1_000
