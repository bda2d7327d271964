"""Decisions: the list, one of them, and what it would be if played again."""

from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import Response

from db.constraints_repository import ConstraintsRepository
from db.journal_repository import JournalRepository
from db.journal_search import Filter, JournalSearch
from orchestrator.dashboard import charts
from orchestrator.dashboard.decision_view import view
from orchestrator.dashboard.house import Form, house
from orchestrator.dashboard.page_overview import candles_of
from orchestrator.dashboard.paging import Paging
from orchestrator.desk import TRADER_ID
from orchestrator.errors import HostError
from traders.contract.limits import Limits

_PER_PAGE = 50
_FILTERS = ("symbol", "outcome", "policy", "action", "exchange")


def decisions(request: Request) -> Response:
    """The list, newest first."""
    here = house(request)
    asked = {name: request.query_params.get(name, "") for name in _FILTERS}
    wanted = Filter(
        symbol=asked["symbol"] or None,
        outcome=asked["outcome"] or None,
        policy=asked["policy"] or None,
        action=asked["action"] or None,
        exchange=asked["exchange"] or None,
    )
    paging = Paging.of(request.query_params.get("page"), _PER_PAGE)
    with here.database() as database:
        search = JournalSearch(database)
        entries, total = search.page(wanted, paging.per_page, paging.offset)
        choices = search.choices()
    return here.pages.html(
        request,
        "decisions.html",
        title="Decisions",
        entries=entries,
        asked=asked,
        choices=choices,
        paging=paging.with_total(total),
        total=total,
    )


def decision(request: Request) -> Response:
    """One decision."""
    return _page(request, request.path_params["decision_id"])


def _page(request: Request, decision_id: str, status: int = 200, **found: Any) -> Response:
    here = house(request)
    with here.database() as database:
        entry = JournalRepository(database).load(decision_id)
    values: dict[str, Any] = {"replayed": None, "compared": None, "asked": {}, "complaint": None, **found}
    return here.pages.html(
        request,
        "decision.html",
        status,
        title=decision_id,
        d=view(entry),
        limit_names=sorted(Limits.model_fields),
        **values,
    )


def decision_chart(request: Request) -> Response:
    """The candles the decision saw."""
    here = house(request)
    frame = request.query_params.get("frame", "1h")
    with here.database() as database:
        entry = JournalRepository(database).load(request.path_params["decision_id"])
        snapshot = entry.get("snapshot")
    candles = None if snapshot is None else candles_of(snapshot, entry.info.symbol, frame)
    return here.pages.json({"empty": True} if candles is None else charts.price(candles))


def replay(request: Request, form: Form) -> Response:
    """Play it again, offline, and say whether it comes out the same."""
    from orchestrator.replay.verify import verify
    from orchestrator.version import code_version

    here, decision_id = house(request), request.path_params["decision_id"]
    with here.database() as database:
        document = JournalRepository(database).export_line(decision_id)
    trader = _trader(document)
    versions = {"code": code_version()}
    checked = anyio.run(lambda: verify(document, trader, "snapshot", versions))
    return _page(request, decision_id, replayed=checked)


def what_if(request: Request, form: Form) -> Response:
    """The same inputs under another limit, or the rules' own decision."""
    from orchestrator.other_limits import changed, parsed
    from orchestrator.replay.recording import RecordingError, read_recording
    from orchestrator.replay.what_if import what_if as compare

    here, decision_id = house(request), request.path_params["decision_id"]
    key, value = form.get("key", "").strip(), form.get("value", "").strip()
    asked = {"key": key, "value": value, "policy": form.get("policy", "")}
    try:
        changes = parsed([f"{key}={value}"]) if key and value else {}
        if not changes and asked["policy"] != "rules":
            raise HostError("nothing_different", "nothing is different", "give a limit and a value, or ask the rules")
        with here.database() as database:
            ConstraintsRepository(database).current(TRADER_ID)
            document = JournalRepository(database).export_line(decision_id)
        recording = read_recording(document)
        policy = "rules" if asked["policy"] == "rules" else None
        trader = _trader(document)
        # policy is one of the form
        compared = anyio.run(lambda: compare(recording, trader, lambda one: changed(one, changes), policy))  # type: ignore[arg-type]
    except (HostError, RecordingError) as error:
        if isinstance(error, HostError) and error.code == "not_found":
            raise
        return _page(request, decision_id, 422, asked=asked, complaint=str(error))
    return _page(request, decision_id, asked=asked, compared=compared)


def _trader(document: Any) -> Any:
    from orchestrator.desk import find_trader

    return find_trader(int(document["record"].get("trader_id") or 0))
