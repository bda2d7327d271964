"""The HTTP front: signatures, faults, the request log, and one dispatcher for every venue path."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.errors import Refusal
from orchestrator.paper_exchange.faults import Fault, FaultPlan
from orchestrator.paper_exchange.live_feed import LiveFeed
from orchestrator.paper_exchange.live_upstream import Answer
from orchestrator.paper_exchange.market_routes import PUBLIC
from orchestrator.paper_exchange.recorded import NoRecording
from orchestrator.paper_exchange.streams import Streams, Turns
from orchestrator.paper_exchange.streams_keys import PATH as LISTEN_KEY
from orchestrator.paper_exchange.streams_requests import is_stream
from orchestrator.paper_exchange.timekeeper import Timekeeper
from orchestrator.paper_exchange.trade_routes import SIGNED

KEYS = {"key": "secret", "paper": "paper"}
_AHEAD_MS = 1_000
_LOGGED = 10_000
#: Faults that leave no stream to open.
_NO_STREAM = {"status", "error_code", "reject_leg", "drop_response", "cut_body"}


@dataclass
class Front:
    """Everything the handlers share. `saved` is called after each request that may have changed the account."""

    engine: Engine
    time: Timekeeper
    saved: Callable[[], None]
    faults: FaultPlan = field(default_factory=FaultPlan)
    requests: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0
    #: Where the market is another venue's.
    live: LiveFeed | None = None
    streams: Streams = field(init=False)
    lock: asyncio.Lock = field(init=False)

    def __post_init__(self) -> None:
        self.streams = Streams(self)
        self.lock = Turns(self.streams.board)

    def tick(self) -> None:
        """Bring the engine to the time of now."""
        self.engine.advance(self.time.now())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One venue request."""
        body = await request.text()
        raw = body if request.method in ("POST", "PUT") and body else request.query_string
        if request.method in ("POST", "PUT", "DELETE") and body and request.query_string:
            raw = request.query_string + "&" + body
        parameters = dict(parse_qsl(raw, keep_blank_values=True))
        struck = self.faults.matching(request.method, request.path, parameters)
        self.count += 1
        entry = {
            "n": self.count,
            "time": self.time.uptime(),
            "method": request.method,
            "path": request.path,
            "status": None,
            "fault": ",".join(fault.do for fault in struck) or None,
        }
        self.requests.append(entry)
        del self.requests[:-_LOGGED]
        for fault in struck:
            if fault.do == "delay_ms":
                await asyncio.sleep(fault.amount / 1000)
        if request.method == "GET" and is_stream(request.path) and not _NO_STREAM & {fault.do for fault in struck}:
            entry["status"] = 101
            stream = await self.streams.serve(request)
            entry["status"] = stream.status
            return stream
        waited = sum(fault.amount for fault in struck if fault.do == "delay_ms")
        answered = await self._answer(request, raw, parameters, struck, waited)
        status, document = answered.status, answered.document
        entry["status"] = status
        if request.path == "/fapi/v1/depth" and status == 200:
            document["lastUpdateId"] = self.streams.book_number(parameters["symbol"])
        if any(fault.do == "drop_response" for fault in struck):
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=499)
        answer = web.json_response(document, status=status, headers=_headers(struck, answered.wait_s))
        if any(fault.do == "cut_body" for fault in struck):
            return await _cut(request, answer)
        return answer

    async def _answer(
        self, request: web.Request, raw: str, parameters: dict[str, str], struck: list[Fault], waited: float
    ) -> Answer:
        for fault in struck:
            if fault.do == "status":
                status = int(fault.amount)
                return Answer(status, {"code": -1000, "msg": str(fault.options.get("msg", "planned failure"))})
            if fault.do == "error_code":
                status = int(fault.options.get("status", 400))
                code = int(fault.amount)
                return Answer(status, {"code": code, "msg": str(fault.options.get("msg", "planned error"))})
            if fault.do == "reject_leg":
                return Answer(400, {"code": -2019, "msg": "Margin is insufficient."})
        if self.live is not None:
            told = await self.live.answer(request.method, request.path, parameters)
            if told is not None:
                return told
        async with self.lock:
            try:
                self.tick()
                return Answer(200, self._dispatch(request, raw, parameters, struck, waited))
            except Refusal as error:
                return Answer(error.status, {"code": error.code, "msg": error.message})
            except NoRecording as error:
                return Answer(503, {"code": -1000, "msg": str(error)})
            except Exception as error:  # a defect of ours must look like a venue's bad day, not like a web page
                logging.getLogger(__name__).exception("%s %s", request.method, request.path)
                return Answer(500, {"code": -1000, "msg": f"An unknown error occurred: {error!r}."})

    def _dispatch(
        self, request: web.Request, raw: str, parameters: dict[str, str], struck: list[Fault], waited: float
    ) -> Any:
        key = (request.method, request.path)
        if key in PUBLIC:
            return PUBLIC[key](self.engine, parameters)
        if request.path == LISTEN_KEY:  # asked for with the key alone, unsigned
            return self.streams.listen_key(request.method, *_key_of(request))
        if key not in SIGNED:
            raise Refusal(-5000, f"Path {request.path}, Method {request.method} is invalid", status=404)
        self._check_signature(request, raw, parameters, waited)
        if self.live is not None:
            self.live.require_fresh(request.method, request.path, parameters)
        thin = [fault.amount for fault in struck if fault.do == "partial_fill"]
        self.engine.thinned = Decimal(repr(min(thin))) if thin else Decimal(1)
        try:
            # a copy: a row is a live object of the engine, and the answer is what it was now
            return json.loads(json.dumps(SIGNED[key](self.engine, parameters)))
        finally:
            self.engine.thinned = Decimal(1)
            if request.method != "GET":
                self.saved()

    def _check_signature(self, request: web.Request, raw: str, parameters: dict[str, str], waited: float) -> None:
        _, secret = _key_of(request)
        signed, _, signature = raw.rpartition("signature=")
        expected = hmac.new(secret.encode(), signed.rstrip("&").encode(), hashlib.sha256).hexdigest()
        if not signature or not hmac.compare_digest(expected, signature):
            raise Refusal(-1022, "Signature for this request is not valid.")
        try:
            stamp = int(parameters["timestamp"])
            window = int(parameters.get("recvWindow", "5000"))
        except (KeyError, ValueError):
            raise Refusal(
                -1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."
            ) from None
        now = self.engine.now
        behind, ahead = self.time.slack()
        # a frozen exchange does not see its clients' clocks run on
        # ... but a request that was held up is as late there as anywhere
        held_up = waited if self.time.frozen else 0.0
        early = stamp - now >= _AHEAD_MS + ahead and not self.time.frozen
        if now + held_up - stamp > window + behind or early:
            raise Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")


def _key_of(request: web.Request) -> tuple[str, str]:
    """The API key of a request and its secret. Raises Refusal."""
    name = request.headers.get("X-MBX-APIKEY", "")
    if name not in KEYS:
        raise Refusal(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
    return name, KEYS[name]


def _headers(struck: list[Fault], wait_s: int | None) -> dict[str, str]:
    waits = [] if wait_s is None else [wait_s]
    waits += [
        fault.options["retry_after"] for fault in struck if fault.do == "status" and "retry_after" in fault.options
    ]
    return {"Retry-After": str(waits[0])} if waits else {}


async def _cut(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """The headers announce the whole body, half of it follows, and the socket closes."""
    body = whole.body
    assert isinstance(body, bytes)
    part = web.StreamResponse(status=whole.status, headers=whole.headers)
    part.content_length = len(body)
    await part.prepare(request)
    await part.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return part
