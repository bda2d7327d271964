"""Whole lives of a pair on a simulated clock, with seeded mishaps: `python -m tests.chaos.simulate --seeds 20000`.

One seed is one life: an entry through the saga, looks of the keeper while the price walks, bars and funding, a clock
that is off, a venue that takes a leg or cancels an order, kills of the process with recovery on the same database, an
end. It is a pure function of the seed; a failing one is shown with its log and played again by `--seed N`.
"""

import argparse
import asyncio
import sys
import time

from tests.chaos.invariants import settled, tied
from tests.chaos.life import Broken, Life, begin, enter, look, surviving
from tests.chaos.world import bar_closes, calm_moves, market_moves

__all__ = ["Broken", "live", "main"]

ROUNDS, CALM_ROUNDS = 25, 12


def live(seed: int) -> Life:
    """One life. Raises Broken."""
    life = begin(seed)
    try:
        surviving(life, enter(life))
        for _ in range(ROUNDS):
            life.clock.pass_ms(1_000)
            market_moves(life)
            bar_closes(life, 0.15)
            surviving(life, look(life))
        life.chaos.calm = True
        life.chaos.log.append("calm")
        began = life.clock.monotonic_ms()
        life.clock.pass_ms(3_000)
        for _ in range(CALM_ROUNDS):
            life.clock.pass_ms(1_000)
            calm_moves(life)
            bar_closes(life, 0.15)
            surviving(life, look(life))
        settled(life)
        life.demand(life.clock.monotonic_ms() - began < 60_000, "no good end within a minute of calm")
        asyncio.run(life.keeper.look(flatten=True))
        asyncio.run(life.keeper.look(flatten=True))
        settled(life)
        life.demand(not life.engine.account.open_positions(), "not flat at the end")
        tied(life)
    except Exception as error:
        error.add_note(f"seed {seed}: play it again with --seed {seed}\n" + "\n".join(life.chaos.log[-60:]))
        raise
    return life


def main(arguments: list[str]) -> int:
    """Play seeds; 0 when all hold."""
    parser = argparse.ArgumentParser(description="Lives of a pair on a simulated clock.")
    parser.add_argument("--seeds", type=int, default=500, help="how many, from --first")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, help="play this one and show its log")
    asked = parser.parse_args(arguments)
    seeds = range(asked.first, asked.first + asked.seeds) if asked.seed is None else [asked.seed]
    failed, crashes, faults, life = [], 0, 0, None
    began = time.monotonic()
    for seed in seeds:
        try:
            life = live(seed)
            crashes += life.crashes
            faults += life.mishaps
            if (seed + 1) % 1000 == 0:
                print(f"{seed + 1 - seeds[0]} of {len(seeds)}, {len(failed)} failed", file=sys.stderr, flush=True)
        except Exception as error:
            failed.append(seed)
            print(f"{type(error).__name__}: {error}")
            if asked.seed is not None or len(failed) == 1:
                print("\n".join(getattr(error, "__notes__", [])))
    if asked.seed is not None and life is not None:
        print("\n".join(life.chaos.log))
    took = f"{time.monotonic() - began:.0f} s"
    print(f"{len(seeds)} seeds, {faults} mishaps, {crashes} restarts, {took}, {len(failed)} failed {failed[:20]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
