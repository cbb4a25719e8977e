"""The status history by step and by who took it, each in order of time."""

from alembic import op

revision = "0004_activity"
down_revision = "0003_callback_secret"
branch_labels = None
depends_on = None

TABLE = "appointment_status_history"
INDEXES = {
    "ix_appointment_status_history_step": [
        "firm_id",
        "action",
        "to_status",
        "from_status",
        "changed_at",
        "history_id",
    ],
    "ix_appointment_status_history_actor": [
        "firm_id",
        "actor_kind",
        "changed_by_id",
        "action",
        "to_status",
        "from_status",
        "changed_at",
        "history_id",
    ],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        op.create_index(name, TABLE, columns)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, TABLE)
