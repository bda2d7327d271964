"""Finds traders by the entry point group ``volgamma.traders``.

A plugin that cannot be loaded, says it is someone else, or speaks another contract version is left out and named in
`problems`; it never takes the others down with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from traders.contract.trader import CONTRACT_VERSION, Trader, TraderDescriptor

GROUP = "volgamma.traders"
OWN_DISTRIBUTION = "volatility-gamma"


@dataclass(frozen=True)
class Registry:
    """What was found: traders by id and by name, and one line a plugin that was left out."""

    traders: Mapping[int, Trader]
    by_name: Mapping[str, Trader]
    problems: tuple[str, ...]


def discover(found: Iterable[EntryPoint] | None = None) -> Registry:
    """All installed traders. `found` replaces the installed entry points (tests).

    Never raises for what a plugin does. When two claim one id or name, the product's own trader wins, then the
    alphabetically first; the other is reported.
    """
    by_id: dict[int, Trader] = {}
    by_name: dict[str, Trader] = {}
    taken: dict[int | str, str] = {}
    problems: list[str] = []
    for entry in _in_order(entry_points(group=GROUP) if found is None else found):
        where = f"trader plugin {entry.name!r} ({entry.value})"
        trader, descriptor, complaint = _load(entry)
        if trader is None or descriptor is None:
            problems.append(f"{where}: {complaint}")
            continue
        keys: tuple[int | str, ...] = (descriptor.trader_id, descriptor.name.casefold())
        clash = [key for key in keys if key in taken]
        if clash:
            kind = "id" if isinstance(clash[0], int) else "name"
            shown = descriptor.trader_id if kind == "id" else repr(descriptor.name)
            problems.append(f"{where}: {kind} {shown} is already taken by {taken[clash[0]]}; left out")
            continue
        taken.update(dict.fromkeys(keys, f"{entry.name!r} ({entry.value})"))
        by_id[descriptor.trader_id] = trader
        by_name[descriptor.name] = trader
    return Registry(MappingProxyType(by_id), MappingProxyType(by_name), tuple(problems))


def _in_order(found: Iterable[EntryPoint]) -> list[EntryPoint]:
    """Ours first, then by name; a distribution seen twice on the path counts once."""
    unique = {(entry.name, entry.value): entry for entry in found}
    return [unique[key] for key in sorted(unique, key=lambda key: (not _is_own(unique[key]), key))]


def _is_own(entry: EntryPoint) -> bool:
    return entry.dist is not None and entry.dist.name.replace("_", "-").lower() == OWN_DISTRIBUTION


def _load(entry: EntryPoint) -> tuple[Trader | None, TraderDescriptor | None, str]:
    """The trader with its descriptor, or why not. A plugin's own exceptions (and `sys.exit`) are contained here."""
    try:
        factory = entry.load()
        trader: Trader = factory()
        descriptor: object = trader.descriptor  # a plugin may put anything here
        same = trader.descriptor == descriptor
        missing = [name for name in ("requirements", "observe", "propose") if not callable(getattr(trader, name, None))]
    except (Exception, SystemExit) as error:
        return None, None, f"could not be loaded: {type(error).__name__}: {error}"
    if not isinstance(descriptor, TraderDescriptor):
        return None, None, f"its descriptor is a {type(descriptor).__name__}, not a TraderDescriptor"
    if descriptor.contract_version != CONTRACT_VERSION:
        spoken = descriptor.contract_version
        return None, None, f"speaks contract version {spoken}, this host speaks {CONTRACT_VERSION}"
    if missing:
        return None, None, f"lacks {', '.join(missing)}"
    if not same:
        return None, None, "its descriptor is another one each time it is asked for"
    if descriptor.trader_id <= 0 or not descriptor.name.strip() or not descriptor.symbols:
        return None, None, "its id must be above 0, its name not empty, and it must name its symbols"
    return trader, descriptor, ""
