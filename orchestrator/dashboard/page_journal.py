"""Searching the journal: in summaries at once, in what was said on request."""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from db.journal_entry import EntryInfo
from db.journal_repository import JournalRepository
from db.journal_search import Filter, JournalSearch
from orchestrator.dashboard.house import house
from orchestrator.dashboard.paging import Paging
from orchestrator.errors import HostError

_PER_PAGE = 50
#: Proposals read through when what was said is searched.
_MOST_READ = 2_000
_MOST_FOUND = 100
_DAY_MS = 86_400_000
_AROUND = 60


def journal(request: Request) -> Response:
    """The page."""
    here, query = house(request), request.query_params
    asked = {name: query.get(name, "").strip()[:200] for name in ("text", "since", "until", "deep")}
    complaint = None
    try:
        since, until = _day(asked["since"]), _day(asked["until"])
    except HostError as error:
        since = until = None
        complaint = error.message
    until = None if until is None else until + _DAY_MS
    paging = Paging.of(query.get("page"), _PER_PAGE)
    said: list[tuple[EntryInfo, str]] = []
    entries: tuple[EntryInfo, ...] = ()
    total = 0
    with here.database() as database:
        search = JournalSearch(database)
        if complaint is None and asked["deep"] and asked["text"]:
            for one in search.documents("proposal", Filter(since=since, until=until), _MOST_READ):
                if (excerpt := found_in(one.document, asked["text"])) is not None:
                    said.append((JournalRepository(database).load(one.decision_id).info, excerpt))
                if len(said) == _MOST_FOUND:
                    break
        elif complaint is None:
            wanted = Filter(text=asked["text"] or None, since=since, until=until)
            entries, total = search.page(wanted, paging.per_page, paging.offset)
    return here.pages.html(
        request,
        "journal.html",
        title="Journal",
        asked=asked,
        entries=entries,
        total=total,
        said=said,
        paging=paging.with_total(total),
        most=_MOST_READ,
        complaint=complaint,
    )


def found_in(proposal: Any, text: str) -> str | None:
    """The place where a text was said or asked, with what is around it; None where it was not."""
    wanted = text.casefold()
    decision = proposal.get("decision") or {}
    spoken = [decision.get("rationale") or "", proposal.get("error") or ""]
    spoken += [reply.get("text") or "" for reply in proposal.get("replies") or ()]
    spoken += [str(item.get("reading")) for item in decision.get("evidence") or ()]
    spoken += [
        message.get("content") or ""
        for request in proposal.get("requests") or ()
        for message in request.get("messages") or ()
    ]
    for one in spoken:
        at = one.casefold().find(wanted)
        if at >= 0:
            start, end = max(0, at - _AROUND), at + len(text) + _AROUND
            return ("…" if start else "") + one[start:end] + ("…" if end < len(one) else "")
    return None


def _day(given: str) -> int | None:
    """UTC ms of a day's start. Raises HostError."""
    if not given:
        return None
    try:
        return int(datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise HostError("bad_day", f"{given!r} is no day; write it as 2025-01-31", "correct the day") from None
