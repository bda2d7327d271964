"""The limits in force, how they came to be, what differs between versions, and changing one."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from db.constraint_changes import Change
from db.constraints_repository import ConstraintsRepository, VersionInfo
from db.traders_repository import TradersRepository
from orchestrator.dashboard.house import Form, done, house
from orchestrator.dashboard.page_access import WHO
from orchestrator.desk import TRADER_ID
from orchestrator.errors import HostError
from orchestrator.given_limits import merged, read
from traders.contract.constraints import limit_values
from traders.contract.limits import Limits


def constraints(request: Request) -> Response:
    """The page; `version`, `first` and `second` choose what is shown, `key` what is to be changed."""
    return _page(request)


def _page(request: Request, code: int = 200, complaint: str | None = None, form: Form | None = None) -> Response:
    here, query = house(request), request.query_params
    trader = _number((form or query).get("trader"), TRADER_ID)
    with here.database() as database:
        traders = TradersRepository(database).names()
        repository = ConstraintsRepository(database)
        history = repository.history(trader)
        newest = history[-1].version
        shown = _number(query.get("version"), newest)
        second = _number(query.get("second"), newest)
        first = _number(query.get("first"), max(1, second - 1))
        document = repository.export_document(trader, shown)
        changes = repository.diff(trader, first, second) if first != second else ()
    key = query.get("key", "")
    values = {row["key"]: row["value"] for row in document["values"]}
    asked = form or {"key": key, "value": _text(values[key]) if key in values else ""}
    return here.pages.html(
        request,
        "constraints.html",
        code,
        title="Constraints",
        document=document,
        meanings={name: field.description for name, field in Limits.model_fields.items()},
        history=tuple(reversed(history)),
        newest=newest,
        shown=shown,
        first=first,
        second=second,
        changes=parts(changes),
        parts=_of_version,
        trader=trader,
        traders=traders,
        asked=asked,
        complaint=complaint,
    )


def change(request: Request, form: Form) -> Response:
    """A new version with one value changed. Needs a reason."""
    here = house(request)
    key, value = form.get("key", "").strip(), form.get("value", "").strip()
    why, who = form.get("why", "").strip(), form.get("who", "").strip() or WHO
    trader = _number(form.get("trader"), TRADER_ID)
    try:
        if not key or not value:
            raise HostError("constraints", "name a constraint and its new value", "see the list")
        if not why:
            raise HostError("constraints", "a change needs a reason", "say why; it is kept with the change")
        with here.database() as database:
            repository = ConstraintsRepository(database)
            standing = repository.current(trader)
            before, wanted = standing.version, {key: read(key, value)}
            merged(limit_values(standing.limits), wanted)
            made = repository.set(trader, wanted, who[:120], why[:1000], here.config.now_ms())
    except HostError as error:
        if request.state.session is None:
            raise
        return _page(request, 422, f"Nothing was changed: {error.message}", form)
    path = f"/constraints?trader={trader}"
    if made.version == before:
        return done(request, path, f"nothing changed: that is the value of version {before}")
    return done(request, f"{path}&first={before}&second={made.version}#diff", f"version {made.version} is in force")


def parts(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Changes with large values taken apart: only what differs within them."""
    found: list[Change] = []
    for one in changes:
        if isinstance(one.old, dict) and isinstance(one.new, dict):
            found += [
                Change(f"{one.key}.{name}", one.old.get(name), one.new.get(name))
                for name in sorted(one.old.keys() | one.new.keys())
                if one.old.get(name) != one.new.get(name)
            ]
        else:
            found.append(one)
    return tuple(found)


def _of_version(info: VersionInfo) -> tuple[Change, ...]:
    return parts(info.changes)


def _number(given: str | None, otherwise: int) -> int:
    """A number of the query; whatever is none is `otherwise`."""
    return int(given) if given and given.isascii() and given.isdigit() and len(given) < 8 else otherwise


def _text(value: Any) -> str:
    """As it is typed."""
    return value if isinstance(value, str) else json.dumps(value)
