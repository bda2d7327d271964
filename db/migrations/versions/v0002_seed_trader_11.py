"""Trader #11 and version 1 of its constraints."""

import sqlalchemy as sa
from alembic import op

from db.seed import SEED, SEED_WHEN, SEED_WHO, SEED_WHY, TRADER_ID, TRADER_NAME, seed_limits, seed_values
from traders.contract.base import canonical_json
from traders.contract.constraints import constraints_hash
from traders.contract.limits import unit_of

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Seed."""
    values = seed_values()
    change = {"who": SEED_WHO, "why": SEED_WHY, "changed_at": SEED_WHEN}
    op.bulk_insert(
        sa.table("traders", *(sa.column(name) for name in ("trader_id", "name", "enabled", "created_at"))),
        [{"trader_id": TRADER_ID, "name": TRADER_NAME, "enabled": True, "created_at": SEED_WHEN}],
    )
    op.bulk_insert(
        sa.table("constraint_versions", *(sa.column(n) for n in ("trader_id", "version", "hash", *change))),
        [{"trader_id": TRADER_ID, "version": 1, "hash": constraints_hash(seed_limits()), **change}],
    )
    columns = ("trader_id", "version", "key", "value", "unit", "source", *change, "changed_in")
    op.bulk_insert(
        sa.table("constraint_values", *(sa.column(name) for name in columns)),
        [
            {
                "trader_id": TRADER_ID,
                "version": 1,
                "key": key,
                "value": canonical_json(values[key]),
                "unit": unit_of(key),
                "source": SEED[key][1],
                **change,
                "changed_in": 1,
            }
            for key in sorted(values)
        ],
    )
