"""What is stored, told to logs and meters: one place, so that nothing that matters can happen unlogged.

Everything that counts is in the database before the next step rests on it (journal, intents, events of a pair); the
repositories tell their listeners after each commit. A defect in here never disturbs what it watches: it is said once,
on stderr.
"""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from orchestrator.observability import switchboard
from orchestrator.observability.logs import bind, log, unbind

if TYPE_CHECKING:
    from db.database import Database
    from orchestrator.observability.meters import Meters

#: Of a journalled document only these fields are logged: the whole is in the journal.
_SAID: Mapping[str, tuple[str, ...]] = {
    "snapshot": ("venue", "as_of", "requests"),
    "context": ("as_of", "regime", "context_hash", "constraints_version"),
    "portfolio": ("equity", "cash", "trades_24h"),
    "proposal": ("policy", "model", "prompt_version", "prompt_hash", "attempts", "error", "usage"),
    "quote": ("taken_at", "clock_drift_ms", "available_margin", "position_mode"),
    "switches": ("kill", "drawdown_latched", "unknown_orders", "unprotected_pairs", "blackout"),
    "verdict": ("outcome", "constraints_version", "guard_version"),
    "execution": ("status", "pair_id", "net_delta", "protected", "reason"),
}


def attach(database: "Database") -> None:
    """Have the database tell logs and meters, where there are any."""
    if switchboard.watched():
        database.listeners.append(Witness())


class Witness:
    """Hears what was stored."""

    def __init__(self) -> None:
        self._places: dict[str, Mapping[str, Any]] = {}
        self._complained = False

    def __call__(self, what: str, fields: dict[str, Any]) -> None:
        """One thing that was stored."""
        try:
            self._hear(what, fields)
        except Exception as error:  # whoever watches never disturbs what is watched
            if not self._complained:
                self._complained = True
                sys.stderr.write(f"volgamma: logs or metrics are incomplete: {type(error).__name__}: {error}\n")

    def _hear(self, what: str, fields: dict[str, Any]) -> None:
        name = fields.get("decision_id")
        if what == "claimed":
            self._places[str(name)] = fields
            bind(decision_id=name)
        if what == "recorded":
            self._recorded(str(name), str(fields["kind"]), plain(fields["document"]))
        elif what == "pair_event":
            log("pair_event", happened=fields["name"], **{key: fields[key] for key in fields if key != "name"})
        else:
            said = {key: plain(value) if key == "summary" else value for key, value in fields.items()}
            log(f"order_{what}" if "client_order_id" in fields else f"decision_{what}", **said)
        if switchboard.meters is not None:
            _count(switchboard.meters, what, fields)
        if what == "finished":
            self._places.pop(str(name), None)
            unbind("decision_id")

    def _recorded(self, name: str, kind: str, document: Any) -> None:
        body = document if isinstance(document, Mapping) else {}
        said = {key: body[key] for key in _SAID.get(kind, ()) if key in body}
        if kind in ("proposal", "verdict"):
            decision = body.get("decision") or {}
            said |= {key: decision.get(key) for key in ("action", "symbol", "abstained", "confidence")}
        if kind == "verdict":
            found = body.get("findings", ())
            said["refused_by"] = [one["rule"] for one in found if one["effect"] == "refuse"]
        if kind == "timings":
            said["timings_ms"] = body
        log(f"journal_{kind}", decision_id=name, **said)
        if switchboard.meters is not None:
            measure(switchboard.meters, self._places.get(name, {}), kind, body)


def measure(meters: "Meters", place: Mapping[str, Any], kind: str, body: Mapping[str, Any]) -> None:
    """One journalled document in the meters. `place`: trader_id, symbol and exchange of the decision."""
    trader, symbol = str(place.get("trader_id", "")), str(place.get("symbol", ""))
    decision = body.get("decision") or {}
    if kind == "portfolio":
        exchange = str(place.get("exchange", ""))
        meters.equity.labels(exchange).set(float(body["equity"]))
        meters.cash.labels(exchange).set(float(body["cash"]))
    elif kind == "snapshot":
        for source, timing in body["timings"].items():
            if timing.get("ms") is not None:
                meters.fetch.labels(source).observe(timing["ms"] / 1000)
            if timing.get("error_code") is not None:
                meters.fetch_errors.labels(source, timing["error_code"]).inc()
    elif kind in ("proposal", "failed_proposal"):
        model, usage = str(body.get("model") or "none"), body.get("usage") or {}
        for direction in ("prompt", "completion"):
            meters.tokens.labels(trader, model, direction).inc(usage.get(f"{direction}_tokens") or 0)
        meters.cost.labels(trader, model).inc(usage.get("cost_usd") or 0)
        if decision.get("abstained") is not None:
            meters.abstentions.labels(trader, str(decision["abstained"])).inc()
        if kind == "proposal" and name_of(place) is not None:
            meters.proposed[str(name_of(place))] = str(decision.get("action", ""))
    elif kind == "verdict":
        action = meters.proposed.pop(str(name_of(place)), str(decision.get("action", "")))
        meters.decisions.labels(trader, symbol, action, str(body["outcome"])).inc()
        for finding in body["findings"]:
            if finding["effect"] == "refuse":
                meters.refusals.labels(trader, finding["rule"]).inc()
    elif kind == "timings":
        for stage, took in body.items():
            meters.stages.labels(stage).observe(took / 1000)


def name_of(place: Mapping[str, Any]) -> Any:
    """The decision a place belongs to."""
    return place.get("decision_id")


def _count(meters: "Meters", what: str, fields: Mapping[str, Any]) -> None:
    if what == "resolved" and fields["kind"] != "goal":
        meters.orders.labels(str(fields["kind"]), str(fields["status"])).inc()
        if fields["status"] == "unknown":
            meters.unknown.inc()
    elif what == "finished" and fields["status"] == "failed":
        meters.failures.labels(str(fields["decision_id"]).partition("-")[0]).inc()


def plain(document: Any) -> Any:
    """JSON values of a journalled document."""
    if isinstance(document, BaseModel):
        return document.model_dump(mode="json", by_alias=True)
    if isinstance(document, Mapping):
        return {str(key): plain(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [plain(value) for value in document]
    return document
