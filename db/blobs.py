"""Content-addressed payloads: canonical JSON, compressed, named by the hash of the text.

The same snapshot stored twice is one blob. Every read checks the hash again, so damage is an error and never data.
"""

import hashlib
import json
import zlib
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from db.errors import Corrupt
from db.models import BlobRow
from traders.contract.base import canonical_json, sha256_text

_REMEDY = "restore the database from a backup; this decision cannot be shown or replayed from it"


def as_json(document: Any) -> Any:
    """A JSON value of a pydantic model, or of dicts, lists and tuples that hold some."""
    if isinstance(document, BaseModel):
        return document.model_dump(mode="json", by_alias=True)
    if isinstance(document, dict):
        return {str(key): as_json(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [as_json(value) for value in document]
    return document


def put(connection: Connection, document: Any) -> str:
    """Store a document; its hash. Storing it again does nothing."""
    text = canonical_json(as_json(document))
    name = sha256_text(text)
    known = connection.execute(select(BlobRow.hash).where(BlobRow.hash == name)).scalar()
    if known is None:
        data = text.encode()
        insert_once(connection, BlobRow, {"hash": name, "data": zlib.compress(data, 6), "size": len(data)})
    return name


def unpack(name: str, data: bytes, what: str) -> Any:
    """The document of a stored blob. Raises Corrupt, naming `what`, when it is damaged."""
    try:
        raw = zlib.decompress(data)
    except zlib.error as error:
        raise Corrupt(f"{what}: the stored content cannot be decompressed ({error})", _REMEDY) from None
    if hashlib.sha256(raw).hexdigest() != name:
        raise Corrupt(f"{what}: the stored content does not match its hash {name[:12]}", _REMEDY)
    return json.loads(raw)


def insert_once(connection: Connection, row: Any, values: dict[str, Any]) -> bool:
    """INSERT ... ON CONFLICT DO NOTHING; whether the row is new. (The row count does not say so on PostgreSQL.)"""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(row).values(**values).on_conflict_do_nothing()
    return connection.execute(statement.returning(*row.__table__.primary_key)).first() is not None
