"""Fetchers of other distributions, found by the entry point group `volgamma.fetchers`.

A fetcher is a module or object with `KEYWORDS` (a tuple of words that select it) and

    async def fetch(source: data_fetchers.source.Source) -> dict[str, JsonValue]

It reads through `source.call(...)`, so that retries, bans and request counts hold for it too, and raises
`data_fetchers.errors.FetchError`. What it returns stands in the snapshot under `symbols[...].extra[<entry point>]`.
One that cannot be loaded is left out and named in `problems`; it never takes the others down with it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from data_fetchers.snapshot import source_names

GROUP = "volgamma.fetchers"


@dataclass(frozen=True)
class Plugin:
    """A fetcher that is not ours."""

    name: str
    keywords: tuple[str, ...]
    fetch: Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True)
class Plugins:
    """What was found, and one line a plugin that was left out."""

    fetchers: Mapping[str, Plugin]
    problems: tuple[str, ...]


def spelled(keyword: str) -> str:
    """A keyword as it is compared: case, spaces and hyphens do not matter."""
    return keyword.strip().lower().replace("-", "_").replace(" ", "_")


def load_plugins(found: Iterable[EntryPoint] | None = None) -> Plugins:
    """Third-party fetchers by entry point name. `found` replaces the installed entry points (tests). Never raises."""
    fetchers: dict[str, Plugin] = {}
    problems: list[str] = []
    entries = entry_points(group=GROUP) if found is None else found
    for entry in sorted({(entry.name, entry.value): entry for entry in entries}.items()):
        plugin, complaint = _load(entry[1], fetchers)
        if plugin is not None:
            fetchers[plugin.name] = plugin
        elif complaint:
            problems.append(f"fetcher plugin {entry[1].name!r} ({entry[1].value}): {complaint}")
    return Plugins(MappingProxyType(fetchers), tuple(problems))


def _load(entry: EntryPoint, taken: Mapping[str, Plugin]) -> tuple[Plugin | None, str]:
    if entry.value.startswith("data_fetchers."):
        return None, ""  # registered like a plugin, called by name
    if entry.name in source_names() or entry.name in taken:
        return None, "its name is already taken; left out"
    try:
        loaded = entry.load()
        keywords = tuple(spelled(str(word)) for word in loaded.KEYWORDS)
        fetch = loaded.fetch
    except (Exception, SystemExit) as error:
        return None, f"could not be loaded: {type(error).__name__}: {error}"
    if not callable(fetch):
        return None, "its `fetch` cannot be called"
    return Plugin(entry.name, keywords, fetch), ""
