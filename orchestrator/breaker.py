"""Stops asking a model that keeps failing: open after some failures in a row, half-open after a pause.

Pure: the state is stored by whoever asks. A refusal is an answer and no failure.
"""

from dataclasses import dataclass

from traders.contract.decision import AbstainReason

#: How an answer fails that a later one might not.
FAILURES = frozenset(
    {
        AbstainReason.MODEL_UNAVAILABLE,
        AbstainReason.MODEL_TIMEOUT,
        AbstainReason.EMPTY,
        AbstainReason.TRUNCATED,
        AbstainReason.NOT_JSON,
        AbstainReason.INVALID,
        AbstainReason.TOOL_LOOP,
    }
)


@dataclass(frozen=True)
class Breaker:
    """`failures` in a row; `opened_at` our clock's UTC ms when it last opened, None while closed."""

    failures: int = 0
    opened_at: int | None = None

    def lets_through(self, now: int, pause_ms: int) -> bool:
        """Whether the model may be asked: closed, or open for so long that one question is due."""
        return self.opened_at is None or now - self.opened_at >= pause_ms

    def after(self, abstained: AbstainReason | None, now: int, most: int) -> "Breaker":
        """The state after an answer. One success closes it; a failure while half-open opens it for another pause."""
        if abstained not in FAILURES:
            return Breaker()
        failures = self.failures + 1
        return Breaker(failures, now if failures >= most else None)
