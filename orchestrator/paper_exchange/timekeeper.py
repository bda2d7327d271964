"""Exchange time: it runs with real time (or faster), or stands still until control moves it."""

import time
from dataclasses import dataclass, field

#: One that goes on while the machine sleeps, where there is one: what was read before is old after that.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _monotonic_ms() -> float:
    return time.clock_gettime_ns(_CLOCK) / 1e6


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

    def uptime(self) -> float:
        """Real milliseconds since the start; they pass also while the exchange's time stands still."""
        return round(_monotonic_ms() - self._since, 3)

    def slack(self) -> tuple[float, float]:
        """How far (behind, ahead) an ordinary clock may be that was set right at any time since the start, ms.

        Clients set their clocks once and let them run 1:1; they do not see jumps, a standstill, or another speed.
        """
        elapsed = _monotonic_ms() - self._since
        running = 0.0 if self.frozen else elapsed * self.speed
        return self._moved + max(0.0, running - elapsed), max(0.0, elapsed - running)

    def jump(self, ms: int) -> None:
        """Move ahead at once."""
        self._moved += ms
