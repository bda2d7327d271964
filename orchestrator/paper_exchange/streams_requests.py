"""What a listener may ask over its connection, and what the paths of the streams ask for."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from orchestrator.paper_exchange.errors import Refusal

#: Streams of one connection.
MOST_STREAMS = 200
_PATH = re.compile(r"(?:/public|/market|/private)?/(ws|stream)(?:/(.*))?")
_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")


class BadRequest(Exception):
    """A request over the connection that cannot be carried out; nothing has changed."""

    def __init__(self, message: str, number: object = None, code: int = 2) -> None:
        super().__init__(message)
        self.number = number
        self.code = code

    def text(self) -> str:
        """The answer, as the venue words its own."""
        return json.dumps({"error": {"code": self.code, "msg": str(self)}, "id": self.number})


@dataclass(frozen=True)
class Asked:
    """One request of a listener: a method, its parameters, and the id that the answer carries."""

    method: str
    streams: tuple[str, ...]
    combined: bool | None
    number: int | str | None

    def answer(self, result: Any = None) -> str:
        """The answer of one that went well."""
        return json.dumps({"result": result, "id": self.number})


def is_stream(path: str) -> bool:
    """Whether a path is one of the streams'."""
    return _PATH.fullmatch(path) is not None


def streams_of(path: str, query: str) -> tuple[list[str], bool]:
    """The streams that an address asks for, and whether messages say which they are of.

    A number at the end of the path is only a name for the connection (ccxt adds one). Raises Refusal.
    """
    found = _PATH.fullmatch(path)
    assert found is not None
    values = parse_qs(query)
    names = [name for part in values.get("streams", []) for name in part.split("/")]
    names += [name for part in values.get("listenKey", []) for name in part.split("/")]
    names += [name for name in (found[2] or "").split("/") if not name.isdigit()]
    names = list(dict.fromkeys(name for name in names if name))
    if len(names) > MOST_STREAMS:
        raise Refusal(-1130, f"Too many streams: {len(names)}, at most {MOST_STREAMS} on a connection.")
    return names, found[1] == "stream"


def read(data: str | bytes) -> Asked:
    """One request. Raises BadRequest."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"Invalid JSON: {error}", code=3) from None
    if not isinstance(document, dict):
        raise BadRequest("Invalid request: expected an object")
    number = document.get("id")
    if isinstance(number, bool) or not (number is None or isinstance(number, (int, str))):
        raise BadRequest("Invalid request: request ID must be an unsigned integer or a string")
    if (isinstance(number, int) and number < 0) or (isinstance(number, str) and len(number) > 36):
        raise BadRequest("Invalid request: request ID must be an unsigned integer or a string of at most 36 characters")
    method, given = document.get("method"), document.get("params", [])
    if method not in _METHODS:
        raise BadRequest(f"Invalid request: method is one of {', '.join(_METHODS)}", number)
    if not isinstance(given, list):
        raise BadRequest("Invalid request: params must be a list", number)
    if method == "LIST_SUBSCRIPTIONS":
        return Asked(method, (), None, number)
    if method.endswith("PROPERTY"):
        if given[:1] != ["combined"]:
            raise BadRequest("Unknown property", number, code=0)
        if method == "SET_PROPERTY" and not (len(given) == 2 and isinstance(given[1], bool)):
            raise BadRequest("Invalid value type: expected Boolean", number, code=1)
        return Asked(method, (), given[1] if method == "SET_PROPERTY" else None, number)
    if not given or not all(isinstance(name, str) for name in given):
        raise BadRequest("Invalid request: params must be names of streams", number)
    return Asked(method, tuple(given), None, number)
