"""A kind of mail more: to the managers, when a webhook endpoint was switched off."""

import sqlalchemy as sa
from alembic import op

revision = "0010_webhook_off"
down_revision = "0009_erased_reference"
branch_labels = None
depends_on = None

TABLES = ("mail_message", "mail_switch")
LAST, NEW = "'last_call')", "'last_call', 'webhook_off')"
BEFORE = (
    "template IN ('request_received', 'approved', 'declined', 'confirmed', 'proposed', 'moved', 'cancelled', "
    "'poll', 'reminder', 'last_call')"
)


def upgrade() -> None:
    for table in TABLES:
        _say(table, LAST, NEW)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DELETE FROM {table} WHERE template = 'webhook_off'")
        _say(table, NEW, LAST)


def _say(table: str, old: str, new: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(table, old, new)
        return
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_template")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_template CHECK ({BEFORE.replace(LAST, new)})")


def _rebuild(table: str, old: str, new: str) -> None:
    """SQLite cannot change a CHECK: the table as its schema says, but for the words, takes over the rows.

    Nothing refers to these tables, and no trigger is on them. Numbers go on where they were.
    """
    bind = op.get_bind()
    (made,) = bind.scalars(
        sa.text("SELECT sql FROM sqlite_master WHERE name = :table"), {"table": table}
    ).all()
    indexes = bind.scalars(
        sa.text(
            "SELECT sql FROM sqlite_master WHERE tbl_name = :table AND type = 'index' AND sql IS NOT NULL"
        ),
        {"table": table},
    ).all()
    last = bind.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = :table"), {"table": table})
    if made.count(old) != 1 or table not in made.partition("(")[0]:
        raise RuntimeError(f"The schema of {table} is not the one that this migration knows.")
    op.execute(sa.text(made.replace(table, f"{table}_new", 1).replace(old, new).replace(":", r"\:")))
    op.execute(f"INSERT INTO {table}_new SELECT * FROM {table}")
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE {table}_new RENAME TO {table}")
    for index in indexes:
        op.execute(sa.text(index.replace(":", r"\:")))
    if last is not None:
        bind.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table})
        bind.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"),
            {"table": table, "last": last},
        )
