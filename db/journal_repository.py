"""The journal: every decision with everything it rested on. Append-only; a decision id is claimed once.

`claim` is the lock: the caller that gets True does the work, a second one does nothing. What happened in between is
readable at any time, because each record is its own transaction.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from db.blobs import insert_once, put
from db.database import Database
from db.errors import NotFound
from db.journal_entry import EntryInfo, JournalEntry, StoredRecord, Summary, summary_of
from db.journal_exchange import Line, export_line, read_line
from db.models import BlobRow, DecisionRow, RecordRow

STARTED = "started"


class JournalRepository:
    """Decisions by id. Times are UTC milliseconds given by the caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, decision_id: str, trader_id: int, symbol: str, exchange: str, policy: str, started_at: int) -> bool:
        """True for the first caller of a decision id, False (and nothing is changed) for every later one."""
        with self._database.write() as connection:
            mine = _claim(connection, decision_id, trader_id, symbol, exchange, policy, started_at)
        if mine:
            place = {"trader_id": trader_id, "symbol": symbol, "exchange": exchange, "policy": policy}
            self._database.tell("claimed", decision_id=decision_id, **place)
        return mine

    def record(self, decision_id: str, kind: str, document: Any) -> str:
        """Append a document (a pydantic model or JSON values); its hash. Raises NotFound for an unclaimed id."""
        with self._database.write() as connection:
            name = _append(connection, decision_id, kind, document)
        self._database.tell("recorded", decision_id=decision_id, kind=kind, document=document)
        return name

    def finish(self, decision_id: str, status: str, summary: Mapping[str, Any] | Summary | None = None) -> None:
        """Set the status and the summary columns (keys of `db.journal_entry.Summary`). Raises NotFound.

        Only given keys are written, so that a recovery adds to what is known and takes nothing away.
        """
        with self._database.write() as connection:
            _finish(connection, decision_id, status, summary_of(summary or {}))
        self._database.tell("finished", decision_id=decision_id, status=status, summary=summary)

    def load(self, decision_id: str) -> JournalEntry:
        """The whole decision. Raises NotFound; Corrupt when a damaged document is asked for."""
        with self._database.read() as connection:
            row = connection.execute(
                select(DecisionRow.__table__).where(DecisionRow.decision_id == decision_id)
            ).one_or_none()
            if row is None:
                raise _not_there(decision_id)
            records = connection.execute(
                select(RecordRow.seq, RecordRow.kind, RecordRow.blob_hash, BlobRow.data)
                .join(BlobRow, BlobRow.hash == RecordRow.blob_hash)
                .where(RecordRow.decision_id == decision_id)
                .order_by(RecordRow.seq)
            ).all()
        return JournalEntry(_info(row), tuple(StoredRecord(*record) for record in records))

    def entries(
        self,
        limit: int | None = 50,
        symbol: str | None = None,
        outcome: str | None = None,
        trader_id: int | None = None,
        since: int | None = None,
        status: str | None = None,
    ) -> tuple[EntryInfo, ...]:
        """Summaries, newest first."""
        query = select(DecisionRow.__table__).order_by(DecisionRow.started_at.desc(), DecisionRow.decision_id.desc())
        for column, value in (
            (DecisionRow.symbol, symbol),
            (DecisionRow.outcome, outcome),
            (DecisionRow.trader_id, trader_id),
            (DecisionRow.status, status),
        ):
            if value is not None:
                query = query.where(column == value)
        if since is not None:
            query = query.where(DecisionRow.started_at >= since)
        with self._database.read() as connection:
            return tuple(_info(row) for row in connection.execute(query.limit(limit)))

    def model_usage_since(self, trader_id: int, since: int) -> tuple[int, float]:
        """Model tokens and USD of a trader's decisions started at or after `since`."""
        tokens = func.coalesce(DecisionRow.prompt_tokens, 0) + func.coalesce(DecisionRow.completion_tokens, 0)
        with self._database.read() as connection:
            used, cost = connection.execute(
                select(func.coalesce(func.sum(tokens), 0), func.coalesce(func.sum(DecisionRow.cost_usd), 0.0)).where(
                    DecisionRow.trader_id == trader_id, DecisionRow.started_at >= since
                )
            ).one()
        return int(used), float(cost or 0)

    def export_line(self, decision_id: str) -> dict[str, Any]:
        """The decision as a `volgamma.bundle/1` document with `record`. Raises NotFound, Corrupt."""
        return export_line(self.load(decision_id))

    def import_line(self, document: Any) -> bool:
        """Store an exported decision; False when its id is here already. Raises BadImport; all or nothing."""
        line = read_line(document)
        with self._database.write() as connection:
            return _import(connection, line)


def _claim(
    connection: Connection, decision_id: str, trader_id: int, symbol: str, exchange: str, policy: str, started_at: int
) -> bool:
    return insert_once(
        connection,
        DecisionRow,
        {
            "decision_id": decision_id,
            "trader_id": trader_id,
            "symbol": symbol,
            "exchange": exchange,
            "policy": policy,
            "started_at": started_at,
            "status": STARTED,
            "refused_rules": "[]",
        },
    )


def _append(connection: Connection, decision_id: str, kind: str, document: Any) -> str:
    # the lock makes two writers of one decision take turns (SQLite's write transactions do so anyway)
    locked = select(DecisionRow.decision_id).where(DecisionRow.decision_id == decision_id).with_for_update()
    claimed = connection.execute(locked).scalar()
    if claimed is None:
        raise _not_there(decision_id)
    name = put(connection, document)
    last = connection.execute(select(func.max(RecordRow.seq)).where(RecordRow.decision_id == decision_id)).scalar()
    seq = 0 if last is None else last + 1
    connection.execute(
        # the stub says FromClause
        RecordRow.__table__.insert().values(decision_id=decision_id, seq=seq, kind=kind, blob_hash=name)  # type: ignore[attr-defined]
    )
    return name


def _finish(connection: Connection, decision_id: str, status: str, summary: Summary) -> None:
    values = summary.model_dump(exclude_unset=True)
    if "refused_rules" in values:
        values["refused_rules"] = json.dumps(list(summary.refused_rules))
    changed = connection.execute(
        update(DecisionRow).where(DecisionRow.decision_id == decision_id).values(status=status, **values)
    ).rowcount
    if changed == 0:
        raise _not_there(decision_id)


def _import(connection: Connection, line: Line) -> bool:
    info = line.info
    if not _claim(
        connection, info.decision_id, info.trader_id, info.symbol, info.exchange, info.policy, info.started_at
    ):
        return False
    for kind, document in line.records:
        _append(connection, info.decision_id, kind, document)
    summary = Summary.model_validate(info.model_dump(include=set(Summary.model_fields)))
    _finish(connection, info.decision_id, info.status, summary)
    return True


def _info(row: Row[Any]) -> EntryInfo:
    return EntryInfo.model_validate({**row._mapping, "refused_rules": json.loads(row.refused_rules)})


def _not_there(decision_id: str) -> NotFound:
    return NotFound(f"there is no decision {decision_id} in the journal", "see `volgamma journal list`")
