"""Attendance, polls, personal links, mail, and the state of sweeps and workers."""

import sqlalchemy as sa
from alembic import op

revision = "0002_time"
down_revision = "0001_baseline"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "worker_heartbeat",
        sa.Column("worker", sa.String(length=60), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("swept_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_worker_heartbeat")),
    )
    op.create_table(
        "mail_switch",
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("template", sa.String(24), nullable=False),
        sa.CheckConstraint(
            "template IN ('request_received', 'approved', 'declined', 'confirmed', 'proposed', 'moved', 'cancelled', 'poll', 'reminder', 'last_call')",
            name=op.f("ck_mail_switch_template"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_mail_switch_firm_id_firm")),
        sa.PrimaryKeyConstraint("firm_id", "template", name=op.f("pk_mail_switch")),
    )
    op.create_table(
        "sweep_hold",
        sa.Column("sweep_hold_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("usual", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(length=24), nullable=False),
        sa.Column("due_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.String(length=24), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_by", sa.String(length=160), nullable=True),
        sa.CheckConstraint("decision IN ('released', 'dismissed')", name=op.f("ck_sweep_hold_decision")),
        sa.CheckConstraint(
            "kind IN ('complete', 'no_show', 'expire', 'time_out')", name=op.f("ck_sweep_hold_kind")
        ),
        sa.CheckConstraint("why IN ('volume', 'clock')", name=op.f("ck_sweep_hold_why")),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name=op.f("ck_sweep_hold_decided")),
        sa.ForeignKeyConstraint(
            ["firm_id", "decided_by_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name=op.f("fk_sweep_hold_firm_id_decided_by_id_staff_user"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_sweep_hold_firm_id_firm")),
        sa.PrimaryKeyConstraint("sweep_hold_id", name=op.f("pk_sweep_hold")),
    )
    with op.batch_alter_table("sweep_hold", schema=None) as batch_op:
        batch_op.create_index(
            "ix_sweep_hold_open",
            ["firm_id", "kind"],
            unique=True,
            sqlite_where=sa.text("decision IS NULL"),
            postgresql_where=sa.text("decision IS NULL"),
        )

    op.create_table(
        "firm_sweep",
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("believed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_firm_sweep_firm_id_firm")),
        sa.PrimaryKeyConstraint("firm_id", name=op.f("pk_firm_sweep")),
    )

    op.create_table(
        "attendance",
        sa.Column("attendance_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("side", sa.String(24), nullable=False),
        sa.Column("source", sa.String(24), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_label", sa.String(length=160), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=160), nullable=True),
        sa.CheckConstraint("side IN ('client', 'staff')", name=op.f("ck_attendance_side")),
        sa.CheckConstraint(
            "source IN ('front_desk', 'provider', 'api', 'import')", name=op.f("ck_attendance_source")
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name=op.f("ck_attendance_withdrawn")
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_id"],
            ["appointment.firm_id", "appointment.appointment_id"],
            name=op.f("fk_attendance_firm_id_appointment_id_appointment"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "recorded_by_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name=op.f("fk_attendance_firm_id_recorded_by_id_staff_user"),
        ),
        sa.PrimaryKeyConstraint("attendance_id", name=op.f("pk_attendance")),
        sa.UniqueConstraint("firm_id", "external_id", name=op.f("uq_attendance_firm_id_external_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.create_index(
            "ix_attendance_appointment", ["firm_id", "appointment_id", "side"], unique=False
        )
        batch_op.create_index(
            "ix_attendance_front_desk",
            ["firm_id", "appointment_id", "side"],
            unique=True,
            sqlite_where=sa.text("source = 'front_desk' AND withdrawn_at IS NULL"),
            postgresql_where=sa.text("source = 'front_desk' AND withdrawn_at IS NULL"),
        )

    op.create_table(
        "poll",
        sa.Column("poll_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column(
            "appointment_type_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("staff_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("location", sa.String(length=120), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status IN ('held', 'confirmed')) <= (appointment_id IS NOT NULL)", name=op.f("ck_poll_held")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'held', 'confirmed', 'cancelled', 'timed_out')", name=op.f("ck_poll_status")
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "account_id"],
            ["account.firm_id", "account.account_id"],
            name=op.f("fk_poll_firm_id_account_id_account"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_id"],
            ["appointment.firm_id", "appointment.appointment_id"],
            name=op.f("fk_poll_firm_id_appointment_id_appointment"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_type_id"],
            ["appointment_type.firm_id", "appointment_type.appointment_type_id"],
            name=op.f("fk_poll_firm_id_appointment_type_id_appointment_type"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "created_by_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name=op.f("fk_poll_firm_id_created_by_id_staff_user"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "staff_user_id"],
            ["staff_user.firm_id", "staff_user.staff_user_id"],
            name=op.f("fk_poll_firm_id_staff_user_id_staff_user"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_poll_firm_id_firm")),
        sa.PrimaryKeyConstraint("poll_id", name=op.f("pk_poll")),
        sa.UniqueConstraint("firm_id", "poll_id", name=op.f("uq_poll_firm_id_poll_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("poll", schema=None) as batch_op:
        batch_op.create_index("ix_poll_appointment", ["firm_id", "appointment_id"], unique=False)
        batch_op.create_index("ix_poll_status", ["firm_id", "status", "deadline"], unique=False)

    op.create_table(
        "sweep_problem",
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('complete', 'no_show', 'expire', 'time_out')", name=op.f("ck_sweep_problem_kind")
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_id"],
            ["appointment.firm_id", "appointment.appointment_id"],
            name=op.f("fk_sweep_problem_firm_id_appointment_id_appointment"),
        ),
        sa.PrimaryKeyConstraint("firm_id", "appointment_id", "kind", name=op.f("pk_sweep_problem")),
    )
    op.create_table(
        "mail_message",
        sa.Column("mail_message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("poll_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("template", sa.String(24), nullable=False),
        sa.Column("dedup_key", sa.String(length=160), nullable=False),
        sa.Column("recipient_name", sa.String(length=160), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("text_body", sa.Text(), nullable=False),
        sa.Column("html_body", sa.Text(), nullable=False),
        sa.Column("calendar", sa.Text(), nullable=True),
        sa.Column("calendar_method", sa.String(length=12), nullable=True),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.String(length=60), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_mail_message_sent")),
        sa.CheckConstraint(
            "state IN ('waiting', 'sent', 'failed', 'kept')", name=op.f("ck_mail_message_state")
        ),
        sa.CheckConstraint(
            "template IN ('request_received', 'approved', 'declined', 'confirmed', 'proposed', 'moved', 'cancelled', 'poll', 'reminder', 'last_call')",
            name=op.f("ck_mail_message_template"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_id"],
            ["appointment.firm_id", "appointment.appointment_id"],
            name=op.f("fk_mail_message_firm_id_appointment_id_appointment"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "poll_id"],
            ["poll.firm_id", "poll.poll_id"],
            name=op.f("fk_mail_message_firm_id_poll_id_poll"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_mail_message_firm_id_firm")),
        sa.PrimaryKeyConstraint("mail_message_id", name=op.f("pk_mail_message")),
        sa.UniqueConstraint("firm_id", "dedup_key", name=op.f("uq_mail_message_firm_id_dedup_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("mail_message", schema=None) as batch_op:
        batch_op.create_index("ix_mail_message_appointment", ["firm_id", "appointment_id"], unique=False)
        batch_op.create_index(
            "ix_mail_message_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.create_index("ix_mail_message_list", ["firm_id", "mail_message_id"], unique=False)
        batch_op.create_index(
            "ix_mail_message_queue",
            ["firm_id", "recipient", "mail_message_id"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "poll_invitee",
        sa.Column("poll_invitee_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("poll_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=True),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("voted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(24), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("comment", sa.String(length=500), nullable=False),
        sa.CheckConstraint("answer IN ('accepted', 'declined')", name=op.f("ck_poll_invitee_answer")),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_poll_invitee_answered")),
        sa.ForeignKeyConstraint(
            ["firm_id", "contact_id"],
            ["contact.firm_id", "contact.contact_id"],
            name=op.f("fk_poll_invitee_firm_id_contact_id_contact"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "poll_id"],
            ["poll.firm_id", "poll.poll_id"],
            name=op.f("fk_poll_invitee_firm_id_poll_id_poll"),
        ),
        sa.PrimaryKeyConstraint("poll_invitee_id", name=op.f("pk_poll_invitee")),
        sa.UniqueConstraint(
            "firm_id", "poll_id", "email", name=op.f("uq_poll_invitee_firm_id_poll_id_email")
        ),
        sa.UniqueConstraint(
            "firm_id", "poll_invitee_id", name=op.f("uq_poll_invitee_firm_id_poll_invitee_id")
        ),
    )
    op.create_table(
        "poll_slot",
        sa.Column("poll_slot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("poll_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("start_time < end_time", name=op.f("ck_poll_slot_interval")),
        sa.ForeignKeyConstraint(
            ["firm_id", "poll_id"],
            ["poll.firm_id", "poll.poll_id"],
            name=op.f("fk_poll_slot_firm_id_poll_id_poll"),
        ),
        sa.PrimaryKeyConstraint("poll_slot_id", name=op.f("pk_poll_slot")),
        sa.UniqueConstraint(
            "firm_id", "poll_id", "start_time", name=op.f("uq_poll_slot_firm_id_poll_id_start_time")
        ),
        sa.UniqueConstraint("firm_id", "poll_slot_id", name=op.f("uq_poll_slot_firm_id_poll_slot_id")),
    )
    op.create_table(
        "personal_link",
        sa.Column("personal_link_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("poll_invitee_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(poll_invitee_id IS NULL) <> (appointment_id IS NULL)", name=op.f("ck_personal_link_subject")
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "contact_id"],
            ["contact.firm_id", "contact.contact_id"],
            name=op.f("fk_personal_link_firm_id_contact_id_contact"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_id"],
            ["appointment.firm_id", "appointment.appointment_id"],
            name=op.f("fk_personal_link_firm_id_appointment_id_appointment"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "poll_invitee_id"],
            ["poll_invitee.firm_id", "poll_invitee.poll_invitee_id"],
            name=op.f("fk_personal_link_firm_id_poll_invitee_id_poll_invitee"),
        ),
        sa.PrimaryKeyConstraint("personal_link_id", name=op.f("pk_personal_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_personal_link_token_hash")),
    )
    with op.batch_alter_table("personal_link", schema=None) as batch_op:
        batch_op.create_index("ix_personal_link_appointment", ["firm_id", "appointment_id"], unique=False)
        batch_op.create_index("ix_personal_link_invitee", ["firm_id", "poll_invitee_id"], unique=False)

    op.create_table(
        "poll_vote",
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("poll_slot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("poll_invitee_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("vote", sa.String(24), nullable=False),
        sa.CheckConstraint("vote IN ('yes', 'if_need_be', 'no')", name=op.f("ck_poll_vote_vote")),
        sa.ForeignKeyConstraint(
            ["firm_id", "poll_invitee_id"],
            ["poll_invitee.firm_id", "poll_invitee.poll_invitee_id"],
            name=op.f("fk_poll_vote_firm_id_poll_invitee_id_poll_invitee"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "poll_slot_id"],
            ["poll_slot.firm_id", "poll_slot.poll_slot_id"],
            name=op.f("fk_poll_vote_firm_id_poll_slot_id_poll_slot"),
        ),
        sa.PrimaryKeyConstraint("firm_id", "poll_slot_id", "poll_invitee_id", name=op.f("pk_poll_vote")),
    )
    # Not in a batch: on SQLite that would make the table anew and lose its triggers.
    op.add_column(
        "appointment", sa.Column("tracked", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_index(
        "ix_appointment_staff_due",
        "appointment",
        ["firm_id", "staff_user_id", "end_time"],
        unique=False,
        sqlite_where=sa.text("status = 'confirmed'"),
        postgresql_where=sa.text("status = 'confirmed'"),
    )
    op.create_index(
        "ix_appointment_tracked",
        "appointment",
        ["firm_id", "start_time"],
        unique=False,
        sqlite_where=sa.text("status = 'confirmed' AND tracked"),
        postgresql_where=sa.text("status = 'confirmed' AND tracked"),
    )

    with op.batch_alter_table("appointment_type", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tracked", sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table("firm", schema=None) as batch_op:
        batch_op.add_column(sa.Column("complete_after", sa.Integer(), server_default="60", nullable=False))
        batch_op.add_column(sa.Column("no_show_after", sa.Integer(), server_default="30", nullable=False))
        batch_op.add_column(
            sa.Column("completion_policy", sa.String(24), server_default="decide", nullable=False)
        )
        batch_op.add_column(
            sa.Column("no_show_policy", sa.String(24), server_default="decide", nullable=False)
        )
        batch_op.add_column(sa.Column("reminder_hours", sa.Integer(), server_default="24", nullable=False))
        batch_op.add_column(sa.Column("last_call_hours", sa.Integer(), server_default="4", nullable=False))
        batch_op.add_column(sa.Column("client_links", sa.Boolean(), server_default=sa.true(), nullable=False))

    with op.batch_alter_table("outbox_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("leased_by", sa.String(length=60), nullable=True))
        batch_op.add_column(sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("last_error", sa.Text(), nullable=True))
        batch_op.create_index(
            "ix_outbox_event_waiting",
            ["outbox_event_id"],
            unique=False,
            sqlite_where=sa.text("handled_at IS NULL"),
            postgresql_where=sa.text("handled_at IS NULL"),
        )
    # What happened before there was mail is told nobody.
    op.execute("UPDATE outbox_event SET handled_at = created_at")


def downgrade() -> None:
    op.drop_index("ix_outbox_event_waiting", table_name="outbox_event")
    op.execute("ALTER TABLE outbox_event DROP COLUMN last_error")
    op.execute("ALTER TABLE outbox_event DROP COLUMN attempts")
    op.execute("ALTER TABLE outbox_event DROP COLUMN leased_by")
    op.execute("ALTER TABLE outbox_event DROP COLUMN leased_until")
    op.execute("ALTER TABLE outbox_event DROP COLUMN handled_at")

    op.execute("ALTER TABLE firm DROP COLUMN client_links")
    op.execute("ALTER TABLE firm DROP COLUMN last_call_hours")
    op.execute("ALTER TABLE firm DROP COLUMN reminder_hours")
    op.execute("ALTER TABLE firm DROP COLUMN no_show_policy")
    op.execute("ALTER TABLE firm DROP COLUMN completion_policy")
    op.execute("ALTER TABLE firm DROP COLUMN no_show_after")
    op.execute("ALTER TABLE firm DROP COLUMN complete_after")

    op.execute("ALTER TABLE appointment_type DROP COLUMN tracked")

    op.drop_index("ix_appointment_tracked", "appointment")
    op.drop_index("ix_appointment_staff_due", "appointment")
    # A batch would make the table anew and lose its triggers.
    op.execute("ALTER TABLE appointment DROP COLUMN tracked")

    op.drop_table("firm_sweep")
    op.drop_table("poll_vote")
    with op.batch_alter_table("personal_link", schema=None) as batch_op:
        batch_op.drop_index("ix_personal_link_invitee")
        batch_op.drop_index("ix_personal_link_appointment")

    op.drop_table("personal_link")
    op.drop_table("poll_slot")
    op.drop_table("poll_invitee")
    with op.batch_alter_table("mail_message", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_mail_message_queue",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.drop_index("ix_mail_message_list")
        batch_op.drop_index(
            "ix_mail_message_due",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.drop_index("ix_mail_message_appointment")

    op.drop_table("mail_message")
    op.drop_table("sweep_problem")
    with op.batch_alter_table("poll", schema=None) as batch_op:
        batch_op.drop_index("ix_poll_status")
        batch_op.drop_index("ix_poll_appointment")

    op.drop_table("poll")
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.drop_index("ix_attendance_front_desk")
        batch_op.drop_index("ix_attendance_appointment")

    op.drop_table("attendance")
    with op.batch_alter_table("sweep_hold", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_sweep_hold_open",
            sqlite_where=sa.text("decision IS NULL"),
            postgresql_where=sa.text("decision IS NULL"),
        )

    op.drop_table("sweep_hold")
    op.drop_table("mail_switch")
    op.drop_table("worker_heartbeat")
