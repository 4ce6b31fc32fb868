"""Alembic's entry: it gets a connection from `store.schema` and runs each step in a transaction of its own."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import TypeDecorator

# Their tables belong to the models too.
from broadcaster.store import alert_tables, device_tables, play_tables, record_tables, source_tables  # noqa: F401
from broadcaster.store.tables import Row


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Migrations name plain column types: a later change of our own types must not change the past."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    # SQLite's DDL is transactional once the driver is kept from committing (see store/engine.py).
    transactional_ddl=True,
    transaction_per_migration=True,
    render_as_batch=True,
    render_item=render_item,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
