"""The round of the secret that signs a firm's attendance callbacks, so that it can be renewed."""

import sqlalchemy as sa
from alembic import op

revision = "0003_callback_secret"
down_revision = "0002_time"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("firm", sa.Column("callback_round", sa.Integer(), server_default="0", nullable=False))
    op.add_column("firm", sa.Column("callback_renewed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    # A batch would make the table anew and lose what refers to it.
    op.execute("ALTER TABLE firm DROP COLUMN callback_renewed_at")
    op.execute("ALTER TABLE firm DROP COLUMN callback_round")
