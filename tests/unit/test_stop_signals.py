"""Which signals end a run orderly, and which at once."""

import asyncio
import signal
from dataclasses import dataclass

import pytest

from orchestrator.stop_signals import StopSignals

INT, TERM = signal.SIGINT, signal.SIGTERM


@dataclass
class Watch:
    ms: float = 0

    def now_ms(self) -> int:
        return int(self.ms)

    def monotonic_ms(self) -> float:
        return self.ms

    async def sleep(self, seconds: float) -> None:
        self.ms += seconds * 1000


@pytest.mark.parametrize(
    ("heard", "at_once"),
    [
        ([(TERM, 0)], False),
        ([(TERM, 0), (TERM, 5)], False),  # to the process, and to its group
        ([(TERM, 0), (TERM, 9_000)], False),
        ([(INT, 0), (TERM, 9_000)], False),
        ([(INT, 0), (INT, 5)], False),  # from the terminal, and passed on by a wrapper
        ([(INT, 0), (INT, 2_000)], True),
        ([(TERM, 0), (INT, 2_000)], True),
    ],
)
async def test_only_a_second_ctrl_c_ends_at_once(heard: list[tuple[signal.Signals, int]], at_once: bool) -> None:
    stop, clock, said = asyncio.Event(), Watch(), list[str]()
    signals = StopSignals(stop, clock, said.append, "pairs stay")
    *before, last = heard
    for number, at in before:
        clock.ms = at
        signals.heard(number)
    clock.ms = last[1]
    if at_once:
        with pytest.raises(KeyboardInterrupt):
            signals.heard(last[0])
    else:
        signals.heard(last[0])
    assert stop.is_set()
    assert said == ["stopping: pairs stay (Ctrl-C once more: now)"]


async def test_the_first_signal_of_a_run_that_ends_by_itself_is_no_second_one() -> None:
    stop, said = asyncio.Event(), list[str]()
    stop.set()
    StopSignals(stop, Watch(), said.append, "pairs stay").heard(INT)
    assert len(said) == 1
