"""`volgamma` in a process of its own whose clock is a venue's: `python -m tests.cli_at OFFSET_MS run --live ...`."""

import sys

from orchestrator.cli.app import main
from orchestrator.clock import SystemClock


def set_clock(offset: int) -> None:
    """As if this machine's clock were ahead by so many milliseconds."""
    real = SystemClock.now_ms

    def now_ms(self: SystemClock) -> int:
        return real(self) + offset

    SystemClock.now_ms = now_ms  # type: ignore[method-assign]


if __name__ == "__main__":
    set_clock(int(sys.argv.pop(1)))
    main()
