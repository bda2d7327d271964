"""How many HTTP requests a piece of work sent, exact also when several run at once on one exchange."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class RequestCount:
    """A counter that tasks started inside `counting()` share."""

    def __init__(self) -> None:
        self.sent = 0


_current: ContextVar[RequestCount | None] = ContextVar("volgamma_request_count", default=None)


@contextmanager
def counting() -> Iterator[RequestCount]:
    """Count the requests of this task and of every task it starts in here."""
    count = RequestCount()
    token = _current.set(count)
    try:
        yield count
    finally:
        _current.reset(token)


def count_request() -> None:
    """One request is leaving."""
    if (count := _current.get()) is not None:
        count.sent += 1
