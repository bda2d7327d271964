"""From ccxt's errors to the port's: what matters is whether the order may exist, not what class ccxt chose.

A duplicate id arrives as InvalidOrder or ExchangeError, "execution status unknown" as OperationFailed, ExchangeError
or an HTML page, depending on venue and version; so the venue's own code decides first, then the HTTP status, then the
class, and what is left over counts as unknown.
"""

import re
from typing import Any

from data_fetchers.translate import without_query
from orchestrator.execution.venue import Duplicate, OutcomeUnknown, Rejected, Throttled, Transient, VenueError

#: Binance, Binance algo orders; Bybit; OKX orders, OKX algo orders; Bitget.
DUPLICATE_CODES = frozenset({"-4116", "-20132", "110072", "51016", "51065", "40786"})
#: Binance: internal error, disconnected, bus, back-end time-out, overloaded; Bybit: server time-out and error; OKX:
#: service, time-out, busy, system, order time-outs; Bitget: time-out, system, busy, service, unknown.
UNKNOWN_CODES = frozenset(
    {
        "-1000",
        "-1001",
        "-1006",
        "-1007",
        "-1008",
        "10000",
        "10016",
        "50001",
        "50004",
        "50013",
        "50026",
        "51149",
        "51054",
    }
    | {"40010", "40015", "40604", "40725", "45001", "50008"}
)
#: The venue says that the order does not exist: Binance; OKX; Bitget orders. Bybit answers with an empty list.
ABSENT_CODES = frozenset({"-2013", "51603", "40109", "43001"})
#: Nothing (left) to cancel: Binance; Bybit: unknown, finished, cancelled; OKX: unknown, cancelled, completed, unknown;
#: Bitget: unknown, none to cancel, plan orders.
GONE_CODES = frozenset(
    {"-2011", "-2013", "110001", "110008", "110010", "51400", "51401", "51402", "51603"}
    | {"40768", "43001", "22001", "43020", "43025"}
)
#: Binance: margin type, position side; Bybit: position mode, margin mode, leverage.
NO_CHANGE_CODES = frozenset({"-4046", "-4059", "110025", "110026", "110043"})
#: Refused for their rate with HTTP status 200: Bybit; OKX.
THROTTLED_CODES = frozenset({"10006", "10018", "50011", "50061"})
#: The time stamp was refused: Binance; Bybit; OKX; Bitget.
STALE_CODES = frozenset({"-1021", "10002", "50102", "40004", "40008"})

_CODE = re.compile(r'"(?:code|retCode|sCode)"\s*:\s*"?(-?\d+)"?')
#: Said in words, whatever the code: looking the order up does no harm, taking its refusal for its absence might.
_DUPLICATE = re.compile(r"duplicat", re.IGNORECASE)
#: Raised by ccxt before anything is sent.
_LOCAL = ("requires `apiKey`", "requires `secret`", "requires `password`")


def venue_code(error: BaseException) -> str | None:
    """The venue's own code in an error's text, or None. For OKX the code of the order, not the envelope's."""
    codes = [code for code in _CODE.findall(str(error)) if code not in ("0", "1", "2", "00000")]
    return codes[-1] if codes else None


def is_stale_timestamp(error: BaseException) -> bool:
    """The request was refused for its time stamp (Binance -1021, Bybit 10002): nothing happened."""
    return venue_code(error) in STALE_CODES or type(error).__name__ == "InvalidNonce"


def of_write(error: BaseException) -> VenueError:
    """The error of a request that may have changed something."""
    code, status, text = venue_code(error), getattr(error, "http_status", None), _text(error)
    names = {cls.__name__ for cls in type(error).__mro__}
    said = code is not None and "ExchangeError" in names and _DUPLICATE.search(str(error)) is not None
    if code in DUPLICATE_CODES or "DuplicateOrderId" in names or said:
        return Duplicate(text, code)
    if status in (418, 429) or code in THROTTLED_CODES:
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
    passing = code in UNKNOWN_CODES | THROTTLED_CODES
    if "ExchangeError" in names and code is not None and not passing and not server:
        return Rejected(text, code)
    return Transient(text, code)


def _text(error: BaseException) -> str:
    """Without the query of an address: ccxt names the one it asked, signed, in the text of an error."""
    return f"{type(error).__name__}: {without_query(str(error))[:300]}"


def malformed(what: str, answer: Any) -> str:
    """How an answer without the needed fields is described."""
    return f"{what}: an answer that cannot be read: {str(answer)[:200]}"
