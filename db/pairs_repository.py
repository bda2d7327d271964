"""Pairs from opening until flat, and everything that happened to them."""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from db.blobs import as_json
from db.database import Database
from db.errors import Conflict, Corrupt, NotFound
from db.models import PairEventRow, PairRow
from traders.contract.base import canonical_json
from traders.contract.portfolio import OpenPair

#: Written by `open_pair` itself and counted there, so that no opening can be forgotten.
OPENED = "opened"
#: Further events that count against `trades_per_day_max`: the half-close at band 1, and a new ladder of the same cycle
#: (domain.md section 3). Closes, stops and exits never count.
COUNTED_EVENTS: frozenset[str] = frozenset({"half_closed", "reopened"})


@dataclass(frozen=True)
class PairEvent:
    """One event; `document` is a JSON value, `trades` its part of the rolling trade count."""

    id: int
    pair_id: str
    decision_id: str | None
    exchange: str | None
    name: str
    document: Any
    trades: int
    at: int


@dataclass(frozen=True)
class StoredPair:
    """A pair, open or closed. `result` is the JSON value given to `close`."""

    pair: OpenPair
    exchange: str
    closed_at: int | None
    reason: str | None
    result: Any


class PairsRepository:
    """Pairs by id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_pair(self, pair: OpenPair, exchange: str | None = None) -> None:
        """Store a new pair and its counted event `opened`, both or neither.

        `exchange` is by default the venue of its first leg. Raises Conflict for a known id.
        """
        values = {
            "pair_id": pair.pair_id,
            "exchange": exchange or pair.legs[0].venue,
            "symbol": pair.symbol,
            "decision_id": pair.decision_id,
            "document": _text(pair),
            "opened_at": pair.opened_at,
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(PairRow).values(**values))
                _event(connection, pair.pair_id, pair.decision_id, OPENED, {}, pair.opened_at, 1)
        except IntegrityError:
            raise Conflict(f"pair {pair.pair_id} exists already", "reconcile; a pair is opened once") from None

    def update(self, pair: OpenPair) -> None:
        """Replace what is known of an open pair. Raises NotFound when it is unknown or closed."""
        self._change(pair.pair_id, {"document": _text(pair)})

    def close(self, pair_id: str, at: int, reason: str, result: Any = None) -> None:
        """The pair is flat. Closing it again raises NotFound, so that no result is overwritten."""
        self._change(pair_id, {"closed_at": at, "reason": reason, "result": canonical_json(as_json(result))})

    def get(self, pair_id: str) -> StoredPair:
        """A pair, open or closed. Raises NotFound, Corrupt."""
        with self._database.read() as connection:
            row = connection.execute(select(PairRow.__table__).where(PairRow.pair_id == pair_id)).one_or_none()
        if row is None:
            raise NotFound(f"there is no pair {pair_id}", "see `volgamma journal list`")
        return _pair(row)

    def open_pairs(self, exchange: str | None = None) -> tuple[OpenPair, ...]:
        """Pairs that are not flat, oldest first; of one exchange account or of all. Raises Corrupt."""
        query = select(PairRow.__table__).where(PairRow.closed_at.is_(None))
        if exchange is not None:
            query = query.where(PairRow.exchange == exchange)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(PairRow.opened_at, PairRow.pair_id)).all()
        return tuple(_pair(row).pair for row in rows)

    def everyones(self, exchange: str) -> tuple[OpenPair, ...]:
        """Pairs of an account that are not flat, whoever's they are."""
        return PairsRepository.open_pairs(self, exchange)

    def closed_pairs(self, exchange: str | None = None, since: int = 0) -> tuple[StoredPair, ...]:
        """Pairs closed at or after `since`, oldest first."""
        query = select(PairRow.__table__).where(PairRow.closed_at >= since)
        if exchange is not None:
            query = query.where(PairRow.exchange == exchange)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(PairRow.closed_at, PairRow.pair_id)).all()
        return tuple(_pair(row) for row in rows)

    def event(
        self, pair_id: str, decision_id: str | None, name: str, document: Any, at: int, trades: int | None = None
    ) -> int:
        """Append an event; its id. `trades` defaults to 1 for COUNTED_EVENTS and to 0 for all others."""
        counted = int(name in COUNTED_EVENTS) if trades is None else trades
        with self._database.write() as connection:
            number = _event(connection, pair_id, decision_id, name, document, at, counted)
        place = {"pair_id": pair_id, "decision_id": decision_id}
        self._database.tell("pair_event", **place, name=name, document=as_json(document), at=at)
        return number

    def events(self, pair_id: str | None = None, since: int = 0) -> tuple[PairEvent, ...]:
        """Events in the order written, of one pair or of all."""
        query = select(PairEventRow.__table__).where(PairEventRow.at >= since).order_by(PairEventRow.id)
        if pair_id is not None:
            query = query.where(PairEventRow.pair_id == pair_id)
        with self._database.read() as connection:
            return tuple(
                PairEvent(**{**row._mapping, "document": json.loads(row.document)}) for row in connection.execute(query)
            )

    def trades_since(self, ms: int, exchange: str | None = None) -> int:
        """Trades counted after `ms` (exclusive: an event exactly 24 h old no longer counts).

        An event of a pair that was never stored counts for every exchange: too many is the safe side.
        """
        query = (
            select(func.coalesce(func.sum(PairEventRow.trades), 0))
            .outerjoin(PairRow, PairRow.pair_id == PairEventRow.pair_id)
            .where(PairEventRow.at > ms)
        )
        if exchange is not None:
            query = query.where(or_(PairRow.exchange == exchange, PairRow.exchange.is_(None)))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def _change(self, pair_id: str, values: dict[str, Any]) -> None:
        with self._database.write() as connection:
            changed = connection.execute(
                update(PairRow).where(PairRow.pair_id == pair_id, PairRow.closed_at.is_(None)).values(**values)
            ).rowcount
        if changed == 0:
            raise NotFound(f"there is no open pair {pair_id}", "it was closed before, or never opened: reconcile")


def _event(
    connection: Connection, pair_id: str, decision_id: str | None, name: str, document: Any, at: int, trades: int
) -> int:
    exchange = connection.execute(select(PairRow.exchange).where(PairRow.pair_id == pair_id)).scalar()
    values = {
        "pair_id": pair_id,
        "decision_id": decision_id,
        "exchange": exchange,
        "name": name,
        "document": canonical_json(as_json(document)),
        "trades": trades,
        "at": at,
    }
    result = connection.execute(insert(PairEventRow).values(**values).returning(PairEventRow.id))
    return int(result.scalar_one())


def _text(pair: OpenPair) -> str:
    return canonical_json(as_json(pair))


def _pair(row: Row[Any]) -> StoredPair:
    try:
        pair = OpenPair.model_validate_json(row.document)
    except ValidationError as error:
        raise Corrupt(f"pair {row.pair_id} cannot be read: {error.errors()[0]['msg']}", "restore a backup") from None
    result = None if row.result is None else json.loads(row.result)
    return StoredPair(pair, row.exchange, row.closed_at, row.reason, result)
