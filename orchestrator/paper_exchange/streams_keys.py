"""Listen keys: whoever has the account's API key gets one, and with it the account's own stream for an hour."""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

from orchestrator.paper_exchange.errors import Refusal

PATH = "/fapi/v1/listenKey"
#: How long a key is good for after it was made or asked to stay, ms of the exchange's clock.
GOOD_MS = 3_600_000


def no_key() -> Refusal:
    """A listen key that was never given out, or is over."""
    return Refusal(-1125, "This listenKey does not exist.")


@dataclass
class ListenKeys:
    """The keys in force, one to an API key.

    `good_ms`: longer where the exchange's time runs faster than that of its clients.
    """

    good_ms: float = GOOD_MS
    #: listen key -> (API key, end)
    _keys: dict[str, tuple[str, float]] = field(default_factory=dict)
    _made: int = 0

    def known(self, key: str) -> bool:
        """Whether a key is in force."""
        return key in self._keys

    def answer(self, method: str, api_key: str, secret: str, now: int) -> Any:
        """POST makes a key or keeps the old one, PUT keeps it for another hour. Raises Refusal -1125, -5000."""
        mine = next((key for key, (owner, _) in self._keys.items() if owner == api_key), None)
        if method == "POST":
            if mine is None:
                self._made += 1
                # not to be guessed without the secret, and the same in each run
                text = f"{api_key} {now} {self._made}".encode()
                mine = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
        elif method != "PUT":
            raise Refusal(-5000, f"Path {PATH}, Method {method} is invalid", status=404)
        if mine is None:
            raise no_key()
        self._keys[mine] = (api_key, now + self.good_ms)
        return {"listenKey": mine}

    def end(self, api_key: str) -> str | None:
        """DELETE: the key that is over with that."""
        mine = next((key for key, (owner, _) in self._keys.items() if owner == api_key), None)
        if mine is not None:
            del self._keys[mine]
        return mine

    def expired(self, now: int) -> list[str]:
        """Those whose hour is over; they are in force no more."""
        over = [key for key, (_, end) in self._keys.items() if end <= now]
        for key in over:
            del self._keys[key]
        return over
