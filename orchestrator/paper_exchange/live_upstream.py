"""Public data of a venue over HTTP: GET only, known paths only, nothing private, no header of any client.

A rate-limit answer (429, 418) is believed: nobody asks again before its `Retry-After` is over. Answers are kept for
seconds, so that several readers cost the venue one request.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from orchestrator.paper_exchange.errors import Refusal

DEFAULT_UPSTREAM = "https://fapi.binance.com"
#: How long an answer serves all who ask, seconds.
KEPT_S: dict[str, float] = {
    "/fapi/v1/klines": 1.0,
    "/fapi/v1/markPriceKlines": 1.0,
    "/fapi/v1/indexPriceKlines": 1.0,
    "/fapi/v1/ticker/24hr": 1.0,
    "/fapi/v1/ticker/bookTicker": 1.0,
    "/fapi/v1/ticker/price": 1.0,
    "/fapi/v2/ticker/price": 1.0,
    "/fapi/v1/fundingRate": 5.0,
    "/fapi/v1/fundingInfo": 5.0,
    "/fapi/v1/openInterest": 1.0,
    "/futures/data/openInterestHist": 5.0,
    "/futures/data/globalLongShortAccountRatio": 5.0,
    "/futures/data/topLongShortAccountRatio": 5.0,
    "/futures/data/topLongShortPositionRatio": 5.0,
    "/futures/data/takerlongshortRatio": 5.0,
}
PARAMETERS = frozenset(
    {"symbol", "pair", "contractType", "interval", "period", "limit", "startTime", "endTime", "fromId"}
)
_TIMEOUT = aiohttp.ClientTimeout(total=5, connect=4)
_MOST_KEPT = 256
_USUAL_WAIT_S = 5.0
_LONGEST_WAIT_S = 259_200.0


class UpstreamDown(Exception):
    """The venue that a live market follows gives no usable answer; the message names it and says what came."""


@dataclass(frozen=True)
class Answer:
    """What came: HTTP status, the JSON document, and the seconds of `Retry-After` where the venue wants to be left."""

    status: int
    document: Any
    wait_s: int | None = None


class Upstream:
    """One venue's public side at `url`. Raises ValueError when that is no address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError(f"--upstream {url!r} is no address of a venue; the default is {DEFAULT_UPSTREAM}")
        self.url = url.rstrip("/")
        self.host = parts.netloc
        self.requests = 0
        self._session: aiohttp.ClientSession | None = None
        self._banned: tuple[float, Answer] | None = None
        self._kept: dict[tuple[str, ...], tuple[float, asyncio.Task[Answer]]] = {}

    async def shared(self, path: str, query: Mapping[str, str]) -> Answer:
        """The answer to a public question, at most `KEPT_S` old. Raises Refusal (unknown path), UpstreamDown."""
        if path not in KEPT_S:
            raise Refusal(-5000, f"Path {path}, Method GET is invalid", status=404)
        asked = {name: value for name, value in sorted(query.items()) if name in PARAMETERS}
        key = (path, *(part for item in asked.items() for part in item))
        now = _now()
        until, task = self._kept.get(key, (0.0, None))
        if task is None or (task.done() and now >= until):
            if len(self._kept) >= _MOST_KEPT:
                self._kept = {name: kept for name, kept in self._kept.items() if now < kept[0]}
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            task = asyncio.ensure_future(self.get(path, asked))
            task.add_done_callback(_seen)
            self._kept[key] = (now + KEPT_S[path], task)
        try:
            answer = await asyncio.shield(task)
        except UpstreamDown:
            self._kept.pop(key, None)
            raise
        if answer.status != 200:
            self._kept.pop(key, None)
        return answer

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """One request, or the ban in force. Raises UpstreamDown when nothing usable comes."""
        if self._banned is not None:
            left = self._banned[0] - _now()
            if left > 0:
                answer = self._banned[1]
                return Answer(answer.status, answer.document, max(1, round(left + 0.5)))
            self._banned = None
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        self.requests += 1
        try:
            async with self._session.get(self.url + path, params=dict(query), allow_redirects=False) as reply:
                status, text = reply.status, await reply.text()
                wait = reply.headers.get("Retry-After")
        except (aiohttp.ClientError, TimeoutError, OSError, UnicodeDecodeError) as error:
            raise UpstreamDown(f"{self.url} does not answer: {type(error).__name__} {error}".rstrip()) from error
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if status in (418, 429):
            seconds = min(float(wait), _LONGEST_WAIT_S) if wait and wait.isdigit() else _USUAL_WAIT_S
            if not isinstance(document, dict):
                document = {"code": -1003, "msg": "Too many requests."}
            answer = Answer(status, document, max(1, round(seconds)))
            self._banned = (_now() + seconds, answer)
            return answer
        if not isinstance(document, (dict, list)) or not (status == 200 or 400 <= status <= 599):
            raise UpstreamDown(f"{self.url}{path} answered {status} and no JSON document: {text[:80]!r}")
        return Answer(status, document)

    async def document(self, path: str, **query: str) -> Any:
        """The document of a request that succeeded. Raises UpstreamDown."""
        answer = await self.get(path, query)
        if answer.status != 200:
            raise UpstreamDown(f"{self.url}{path} answered {answer.status}: {str(answer.document)[:200]}")
        return answer.document

    async def close(self) -> None:
        """Drop what is under way and close the connections."""
        for _, task in self._kept.values():
            task.cancel()
        self._kept.clear()
        if self._session is not None:
            await self._session.close()


def _now() -> float:
    return time.monotonic()


def _seen(task: "asyncio.Task[Answer]") -> None:
    """An error with nobody waiting for it any more is no news."""
    if not task.cancelled():
        task.exception()
