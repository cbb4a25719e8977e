"""Tokens of the API, webhook endpoints and their deliveries, calendar feeds."""

import sqlalchemy as sa
from alembic import op

revision = "0005_connect"
down_revision = "0004_activity"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column(
            "webhook_endpoint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("description", sa.String(length=120), nullable=False),
        sa.Column("event_types", sa.String(length=400), nullable=False),
        sa.Column("with_text", sa.Boolean(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("turned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled", sa.String(24), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.String(length=60), nullable=True),
        sa.CheckConstraint(
            "disabled IN ('by_hand', 'gone', 'failing')", name=op.f("ck_webhook_endpoint_disabled")
        ),
        sa.CheckConstraint(
            "(disabled IS NULL) = (disabled_at IS NULL)", name=op.f("ck_webhook_endpoint_disabled_at")
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_webhook_endpoint_firm_id_firm")),
        sa.CheckConstraint("turn >= 0", name=op.f("ck_webhook_endpoint_turn")),
        sa.PrimaryKeyConstraint("webhook_endpoint_id", name=op.f("pk_webhook_endpoint")),
        sa.UniqueConstraint(
            "firm_id", "webhook_endpoint_id", name=op.f("uq_webhook_endpoint_firm_id_webhook_endpoint_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "api_token",
        sa.Column("api_token_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=16), nullable=False),
        sa.Column("scopes", sa.String(length=400), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=160), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(length=160), nullable=True),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_count", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "staff_user_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name=op.f("fk_api_token_firm_id_staff_user_id_staff_user"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "created_by_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name="fk_api_token_maker",
        ),
        sa.PrimaryKeyConstraint("api_token_id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.create_index("ix_api_token_firm", ["firm_id", "api_token_id"], unique=False)

    op.create_table(
        "calendar_feed",
        sa.Column("calendar_feed_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("staff_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("appointment_type_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("statuses", sa.String(length=120), nullable=False),
        sa.Column("with_names", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_type_id"],
            ["appointment_type.firm_id", "appointment_type.appointment_type_id"],
            name=op.f("fk_calendar_feed_firm_id_appointment_type_id_appointment_type"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "owner_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name="fk_calendar_feed_owner",
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "staff_user_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name="fk_calendar_feed_staff",
        ),
        sa.PrimaryKeyConstraint("calendar_feed_id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feed_token_hash")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("calendar_feed", schema=None) as batch_op:
        batch_op.create_index("ix_calendar_feed_owner", ["firm_id", "owner_id"], unique=False)

    op.create_table(
        "webhook_delivery",
        sa.Column(
            "webhook_delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "webhook_endpoint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("outbox_event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("replay", sa.Integer(), server_default="0", nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("event_type", sa.String(length=60), nullable=False),
        sa.Column("with_text", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.CheckConstraint(
            "(state = 'waiting') = (ended_at IS NULL)", name=op.f("ck_webhook_delivery_ended")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'failed', 'dropped')", name=op.f("ck_webhook_delivery_state")
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "webhook_endpoint_id"],
            ["webhook_endpoint.firm_id", "webhook_endpoint.webhook_endpoint_id"],
            name=op.f("fk_webhook_delivery_firm_id_webhook_endpoint_id_webhook_endpoint"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_id", "sequence"],
            ["outbox_event.firm_id", "outbox_event.appointment_id", "outbox_event.sequence"],
            name="fk_webhook_delivery_event",
        ),
        sa.PrimaryKeyConstraint("webhook_delivery_id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint(
            "firm_id", "webhook_delivery_id", name=op.f("uq_webhook_delivery_firm_id_webhook_delivery_id")
        ),
        sa.UniqueConstraint(
            "webhook_endpoint_id",
            "outbox_event_id",
            "replay",
            name=op.f("uq_webhook_delivery_webhook_endpoint_id_outbox_event_id_replay"),
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.create_index(
            "ix_webhook_delivery_ended",
            ["ended_at"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_webhook_delivery_event", ["firm_id", "appointment_id", "sequence"], unique=False
        )
        batch_op.create_index(
            "ix_webhook_delivery_list",
            ["firm_id", "webhook_endpoint_id", "webhook_delivery_id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_webhook_delivery_order",
            ["webhook_endpoint_id", "appointment_id", "webhook_delivery_id"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.create_index(
            "ix_webhook_delivery_waiting",
            ["webhook_endpoint_id", "due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "webhook_attempt",
        sa.Column("webhook_attempt_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "webhook_delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("took", sa.Integer(), nullable=False),
        sa.Column("request_headers", sa.Text(), nullable=False),
        sa.Column("request_body", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("response_headers", sa.Text(), nullable=False),
        sa.Column("response_body", sa.Text(), nullable=False),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["firm_id", "webhook_delivery_id"],
            ["webhook_delivery.firm_id", "webhook_delivery.webhook_delivery_id"],
            name=op.f("fk_webhook_attempt_firm_id_webhook_delivery_id_webhook_delivery"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("webhook_attempt_id", name=op.f("pk_webhook_attempt")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("webhook_attempt", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_attempt_at", ["attempted_at"], unique=False)
        batch_op.create_index(
            "ix_webhook_attempt_delivery",
            ["firm_id", "webhook_delivery_id", "webhook_attempt_id"],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("webhook_attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_webhook_attempt_delivery")
        batch_op.drop_index("ix_webhook_attempt_at")

    op.drop_table("webhook_attempt")
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_webhook_delivery_waiting",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.drop_index(
            "ix_webhook_delivery_order",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.drop_index("ix_webhook_delivery_list")
        batch_op.drop_index("ix_webhook_delivery_event")
        batch_op.drop_index(
            "ix_webhook_delivery_ended",
            sqlite_where=sa.text("ended_at IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NOT NULL"),
        )

    op.drop_table("webhook_delivery")
    with op.batch_alter_table("calendar_feed", schema=None) as batch_op:
        batch_op.drop_index("ix_calendar_feed_owner")

    op.drop_table("calendar_feed")
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.drop_index("ix_api_token_firm")

    op.drop_table("api_token")
    op.drop_table("webhook_endpoint")
