"""The tables. Types that SQLite and PostgreSQL both keep exactly.

Times are UTC milliseconds in BIGINT: no time zone can be lost. Money and quantities are decimal text, never a binary
float. Documents are canonical JSON text; journal payloads are compressed blobs named by the hash of their content.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

#: A generated key: SQLite numbers rows itself only when the column is exactly INTEGER.
_RowId = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Constraint names are fixed, so that migrations can refer to them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class TraderRow(Base):
    """A trader the database knows. What it may trade is in its constraints (`allowed_symbols`, ...), only there."""

    __tablename__ = "traders"

    trader_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(80))
    enabled: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[int] = mapped_column(BigInteger)


class ConstraintVersionRow(Base):
    """One whole set of constraints; never changed once written. `hash` as in `traders.contract.constraints`."""

    __tablename__ = "constraint_versions"

    trader_id: Mapped[int] = mapped_column(ForeignKey("traders.trader_id"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(64))
    who: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[int] = mapped_column(BigInteger)


class ConstraintValueRow(Base):
    """One constraint in one version. Author, reason, time and `changed_in` are those of its last change."""

    __tablename__ = "constraint_values"
    __table_args__ = (
        ForeignKeyConstraint(
            ["trader_id", "version"], ["constraint_versions.trader_id", "constraint_versions.version"]
        ),
    )

    trader_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[int] = mapped_column(BigInteger)
    changed_in: Mapped[int] = mapped_column(Integer)


class DecisionRow(Base):
    """A claimed decision and its summary for listing; the whole of it is in the records."""

    __tablename__ = "decisions"
    __table_args__ = (
        Index("ix_decisions_started_at", "started_at"),
        Index("ix_decisions_trader_id_symbol_started_at", "trader_id", "symbol", "started_at"),
    )

    decision_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    trader_id: Mapped[int] = mapped_column(Integer)
    symbol: Mapped[str] = mapped_column(String(40))
    exchange: Mapped[str] = mapped_column(String(40))
    policy: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[int] = mapped_column(BigInteger)
    finished_at: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(40))
    model: Mapped[str | None] = mapped_column(String(200))
    action: Mapped[str | None] = mapped_column(String(40))
    outcome: Mapped[str | None] = mapped_column(String(40))
    refused_rules: Mapped[str] = mapped_column(Text)
    execution_status: Mapped[str | None] = mapped_column(String(40))
    pair_id: Mapped[str | None] = mapped_column(String(80))
    context_hash: Mapped[str | None] = mapped_column(String(64))
    constraints_version: Mapped[int | None] = mapped_column(Integer)
    guard_version: Mapped[str | None] = mapped_column(String(80))
    code_version: Mapped[str | None] = mapped_column(String(80))
    prompt_tokens: Mapped[int | None] = mapped_column(BigInteger)
    completion_tokens: Mapped[int | None] = mapped_column(BigInteger)
    cost_usd: Mapped[float | None] = mapped_column(Float)
    error: Mapped[str | None] = mapped_column(Text)


class BlobRow(Base):
    """zlib-compressed canonical JSON, named by the SHA-256 of the text before compression."""

    __tablename__ = "blobs"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int] = mapped_column(BigInteger)


class RecordRow(Base):
    """One document of a decision, in the order written; append-only."""

    __tablename__ = "records"

    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.decision_id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(40))
    blob_hash: Mapped[str] = mapped_column(ForeignKey("blobs.hash"))


class OrderRow(Base):
    """An order intent, durable before anything is sent, and what became of it."""

    __tablename__ = "orders"
    __table_args__ = (Index("ix_orders_decision_id", "decision_id"), Index("ix_orders_status", "status"))

    client_order_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    decision_id: Mapped[str] = mapped_column(String(80))
    leg_id: Mapped[str] = mapped_column(String(80))
    attempt: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(40))
    request: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(40))
    report: Mapped[str | None] = mapped_column(Text)
    intended_at: Mapped[int] = mapped_column(BigInteger)
    resolved_at: Mapped[int | None] = mapped_column(BigInteger)


class PairRow(Base):
    """A pair from opening until flat. `document` is the OpenPair as last updated."""

    __tablename__ = "pairs"
    __table_args__ = (Index("ix_pairs_exchange_closed_at", "exchange", "closed_at"),)

    pair_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    exchange: Mapped[str] = mapped_column(String(40))
    symbol: Mapped[str] = mapped_column(String(40))
    decision_id: Mapped[str] = mapped_column(String(80))
    document: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[int] = mapped_column(BigInteger)
    closed_at: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(Text)
    result: Mapped[str | None] = mapped_column(Text)


class PairEventRow(Base):
    """What happened to a pair; append-only. `trades` is what it adds to the rolling trade count."""

    __tablename__ = "pair_events"
    __table_args__ = (
        Index("ix_pair_events_pair_id_id", "pair_id", "id"),
        Index("ix_pair_events_exchange_at", "exchange", "at"),
    )

    id: Mapped[int] = mapped_column(_RowId, primary_key=True)
    pair_id: Mapped[str] = mapped_column(String(80))
    decision_id: Mapped[str | None] = mapped_column(String(80))
    exchange: Mapped[str | None] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(60))
    document: Mapped[str] = mapped_column(Text)
    trades: Mapped[int] = mapped_column(Integer)
    at: Mapped[int] = mapped_column(BigInteger)


class LedgerEntryRow(Base):
    """A fill, fee or funding payment under the venue's own id: it can be reported twice, it is kept once."""

    __tablename__ = "ledger"
    __table_args__ = (Index("ix_ledger_exchange_time", "exchange", "time"),)

    exchange: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    venue_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    time: Mapped[int] = mapped_column(BigInteger)
    symbol: Mapped[str] = mapped_column(String(40))
    position_side: Mapped[str | None] = mapped_column(String(10))
    side: Mapped[str | None] = mapped_column(String(10))
    price: Mapped[str | None] = mapped_column(String(64))
    quantity: Mapped[str | None] = mapped_column(String(64))
    amount: Mapped[str] = mapped_column(String(64))
    order_id: Mapped[str | None] = mapped_column(String(80))
    pair_id: Mapped[str | None] = mapped_column(String(80))


class StateRow(Base):
    """A switch or a running figure. `scope` is an exchange account, or empty for the whole installation."""

    __tablename__ = "state"

    scope: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(Text)
    at: Mapped[int] = mapped_column(BigInteger)


class StateChangeRow(Base):
    """Every change of a switch, for the question who threw it; append-only."""

    __tablename__ = "state_changes"
    __table_args__ = (Index("ix_state_changes_scope_key_id", "scope", "key", "id"),)

    id: Mapped[int] = mapped_column(_RowId, primary_key=True)
    scope: Mapped[str] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(String(80))
    value: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(Text)
    at: Mapped[int] = mapped_column(BigInteger)


class LeaseRow(Base):
    """Who may act on something, until when by the database's own clock. A free lease keeps its row, and its token."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    owner: Mapped[str] = mapped_column(String(120))
    token: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger)
    wanted_by: Mapped[str | None] = mapped_column(String(120))
