"""PostgreSQL itself keeps the firms apart: each row is there for the firm that a transaction works for."""

from alembic import op

revision = "0007_tenancy"
down_revision = "0006_seals"
branch_labels = None
depends_on = None

TABLES = (
    "account",
    "api_token",
    "appointment",
    "appointment_status_history",
    "appointment_type",
    "attendance",
    "audit_event",
    "calendar_feed",
    "contact",
    "contact_term",
    "firm",
    "firm_sweep",
    "history_adoption",
    "history_seal",
    "history_unsealed",
    "invitation",
    "mail_message",
    "mail_switch",
    "outbox_event",
    "personal_link",
    "poll",
    "poll_invitee",
    "poll_slot",
    "poll_vote",
    "staff_user",
    "submission",
    "sweep_hold",
    "sweep_problem",
    "user_session",
    "webhook_attempt",
    "webhook_delivery",
    "webhook_endpoint",
)
WHOSE = "current_setting('daybook.firm', true)"
OWN = f"({WHOSE} = 'all' OR firm_id = nullif(nullif({WHOSE}, 'all'), '')::bigint)"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"CREATE POLICY own_firm ON {table} USING {OWN} WITH CHECK {OWN}")
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
            op.execute(f"DROP POLICY own_firm ON {table}")
