"""How long each stage took, on a monotonic clock that is given."""

from collections.abc import Callable


class Stopwatch:
    """Wall milliseconds by stage."""

    def __init__(self, monotonic_ms: Callable[[], float]) -> None:
        self._now = monotonic_ms
        self._start = self._last = monotonic_ms()
        self.laps: dict[str, int] = {}

    def lap(self, name: str) -> None:
        """The time since the last lap goes to `name`."""
        now = self._now()
        self.laps[name] = self.laps.get(name, 0) + round(now - self._last)
        self._last = now

    def total(self) -> dict[str, int]:
        """All laps, with the total."""
        return {**self.laps, "total": round(self._now() - self._start)}
