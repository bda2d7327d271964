"""Client order ids: the same leg and attempt always give the same id, so that a lost answer can be asked for.

``vg`` + base32(SHA-256 of [decision_id, leg_id, attempt] as canonical JSON), lower case, cut to 32 characters in all.
That is inside what every supported venue takes: Binance and Bybit 36 characters of ``[A-Za-z0-9._:/-]``, OKX 32
characters of letters and digits. 150 bits remain, so two orders never share an id by chance.
"""

import base64
import hashlib

from traders.contract.base import canonical_json

PREFIX = "vg"
LENGTH = 32

#: The two legs as the guard's plan usually names them; a plan may use its own names.
LONG_LEG, SHORT_LEG = "0-long", "1-short"
#: The four orders of the pair bracket (domain.md section 7): edge, then the leg that it closes.
BRACKET_LEGS = ("U-short", "U-long", "D-long", "D-short")
#: The two of a venue that takes one close-all order a leg: both edges in each.
PAIRED_BRACKET_LEGS = ("B-short", "B-long")


def client_order_id(decision_id: str, leg_id: str, attempt: int) -> str:
    """The id of one order. Raises ValueError for an empty name or an attempt below 1."""
    if not decision_id or not leg_id or attempt < 1:
        raise ValueError(
            f"an order id needs a decision, a leg and an attempt from 1: {decision_id!r} {leg_id!r} {attempt}"
        )
    digest = hashlib.sha256(canonical_json([decision_id, leg_id, attempt]).encode()).digest()
    text = base64.b32encode(digest).decode().rstrip("=").lower()
    return (PREFIX + text)[:LENGTH]


def is_ours(text: str) -> bool:
    """Whether an id has the form of ours; orders of other programs on the account are left alone."""
    return len(text) == LENGTH and text.startswith(PREFIX) and text.isalnum() and text == text.lower()
