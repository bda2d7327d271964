"""`make fuzz`: seeded arbitrary decisions against the guard, each verdict judged by the independent oracle.

A situation (context, quote, switches, constraint set) is drawn, then many decisions about it. What the guard permits
must satisfy `tests.guard_oracle`, which knows the numbers of the specification and none of the guard's rules; a fuzz in
which everything is refused proves nothing, so at least 1 % has to be permitted. A failure prints seed and situation.
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

from orchestrator.risk_guard.bench import Bench
from orchestrator.risk_guard.review import judge
from orchestrator.risk_guard.rule import Rule
from orchestrator.risk_guard.rulebook import RULES
from tests.guard_fuzz import _bands
from tests.guard_oracle import violations
from tests.guard_scenario import AVAX, HOUR, NOW, PLAN, SOL, D, Scenario, book, open_pair, permitted
from traders.contract.decision import Action, Band, Decision, Evidence, LegPlan, Regime

DECISIONS_EACH = 200
Draw = Callable[[random.Random], Any]
#: Tighter than the seed only: the oracle's numbers are those of the seed.
_TIGHTER: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("leverage_max", (6, 7)),
    ("pair_margin_max", (0.17, 0.19)),
    ("stop_loss_max", (0.05, 0.07)),
    ("take_profit_max", (0.12, 0.14)),
    ("cash_reserve_min", (0.35, 0.4)),
    ("confidence_min", (0.6, 0.8)),
    ("trades_per_day_max", (5, 12)),
    ("slippage_max", (0.0005, 0.0008)),
    ("entry_min_signals", (3,)),
    ("cost_multiple_min", (2.5, 3)),
)


def situation(rng: random.Random) -> Scenario:
    """The permitted entry's surroundings with up to four things changed."""
    s = permitted()
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3, 4))):
        s = rng.choice(_SURROUNDINGS)(s, rng)
    return s


def _with_book(s: Scenario, first: int, rest: int) -> Scenario:
    bids, asks = book(first=first, rest=rest)
    return s.with_leg(bids=bids, asks=asks)


_SURROUNDINGS: tuple[Callable[[Scenario, random.Random], Scenario], ...] = (
    lambda s, r: s.with_readings(**{"1h__atr_ratio": round(r.uniform(1.4, 3.1), 4)}),
    lambda s, r: s.with_readings(**{"1h__natr14": round(r.uniform(0.005, 0.02), 6)}),
    lambda s, r: s.with_readings(**{"1h__tr_multiple": round(r.uniform(0.5, 3.2), 4)}),
    lambda s, r: s.with_readings(**{"1h__vix_proxy": round(r.uniform(0.5, 2.7), 4)}),
    lambda s, r: s.with_readings(**{"1d__natr14": round(r.uniform(0.005, 0.06), 6)}),
    lambda s, r: s.with_readings(**{"1h__bb_expansion_age": float(r.choice((0, 20, 47, 48, 300)))}),
    lambda s, r: s.with_readings(funding__rate_8h=r.choice((-0.0006, -0.0005, 0.0003, 0.0005, 0.0006))),
    lambda s, r: s.with_readings(book__imbalance=round(r.uniform(0.3, 0.7), 4)),
    lambda s, r: s.with_readings(**{r.choice(("1h__atr_ratio", "1h__natr14_median_1y", "oi__coins")): None}),
    lambda s, r: s.with_portfolio(equity=D(r.randint(60_000, 140_000)), cash=D(r.randint(30_000, 140_000))),
    lambda s, r: s.with_portfolio(trades_24h=r.choice((0, 10, 13, 14, 20))),
    lambda s, r: s.with_portfolio(pairs=r.choice(((open_pair(symbol=AVAX),), (open_pair(),)))),
    lambda s, r: _with_book(s, first=r.choice((100, 2000)), rest=r.choice((200, 700, 1400, 3000))),
    lambda s, r: s.with_leg(book_as_of=NOW - r.choice((0, 14_999, 15_000, 15_001))),
    lambda s, r: s.with_leg(next_funding_time=NOW + r.choice((HOUR, 60_000, 59_999))),
    lambda s, r: s.with_contract(quantity_step=D(r.choice(("0.01", "1", "100", "300")))),
    lambda s, r: s.with_switches(kill=r.random() < 0.5, unknown_orders=r.choice((0, 1))),
    lambda s, r: s.with_limits(**{key: r.choice(values) for key, values in r.sample(_TIGHTER, 2)}),
)  # fmt: skip


def decision(rng: random.Random, s: Scenario) -> Decision:
    """The permitted decision with a few of its parts drawn anew, sound or absurd."""
    plan: dict[str, Any] = {}
    said: dict[str, Any] = {}
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 5))):
        key, draw = rng.choice(_PLAN)
        plan[key] = draw(rng)
    if rng.random() < 0.15:
        key, draw = rng.choice(_SAID)
        said[key] = draw(rng)
    if rng.random() < 0.05:
        action = rng.choice((Action.EXIT, Action.HOLD, Action.STAND_ASIDE))
        return s.decision.model_copy(update={"action": action, "plan": None, "evidence": (), **said})
    changed = PLAN.model_copy(update=plan)
    return s.decision.model_copy(update={"plan": changed, **said})


def _number(*usual: str) -> Draw:
    """Mostly a usual value, sometimes anything."""
    return lambda r: (
        D(r.choice(usual)) if r.random() < 0.85 else D(repr(round(r.uniform(-2, 2) * 10 ** r.randint(-6, 9), 6)))
    )


_GRID = Band(move=D("0.02"), leg="winning", fraction=D("0.5"))
_PLAN: tuple[tuple[str, Draw], ...] = (
    ("leverage", lambda r: r.choice((-5, 0, 1, 4, 5, 5, 6, 7, 8, 8, 9, 20, 125))),
    ("pair_margin_fraction", _number("0.14", "0.15", "0.16", "0.18", "0.2", "0.201", "1")),
    ("stop_loss", _number("0.019", "0.02", "0.05", "0.07", "0.08", "0.0801")),
    ("take_profit", _number("0.049", "0.05", "0.1", "0.12", "0.15", "0.151")),
    ("trailing_atr_multiple", _number("1", "2", "3", "3.01")),
    ("max_holding_hours", _number("1", "24", "48", "60", "0")),
    ("rehedge", lambda r: r.choice(("none", "none", "at_band"))),
    ("reversal_rule", lambda r: r.choice(("opposite_band", "entry", "none"))),
    ("reopen", lambda r: r.random() < 0.5),
    ("kind", lambda r: r.choice(("gamma", "gamma", "spread", "funding", "directional"))),
    (
        "bands",
        lambda r: r.choice(
            (
                _bands("0.02", "0.5", "0.04"),
                _bands("0.015", "0.5", "0.03"),
                _bands("0.01", "0.5", "0.04"),
                _bands("0.02", "0.52", "0.04"),
                _bands("0.02", "0.5", "0.05"),
                _bands("0.04", "0.5", "0.02"),
                (Band(move=D("0.04"), leg="both", fraction=D(1)),),
                (_GRID, Band(move=D("0.04"), leg="both", fraction=D(1))),
                (),
            )
        ),
    ),
    (
        "legs",
        lambda r: tuple(
            LegPlan(
                venue=r.choice(("paper", "paper", "bybit")),
                symbol=r.choice((SOL, SOL, AVAX, "BTC/USDT:USDT")),
                side=side,
                weight=D(r.choice(("1", "1", "1.01", "2", "0"))),
            )
            for side in r.choice((("long", "short"), ("short", "long"), ("long", "long"), ("short",)))
        ),
    ),
)  # fmt: skip
_SAID: tuple[tuple[str, Draw], ...] = (
    ("confidence", lambda r: D(r.choice(("0", "0.49", "0.5", "0.7", "1")))),
    ("regime", lambda r: r.choice(tuple(Regime))),
    ("symbol", lambda r: r.choice((SOL, AVAX, "BTC/USDT:USDT"))),
    ("evidence", lambda r: (Evidence(reading=r.choice(("sol.1h.atr_ratio", "no.such")), value=D(9)),)),
)  # fmt: skip


def run_one(seed: int, number: int, rules: Sequence[Rule] = RULES) -> tuple[Counter[str], list[str]]:
    """One situation and its decisions: outcomes, and what went wrong. `rules`: to see that a missing one is found."""
    rng = random.Random(f"{seed}/{number}")
    s = situation(rng)
    bench = Bench(s.context, s.quote, s.switches, s.constraints)
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    for index in range(DECISIONS_EACH):
        proposed = decision(rng, s)
        try:
            verdict = judge(proposed, bench, rules=rules)
        except Exception as error:
            wrong.append(f"seed {seed}, situation {number}, decision {index}: raised {error!r}")
            continue
        outcomes[verdict.outcome] += 1
        if verdict.outcome == "refused":
            if not proposed.adds_risk and proposed.action is not Action.EXIT:
                wrong.append(f"seed {seed}, situation {number}, decision {index}: refused {proposed.action}")
            continue
        if proposed.action is not Action.ENTER:
            continue
        outcomes["permitted entries"] += 1
        broken = violations(replace(s, decision=proposed), verdict)
        if broken:
            wrong.append(f"seed {seed}, situation {number}, decision {index}: permitted against {', '.join(broken)}")
    return outcomes, wrong


def run_many(seed: int, numbers: range) -> tuple[Counter[str], list[str]]:
    """Several situations."""
    total: Counter[str] = Counter()
    wrong: list[str] = []
    for number in numbers:
        outcomes, bad = run_one(seed, number)
        total += outcomes
        wrong += bad
    return total, wrong


def main() -> int:
    """Run, print counts, 1 on any violation or when nearly nothing was permitted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="decisions")
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--situation", type=int, help="run this one situation again")
    arguments = parser.parse_args()
    if arguments.situation is not None:
        total, wrong = run_one(arguments.seed, arguments.situation)
        print(dict(total), *wrong, sep="\n")
        return 1 if wrong else 0
    started = time.monotonic()
    situations = -(-arguments.count // DECISIONS_EACH)
    chunks = [range(start, min(start + 50, situations)) for start in range(0, situations, 50)]
    total, wrong = Counter(), []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for outcomes, bad in pool.map(run_many, [arguments.seed] * len(chunks), chunks):
            total += outcomes
            wrong += bad
    judged = sum(total[name] for name in ("approved", "amended", "refused"))
    share = total["permitted entries"] / max(1, judged)
    print(f"seed {arguments.seed}: {judged} decisions in {situations} situations, {time.monotonic() - started:.0f} s")
    print(f"  {dict(total)}; entries permitted {share:.1%}; violations and exceptions {len(wrong)}")
    for line in wrong[:20]:
        print(f"  {line}")
    if share < 0.01:
        print("  fewer than 1 % permitted: this run proves nothing")
    return 1 if wrong or share < 0.01 else 0


if __name__ == "__main__":
    sys.exit(main())
