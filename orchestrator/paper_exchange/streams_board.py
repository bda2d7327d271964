"""Who listens to what, and the telling: fed by what has changed each time the engine was let go.

Nothing here acts on the engine.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from orchestrator.paper_exchange.errors import Refusal
from orchestrator.paper_exchange.recorded import NoRecording
from orchestrator.paper_exchange.streams_keys import ListenKeys, no_key
from orchestrator.paper_exchange.streams_listener import Listener
from orchestrator.paper_exchange.streams_market import Feed, open_feed
from orchestrator.paper_exchange.streams_source import StreamSource
from orchestrator.paper_exchange.streams_user import AccountWatch

#: What a user stream is called on the control side, where its key has no place.
USER = "user"


class Board:
    """The listeners and the streams they want; a stream is made for its first listener and ends with its last."""

    def __init__(self, source: StreamSource, keys: ListenKeys) -> None:
        self._source, self._keys = source, keys
        self.listeners: dict[Listener, None] = {}
        #: Streams whose messages are withheld by control, as patterns.
        self.muted: list[str] = []
        self.cut_off = 0
        self.ending: set[asyncio.Task[None]] = set()
        self._feeds: dict[str, Feed] = {}
        self._watch: AccountWatch | None = None
        self._moment: tuple[Any, ...] = ()

    def observe(self) -> None:
        """Tell everybody what has changed. Never fails: what goes wrong here is logged."""
        try:
            self._tell_user()
            self.end_keys(self._keys.expired(self._source.now), told=True)
            self._tell_market()
        except NoRecording:
            pass  # a recording is over: there is no news
        except Exception:
            logging.getLogger(__name__).exception("the streams were not told")

    def asks(self) -> set[Any]:
        """What the streams want to tell next, as paths with their parameters."""
        return set().union(*(feed.asks for feed in self._feeds.values()))

    def check(self, names: Sequence[str]) -> None:
        """Raises Refusal where one of the streams does not exist."""
        for name in names:
            if name in self._feeds or self._keys.known(name):
                continue
            try:
                found = open_feed(self._source, name)
            except NoRecording as error:
                raise Refusal(-1000, str(error), status=503) from None
            if found is None:
                raise no_key() if _public(name) == USER else Refusal(-1130, f"invalid stream {name[:80]!r}")

    def subscribe(self, listener: Listener, names: Sequence[str]) -> None:
        """The streams were checked; a new listener is told where each stands."""
        for name in names:
            if name in listener.names:
                continue
            listener.names[name] = None
            if self._keys.known(name):
                if self._watch is None:
                    self._watch = AccountWatch(self._source.engine)
                continue
            try:
                if name not in self._feeds and (feed := open_feed(self._source, name)) is not None:
                    self._feeds[name] = feed
                events = self._feeds[name].first()
            except NoRecording:
                continue
            if not self._is_muted(name):
                for event in events:
                    self.tell(listener, name, json.dumps(event))

    def unsubscribe(self, listener: Listener, names: Sequence[str]) -> None:
        """Nothing of these streams any more."""
        for name in names:
            listener.names.pop(name, None)
        wanted = {name for item in self.listeners for name in item.names}
        self._feeds = {name: feed for name, feed in self._feeds.items() if name in wanted}
        if not any(self._keys.known(name) for name in wanted):
            self._watch = None

    def tell(self, listener: Listener, name: str | None, text: str) -> None:
        """One message to one listener; one who does not read is cut off."""
        if not listener.tell(name, text):
            self.cut_off += 1
            streams = ", ".join(map(_public, listener.names))
            logging.getLogger(__name__).warning("a listener was too slow and is cut off: %s", streams)

    def end_keys(self, keys: Sequence[str], told: bool) -> None:
        """The streams of these keys end, with a word where the hour is over; a connection with no other ends too."""
        for key in keys:
            if told:
                self._tell_all(key, [{"e": "listenKeyExpired", "E": str(self._source.now), "listenKey": key}])
            for listener in [item for item in self.listeners if key in item.names]:
                self.unsubscribe(listener, [key])
                if not listener.names:
                    task = asyncio.create_task(listener.end(1000, "the listen key is over"))
                    self.ending.add(task)
                    task.add_done_callback(self.ending.discard)

    def drop(self, pattern: str) -> int:
        """Break the connections that carry a stream of this pattern; how many."""
        struck = [item for item in self.listeners if any(fnmatchcase(_public(name), pattern) for name in item.names)]
        for listener in struck:
            listener.drop()
        return len(struck)

    def document(self) -> dict[str, Any]:
        """Who listens, for the control side."""
        names = sorted(_public(name) for listener in self.listeners for name in listener.names)
        return {
            "listeners": len(self.listeners),
            "streams": names,
            "made": sorted(self._feeds),
            "cut_off": self.cut_off,
            "muted": self.muted,
        }

    def _tell_all(self, name: str, events: list[Any]) -> None:
        if not events or self._is_muted(name):
            return
        texts = [json.dumps(event) for event in events]
        for listener in [item for item in self.listeners if name in item.names]:
            for text in texts:
                self.tell(listener, name, text)

    def _tell_user(self) -> None:
        if self._watch is None:
            return
        events = self._watch.events()
        for name in {name for item in self.listeners for name in item.names if self._keys.known(name)}:
            self._tell_all(name, events)

    def _tell_market(self) -> None:
        moment = self._source.moment()
        if not self._feeds or moment == self._moment:
            return
        self._moment = moment
        for name, feed in self._feeds.items():
            self._tell_all(name, feed.news())

    def _is_muted(self, name: str) -> bool:
        return any(fnmatchcase(_public(name), pattern) for pattern in self.muted)


def _public(name: str) -> str:
    return name if "@" in name or name.startswith("!") else USER
