"""A contact can be erased: when, and the audit log's one exception, its texts about whom an erasure names."""

from alembic import op

revision = "0008_erasure"
down_revision = "0007_tenancy"
branch_labels = None
depends_on = None

KEPT = ("audit_event_id", "firm_id", "subject", "subject_id", "action", "changed_by_id", "changed_at")


def upgrade() -> None:
    # Without a batch: that would make the table anew.
    op.execute(
        f"ALTER TABLE contact ADD COLUMN erased_at {'TIMESTAMP WITH TIME ZONE' if pg() else 'DATETIME'}"
    )
    if pg():
        guard_on_postgresql()
    else:
        op.execute("DROP TRIGGER audit_event_no_update")
        op.execute(refusal(f"WHEN NOT ({permitted('IS', '')}) "))


def pg() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def permitted(equal: str, text: str) -> str:
    """What was changed may be emptied, and a client's name replaced, after the log has an erasure."""
    same = " AND ".join(f"NEW.{column} {equal} OLD.{column}" for column in KEPT)
    return (
        f"{same} AND NEW.changes{text} = '{{}}' AND OLD.subject IN ('contact', 'account', 'appointment', 'poll') "
        "AND OLD.action <> 'erased' "
        f"AND (OLD.changed_by_id IS NULL OR NEW.actor_label {equal} OLD.actor_label) "
        "AND EXISTS (SELECT 1 FROM audit_event AS told WHERE told.firm_id = OLD.firm_id "
        "AND told.subject = 'contact' AND told.action = 'erased')"
    )


def refusal(when: str) -> str:
    return (
        f"CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event {when}"
        "BEGIN SELECT RAISE(ABORT, 'append_only: UPDATE of audit_event is refused'); END"
    )


def guard_on_postgresql() -> None:
    op.execute("DROP TRIGGER audit_event_append_only ON audit_event")
    op.execute(
        "CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'UPDATE' THEN IF {permitted('IS NOT DISTINCT FROM', '::text')} THEN RETURN NEW; END IF; "
        "END IF; RAISE EXCEPTION 'append_only: % of % is refused', TG_OP, TG_TABLE_NAME; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event "
        "FOR EACH ROW EXECUTE FUNCTION keep_audit()"
    )


def downgrade() -> None:
    if pg():
        op.execute("DROP TRIGGER audit_event_append_only ON audit_event")
        op.execute("DROP FUNCTION keep_audit()")
        op.execute(
            "CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event "
            "FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()"
        )
    else:
        op.execute("DROP TRIGGER audit_event_no_update")
        op.execute(refusal(""))
    op.execute("ALTER TABLE contact DROP COLUMN erased_at")
