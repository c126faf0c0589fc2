"""Run by Alembic inside `anyon.store.migrate`, which hands over a connection that holds the migration lock."""

from __future__ import annotations

from alembic import context

from anyon.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
    transactional_ddl=True,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
