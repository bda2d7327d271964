"""Who is at the keyboard, and what time it is: for changes that keep an author."""

import getpass

from orchestrator.clock import SystemClock


def who(given: str | None) -> str:
    """The name given, else the operating system's user, else `unknown`."""
    if given and given.strip():
        return given.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def now_ms() -> int:
    """UTC milliseconds."""
    return SystemClock().now_ms()
