"""Mail and webhooks of one state, newest first: what failed is found among a million that arrived."""

from alembic import op

revision = "0011_states"
down_revision = "0010_webhook_off"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_mail_message_state": ("mail_message", ["firm_id", "state", "mail_message_id"]),
    "ix_webhook_delivery_state": (
        "webhook_delivery",
        ["firm_id", "webhook_endpoint_id", "state", "webhook_delivery_id"],
    ),
}


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writers go on meanwhile
        for name, (table, columns) in INDEXES.items():
            # A try that was broken off leaves an index that serves nobody.
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_concurrently=True)


def downgrade() -> None:
    for name, (table, _columns) in INDEXES.items():
        op.drop_index(name, table)
