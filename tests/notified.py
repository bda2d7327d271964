"""A loopback server that apprise's json:// posts to: what arrived, and ways to be a bad server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Notified:
    """`hang`: requests are read and never answered until it is set."""

    port: int = 0
    arrived: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    hang: bool = False
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """With a password, as a real address would have one."""
        return f"json://me:hush-hush@127.0.0.1:{self.port}/alerts?rto=600&cto=600"

    @property
    def titles(self) -> list[str]:
        return [one["title"] for one in self.arrived]


@contextmanager
def notified() -> Iterator[Notified]:
    """On a free port of loopback."""
    seen = Notified()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if seen.hang:
                seen.released.wait(600)
                return
            seen.arrived.append(json.loads(body))
            self.send_response(seen.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    seen.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        seen.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
