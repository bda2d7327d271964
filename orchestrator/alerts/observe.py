"""From what the database says to what happened. Pure: (memory, facts) in, (memory, events) out.

What happened once is said once, by its place in the record. What lasts is said at every look, under one key: whether it
is sent again is the policy's affair. When it no longer lasts, that is an event too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from db.pairs_repository import PairEvent
from orchestrator.alerts.events import Event, Kind
from orchestrator.alerts.facts import Facts
from orchestrator.alerts.policy import OVER

#: Rules that refuse because of the data, not because of the market.
STALE_RULES = frozenset(
    {"clock_drift", "market_stale", "book_stale", "funding_stale", "positioning_stale", "quote_missing"}
)
#: A share of the drawdown limit at which a person wants to know.
_NEAR = Decimal("0.8")
_FEE_TOLERANCE = Decimal("0.1")
#: A bracket is replaced, and an order's fate asked for, within this time; only what lasts longer is worth a word.
GRACE_MS = 5_000
_LASTING = {
    "unknown": Kind.UNKNOWN_OUTCOME,
    "bare": Kind.UNPROTECTED_LEG,
    "kill": Kind.KILL,
    "latch": Kind.DRAWDOWN,
    "breaker": Kind.BREAKER,
    "silent": Kind.NO_DECISIONS,
    "away": Kind.EXCHANGE_SILENT,
}


@dataclass(frozen=True)
class Memory:
    """Between two looks. `event`: the last pair event seen; `since`: when a lasting thing was first seen, by key."""

    event: int | None = None
    newest: str | None = None
    newest_at: int | None = None
    fees: dict[str, str] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "event": self.event,
            "newest": self.newest,
            "newest_at": self.newest_at,
            "fees": self.fees,
            "since": self.since,
        }

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Memory":
        """Raises KeyError, TypeError, ValueError for what `document` did not write."""
        return cls(
            None if document["event"] is None else int(document["event"]),
            None if document["newest"] is None else str(document["newest"]),
            None if document["newest_at"] is None else int(document["newest_at"]),
            {str(name): str(Decimal(rate)) for name, rate in document["fees"].items()},
            {str(key): int(at) for key, at in document["since"].items()},
        )


def look(memory: Memory, facts: Facts, refused_in_a_row: int) -> tuple[Memory, list[Event]]:
    """What is new, and what lasts."""
    events = [event for row in facts.events for event in _of_pair(row, facts)]
    events += _refused(facts, refused_in_a_row)
    memory, stale = _decided(memory, facts)
    events += stale
    memory, changed = _fees(memory, facts)
    events += changed
    memory, lasting = _lasting(memory, facts)
    return replace(memory, event=facts.last_event), events + lasting


def _of_pair(row: PairEvent, facts: Facts) -> Iterator[Event]:
    where = f"{facts.pairs.get(row.pair_id, row.pair_id)} on {row.exchange or 'an unknown account'}"
    document = row.document if isinstance(row.document, dict) else {}
    key = f"event:{row.id}"
    match row.name:
        case "opened":
            yield Event(Kind.PAIR_OPENED, key, f"{where}: pair {row.pair_id} is open.")
        case "closed":
            net = f", net {document['net']} USDT after fees and funding" if "net" in document else ""
            yield Event(Kind.PAIR_CLOSED, key, f"{where}: closed ({document.get('reason', 'no reason kept')}){net}.")
        case "half_closed":
            left = f"; left: long {document.get('long')}, short {document.get('short')}"
            yield Event(Kind.BAND_HIT, key, f"{where}: band {document.get('band')} hit{left}.")
        case "leg_liquidated" | "leg_auto_deleveraged":
            yield Event(Kind.FORCED, key, f"{where}: {row.name[4:].replace('_', ' ')}: {document.get('text', '')}.")
        case "quantity_changed" | "bracket_missing":
            text = f"{where}: {row.name.replace('_', ' ')}: {document.get('text', '')}."
            yield Event(Kind.CHANGED_OUTSIDE, f"{row.name}:{row.pair_id}", text)
        case "not_done" | "close_overdue" | "bracket_unknown" | "state_missing":
            # the same complaint comes every second while it lasts
            text = document.get("text", row.name)
            yield Event(Kind.NOT_DONE, f"{row.name}:{row.pair_id}", f"{where}: {row.name}: {text}")
        case _:
            return


def _refused(facts: Facts, most: int) -> Iterator[Event]:
    streak = []
    for entry in facts.decisions:
        if entry.outcome is None:  # under way, or failed: neither a refusal nor the end of a row
            continue
        if entry.outcome != "refused":
            break
        streak.append(entry)
    if len(streak) >= most:
        rules: dict[str, int] = {}
        for entry in streak:
            for rule in entry.refused_rules:
                rules[rule] = rules.get(rule, 0) + 1
        named = ", ".join(f"{rule} {count}x" for rule, count in sorted(rules.items(), key=lambda item: -item[1])[:5])
        text = f"{len(streak)} decisions in a row refused: {named}."
        yield Event(Kind.REFUSED_IN_A_ROW, "refused", text)


def _decided(memory: Memory, facts: Facts) -> tuple[Memory, list[Event]]:
    """The newest finished decision, when it is news."""
    newest = facts.finished
    if memory.newest_at is None:
        memory = replace(memory, newest_at=facts.now)
    if newest is None or newest.decision_id == memory.newest:
        return memory, []
    memory = replace(memory, newest=newest.decision_id, newest_at=facts.now)
    found = sorted(STALE_RULES & set(newest.refused_rules))
    events = [
        Event(Kind.STALE_DATA, f"stale:{newest.symbol}:{rule}", f"{newest.symbol}: refused for {rule}.")
        for rule in found
    ]
    if newest.status == "failed":
        text = f"{newest.symbol}: no decision: {newest.error or 'no reason kept'}"
        events.append(Event(Kind.STALE_DATA, f"failed:{newest.symbol}", text))
    return memory, events


def _fees(memory: Memory, facts: Facts) -> tuple[Memory, list[Event]]:
    events, known = [], dict(memory.fees)
    for fee in facts.fees:
        before = Decimal(known[fee.exchange]) if fee.exchange in known else None
        if before is None:
            known[fee.exchange] = str(fee.rate)
        elif abs(fee.rate - before) > _FEE_TOLERANCE * abs(before):
            known[fee.exchange] = str(fee.rate)
            text = f"{fee.exchange}: fills cost {fee.rate:.5%} of notional now, {before:.5%} before."
            events.append(Event(Kind.FEE_CHANGED, f"fee:{fee.exchange}:{fee.rate:.6f}", text))
    return replace(memory, fees=known), events


def _lasting(memory: Memory, facts: Facts) -> tuple[Memory, list[Event]]:
    now = dict(_standing(memory, facts))
    since = {key: memory.since.get(key, facts.now) for key in now}
    events = [
        Event(_LASTING[key.split(":")[0]], key, text)
        for key, text in now.items()
        if facts.now - since[key] >= _grace(key)
    ]
    for key, at in memory.since.items():
        if key not in now and facts.now - at >= _grace(key):
            name = _LASTING[key.split(":")[0]].value.replace("_", " ")
            events.append(Event(Kind.OVER, f"{OVER}{key}", f"Over: {name} ({key.partition(':')[2] or 'all'})."))
    return replace(memory, since=since), events


def _grace(key: str) -> int:
    return GRACE_MS if key.startswith(("unknown", "bare")) else 0


def _standing(memory: Memory, facts: Facts) -> Iterator[tuple[str, str]]:
    if facts.unknown_orders:
        yield "unknown", f"{len(facts.unknown_orders)} orders of unknown fate: {', '.join(facts.unknown_orders[:4])}."
    for symbol in facts.unprotected:
        yield f"bare:{symbol}", f"{symbol}: the open pair has no bracket at the exchange."
    if facts.killed is not None:
        yield "kill", f"The kill switch is on ({facts.killed})."
    account = facts.account
    for exchange in facts.latched:
        yield f"latch:{exchange}", f"{exchange}: the drawdown limit was reached; entries are latched off."
    if account.equity is not None and account.high and account.max_drawdown:
        drawdown = 1 - account.equity / account.high
        if drawdown >= _NEAR * account.max_drawdown:
            yield "latch:near", f"Drawdown {drawdown:.2%} of a limit of {account.max_drawdown:.2%}."
    if facts.breaker_failures is not None:
        yield "breaker", f"The model is left alone after {facts.breaker_failures} failures in a row."
    for exchange, why in facts.away:
        yield f"away:{exchange}", f"{exchange} does not answer: {why}"
    if facts.every is not None and memory.newest_at is not None:
        quiet = facts.now - memory.newest_at
        if quiet > 3 * facts.every + 60_000:
            yield "silent", f"No decision for {quiet // 60_000} minutes; one is due every {facts.every / 60_000:g}."
