"""A lock file: one process at a time, released by the system however that process ends.

The number that stands in the file outlives its process; whether anybody holds the lock, only the lock itself can say.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import IO

#: Somebody who only looks has the lock for an instant: that must not keep anybody from taking it.
_TRIES, _PAUSE_S = 3, 0.02


def take(lock: Path) -> IO[str] | None:
    """Hold the lock until what is returned is closed; None where another process has it. Raises OSError."""
    handle = lock.open("a+")
    for attempt in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < _TRIES:
                time.sleep(_PAUSE_S)
        else:
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            return handle
    handle.close()
    return None


def holder(lock: Path) -> str | None:
    """The process that holds a lock file, None when nobody does. Asked shared, and for an instant."""
    try:
        with lock.open() as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return handle.read().strip() or "unknown"
    except OSError:
        return None
    return None
