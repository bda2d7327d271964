"""ccxt's and aiohttp's exceptions in this room's terms: what may be asked again, and what not.

ccxt says `ExchangeNotAvailable` for a broken connection as well as for most HTTP errors, and `ExchangeError` for a
body that was cut; so the status (kept by `venue.open_exchange`) and the cause decide where they are known.
"""

import asyncio
import re
from typing import Any

from data_fetchers.errors import Banned, FetchCode, FetchError, NotSupported, Permanent, RateLimited, Transient

#: Where a venue gives no waiting time. Binance bans for two minutes at first; Bybit's 403 is a ban of ten minutes.
_RATE_WAIT_S, _BAN_WAIT_S, _FORBIDDEN_WAIT_S = 2.0, 120.0, 600.0
_DENIED = {401, 403, 407, 451}
_QUERY = re.compile(r"(?P<address>https?://[^\s?\"']+)\?[^\s\"'<>]*", re.IGNORECASE)
_SIGNED = re.compile(r"\b(?P<name>signature|sign|apiKey|api_key)=[^\s&\"'<>]+", re.IGNORECASE)
_BANNED_UNTIL = re.compile(r"banned until (\d{13})")


def translate(error: Exception, what: str, now_ms: int) -> FetchError:
    """The FetchError for an exception met while asking for `what`. `now_ms`: UTC, to read "banned until"."""
    from ccxt.base import errors as ccxt

    status: int | None = getattr(error, "http_status", None)
    wait: float | None = getattr(error, "retry_after_s", None)
    text = _short(what, error)
    if status == 418 or _BANNED_UNTIL.search(str(error)):
        return Banned(text, _ban_seconds(str(error), wait, now_ms))
    if status == 403 and "bybit" in what:
        return Banned(text, wait or _FORBIDDEN_WAIT_S)
    if status == 429 or isinstance(error, (ccxt.DDoSProtection, ccxt.RateLimitExceeded)):
        return RateLimited(text, _RATE_WAIT_S if wait is None else wait)
    if status in _DENIED or isinstance(error, (ccxt.AuthenticationError, ccxt.PermissionDenied)):
        return Permanent(text, FetchCode.DENIED)
    if isinstance(error, (TimeoutError, asyncio.TimeoutError, ccxt.RequestTimeout)):
        return Transient(text, FetchCode.TIMEOUT)
    if isinstance(error, ccxt.NotSupported):
        return NotSupported(text)
    if isinstance(error, ccxt.BadSymbol):
        return Permanent(text, FetchCode.BAD_SYMBOL)
    if isinstance(error, (ccxt.BadRequest, ccxt.ArgumentsRequired)):
        return Permanent(text, FetchCode.BAD_REQUEST)
    if isinstance(error, ccxt.ExchangeNotAvailable) or (status is not None and status >= 500):
        if status is not None and 400 <= status < 500 and status != 408:
            return Permanent(text, FetchCode.REFUSED)
        return Transient(text, FetchCode.OUTAGE if status else FetchCode.NETWORK)
    if isinstance(error, OSError) or _from_aiohttp(error) or _from_aiohttp(error.__cause__):
        return Transient(text, FetchCode.NETWORK)
    if isinstance(error, (ccxt.BadResponse, ccxt.OperationFailed)):
        return Transient(text, FetchCode.BAD_ANSWER)
    if isinstance(error, ccxt.BaseError):
        return Permanent(text, FetchCode.REFUSED)
    # ccxt stumbles over HTML, null or a wrong shape with a plain TypeError, KeyError, AttributeError, ...
    return Transient(text, FetchCode.BAD_ANSWER)


def _ban_seconds(text: str, wait: float | None, now_ms: int) -> float:
    found = _BANNED_UNTIL.search(text)
    named = (int(found.group(1)) - now_ms) / 1000 if found else 0.0
    return max(named, wait or 0.0) or _BAN_WAIT_S


def _from_aiohttp(error: Any) -> bool:
    return type(error).__module__.split(".")[0] == "aiohttp"


def without_query(text: str) -> str:
    """The text with the addresses in it cut at their query, and a signature or key that stands elsewhere (a body)
    hidden: a signed request is as good as the key for as long as it is valid."""
    return _SIGNED.sub(r"\g<name>=***", _QUERY.sub(r"\g<address>", text))


def _short(what: str, error: Exception) -> str:
    """One line, no page of HTML, no query string."""
    text = " ".join(re.sub(r"\?\S+", "", without_query(str(error))).split())
    return f"{what}: {type(error).__name__}" + (f": {text[:160]}" if text else "")
