"""Runs the migrations inside the application's context, on either engine."""

from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app

db = current_app.extensions["migrate"].db


def render_item(kind: str, item: Any, _autogen: AutogenContext) -> str | bool:
    """Write plain SQLAlchemy types, so that no migration imports the application."""
    if kind != "type":
        return False
    if type(item).__name__ == "UTCDateTime":
        return "sa.DateTime(timezone=True)"
    if isinstance(item, sa.Enum):
        return f"sa.String({item.length})"
    return False


def run() -> None:
    if context.is_offline_mode():
        raise SystemExit("Daybook's migrations need a database connection; offline SQL is not supported.")
    with db.engine.connect().execution_options(write=True, firm="all") as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            render_as_batch=True,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
