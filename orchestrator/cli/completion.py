"""What the shell offers behind a command: ids, keys, names. Asked at every press of Tab, so nothing heavy is loaded,
nothing is written, and a failure offers nothing instead of spoiling somebody's prompt.

The database is read with the standard library alone, without migrating it; one on PostgreSQL is left alone, because a
keyboard should not wait for another machine.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

#: So many ids at most, newest first: more than that is typed, not looked through.
IDS = 200

Offer = Callable[[str], list[str]]


def words(*known: str) -> Offer:
    """Offers some fixed words."""

    def offer(incomplete: str) -> list[str]:
        return [one for one in known if one.startswith(incomplete)]

    return offer


policies = words("llm", "rules")
exchanges = words("paper", "binanceusdm", "bybit", "okx", "bitget")
venues = words("binanceusdm", "bybit", "okx", "bitget")
outcomes = words("approved", "amended", "refused")


def symbols(incomplete: str) -> list[str]:
    """Bases that any trader may trade: a `:` or `/` would be a word of its own for some shells."""
    stored = _rows("SELECT DISTINCT value FROM constraint_values WHERE key = 'allowed_symbols'")
    bases = sorted({text.partition("/")[0] for (value,) in stored for text in json.loads(value)})
    return [one for one in bases or ("AVAX", "SOL") if one.startswith(incomplete)]


def decision_ids(incomplete: str) -> list[str]:
    """Ids of the journal, newest first."""
    found = _rows(
        "SELECT decision_id FROM decisions WHERE substr(decision_id, 1, ?) = ? ORDER BY started_at DESC LIMIT ?",
        (len(incomplete), incomplete, IDS),
    )
    return [one for (one,) in found]


def constraint_keys(incomplete: str) -> list[str]:
    """Names of constraints."""
    from traders.contract.limits import Limits

    return [one for one in Limits.model_fields if one.startswith(incomplete)]


def changes(ctx: typer.Context, incomplete: str) -> list[str]:
    """KEY VALUE KEY VALUE: a name where one is due."""
    given = ctx.params.get("changes") or ()
    return constraint_keys(incomplete) if len(given) % 2 == 0 else []


def other_limits(incomplete: str) -> list[str]:
    """KEY=VALUE: names with their sign; the value is the person's."""
    return [] if "=" in incomplete else [f"{one}=" for one in constraint_keys(incomplete)]


def traders(incomplete: str) -> list[str]:
    """Names of installed traders, without loading one."""
    from importlib.metadata import entry_points

    names = {entry.name for entry in entry_points(group="volgamma.traders")}
    return sorted(one for one in names if one.startswith(incomplete))


def trader_ids(incomplete: str) -> list[str]:
    """Ids of traders that have constraints."""
    found = [str(one) for (one,) in _rows("SELECT trader_id FROM traders ORDER BY trader_id")]
    return [one for one in found or ("11",) if one.startswith(incomplete)]


def _rows(query: str, values: Iterable[str | int] = ()) -> list[tuple[str, ...]]:
    """Rows of the settings' SQLite file; none where there is no such file or it is of another kind."""
    import sqlite3
    from contextlib import closing

    from orchestrator import settings
    from orchestrator.errors import HostError

    try:
        kind, _, place = settings.load().database_url.partition(":///")
        file = Path(place).resolve()
        if not kind.startswith("sqlite") or not file.is_file():
            return []
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=0.2)) as connection:
            return connection.execute(query, tuple(values)).fetchall()
    except (HostError, sqlite3.Error, OSError):
        return []
