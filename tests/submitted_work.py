"""Work for worker processes: functions of a module, which a fresh interpreter can import."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def doubled(item: Mapping[str, Any]) -> dict[str, int]:
    """Twice the number, and who did it; a line in `seen` for every call."""
    if "seen" in item:
        _note(Path(str(item["seen"])), item["number"])
    return {"twice": 2 * int(item["number"]), "pid": os.getpid()}


def killing(item: Mapping[str, Any]) -> dict[str, int]:
    """As `doubled`; the item named `killer` has its process killed: `always`, or the `first` time."""
    before = _note(Path(str(item["seen"])), item["number"])
    if item["killer"] == "always" or (item["killer"] == "first" and before == 0):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"twice": 2 * int(item["number"]), "pid": os.getpid()}


def failing(item: Mapping[str, Any]) -> dict[str, int]:
    """As `doubled`; odd numbers fail, those above 10 only once."""
    before = _note(Path(str(item["seen"])), item["number"])
    if item["number"] % 2 and (item["number"] < 10 or before == 0):
        raise ValueError(f"{item['number']} is odd")
    return {"twice": 2 * int(item["number"]), "pid": os.getpid()}


def _note(file: Path, number: int) -> int:
    """Append the number; how often it was there before."""
    before = calls(file).count(number)
    with file.open("a") as stream:
        stream.write(f"{number}\n")
    return before


def calls(file: Path) -> list[int]:
    """The numbers worked on so far, in order."""
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []
