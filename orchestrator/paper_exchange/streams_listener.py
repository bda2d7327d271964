"""One connection: messages wait in a bounded queue, and who does not read them is cut off."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

#: What may wait for a listener; more, and it is cut off.
MOST_WAITING, MOST_WAITING_BYTES = 2_000, 8_000_000


@dataclass(eq=False)
class Listener:
    """A connected client. `combined`: each message says which stream it is of."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    combined: bool
    names: dict[str, None] = field(default_factory=dict)
    cut: bool = False
    _waiting: deque[str] = field(default_factory=deque)
    _bytes: int = 0
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _sent: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, name: str | None, text: str) -> bool:
        """Queue a message of a stream (None: an answer). False when the listener was too slow, and is cut off."""
        if self.cut:
            return True
        if name is not None and self.combined:
            text = f'{{"stream":"{name}","data":{text}}}'
        if len(self._waiting) >= MOST_WAITING or self._bytes + len(text) > MOST_WAITING_BYTES:
            self.drop()
            return False
        self._waiting.append(text)
        self._bytes += len(text)
        self._sent.clear()
        self._woken.set()
        return True

    def drop(self) -> None:
        """Break the connection without a word."""
        self.cut = True
        self._waiting.clear()
        if self.transport is not None:
            self.transport.abort()

    async def write(self) -> None:
        """Send what waits, until cancelled or the connection is gone."""
        try:
            while True:
                while self._waiting:
                    text = self._waiting.popleft()
                    self._bytes -= len(text)
                    await self.socket.send_str(text)
                self._woken.clear()
                self._sent.set()
                await self._woken.wait()
        except (aiohttp.ClientError, ConnectionError, RuntimeError):
            self.cut = True
        finally:
            self._sent.set()

    async def end(self, code: int, reason: str) -> None:
        """Send what waits and say goodbye; a client that does not answer is cut off."""
        try:
            async with asyncio.timeout(1):
                await self._sent.wait()
                self.cut = True
                await self.socket.close(code=code, message=reason.encode())
        except (TimeoutError, aiohttp.ClientError, ConnectionError, RuntimeError):
            pass
        self.drop()
