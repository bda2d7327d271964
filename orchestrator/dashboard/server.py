"""Runs the application under uvicorn until it is stopped."""

import dataclasses
import socket
from collections.abc import Callable

import uvicorn

from orchestrator.dashboard.app import create_app
from orchestrator.dashboard.config import DashboardConfig


class _Announced(uvicorn.Server):
    """Says where it is as soon as it answers."""

    def __init__(self, config: uvicorn.Config, say: Callable[[], None], let_go: Callable[[], None]) -> None:
        super().__init__(config)
        self._say = say
        self._let_go = let_go

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._say()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._let_go()
        await super().shutdown(sockets)


def serve(config: DashboardConfig, up: Callable[[str], None]) -> None:
    """Serve; `up` is told the address. Raises OSError when it cannot be bound."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((config.host, config.port))
        config = dataclasses.replace(config, port=listener.getsockname()[1])
        shown = f"[{config.host}]" if ":" in config.host else config.host
        app = create_app(config)
        server = _Announced(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,  # addresses of pages are nobody's business, and the terminal shows the token
                server_header=False,
                timeout_graceful_shutdown=2,  # open pages hold a connection each
                limit_concurrency=100,
            ),
            lambda: up(f"http://{shown}:{config.port}/"),
            app.watcher.close,
        )
        server.run(sockets=[listener])
