"""The user's calendar of times without entries: `events.csv` in the data folder (domain.md section 4, "news").

    start,end,reason
    2026-12-10 18:45,2026-12-10 19:30,FOMC

Times are UTC unless they carry an offset; an entry is refused from `start` until before `end`. A calendar that cannot
be read refuses every entry: a typing error in it must not open what it was to close. No word of it reaches a prompt.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.errors import HostError

FILE = "events.csv"
COLUMNS = ("start", "end", "reason")
_EXAMPLE = "a line reads `2026-12-10 18:45,2026-12-10 19:30,FOMC`, under the header `start,end,reason`; times in UTC"


@dataclass(frozen=True)
class Event:
    """No entries from `start` until before `end`, UTC ms."""

    start: int
    end: int
    reason: str


def read(path: Path) -> tuple[Event, ...]:
    """The calendar, by start; empty where there is no file. Raises HostError naming file and line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise HostError("calendar_unreadable", f"{path} cannot be read: {error}", "mend it, or remove it") from error
    return parse(text, str(path))


def parse(text: str, name: str = FILE) -> tuple[Event, ...]:
    """The events of a calendar. Raises HostError naming the line."""
    rows = csv.reader(text.splitlines(), strict=True)
    found: list[Event] = []
    header = False
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if not header:
                header = True
                if tuple(cell.lower() for cell in cells) != COLUMNS:
                    raise ValueError(f"the header is {','.join(cells)!r}")
                continue
            if len(cells) != len(COLUMNS):
                raise ValueError(f"{len(cells)} columns instead of {len(COLUMNS)}")
            event = Event(_time(cells[0]), _time(cells[1]), cells[2] or "no reason given")
            if event.end <= event.start:
                raise ValueError(f"it ends at {cells[1]}, not after {cells[0]}")
            found.append(event)
    except (ValueError, csv.Error) as error:
        raise HostError("calendar_invalid", f"{name}, line {rows.line_num}: {error}", _EXAMPLE) from error
    return tuple(sorted(found, key=lambda event: (event.start, event.end)))


def running(data_dir: Path, now: int) -> str | None:
    """Why no entry is allowed at a time (UTC ms), or None. Never raises."""
    try:
        events = read(data_dir / FILE)
    except HostError as error:
        return error.message
    return next((event.reason for event in events if event.start <= now < event.end), None)


def _time(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time") from None
    return int((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp() * 1000)
