"""Alembic's entry: runs the migrations on the connection that `db.schema.upgrade` hands over."""

from alembic import context

from db.models import Base

connection = context.config.attributes["connection"]
if connection is None:
    raise RuntimeError("migrations run through `volgamma db upgrade`, not through the alembic command")

context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
