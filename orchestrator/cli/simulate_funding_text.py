"""The two-venue section of a simulation as plain text."""

from typing import Any

from orchestrator.cli import text

_PLAYS = (
    ("as_configured", "your limits"),
    ("with_switch_on", "switch on (hypothetical)"),
    ("refusals_silenced", "refusals silenced (hypothetical)"),
)


def lines(found: dict[str, Any]) -> str:
    """What was seen, what refused it, and what it would have earned."""
    rows: list[tuple[str, ...]] = [
        (title, str(found[name]["pairs"]), *(_usdt(found[name][key]) for key in ("gross", "fees", "funding", "net")))
        for name, title in _PLAYS
        if found[name] is not None
    ]
    said = [
        ("looked at", f"{found['intervals']:,} funding times{_unknown(found['unknown'])}"),
        (
            "qualified",
            f"{found['qualified']} with a spread of {found['enter']:.4%} per 8 h or more; "
            f"the widest was {found['widest_spread_8h']:.4%}",
        ),
        ("the switch", _switch(found)),
    ]
    for name, title in _PLAYS:
        play = found[name]
        if play is not None and play["refused_by"]:
            said.append(("refused by", f"{title}: {_counts(play['refused_by'])}"))
    silent = found["refusals_silenced"]
    if silent["exits"]:
        said.append(("ended by", f"refusals silenced: {_counts(silent['exits'])}"))
    said += [("left out", reason) for reason in found["left_out"].values()]
    return "".join(
        (
            text.heading(f"Funding pairs, {' and '.join(found['venues'])}"),
            text.fields(said),
            "\n",
            text.table(("", "pairs", "gross", "fees", "funding", "net USDT"), rows),
        )
    )


def _switch(found: dict[str, Any]) -> str:
    if found["enabled"]:
        return f"{found['switch']} is true"
    count = found["qualified"]
    return f"{found['switch']} is false: {'nothing to refuse' if not count else f'it refuses all {count}'}"


def _unknown(count: int) -> str:
    return f", {count:,} more without both rates" if count else ""


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in list(counts.items())[:6])


def _usdt(value: str) -> str:
    return f"{float(value):,.2f}"
