"""What the options of `run` and `worker` say, or a clear refusal."""

from decimal import Decimal
from typing import Literal

from orchestrator.errors import UsageError


def chosen_policy(text: str) -> Literal["llm", "rules"]:
    """Raises UsageError."""
    if text == "llm":
        return "llm"
    if text == "rules":
        return "rules"
    raise UsageError("unknown_policy", f"no policy {text!r}", "--policy llm or --policy rules")


def duration(option: str, text: str | None) -> int | None:
    """Milliseconds; None when nothing is asked for, 0 for `0`. Raises UsageError."""
    from orchestrator.schedule.ticks import parse_duration

    if text is None:
        return None
    if text.strip() in ("0", "0s"):
        return 0
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError("bad_duration", f"{option}: {error}", "for example --every 15m --for 2h") from error


def fraction(option: str, percent: float | None) -> Decimal | None:
    """A positive percentage as a fraction. Raises UsageError."""
    if percent is None:
        return None
    if not 0 < percent <= 100:
        raise UsageError("bad_percentage", f"{option} {percent:g}: above 0 and at most 100", "for example 1.5")
    return Decimal(repr(percent)) / 100
