"""Who has shown the token: sessions in memory, gone with the process."""

import hmac
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr

LIFETIME_MS = 12 * 3_600_000
MOST = 100
#: Wrong tokens in a minute after which nobody is let in for the rest of it.
MOST_FAILURES = 10


@dataclass
class Session:
    """`csrf` goes into every form; `flash` is said once, on the next page."""

    session_id: str
    csrf: str
    ends_at: int
    flash: str | None = None

    def take_flash(self) -> str | None:
        """What is to be said, once."""
        said, self.flash = self.flash, None
        return said


class Sessions:
    """Sessions by id. Comparisons with a secret take the same time whatever was given."""

    def __init__(self, token: SecretStr, now_ms: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._token = token
        self._now_ms = now_ms
        self._new_id = new_id
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._failures: deque[int] = deque(maxlen=MOST_FAILURES)

    def holds(self, given: str) -> bool:
        """Whether it is the token. A wrong one counts; while too many came, none is right."""
        if not given or self.tired():
            return False
        if same(given, self._token.get_secret_value()):
            return True
        self._failures.append(self._now_ms())
        return False

    def tired(self) -> bool:
        """Whether too many wrong tokens came in the last minute."""
        full = len(self._failures) == MOST_FAILURES
        return full and self._now_ms() - self._failures[0] < 60_000

    def open(self, given: str) -> Session | None:
        """A new session for the right token."""
        if not self.holds(given):
            return None
        session = Session(self._new_id(), self._new_id(), self._now_ms() + LIFETIME_MS)
        self._sessions[session.session_id] = session
        while len(self._sessions) > MOST:
            self._sessions.popitem(last=False)
        return session

    def find(self, session_id: str | None) -> Session | None:
        """A session that has not ended."""
        session = self._sessions.get(session_id or "")
        if session is None:
            return None
        if session.ends_at <= self._now_ms():
            self.close(session)
            return None
        return session

    def close(self, session: Session) -> None:
        """End it."""
        self._sessions.pop(session.session_id, None)


def same(one: str, other: str) -> bool:
    """Equality in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
