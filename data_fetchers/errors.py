"""What can go wrong while fetching, named by what the caller may do.

FetchError              base: a machine code, a sentence, and a remedy where there is one
├── Transient           nothing was had this time; the same request may work in a moment
│   └── RateLimited     ... once the venue's waiting time is over (`retry_after_s`)
├── Permanent           asking again will not help
│   ├── NotSupported    the venue does not offer this
│   ├── UnknownVenue    no exchange of that name
│   └── UnknownKeyword  no fetcher answers to that keyword
└── Banned              the venue refuses this address until the ban ends; nothing is sent to it before
"""

from enum import StrEnum


class FetchCode(StrEnum):
    """Reason codes of fetching."""

    NETWORK = "network"
    TIMEOUT = "timeout"
    OUTAGE = "outage"
    RATE_LIMITED = "rate_limited"
    BAD_ANSWER = "bad_answer"
    EMPTY = "empty"
    GAP = "gap"
    BAD_SYMBOL = "bad_symbol"
    BAD_REQUEST = "bad_request"
    DENIED = "denied"
    REFUSED = "refused"
    NOT_SUPPORTED = "not_supported"
    BANNED = "banned"
    UNKNOWN_VENUE = "unknown_venue"
    UNKNOWN_KEYWORD = "unknown_keyword"
    PLUGIN = "plugin"


class FetchError(Exception):
    """Base: `code` is stable, the message says what happened and on what."""

    def __init__(self, message: str, code: FetchCode) -> None:
        super().__init__(message)
        self.code = code


class Transient(FetchError):
    """May work in a moment."""


class RateLimited(Transient):
    """Too many requests. Nothing may be sent to this venue for `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message, FetchCode.RATE_LIMITED)
        self.retry_after_s = retry_after_s


class Permanent(FetchError):
    """Asking again will not help."""


class NotSupported(Permanent):
    """The venue does not offer this."""

    def __init__(self, message: str) -> None:
        super().__init__(message, FetchCode.NOT_SUPPORTED)


class UnknownVenue(Permanent):
    """No exchange of that name."""

    def __init__(self, message: str) -> None:
        super().__init__(message, FetchCode.UNKNOWN_VENUE)


class UnknownKeyword(Permanent):
    """No fetcher answers to that keyword."""

    def __init__(self, message: str) -> None:
        super().__init__(message, FetchCode.UNKNOWN_KEYWORD)


class Banned(FetchError):
    """The venue refuses this address for another `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message, FetchCode.BANNED)
        self.retry_after_s = retry_after_s
