"""The whole schema of the desk: firms and people, appointments, history, and the guards around them."""

import sqlalchemy as sa
from alembic import op

revision = "0001_baseline"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "firm",
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("twelve_hour", sa.Boolean(), nullable=False),
        sa.Column("month_first", sa.Boolean(), nullable=False),
        sa.Column("working_hours", sa.JSON(), nullable=False),
        sa.Column("slot_step", sa.Integer(), nullable=False),
        sa.Column("reschedule_limit", sa.Integer(), nullable=True),
        sa.Column("reschedule_notice", sa.Integer(), nullable=False),
        sa.Column("cancel_notice", sa.Integer(), nullable=False),
        sa.Column("correction_days", sa.Integer(), nullable=False),
        sa.Column("confirm_hours", sa.Integer(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("confirm_hours BETWEEN 1 AND 720", name=op.f("ck_firm_confirm_hours")),
        sa.CheckConstraint("correction_days BETWEEN 0 AND 365", name=op.f("ck_firm_correction_days")),
        sa.CheckConstraint(
            "reschedule_limit IS NULL OR reschedule_limit >= 0", name=op.f("ck_firm_reschedule_limit")
        ),
        sa.CheckConstraint("reschedule_notice >= 0 AND cancel_notice >= 0", name=op.f("ck_firm_notices")),
        sa.CheckConstraint("slot_step BETWEEN 5 AND 120", name=op.f("ck_firm_slot_step")),
        sa.PrimaryKeyConstraint("firm_id", name=op.f("pk_firm")),
        sa.UniqueConstraint("slug", name=op.f("uq_firm_slug")),
    )
    op.create_table(
        "sign_in_failure",
        sa.Column("sign_in_failure_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sign_in_failure_id", name=op.f("pk_sign_in_failure")),
    )
    with op.batch_alter_table("sign_in_failure", schema=None) as batch_op:
        batch_op.create_index("ix_sign_in_failure_subject_failed_at", ["subject", "failed_at"], unique=False)

    op.create_table(
        "account",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column(
            "sort_name",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_account_firm_id_firm")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account")),
        sa.UniqueConstraint("firm_id", "account_id", name=op.f("uq_account_firm_id_account_id")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index("ix_account_sort_name", ["firm_id", "sort_name", "account_id"], unique=False)

    op.create_table(
        "appointment_type",
        sa.Column(
            "appointment_type_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("location", sa.String(length=120), nullable=False),
        sa.Column("reschedule_limit", sa.Integer(), nullable=True),
        sa.Column("reschedule_notice", sa.Integer(), nullable=True),
        sa.Column("cancel_notice", sa.Integer(), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "coalesce(reschedule_limit, 0) >= 0 AND coalesce(reschedule_notice, 0) >= 0 AND coalesce(cancel_notice, 0) >= 0",
            name=op.f("ck_appointment_type_limits"),
        ),
        sa.CheckConstraint("duration BETWEEN 5 AND 720", name=op.f("ck_appointment_type_duration")),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_appointment_type_firm_id_firm")),
        sa.PrimaryKeyConstraint("appointment_type_id", name=op.f("pk_appointment_type")),
        sa.UniqueConstraint(
            "firm_id", "appointment_type_id", name=op.f("uq_appointment_type_firm_id_appointment_type_id")
        ),
        sa.UniqueConstraint("firm_id", "name", name=op.f("uq_appointment_type_firm_id_name")),
    )
    op.create_table(
        "staff_user",
        sa.Column("staff_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("bookable", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("theme", sa.String(24), nullable=False),
        sa.Column("density", sa.String(24), nullable=False),
        sa.Column("shortcuts", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("density IN ('comfortable', 'compact')", name=op.f("ck_staff_user_density")),
        sa.CheckConstraint(
            "role IN ('viewer', 'staff', 'manager', 'owner')", name=op.f("ck_staff_user_role")
        ),
        sa.CheckConstraint("theme IN ('system', 'light', 'dark')", name=op.f("ck_staff_user_theme")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_staff_user_email_lower")),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_staff_user_firm_id_firm")),
        sa.PrimaryKeyConstraint("staff_user_id", name=op.f("pk_staff_user")),
        sa.UniqueConstraint("firm_id", "email", name=op.f("uq_staff_user_firm_id_email")),
        sa.UniqueConstraint("firm_id", "staff_user_id", name=op.f("uq_staff_user_firm_id_staff_user_id")),
    )
    with op.batch_alter_table("staff_user", schema=None) as batch_op:
        batch_op.create_index("ix_staff_user_email", ["email"], unique=False)

    op.create_table(
        "submission",
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token", sa.String(length=120), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_submission_firm_id_firm")),
        sa.PrimaryKeyConstraint("firm_id", "token", name=op.f("pk_submission")),
    )
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.create_index("ix_submission_created_at", ["created_at"], unique=False)

    op.create_table(
        "audit_event",
        sa.Column("audit_event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.String(length=30), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("action", sa.String(length=30), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("changed_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_label", sa.String(length=160), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "changed_by_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name=op.f("fk_audit_event_firm_id_changed_by_id_staff_user"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_audit_event_firm_id_firm")),
        sa.PrimaryKeyConstraint("audit_event_id", name=op.f("pk_audit_event")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_audit_event_subject", ["firm_id", "subject", "subject_id", "audit_event_id"], unique=False
        )
        batch_op.create_index("ix_audit_event_changed_at", ["firm_id", "changed_at"], unique=False)

    op.create_table(
        "contact",
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column(
            "sort_name",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("external_ref", sa.String(length=120), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "account_id"],
            ["account.firm_id", "account.account_id"],
            name=op.f("fk_contact_firm_id_account_id_account"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_contact_firm_id_firm")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_contact")),
        sa.UniqueConstraint("firm_id", "contact_id", name=op.f("uq_contact_firm_id_contact_id")),
        sa.UniqueConstraint("firm_id", "external_ref", name=op.f("uq_contact_firm_id_external_ref")),
    )
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.create_index("ix_contact_account", ["firm_id", "account_id"], unique=False)
        batch_op.create_index("ix_contact_sort_name", ["firm_id", "sort_name", "contact_id"], unique=False)

    op.create_table(
        "invitation",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["firm_id", "created_by_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name=op.f("fk_invitation_firm_id_created_by_id_staff_user"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "staff_user_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name=op.f("fk_invitation_firm_id_staff_user_id_staff_user"),
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_invitation")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index("ix_invitation_staff_user", ["firm_id", "staff_user_id"], unique=False)

    op.create_table(
        "user_session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_agent", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "staff_user_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name=op.f("fk_user_session_firm_id_staff_user_id_staff_user"),
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_user_session")),
    )
    with op.batch_alter_table("user_session", schema=None) as batch_op:
        batch_op.create_index("ix_user_session_expires_at", ["expires_at"], unique=False)
        batch_op.create_index("ix_user_session_staff_user", ["firm_id", "staff_user_id"], unique=False)

    op.create_table(
        "appointment",
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "appointment_type_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("staff_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("booked_by", sa.String(length=160), nullable=False),
        sa.Column("booked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("rescheduled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rescheduled_from_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("chain_root_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("chain_position", sa.Integer(), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancellation_kind", sa.String(24), nullable=True),
        sa.Column("cancelled_by", sa.String(24), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("no_show_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("no_show_party", sa.String(24), nullable=True),
        sa.Column("confirm_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("location", sa.String(length=120), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("overbooked", sa.Boolean(), nullable=False),
        sa.Column("external_ref", sa.String(length=120), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancellation_kind IS NOT NULL)",
            name=op.f("ck_appointment_cancellation_kind"),
        ),
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancelled_at IS NOT NULL)", name=op.f("ck_appointment_cancelled_at")
        ),
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancelled_by IS NOT NULL)", name=op.f("ck_appointment_cancelled_by")
        ),
        sa.CheckConstraint(
            "(status = 'completed') = (completed_at IS NOT NULL)", name=op.f("ck_appointment_completed_at")
        ),
        sa.CheckConstraint(
            "(status = 'no_show') = (no_show_at IS NOT NULL)", name=op.f("ck_appointment_no_show_at")
        ),
        sa.CheckConstraint(
            "(status = 'no_show') = (no_show_party IS NOT NULL)", name=op.f("ck_appointment_no_show_party")
        ),
        sa.CheckConstraint(
            "(status = 'rescheduled') = (rescheduled_at IS NOT NULL)",
            name=op.f("ck_appointment_rescheduled_at"),
        ),
        sa.CheckConstraint(
            "cancellation_kind IN ('cancelled', 'declined', 'timed_out', 'expired')",
            name=op.f("ck_appointment_cancellation_kind_word"),
        ),
        sa.CheckConstraint(
            "cancelled_by IN ('client', 'staff', 'system')", name=op.f("ck_appointment_cancelled_by_word")
        ),
        sa.CheckConstraint(
            "no_show_party IN ('client', 'staff', 'both')", name=op.f("ck_appointment_no_show_party_word")
        ),
        sa.CheckConstraint(
            "status <> 'awaiting_confirmation' OR confirm_by IS NOT NULL",
            name=op.f("ck_appointment_confirm_by"),
        ),
        sa.CheckConstraint(
            "status IN ('requested', 'awaiting_confirmation', 'confirmed', 'completed', 'no_show', 'rescheduled', 'cancelled')",
            name=op.f("ck_appointment_status"),
        ),
        sa.CheckConstraint(
            "(rescheduled_from_id IS NULL) = (chain_position = 1)", name=op.f("ck_appointment_chain_position")
        ),
        sa.CheckConstraint(
            "(rescheduled_from_id IS NULL) = (chain_root_id IS NULL)", name=op.f("ck_appointment_chain")
        ),
        sa.CheckConstraint(
            "contact_id IS NOT NULL OR account_id IS NOT NULL", name=op.f("ck_appointment_client")
        ),
        sa.CheckConstraint("start_time < end_time", name=op.f("ck_appointment_interval")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_appointment_version")),
        sa.ForeignKeyConstraint(
            ["firm_id", "account_id"],
            ["account.firm_id", "account.account_id"],
            name=op.f("fk_appointment_firm_id_account_id_account"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_type_id"],
            ["appointment_type.firm_id", "appointment_type.appointment_type_id"],
            name=op.f("fk_appointment_firm_id_appointment_type_id_appointment_type"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "booked_by_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name=op.f("fk_appointment_firm_id_booked_by_id_staff_user"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "chain_root_id"],
            ["appointment.firm_id", "appointment.appointment_id"],
            name=op.f("fk_appointment_firm_id_chain_root_id_appointment"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "contact_id"],
            ["contact.firm_id", "contact.contact_id"],
            name=op.f("fk_appointment_firm_id_contact_id_contact"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "rescheduled_from_id"],
            ["appointment.firm_id", "appointment.appointment_id"],
            name=op.f("fk_appointment_firm_id_rescheduled_from_id_appointment"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "staff_user_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name=op.f("fk_appointment_firm_id_staff_user_id_staff_user"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_appointment_firm_id_firm")),
        sa.PrimaryKeyConstraint("appointment_id", name=op.f("pk_appointment")),
        sa.UniqueConstraint("firm_id", "appointment_id", name=op.f("uq_appointment_firm_id_appointment_id")),
        sa.UniqueConstraint("firm_id", "external_ref", name=op.f("uq_appointment_firm_id_external_ref")),
        sa.UniqueConstraint(
            "firm_id", "rescheduled_from_id", name=op.f("uq_appointment_firm_id_rescheduled_from_id")
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.create_index(
            "ix_appointment_account_start", ["firm_id", "account_id", "start_time"], unique=False
        )
        batch_op.create_index(
            "ix_appointment_awaiting",
            ["firm_id", "confirm_by"],
            unique=False,
            sqlite_where=sa.text("status = 'awaiting_confirmation'"),
            postgresql_where=sa.text("status = 'awaiting_confirmation'"),
        )
        batch_op.create_index("ix_appointment_chain", ["firm_id", "chain_root_id"], unique=False)
        batch_op.create_index(
            "ix_appointment_contact_start", ["firm_id", "contact_id", "start_time"], unique=False
        )
        batch_op.create_index(
            "ix_appointment_due",
            ["firm_id", "end_time"],
            unique=False,
            sqlite_where=sa.text("status = 'confirmed'"),
            postgresql_where=sa.text("status = 'confirmed'"),
        )
        batch_op.create_index(
            "ix_appointment_requested",
            ["firm_id", "start_time", "created_at"],
            unique=False,
            sqlite_where=sa.text("status = 'requested'"),
            postgresql_where=sa.text("status = 'requested'"),
        )
        batch_op.create_index(
            "ix_appointment_slot",
            ["firm_id", "staff_user_id", "start_time", "end_time"],
            unique=False,
            sqlite_where=sa.text(
                "status IN ('requested', 'awaiting_confirmation', 'confirmed') AND NOT overbooked"
            ),
            postgresql_where=sa.text(
                "status IN ('requested', 'awaiting_confirmation', 'confirmed') AND NOT overbooked"
            ),
        )
        batch_op.create_index(
            "ix_appointment_staff_start",
            ["firm_id", "staff_user_id", "start_time", "appointment_id", "status"],
            unique=False,
        )
        batch_op.create_index(
            "ix_appointment_type_start",
            ["firm_id", "appointment_type_id", "start_time", "appointment_id", "status"],
            unique=False,
        )
        batch_op.create_index(
            "ix_appointment_start", ["firm_id", "start_time", "appointment_id"], unique=False
        )
        batch_op.create_index(
            "ix_appointment_status_start", ["firm_id", "status", "start_time", "appointment_id"], unique=False
        )

    op.create_table(
        "contact_term",
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "term",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "contact_id"],
            ["contact.firm_id", "contact.contact_id"],
            name=op.f("fk_contact_term_firm_id_contact_id_contact"),
        ),
        sa.PrimaryKeyConstraint("firm_id", "term", "contact_id", name=op.f("pk_contact_term")),
    )
    with op.batch_alter_table("contact_term", schema=None) as batch_op:
        batch_op.create_index("ix_contact_term_contact", ["firm_id", "contact_id", "term"], unique=False)

    op.create_table(
        "appointment_status_history",
        sa.Column("history_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(24), nullable=False),
        sa.Column("from_status", sa.String(24), nullable=True),
        sa.Column("to_status", sa.String(24), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("no_show_party", sa.String(24), nullable=True),
        sa.Column("cancelled_by", sa.String(24), nullable=True),
        sa.Column("overrides", sa.String(length=120), nullable=True),
        sa.Column("changed_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_kind", sa.String(24), nullable=False),
        sa.Column("actor_label", sa.String(length=160), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(actor_kind = 'staff') = (changed_by_id IS NOT NULL)",
            name=op.f("ck_appointment_status_history_actor"),
        ),
        sa.CheckConstraint(
            "(to_status = 'cancelled') = (cancelled_by IS NOT NULL)",
            name=op.f("ck_appointment_status_history_cancelled"),
        ),
        sa.CheckConstraint(
            "(to_status = 'no_show') = (no_show_party IS NOT NULL)",
            name=op.f("ck_appointment_status_history_party"),
        ),
        sa.CheckConstraint(
            "action IN ('request', 'book', 'propose', 'approve', 'decline', 'expire', 'confirm', 'time_out', 'cancel', 'reschedule', 'complete', 'mark_no_show', 'correct', 'import')",
            name=op.f("ck_appointment_status_history_action"),
        ),
        sa.CheckConstraint(
            "actor_kind IN ('staff', 'client', 'system')",
            name=op.f("ck_appointment_status_history_actor_kind"),
        ),
        sa.CheckConstraint(
            "cancelled_by IN ('client', 'staff', 'system')",
            name=op.f("ck_appointment_status_history_cancelled_by"),
        ),
        sa.CheckConstraint(
            "from_status IN ('requested', 'awaiting_confirmation', 'confirmed', 'completed', 'no_show', 'rescheduled', 'cancelled')",
            name=op.f("ck_appointment_status_history_from_status"),
        ),
        sa.CheckConstraint(
            "no_show_party IN ('client', 'staff', 'both')",
            name=op.f("ck_appointment_status_history_no_show_party"),
        ),
        sa.CheckConstraint(
            "to_status IN ('requested', 'awaiting_confirmation', 'confirmed', 'completed', 'no_show', 'rescheduled', 'cancelled')",
            name=op.f("ck_appointment_status_history_to_status"),
        ),
        sa.CheckConstraint(
            "(sequence = 1) = (from_status IS NULL)", name=op.f("ck_appointment_status_history_first")
        ),
        sa.CheckConstraint("length(actor_label) > 0", name=op.f("ck_appointment_status_history_actor_label")),
        sa.CheckConstraint("sequence >= 1", name=op.f("ck_appointment_status_history_sequence")),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_id"],
            ["appointment.firm_id", "appointment.appointment_id"],
            name=op.f("fk_appointment_status_history_firm_id_appointment_id_appointment"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "changed_by_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name=op.f("fk_appointment_status_history_firm_id_changed_by_id_staff_user"),
        ),
        sa.PrimaryKeyConstraint("history_id", name=op.f("pk_appointment_status_history")),
        sa.UniqueConstraint(
            "firm_id",
            "appointment_id",
            "sequence",
            name=op.f("uq_appointment_status_history_firm_id_appointment_id_sequence"),
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("appointment_status_history", schema=None) as batch_op:
        batch_op.create_index(
            "ix_appointment_status_history_changed_at", ["firm_id", "changed_at", "history_id"], unique=False
        )

    op.create_table(
        "outbox_event",
        sa.Column("outbox_event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("event_type", sa.String(length=60), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_id", "sequence"],
            [
                "appointment_status_history.firm_id",
                "appointment_status_history.appointment_id",
                "appointment_status_history.sequence",
            ],
            name="fk_outbox_event_history",
        ),
        sa.PrimaryKeyConstraint("outbox_event_id", name=op.f("pk_outbox_event")),
        sa.UniqueConstraint(
            "firm_id",
            "appointment_id",
            "sequence",
            name=op.f("uq_outbox_event_firm_id_appointment_id_sequence"),
        ),
        sqlite_autoincrement=True,
    )
    create_guards()


def downgrade() -> None:
    op.drop_table("outbox_event")
    with op.batch_alter_table("appointment_status_history", schema=None) as batch_op:
        batch_op.drop_index("ix_appointment_status_history_changed_at")

    op.drop_table("appointment_status_history")
    with op.batch_alter_table("contact_term", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_term_contact")

    op.drop_table("contact_term")
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.drop_index("ix_appointment_status_start")
        batch_op.drop_index("ix_appointment_start")
        batch_op.drop_index("ix_appointment_staff_start")
        batch_op.drop_index("ix_appointment_type_start")
        batch_op.drop_index(
            "ix_appointment_slot",
            sqlite_where=sa.text(
                "status IN ('requested', 'awaiting_confirmation', 'confirmed') AND NOT overbooked"
            ),
            postgresql_where=sa.text(
                "status IN ('requested', 'awaiting_confirmation', 'confirmed') AND NOT overbooked"
            ),
        )
        batch_op.drop_index(
            "ix_appointment_requested",
            sqlite_where=sa.text("status = 'requested'"),
            postgresql_where=sa.text("status = 'requested'"),
        )
        batch_op.drop_index(
            "ix_appointment_due",
            sqlite_where=sa.text("status = 'confirmed'"),
            postgresql_where=sa.text("status = 'confirmed'"),
        )
        batch_op.drop_index("ix_appointment_contact_start")
        batch_op.drop_index("ix_appointment_chain")
        batch_op.drop_index(
            "ix_appointment_awaiting",
            sqlite_where=sa.text("status = 'awaiting_confirmation'"),
            postgresql_where=sa.text("status = 'awaiting_confirmation'"),
        )
        batch_op.drop_index("ix_appointment_account_start")

    op.drop_table("appointment")
    with op.batch_alter_table("user_session", schema=None) as batch_op:
        batch_op.drop_index("ix_user_session_staff_user")
        batch_op.drop_index("ix_user_session_expires_at")

    op.drop_table("user_session")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index("ix_invitation_staff_user")

    op.drop_table("invitation")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_sort_name")
        batch_op.drop_index("ix_contact_account")

    op.drop_table("contact")
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_event_changed_at")
        batch_op.drop_index("ix_audit_event_subject")

    op.drop_table("audit_event")
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.drop_index("ix_submission_created_at")

    op.drop_table("submission")
    with op.batch_alter_table("staff_user", schema=None) as batch_op:
        batch_op.drop_index("ix_staff_user_email")

    op.drop_table("staff_user")
    op.drop_table("appointment_type")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_index("ix_account_sort_name")

    op.drop_table("account")
    with op.batch_alter_table("sign_in_failure", schema=None) as batch_op:
        batch_op.drop_index("ix_sign_in_failure_subject_failed_at")

    op.drop_table("sign_in_failure")
    op.drop_table("firm")
    drop_guards()


LIVE = "('requested', 'awaiting_confirmation', 'confirmed')"
APPEND_ONLY = ("appointment_status_history", "audit_event")


def create_guards() -> None:
    """What no application code may get wrong: slots never overlap, history is never rewritten."""
    if op.get_bind().dialect.name == "postgresql":
        create_postgresql_guards()
    else:
        create_sqlite_guards()


def create_postgresql_guards() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute(
        "ALTER TABLE appointment ADD CONSTRAINT ex_appointment_slot EXCLUDE USING gist "
        "(firm_id WITH =, staff_user_id WITH =, tstzrange(start_time, end_time, '[)') WITH &&) "
        f"WHERE (status IN {LIVE} AND NOT overbooked)"
    )
    op.execute(
        "ALTER TABLE appointment ADD CONSTRAINT ck_appointment_duration "
        "CHECK (end_time <= start_time + interval '24 hours')"
    )
    op.execute(
        "CREATE FUNCTION refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'append_only: % of % is refused', TG_OP, TG_TABLE_NAME; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()"
        )


def create_sqlite_guards() -> None:
    """A staff user's day is found by the partial index; meetings last at most a day, so two days bound it."""
    taken = (
        "SELECT RAISE(ABORT, 'slot_taken') WHERE EXISTS (SELECT 1 FROM appointment WHERE "
        "firm_id = NEW.firm_id AND staff_user_id = NEW.staff_user_id AND appointment_id <> NEW.appointment_id "
        f"AND status IN {LIVE} AND NOT overbooked AND start_time < NEW.end_time AND end_time > NEW.start_time "
        "AND start_time > date(NEW.start_time, '-2 days'))"
    )
    too_long = (
        "SELECT RAISE(ABORT, 'too_long') WHERE julianday(NEW.end_time) - julianday(NEW.start_time) > 1.000001"
    )
    holds = f"NEW.status IN {LIVE} AND NOT NEW.overbooked"
    # On insert an AFTER trigger sees the row's id; RAISE(ABORT) undoes the statement all the same.
    op.execute(
        f"CREATE TRIGGER appointment_slot_insert AFTER INSERT ON appointment WHEN {holds} BEGIN {taken}; END"
    )
    op.execute(
        "CREATE TRIGGER appointment_slot_update AFTER UPDATE OF "
        "firm_id, staff_user_id, start_time, end_time, status, overbooked "
        f"ON appointment WHEN {holds} BEGIN {taken}; END"
    )
    op.execute(
        f"CREATE TRIGGER appointment_duration_insert AFTER INSERT ON appointment BEGIN {too_long}; END"
    )
    op.execute(
        "CREATE TRIGGER appointment_duration_update AFTER UPDATE OF start_time, end_time "
        f"ON appointment BEGIN {too_long}; END"
    )
    for table, key, twin in (
        (
            "appointment_status_history",
            "history_id",
            " OR (firm_id = NEW.firm_id AND appointment_id = NEW.appointment_id AND sequence = NEW.sequence)",
        ),
        ("audit_event", "audit_event_id", ""),
    ):
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'append_only: {verb} of {table} is refused'); END"
            )
        # INSERT OR REPLACE deletes the old row without its delete trigger unless recursive_triggers is on.
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key}{twin}) "
            f"BEGIN SELECT RAISE(ABORT, 'append_only: REPLACE in {table} is refused'); END"
        )


def drop_guards() -> None:
    """Triggers and constraints fall with their tables; the function does not."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_rewrite()")
