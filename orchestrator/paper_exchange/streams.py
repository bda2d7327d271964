"""Market and user streams over WebSocket: the connections, what they ask for, and the time that goes on for them.

While time runs and somebody listens, a task lets the engine go on every tenth of a second, as any request would.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from orchestrator.paper_exchange.errors import Refusal
from orchestrator.paper_exchange.recorded import NoRecording
from orchestrator.paper_exchange.streams_board import Board
from orchestrator.paper_exchange.streams_keys import GOOD_MS, ListenKeys, no_key
from orchestrator.paper_exchange.streams_listener import Listener
from orchestrator.paper_exchange.streams_requests import MOST_STREAMS, Asked, BadRequest, read, streams_of
from orchestrator.paper_exchange.streams_source import StreamSource

if TYPE_CHECKING:
    from orchestrator.paper_exchange.http import Front

MOST_LISTENERS = 100
#: Requests of one listener in a second; more, and it is disconnected.
MOST_ASKED = 10
_EVERY_S = 0.1
_ASK_EVERY = 10
_LARGEST_REQUEST = 64 * 1024
_HEARTBEAT_S = 30.0


class Turns(asyncio.Lock):
    """The right to use the engine. What has changed meanwhile is told when it is given back."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board

    def release(self) -> None:
        """Tell, then let the next one in."""
        self._board.observe()
        super().release()


class Streams:
    """All connections of one exchange."""

    def __init__(self, front: "Front") -> None:
        self._front = front
        self._source = StreamSource(front)
        # an hour of the client's clock, where the exchange's runs faster
        self._keys = ListenKeys(GOOD_MS * max(1.0, front.time.speed))
        self.board = Board(self._source, self._keys)
        self._places = 0
        self._task: asyncio.Task[None] | None = None

    def book_number(self, symbol: str) -> int:
        """The number of the book of now, for the REST answer."""
        return self._source.book(symbol).number

    def listen_key(self, method: str, api_key: str, secret: str) -> Any:
        """The listen key endpoint. Raises Refusal."""
        self.board.observe()  # the hour of a key may be over since
        if method != "DELETE":
            return self._keys.answer(method, api_key, secret, self._source.now)
        key = self._keys.end(api_key)
        if key is None:
            raise no_key()
        self.board.end_keys([key], told=False)
        return {}

    async def close(self) -> None:
        """Say goodbye to everybody."""
        ends = [listener.end(1001, "the exchange ends") for listener in list(self.board.listeners)]
        await asyncio.gather(*ends, *self.board.ending, return_exceptions=True)
        await self._stand_still()

    # of one connection

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from its request to its end."""
        if self._places >= MOST_LISTENERS:
            return _refused(Refusal(-1003, f"Too many connections; at most {MOST_LISTENERS} streams.", status=429))
        socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_S, timeout=1.0, max_msg_size=_LARGEST_REQUEST, compress=False
        )
        if not socket.can_prepare(request):
            return _refused(Refusal(-1000, f"{request.path} is a WebSocket stream: connect to it with ws://"))
        self._places += 1
        try:
            names, combined = streams_of(request.path, request.query_string)
            self.board.check(names)
            await socket.prepare(request)
            await self._listen(Listener(socket, request.transport, combined), names)
        except Refusal as error:
            return _refused(error)
        finally:
            self._places -= 1
        return socket

    async def _listen(self, listener: Listener, names: list[str]) -> None:
        if self._task is None and not self._front.time.frozen:
            self._task = asyncio.create_task(self._run())
        self.board.listeners[listener] = None
        writer = asyncio.create_task(listener.write())
        try:
            self.board.subscribe(listener, names)
            await self._hear(listener)
        finally:
            writer.cancel()
            del self.board.listeners[listener]
            self.board.unsubscribe(listener, list(listener.names))
            await asyncio.gather(writer, return_exceptions=True)
            if not self.board.listeners:
                await self._stand_still()

    async def _hear(self, listener: Listener) -> None:
        window, count = 0.0, 0
        async for message in listener.socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            now = self._front.time.uptime()
            window, count = (now, 1) if now - window >= 1000 else (window, count + 1)
            if count > MOST_ASKED:
                await listener.end(1008, "too many requests")
                return
            try:
                self._carry_out(listener, read(message.data))
            except BadRequest as error:
                self.board.tell(listener, None, error.text())

    def _carry_out(self, listener: Listener, asked: Asked) -> None:
        """One request of a listener. Raises BadRequest."""
        result: Any = None
        if asked.method == "SUBSCRIBE":
            if len({*listener.names, *asked.streams}) > MOST_STREAMS:
                raise BadRequest(f"Invalid request: at most {MOST_STREAMS} streams on a connection", asked.number)
            try:
                self.board.check(asked.streams)
            except Refusal as error:
                raise BadRequest(f"Invalid request: {error.message}", asked.number) from None
        elif asked.method == "UNSUBSCRIBE":
            self.board.unsubscribe(listener, asked.streams)
        elif asked.method == "LIST_SUBSCRIPTIONS":
            result = list(listener.names)
        elif asked.method == "GET_PROPERTY":
            result = listener.combined
        elif asked.combined is not None:
            listener.combined = asked.combined
        self.board.tell(listener, None, asked.answer(result))
        if asked.method == "SUBSCRIBE":  # told after the answer, as a client expects it
            self.board.subscribe(listener, asked.streams)

    # time

    async def _run(self) -> None:
        """Time goes on for those who listen."""
        turn = 0
        while True:
            try:
                if turn % _ASK_EVERY == 0:
                    await self._source.refresh(self.board.asks())
                async with self._front.lock:
                    self._front.tick()
            except NoRecording:
                pass
            except Exception:  # a defect here must not end the streams unseen
                logging.getLogger(__name__).exception("the streams did not go on")
            await asyncio.sleep(_EVERY_S)
            turn += 1

    async def _stand_still(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _refused(error: Refusal) -> web.Response:
    return web.json_response({"code": error.code, "msg": error.message}, status=error.status)
