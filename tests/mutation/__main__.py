"""`make mutate`: are the guard's tests strict? Small changes are made to it one by one; a test must fail each time.

    python -m tests.mutation [FILTER] [--jobs N] [--list]

FILTER is a part of a path (`rules/ladder`). Exit 1 when a mutant survives that tests/mutation/justified.toml does not
explain, or when one that it explains is killed.
"""

import argparse
import sys
import time
from collections import Counter, defaultdict

from tests.mutation import killing
from tests.mutation.justified import justified
from tests.mutation.mutants import ROOT, read
from tests.mutation.scope import TESTS, modules


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="mutation testing of the guard")
    parser.add_argument("filter", nargs="?", default="", help="only modules whose path contains this")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (default 2)")
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    asked = parser.parse_args()
    sources = [read(path) for path in modules(asked.filter)]
    if not any(source.mutants for source in sources):
        parser.error(f"no module with a mutant has {asked.filter!r} in its path; try `rules/` or `indicators/`")
    if asked.list:
        for source in sources:
            for mutant in source.mutants:
                print(*mutant.key, sep=" | ")
        return 0
    started = time.monotonic()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    explained = {entry.key for entry in justified()}
    unexplained, killed_after_all = [], []
    for mutant, fate in killing.fates(sources, TESTS, max(1, asked.jobs)):
        counts[mutant.module][fate] += 1
        if fate in ("survived", "untested", "broken") and mutant.key not in explained:
            unexplained.append((fate, *mutant.key))
        elif fate == "killed" and mutant.key in explained:
            killed_after_all.append(mutant.key)
    names = ("killed", "survived", "untested", "timed out", "broken")
    print(f"\n{'module':<44}{'mutants':>9}" + "".join(f"{name:>11}" for name in names))
    for source in sources:
        if source.mutants:
            row = counts[source.module]
            shown = source.path.relative_to(ROOT).as_posix()
            print(f"{shown:<44}{len(source.mutants):>9}" + "".join(f"{row[name]:>11}" for name in names))
    total = sum(counts.values(), Counter())
    print(f"{'all':<44}{total.total():>9}" + "".join(f"{total[name]:>11}" for name in names))
    for line in unexplained:
        print("not justified:", *line, sep=" | ")
    for key in killed_after_all:
        print("justified, but a test kills it (take it off the list):", *key, sep=" | ")
    print(f"{time.monotonic() - started:.0f} s; {len(unexplained)} survivor(s) without a justification")
    return 1 if unexplained or killed_after_all else 0


if __name__ == "__main__":
    sys.exit(main())
