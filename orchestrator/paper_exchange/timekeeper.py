"""Exchange time: it runs with real time (or faster), or stands still until control moves it."""

import time
from dataclasses import dataclass, field


def _monotonic_ms() -> float:
    return time.monotonic_ns() / 1e6


@dataclass
class Timekeeper:
    """UTC milliseconds of the exchange."""

    start: int
    frozen: bool
    speed: float
    _moved: float = 0.0
    _since: float = field(default_factory=_monotonic_ms)

    def now(self) -> int:
        """Exchange time now."""
        running = 0.0 if self.frozen else (_monotonic_ms() - self._since) * self.speed
        return int(self.start + self._moved + running)

    def jump(self, ms: int) -> None:
        """Move ahead at once."""
        self._moved += ms
