"""Ports for servers that must be told one before they start."""

import itertools
import os
import socket

# Below the ports that systems hand out by themselves: between this look and the server's start nobody else gets it.
_LOWEST, _MANY = 20_000, 12_000
_next = itertools.count(os.getpid() * 7919)


def free_port() -> int:
    """A port of this machine that nobody uses; never the same one twice, and others in another test process."""
    for number in itertools.islice(_next, _MANY):
        port = _LOWEST + number % _MANY
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")
