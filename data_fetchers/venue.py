"""Opens the one ccxt client that fetchers and execution share. Importing this module does not load ccxt."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from decimal import localcontext
from difflib import get_close_matches
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from data_fetchers.errors import UnknownVenue
from data_fetchers.lanes import Lanes
from data_fetchers.request_count import count_request
from data_fetchers.retry import admit
from data_fetchers.sharing import shared

#: Tried with recorded responses; any other id of ccxt opens too.
SUPPORTED = ("paper", "binanceusdm", "bybit", "okx", "bitget")
#: The paper exchange speaks this venue's dialect.
PAPER_DIALECT = "binanceusdm"
#: Only linear swaps are traded: loading the other markets costs requests and seconds.
_MARKET_TYPES = {"binanceusdm": ["linear"], "bybit": ["linear"], "okx": ["swap"], "bitget": ["swap"]}
_TIMEOUT_MS = 6_000
#: Weight a minute that the account's requests have besides the pace, and how much of it is saved up. Binance counts
#: 2,400 a minute; ccxt's pace is 1,200 (50 ms each), so that with these it is 1,950 in the worst minute; looks at one
#: open pair, once a second, take some 400. The others count requests a second, which their pace just keeps: there the
#: account's requests only pass first.
_OWN_WEIGHT = {"binanceusdm": (500.0, 250.0)}


def open_exchange(
    name: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    secret: str | None = None,
    password: str | None = None,
    timeout_ms: int = _TIMEOUT_MS,
    paced: bool | None = None,
) -> Any:
    """A `ccxt.async_support` exchange, markets not loaded yet; the caller closes it (`await exchange.close()`).

    `paper` is binanceusdm pointed at `base_url`; a real venue can be pointed elsewhere too. `paced` keeps to the
    venue's rate limit (default: yes, except on paper). ccxt's own retries are off: reads are retried by
    `data_fetchers.retry`, orders never. Raises UnknownVenue.
    """
    wanted = name.strip().lower()
    if wanted == "paper" and base_url is None:
        raise UnknownVenue("the paper exchange needs its address; start one with `volgamma exchange serve`")
    logging.getLogger("ccxt").setLevel(logging.WARNING)
    import ccxt.async_support as ccxt

    venue_id = PAPER_DIALECT if wanted == "paper" else wanted
    if venue_id not in ccxt.exchanges:
        raise UnknownVenue(_complaint(name, ccxt.exchanges))
    options: dict[str, Any] = {
        "defaultType": "swap",
        "defaultSubType": "linear",
        "fetchCurrencies": False,
        "adjustForTimeDifference": True,
        "maxRetriesOnFailure": 0,
    }
    if types := _MARKET_TYPES.get(venue_id):
        options["fetchMarkets"] = {"types": types}
    config: dict[str, Any] = {
        "timeout": timeout_ms,
        "enableRateLimit": wanted != "paper" if paced is None else paced,
        "options": options,
    }
    config |= {
        key: value
        for key, value in (("apiKey", api_key), ("secret", secret), ("password", password))
        if value is not None
    }
    exchange = _attentive(getattr(ccxt, venue_id))(config)
    exchange.decimal_to_precision = _in_a_context_of_its_own(exchange.decimal_to_precision)
    exchange.has["fetchCurrencies"] = False  # networks and withdrawals: nothing here reads them
    if base_url is not None:
        _repoint(exchange, base_url)
    return exchange


def _in_a_context_of_its_own(write: Callable[..., Any]) -> Callable[..., Any]:
    """ccxt sets the rounding of its caller's decimal context and leaves it so: it gets a copy to set."""

    def written(*values: Any, **named: Any) -> Any:
        with localcontext():
            return write(*values, **named)

    return written


def _repoint(exchange: Any, base_url: str) -> None:
    """Same paths, other host."""
    parts = urlsplit(base_url if "//" in base_url else f"http://{base_url}")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UnknownVenue(f"{base_url!r} is no address; write it as http://127.0.0.1:8900")
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    api = exchange.urls["api"]
    exchange.urls["api"] = (
        {key: base + urlsplit(url).path for key, url in api.items() if isinstance(url, str)}
        if isinstance(api, Mapping)
        else base + urlsplit(api).path
    )
    if parts.scheme == "http":
        exchange.timeout_on_exit = 0  # ccxt waits here for TLS to close; there is none


def _attentive(cls: type[Any]) -> type[Any]:
    """The same client, which counts its requests, takes no page for data, and keeps status and waiting time.

    ccxt drops both when it raises, and without them a ban cannot be told from an outage nor be waited out.
    Loading the markets, which ccxt starts once for all who need them, outlives a caller that is cancelled: ccxt would
    cancel it for the others too. A request that got its turn at the rate limit during a ban queues again after it.
    """

    class Attentive(cls):  # type: ignore[misc]  # a base known at run time only
        _shared_load: "asyncio.Task[Any] | None" = None

        async def load_markets(self, reload: bool = False, params: Any = None) -> Any:
            if self.markets and not reload:
                return await super().load_markets(False, params or {})
            if self._shared_load is None or self._shared_load.done():
                self._shared_load = asyncio.ensure_future(super().load_markets(reload, params or {}))
                self._shared_load.add_done_callback(_seen)
            return await asyncio.shield(self._shared_load)

        async def close(self) -> None:
            if self._shared_load is not None:
                self._shared_load.cancel()
            await super().close()

        def init_throttler(self, cost: Any = None) -> None:
            self.throttler = Lanes(self.tokenBucket, *_OWN_WEIGHT.get(self.id, (0.0, 0.0)))

        async def throttle(self, cost: Any = None) -> None:
            await super().throttle(cost)
            while await admit():
                await super().throttle(cost)

        async def fetch(
            self, url: str, method: str = "GET", headers: Any = None, body: Any = None, **named: Any
        ) -> Any:
            async def ask() -> Any:
                return await self._asked(url, method, headers, body, **named)

            return await shared(self.id, url, method, headers, body, ask)

        async def _asked(self, url: str, method: str, headers: Any, body: Any, **named: Any) -> Any:
            await admit()
            count_request()
            answer = await super().fetch(url, method, headers, body, **named)
            if not isinstance(answer, (dict, list)):
                from ccxt.base.errors import BadResponse

                # a page of HTML or nothing, with status 200: ccxt would parse it into an empty list
                raise BadResponse(f"{self.id} answered with no JSON: {str(answer)[:80]!r}")
            return answer

        def handle_errors(
            self, status: int, reason: str, url: str, method: str, headers: Any, body: Any, *rest: Any
        ) -> Any:
            try:
                handled = super().handle_errors(status, reason, url, method, headers, body, *rest)
                if isinstance(status, int) and status >= 400:
                    self.handle_http_status_code(status, str(reason), url, method, str(body))
                return handled
            except Exception as error:
                error.http_status = status  # type: ignore[attr-defined]  # carried to the retry
                error.retry_after_s = retry_after(headers)  # type: ignore[attr-defined]  # carried to the retry
                raise

    Attentive.__name__ = Attentive.__qualname__ = cls.__name__
    return Attentive


def _seen(load: "asyncio.Task[Any]") -> None:
    """Its error has been raised to whoever still waited; with nobody waiting it is no news."""
    if not load.cancelled():
        load.exception()


def retry_after(headers: Any) -> float | None:
    """Seconds of a `Retry-After` header (a number, or a date read against the answer's own `Date`), else None."""
    if not isinstance(headers, Mapping):
        return None
    found = {str(key).lower(): str(value).strip() for key, value in headers.items()}
    text = found.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(found.get("date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, wait.total_seconds())


def _complaint(name: str, known: list[str]) -> str:
    near = get_close_matches(name.strip().lower(), ["paper", *known], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"no exchange is called {name!r}; {hint}Supported: {', '.join(SUPPORTED)}, and any other id of ccxt"
