"""No test reaches the network: a connection to anything but this machine raises at once, naming the address."""

import ipaddress
import itertools
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import postgres


class NetworkForbidden(RuntimeError):
    """A test tried to leave this machine. No OSError, so that no retry takes it for a broken connection."""


def _is_local(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name).split("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def network_off() -> Iterator[None]:
    """Loopback and Unix sockets work, everything else raises NetworkForbidden, name look-ups included."""
    with pytest.MonkeyPatch.context() as patch:
        for method in ("connect", "connect_ex"):
            original = getattr(socket.socket, method)

            def guarded(self: socket.socket, address: Any, original: Any = original) -> Any:
                if isinstance(address, tuple) and not _is_local(address[0]):
                    raise NetworkForbidden(f"a test tried to connect to {address[0]}:{address[1]}")
                return original(self, address)

            patch.setattr(socket.socket, method, guarded)
        look_up = socket.getaddrinfo

        def guarded_look_up(host: Any, *rest: Any, **named: Any) -> Any:
            if not _is_local(host):
                raise NetworkForbidden(f"a test tried to look up {host!r}")
            return look_up(host, *rest, **named)

        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


@pytest.fixture(params=["sqlite", "postgresql"])
def either_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'volgamma.sqlite'}"
    made: Callable[[], str] = request.getfixturevalue("postgres_database")
    return made()


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[Callable[[], str]]:
    """Makes empty PostgreSQL databases, each call a new one (its URL); skips where there is no PostgreSQL."""
    if (why := postgres.missing()) is not None:
        pytest.skip(why)
    numbers = itertools.count()
    if postgres.GIVEN:
        yield lambda: postgres.create_database(postgres.GIVEN, f"volgamma_test_{os.getpid()}_{next(numbers)}")
        return
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        postgres.server(Path(folder)) as cluster,
    ):
        yield lambda: cluster.database(f"test_{next(numbers)}")
