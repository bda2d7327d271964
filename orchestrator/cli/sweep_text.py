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
    kept = f", {d['taken_from_file']} kept" if d["taken_from_file"] else ""
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
    if "walk_forward" in d:
        parts += _walked(d["walk_forward"])
    return "".join(parts)


def _walked(walk: dict[str, Any]) -> list[str]:
    """Each fold's choice in training and on the part after it, in USDT of 30 days."""
    columns = ("test from", "in-sample", "out-of-sample", "standing", "pairs", "chosen")
    return [
        text.heading("Walk forward (net USDT of 30 days)"),
        text.table(columns, [_fold(row) for row in walk["folds"]]),
        *(text.fields([("failed", error)]) for error in walk["failed"]),
        "\n",
        textwrap.fill(walk_verdict(walk), text.WIDTH),
        "\n",
    ]


def walk_verdict(walk: dict[str, Any]) -> str:
    """What choosing by the past was worth."""
    inside, outside, standing = (walk[f"{name}_net_30d"] for name in ("in_sample", "out_of_sample", "standing"))
    if outside is None or standing is None:
        return "No fold could be judged."
    said = (
        f"A fold's choice made {usdt(inside)} a month where it was chosen and {usdt(outside)} on the part after it; "
        f"the standing limits made {usdt(standing)} there."
    )
    better = float(outside) > float(standing)
    return said + (" Choosing by the past did not help." if not better else " Few folds prove little.")


def _fold(row: dict[str, Any]) -> tuple[str, ...]:
    parts = [row[name] for name in ("in_sample", "out_of_sample", "standing")]
    chosen = "-"
    if row["chosen"] is not None:
        tied = f" (one of {row['tied']} equal)" if row["tied"] > 1 else ""
        chosen = changes(row["chosen"]) + tied if row["chosen"] else "standing limits: training tells none apart"
    return (
        text.when(row["test"]["from"])[:10],
        *("-" if part is None else f"{float(part['net_30d']):,.1f}" for part in parts),
        "/".join("-" if part is None else str(part["cycles"]) for part in parts),
        chosen,
    )


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
