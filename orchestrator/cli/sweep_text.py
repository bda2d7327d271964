"""A sweep as plain text for a terminal of 80 columns."""

import textwrap
from collections import Counter
from typing import Any

from orchestrator.cli import text

_ROWS = 20


def lines(document: dict[str, Any]) -> str:
    """The whole page."""
    d = document
    period = f"{text.when(d['data']['from'])[:10]} to {text.when(d['data']['to'])[:10]}"
    kept = f", {d['taken_from_file']} of them from the file" if d["taken_from_file"] else ""
    columns = ("net USDT", "Sharpe", "pairs", "won", "drawdown", "limits")
    parts = [
        f"{period}, {d['data']['venue']}: {d['trials']} runs in {d['seconds']} s{kept}\n",
        text.heading("By net result"),
        text.table(columns, [_row(row) for row in d["rows"][:_ROWS]]),
    ]
    if (more := len(d["rows"]) - _ROWS) > 0:
        parts.append(f"... and {more} more (--json has them all)\n")
    notes = [("failed", f"{changes(one['changes'])}: {one['error']}") for one in d["failed"]]
    reasons = Counter(one["reason"] for one in d["left_out"])
    notes += [("left out", f"{count} combinations: {reason}") for reason, count in reasons.items()]
    notes += [("no effect", f"{key}: every value of it gives the same runs here") for key in d["no_effect"]]
    if notes:
        parts += ["\n", text.fields(notes)]
    parts += [text.heading("What that proves"), textwrap.fill(verdict(d["best"]), text.WIDTH), "\n"]
    return "".join(parts)


def verdict(best: dict[str, Any] | None) -> str:
    """In plain words, what the best of N is worth."""
    if best is None:
        return "Nothing could be run."
    count = f"{best['trials']} runs" if best["trials"] > 1 else "one run"
    if best["deflated_sharpe"] is None:
        return f"The best of {count} opened nothing: not to trade was best, and there is nothing else to judge."
    said = (
        f"Deflated Sharpe ratio of the best of {count}: {best['deflated_sharpe']:.3f}, the probability that its true "
        "ratio is above 0 after having been picked."
    )
    if best["more_than_chance"]:
        return said + " That is above 0.95 on this history; it says nothing about prices to come (--walk-forward)."
    return said + " Below 0.95: a best like this is what chance gives. Do not take its limits for better ones."


def changes(values: dict[str, Any]) -> str:
    """`key=value` pairs."""
    return " ".join(f"{key}={text.value(value)}" for key, value in values.items())


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        usdt(row["net"]),
        "-" if row["sharpe"] is None else f"{row['sharpe']:.2f}",
        str(row["cycles"]),
        "-" if row["win_rate"] is None else f"{row['win_rate']:.0%}",
        f"{row['max_drawdown']:.2%}",
        changes(row["changes"]),
    )


def usdt(value: str) -> str:
    """Two digits."""
    return f"{float(value):,.2f}"
