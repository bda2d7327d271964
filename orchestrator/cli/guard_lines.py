"""Lines that `volgamma guard --decisions` reads: decisions, or past ones as `journal export` writes them."""

import json
from typing import Any

_EXPORTED = b"volgamma.bundle/1"


def proposed(line: bytes) -> bytes:
    """The decision that was proposed, of a line of a journal export; any other line as it is.

    A past decision that ended before anything was proposed stays as it is too: the guard says that it is no decision.
    """
    if _EXPORTED not in line:
        return line
    try:
        document: Any = json.loads(line, object_pairs_hook=_each_key_once)
        decision = document["record"]["proposal"]["decision"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return line
    return json.dumps(decision).encode()


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two values under one key: which was meant is not guessed at."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is said twice")
    return found
