"""`make audit`: the locked dependencies against public advisories. Exit 1 for a known weakness alone.

Where pip-audit is not installed, or the advisory service cannot be reached, that is said and nothing is claimed.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"


def judge(out: str, said: str) -> tuple[int, list[str]]:
    """Exit code and lines, from what pip-audit wrote: a report, or anything else when it could not be made."""
    try:
        rows = json.loads(out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = said.strip().splitlines()[-1:] or ["no report"]
        return 0, [f"NOTICE: not audited: {last[0][:200]}"]
    bad = [
        f"{row['name']} {row['version']}: {one['id']}"
        + (f", mended in {', '.join(one['fix_versions'])}" if one.get("fix_versions") else ", not mended yet")
        for row in rows
        for one in row.get("vulns", [])
    ]
    skipped = [row for row in rows if "skip_reason" in row]
    lines = [f"NOTICE: {len(skipped)} not audited, such as {row['name']}: {row['skip_reason']}" for row in skipped[:1]]
    audited = len(rows) - len(skipped)
    return int(bool(bad)), [*lines, *(bad or ([f"{audited} packages, no known weakness"] if audited else []))]


def main() -> int:
    """Run it."""
    if find_spec("pip_audit") is None:
        print("NOTICE: not audited: pip-audit is not installed")
        return 0
    words = ("-r", str(LOCK), "--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *words], capture_output=True, text=True, timeout=300, check=False
        )
    except subprocess.TimeoutExpired:
        print("NOTICE: not audited: the advisory service did not answer in five minutes")
        return 0
    code, lines = judge(done.stdout, done.stderr)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
