"""`make run-recorded`: trader #11 at ten moments of 2023 and 2024, on real candles and real funding.

Each moment gets a paper exchange of its own, started as a person would (`exchange serve --market recorded --at`),
one decision of the rules policy, and a verification of its replay. Book, open interest and ratios of those moments
were not recorded; they are generated around the real prices and say so in their readings.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MOMENTS: tuple[tuple[str, str, str], ...] = (
    ("2023-01-04T08:05:00Z", "SOL", "funding settled at -0.927 %"),
    ("2023-07-13T19:05:00Z", "SOL", "court ruling, volatility jumps"),
    ("2023-08-15T22:05:00Z", "AVAX", "a quiet market wakes up"),
    ("2023-10-16T15:05:00Z", "SOL", "false headline"),
    ("2023-12-25T12:05:00Z", "SOL", "year-end rally"),
    ("2024-02-29T01:05:00Z", "SOL", "funding dislocated"),
    ("2024-06-07T20:05:00Z", "AVAX", "sharp drop after a squeeze"),
    ("2024-08-05T02:05:00Z", "SOL", "the crash, first leg"),
    ("2024-08-05T14:05:00Z", "AVAX", "the crash, hours later"),
    ("2024-10-15T17:05:00Z", "SOL", "expansion from a low base"),
)
VOLGAMMA = [sys.executable, "-m", "orchestrator"]


@contextmanager
def serving(data: Path, at: str) -> Iterator[str]:
    """A recorded market at `at`, standing still; its URL."""
    words = ["exchange", "serve", "--market", "recorded", "--data", str(data), "--at", at, "--frozen"]
    process = subprocess.Popen(
        [*VOLGAMMA, *words, "--port", "0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            try:
                yield str(json.loads(text)["url"])
                break
            except json.JSONDecodeError:
                continue
        else:
            raise SystemExit(process.stderr.read() if process.stderr else "the exchange did not start")
    finally:
        process.terminate()
        process.communicate(timeout=20)


def volgamma(*words: str, environment: dict[str, str]) -> Any:
    """Run a command with --json; its document."""
    done = subprocess.run(
        [*VOLGAMMA, *words, "--json"], env={**os.environ, **environment}, capture_output=True, text=True
    )
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr or done.stdout)
    return json.loads(done.stdout)


def decide_at(data: Path, at: str, symbol: str, folder: Path) -> dict[str, Any]:
    """One decision on the recorded market, with its replay verified."""
    with serving(data, at) as url:
        environment = {"VOLGAMMA_DATA_DIR": str(folder), "VOLGAMMA_PAPER_URL": url}
        report = volgamma("decide", "--symbol", symbol, "--policy", "rules", environment=environment)
    report["replay"] = volgamma("replay", "verify", report["decision_id"], environment=environment)
    return dict(report)


def row(at: str, symbol: str, report: dict[str, Any]) -> str:
    """One line of the table, and the reasons under it."""
    decision, verdict = report["decision"], report["verdict"]
    plan = decision["plan"]
    what = decision["action"] if plan is None else f"enter {plan['leverage']}x {plan['pair_margin_fraction']:.0%}"
    replay = "identical" if report["replay"]["identical"] == report["replay"]["checked"] == 1 else "DRIFT"
    evidence = ", ".join(f"{item['reading']}={item['value']:g}" for item in decision["evidence"][:5])
    refused = [item["rule"] for item in verdict["findings"] if item["effect"] == "refuse"]
    amended = [item["rule"] for item in verdict["findings"] if item["effect"] == "amend"]
    lines = [
        f"{at[:16]} {symbol:<5}{report['regime']:<19}{what:<15}{verdict['outcome']:<10}"
        f"{report['execution']['status']:<9}{replay}"
    ]
    for label, text in (
        ("saw", evidence),
        ("said", decision["rationale"]),
        ("refused by", ", ".join(refused)),
        ("amended by", ", ".join(amended)),
    ):
        if text:
            lines += textwrap.wrap(f"{label}: {text}", 94, initial_indent="    ", subsequent_indent="      ")
    return "\n".join(lines)


def main() -> int:
    """Print the table; 1 when a replay drifted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        sys.stderr.write(f"no recorded market at {arguments.data}; make run-recorded DATA=/folder/of/feather/files\n")
        return 1
    print(f"{'time (UTC)':<17}{'sym':<5}{'regime':<19}{'plan':<15}{'verdict':<10}{'done':<9}replay")
    drifted = 0
    for at, symbol, remark in MOMENTS:
        with tempfile.TemporaryDirectory(prefix="volgamma-") as folder:
            report = decide_at(arguments.data, at, symbol, Path(folder))
        print(row(at, symbol, report) + f"\n    ({remark})", flush=True)
        drifted += len(report["replay"]["drifted"])
    return 1 if drifted else 0


if __name__ == "__main__":
    raise SystemExit(main())
