"""Looking through the journal: pages of summaries by filter, and one kind of document over many decisions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import aliased

from db.blobs import unpack
from db.database import Database
from db.errors import Corrupt
from db.journal_entry import EntryInfo
from db.models import BlobRow, DecisionRow, RecordRow

#: Columns a search text is looked for in.
_TEXT = (
    DecisionRow.decision_id,
    DecisionRow.symbol,
    DecisionRow.exchange,
    DecisionRow.policy,
    DecisionRow.model,
    DecisionRow.action,
    DecisionRow.outcome,
    DecisionRow.refused_rules,
    DecisionRow.execution_status,
    DecisionRow.pair_id,
    DecisionRow.status,
    DecisionRow.error,
)


@dataclass(frozen=True)
class Filter:
    """What is looked for; None: anything. `text` may be anywhere in a summary; times are UTC milliseconds."""

    symbol: str | None = None
    outcome: str | None = None
    policy: str | None = None
    action: str | None = None
    exchange: str | None = None
    text: str | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True)
class Choices:
    """The values that occur, sorted."""

    symbols: tuple[str, ...]
    outcomes: tuple[str, ...]
    policies: tuple[str, ...]
    actions: tuple[str, ...]
    exchanges: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """One stored document with the decision it belongs to."""

    decision_id: str
    symbol: str
    exchange: str
    started_at: int
    document: Any


class JournalSearch:
    """Reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: Filter, limit: int, offset: int = 0) -> tuple[tuple[EntryInfo, ...], int]:
        """Summaries, newest first, and how many there are in all."""
        query = _where(select(DecisionRow.__table__), wanted)
        ordered = query.order_by(DecisionRow.started_at.desc(), DecisionRow.decision_id.desc())
        with self._database.read() as connection:
            total = connection.execute(_where(select(func.count()).select_from(DecisionRow), wanted)).scalar_one()
            rows = connection.execute(ordered.limit(limit).offset(offset)).all()
        return tuple(_info(row) for row in rows), int(total)

    def choices(self) -> Choices:
        """What can be filtered by."""
        columns = (
            DecisionRow.symbol,
            DecisionRow.outcome,
            DecisionRow.policy,
            DecisionRow.action,
            DecisionRow.exchange,
        )
        with self._database.read() as connection:
            found = [
                tuple(sorted(one for one in connection.execute(select(column).distinct()).scalars() if one))
                for column in columns
            ]
        return Choices(*found)

    def documents(self, kind: str, wanted: Filter, limit: int, *, skip_damaged: bool = True) -> Iterator[Document]:
        """The newest document of a kind in each decision, newest decision first. Raises Corrupt unless skipped."""
        # looked up decision by decision: grouping all records first would read the whole table for one page
        others = aliased(RecordRow)
        newest = (
            select(func.max(others.seq))
            .where(others.decision_id == DecisionRow.decision_id, others.kind == kind)
            .correlate(DecisionRow)
            .scalar_subquery()
        )
        query = (
            select(
                DecisionRow.decision_id,
                DecisionRow.symbol,
                DecisionRow.exchange,
                DecisionRow.started_at,
                BlobRow.hash,
                BlobRow.data,
            )
            .select_from(DecisionRow)
            .join(RecordRow, (RecordRow.decision_id == DecisionRow.decision_id) & (RecordRow.seq == newest))
            .join(BlobRow, BlobRow.hash == RecordRow.blob_hash)
        )
        ordered = _where(query, wanted).order_by(DecisionRow.started_at.desc(), DecisionRow.decision_id.desc())
        with self._database.read() as connection:
            rows = connection.execute(ordered.limit(limit)).all()
        for row in rows:
            try:
                document = unpack(row.hash, row.data, f"decision {row.decision_id}, {kind}")
            except Corrupt:
                if skip_damaged:
                    continue
                raise
            yield Document(row.decision_id, row.symbol, row.exchange, row.started_at, document)

    def fingerprint(self) -> tuple[int, str | None, int]:
        """Changes whenever a decision is claimed or finished: (decisions, newest, finished)."""
        newest = select(DecisionRow.decision_id).order_by(DecisionRow.started_at.desc(), DecisionRow.decision_id.desc())
        with self._database.read() as connection:
            decisions = connection.execute(select(func.count()).select_from(DecisionRow)).scalar_one()
            finished = connection.execute(select(func.count(DecisionRow.finished_at))).scalar_one()
            last = connection.execute(newest.limit(1)).scalar()
        return int(decisions), last, int(finished)


S = TypeVar("S", bound=Select[*tuple[Any, ...]])


def _where(query: S, wanted: Filter) -> S:
    for condition in _conditions(wanted):
        query = query.where(condition)
    return query


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (DecisionRow.symbol, wanted.symbol),
        (DecisionRow.outcome, wanted.outcome),
        (DecisionRow.policy, wanted.policy),
        (DecisionRow.action, wanted.action),
        (DecisionRow.exchange, wanted.exchange),
    ):
        if value is not None:
            yield column == value
    if wanted.since is not None:
        yield DecisionRow.started_at >= wanted.since
    if wanted.until is not None:
        yield DecisionRow.started_at < wanted.until
    if wanted.text:
        # a percent sign or underscore that is looked for is a letter like others
        yield or_(*(column.icontains(wanted.text, autoescape=True) for column in _TEXT))


def _info(row: Any) -> EntryInfo:
    return EntryInfo.model_validate({**row._mapping, "refused_rules": json.loads(row.refused_rules)})
