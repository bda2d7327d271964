"""Is everything readable? What `volgamma db check` says."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from db.blobs import unpack
from db.constraints_repository import ConstraintsRepository
from db.database import Database
from db.errors import Corrupt
from db.models import Base, BlobRow, ConstraintVersionRow
from db.schema import HEAD
from db.state_repository import StateRepository
from traders.contract.constraints import ConstraintError

_COUNTED = ("decisions", "records", "blobs", "orders", "pairs", "ledger", "constraint_versions")


@dataclass(frozen=True)
class Health:
    """Rows a table, and one line for each problem."""

    revision: str
    counts: Mapping[str, int]
    problems: tuple[str, ...]


def examine(database: Database, *, deep: bool = False) -> Health:
    """Check file, constraints of every version, kill switch; with `deep` the content of every blob.

    Raises NotMigrated, SchemaTooNew, Unreachable, and Corrupt when the file is no database at all.
    """
    problems = list(database.check())
    with database.read() as connection:
        tables = Base.metadata.tables
        counts = {
            name: int(connection.execute(select(func.count()).select_from(tables[name])).scalar_one())
            for name in _COUNTED
        }
        versions = connection.execute(select(ConstraintVersionRow.trader_id, ConstraintVersionRow.version)).all()
    constraints = ConstraintsRepository(database)
    for trader_id, version in versions:
        try:
            constraints.version(trader_id, version)
        except ConstraintError as error:
            problems.append(str(error))
    switch = StateRepository(database).kill_switch()
    if switch.killed and switch.when is None:
        problems.append(switch.why)
    if deep:
        problems.extend(_damaged_blobs(database))
    return Health(HEAD, counts, tuple(problems))


def _damaged_blobs(database: Database) -> list[str]:
    found = []
    with database.read() as connection:
        for name, data in connection.execute(select(BlobRow.hash, BlobRow.data).execution_options(yield_per=20)):
            try:
                unpack(name, data, f"blob {name[:12]}")
            except Corrupt as error:
                found.append(error.message)
    return found
