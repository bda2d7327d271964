"""`make cluster`: workers on one PostgreSQL, killed again and again, the database restarted; ends with a table."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests import postgres
from tests.cluster.run import Trial, trial


def main() -> int:
    """0 when nothing is wrong, 3 where there is no PostgreSQL."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=240)
    options.add_argument("--workers", type=int, default=3)
    options.add_argument("--every", type=int, default=40, help="seconds between two decisions of a trader on a symbol")
    options.add_argument("--kill-every", type=float, default=6)
    options.add_argument("--restarts", type=int, default=2)
    options.add_argument("--folder", type=Path, help="keep logs here")
    chosen = options.parse_args()
    if postgres.programs() is None:
        print("PostgreSQL is not installed (initdb, pg_ctl); Debian: apt-get install postgresql")
        return 3
    plan = Trial(
        seconds=chosen.seconds,
        workers=chosen.workers,
        every=chosen.every,
        kill_every=chosen.kill_every,
        restarts=chosen.restarts,
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
        folder = chosen.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        place = Path(made) / "postgres"
        place.mkdir()
        with postgres.server(place) as server:
            found = asyncio.run(trial(folder, server, plan))
    print(f"{plan.workers} workers, 11 traders x 2 symbols, {plan.seconds:.0f} s")
    for name, value in found.figures.items():
        print(f"  {name:<40} {value}")
    for problem in found.wrong:
        print(f"WRONG: {problem}")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
