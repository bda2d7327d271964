"""From ccxt's errors to the port's: what matters is whether the order may exist, not what class ccxt chose.

A duplicate id arrives as InvalidOrder or ExchangeError, "execution status unknown" as OperationFailed, ExchangeError
or an HTML page, depending on venue and version; so the venue's own code decides first, then the HTTP status, then the
class, and what is left over counts as unknown.
"""

import re
from typing import Any

from orchestrator.execution.venue import Duplicate, OutcomeUnknown, Rejected, Throttled, Transient, VenueError

#: Binance, Binance algo orders, Bybit, OKX.
DUPLICATE_CODES = frozenset({"-4116", "-20132", "110072", "51016"})
#: Binance: internal error, disconnected, bus, back-end time-out, overloaded; Bybit: server error; OKX: order time-out.
UNKNOWN_CODES = frozenset({"-1000", "-1001", "-1006", "-1007", "-1008", "10000", "10016", "51149", "51054"})
#: The venue says that the order does not exist.
ABSENT_CODES = frozenset({"-2013"})
#: Nothing (left) to cancel.
GONE_CODES = frozenset({"-2011", "-2013"})
NO_CHANGE_CODES = frozenset({"-4046", "-4059"})

_CODE = re.compile(r'"(?:code|retCode|sCode)"\s*:\s*"?(-?\d+)"?')
#: Raised by ccxt before anything is sent.
_LOCAL = ("requires `apiKey`", "requires `secret`", "requires `password`")


def venue_code(error: BaseException) -> str | None:
    """The venue's own code in an error's text, or None. For OKX the code of the order, not the envelope's."""
    codes = [code for code in _CODE.findall(str(error)) if code not in ("0", "1", "2")]
    return codes[-1] if codes else None


def is_stale_timestamp(error: BaseException) -> bool:
    """The request was refused for its time stamp (Binance -1021, Bybit 10002): nothing happened."""
    return venue_code(error) in ("-1021", "10002", "50102") or type(error).__name__ == "InvalidNonce"


def of_write(error: BaseException) -> VenueError:
    """The error of a request that may have changed something."""
    code, status, text = venue_code(error), getattr(error, "http_status", None), _text(error)
    names = {cls.__name__ for cls in type(error).__mro__}
    if code in DUPLICATE_CODES or "DuplicateOrderId" in names:
        return Duplicate(text, code)
    if status in (418, 429):
        return Throttled(text, code)
    if code in UNKNOWN_CODES:
        return OutcomeUnknown(text, code)
    if is_stale_timestamp(error):
        return Rejected(text, code)
    if isinstance(status, int) and status >= 500:
        return OutcomeUnknown(text, code)
    if names & {"ArgumentsRequired", "NotSupported", "BadSymbol"} or any(part in text for part in _LOCAL):
        return Rejected(text, code)
    if "ExchangeError" in names and code is not None:
        return Rejected(text, code)
    return OutcomeUnknown(text, code)


def of_read(error: BaseException) -> VenueError:
    """The error of a request that changes nothing."""
    code, status, text = venue_code(error), getattr(error, "http_status", None), _text(error)
    names = {cls.__name__ for cls in type(error).__mro__}
    server = isinstance(status, int) and status >= 500
    if "ExchangeError" in names and code is not None and code not in UNKNOWN_CODES and not server:
        return Rejected(text, code)
    return Transient(text, code)


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"


def malformed(what: str, answer: Any) -> str:
    """How an answer without the needed fields is described."""
    return f"{what}: an answer that cannot be read: {str(answer)[:200]}"
