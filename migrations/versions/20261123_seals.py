"""The history proves itself: a digest per row, signed seals over rows, and the erasure of what people wrote."""

import sqlalchemy as sa
from alembic import op

revision = "0006_seals"
down_revision = "0005_connect"
branch_labels = None
depends_on = None

HISTORY = "appointment_status_history"
COLUMNS = (
    "history_id",
    "firm_id",
    "appointment_id",
    "sequence",
    "action",
    "from_status",
    "to_status",
    "no_show_party",
    "cancelled_by",
    "overrides",
    "changed_by_id",
    "actor_kind",
    "changed_at",
    "occurred_at",
)
WORDS = ("reason", "actor_label", "erased_words")
DIGESTS = ("entry_hash", "legacy")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BATCH_COLUMNS = (
    "entry_hash VARCHAR(64)",
    "words_salt VARCHAR(32)",
    "erased_words VARCHAR(64)",
    "legacy BOOLEAN NOT NULL DEFAULT {false}",
)


def upgrade() -> None:
    false = "false" if on_postgresql() else "0"
    for column in BATCH_COLUMNS:  # without a batch: that would make the table anew and lose its triggers
        op.execute(f"ALTER TABLE {HISTORY} ADD COLUMN {column.format(false=false)}")
    create_tables()
    if on_postgresql():
        guard_on_postgresql()
    else:
        guard_on_sqlite()
    op.execute(  # each firm's own last row is not above the last of all, which is found without reading them
        "INSERT INTO history_adoption (firm_id, last_id) "
        f"SELECT firm_id, (SELECT max(history_id) FROM {HISTORY}) FROM firm "
        f"WHERE EXISTS (SELECT 1 FROM {HISTORY} WHERE {HISTORY}.firm_id = firm.firm_id)"
    )


def create_tables() -> None:
    firm = [sa.Column("firm_id", BIG, nullable=False)]
    op.create_table(
        "history_seal",
        *firm,
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.Column("first_id", BIG, nullable=False),
        sa.Column("last_id", BIG, nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("previous", sa.String(64), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_history_seal_number")),
        sa.CheckConstraint("entry_count >= 1", name=op.f("ck_history_seal_entry_count")),
        sa.CheckConstraint("(number = 1) = (previous IS NULL)", name=op.f("ck_history_seal_previous")),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_history_seal_firm_id_firm")),
        sa.PrimaryKeyConstraint("firm_id", "number", name=op.f("pk_history_seal")),
    )
    op.create_index("ix_history_seal_last", "history_seal", ["firm_id", "last_id"])
    op.create_table(
        "history_unsealed",
        sa.Column("history_id", BIG, autoincrement=False, nullable=False),
        sa.Column("firm_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_history_unsealed_firm_id_firm")),
        sa.PrimaryKeyConstraint("history_id", name=op.f("pk_history_unsealed")),
    )
    op.create_index("ix_history_unsealed_firm", "history_unsealed", ["firm_id", "history_id"])
    op.create_table(
        "history_adoption",
        sa.Column("firm_id", BIG, nullable=False),
        sa.Column("last_id", BIG, nullable=False),
        sa.Column("done_id", BIG, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.firm_id"], name=op.f("fk_history_adoption_firm_id_firm")),
        sa.PrimaryKeyConstraint("firm_id", name=op.f("pk_history_adoption")),
    )


def on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def same(columns: tuple[str, ...], equal: str) -> str:
    return " AND ".join(f"NEW.{column} {equal} OLD.{column}" for column in columns)


def permitted(equal: str) -> str:
    """What may be done to a row of the history: give it its first digest, and erase its words once."""
    adopted = "OLD.entry_hash IS NULL AND NEW.entry_hash IS NOT NULL AND NEW.legacy AND " + same(
        (*COLUMNS, *WORDS), equal
    )
    erased = (
        "OLD.entry_hash IS NOT NULL AND OLD.erased_words IS NULL AND NEW.erased_words IS NOT NULL "
        "AND NEW.reason IS NULL AND NEW.words_salt IS NULL "
        f"AND (OLD.actor_kind = 'client' OR NEW.actor_label {equal} OLD.actor_label) AND "
        + same((*COLUMNS, *DIGESTS), equal)
    )
    return f"({adopted}) OR ({erased})"


def guard_on_postgresql() -> None:
    op.execute(f"DROP TRIGGER {HISTORY}_append_only ON {HISTORY}")
    op.execute(
        "CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'UPDATE' AND ({permitted('IS NOT DISTINCT FROM')}) THEN RETURN NEW; END IF; "
        "RAISE EXCEPTION 'append_only: % of % is refused', TG_OP, TG_TABLE_NAME; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {HISTORY}_append_only BEFORE UPDATE OR DELETE ON {HISTORY} "
        "FOR EACH ROW EXECUTE FUNCTION keep_history()"
    )
    op.execute(
        "CREATE FUNCTION await_seal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO history_unsealed (history_id, firm_id) SELECT history_id, firm_id FROM fresh WHERE entry_hash IS NOT NULL; RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {HISTORY}_await_seal AFTER INSERT ON {HISTORY} REFERENCING NEW TABLE AS fresh "
        "FOR EACH STATEMENT EXECUTE FUNCTION await_seal()"
    )
    op.execute(
        "CREATE TRIGGER history_seal_append_only BEFORE UPDATE OR DELETE ON history_seal "
        "FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()"
    )
    op.execute(
        "CREATE TRIGGER history_seal_no_truncate BEFORE TRUNCATE ON history_seal "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()"
    )


def guard_on_sqlite() -> None:
    refused = "BEGIN SELECT RAISE(ABORT, 'append_only: {verb} of {table} is refused'); END"
    op.execute(f"DROP TRIGGER {HISTORY}_no_update")
    op.execute(
        f"CREATE TRIGGER {HISTORY}_no_update BEFORE UPDATE ON {HISTORY} WHEN NOT ({permitted('IS')}) "
        + refused.format(verb="UPDATE", table=HISTORY)
    )
    op.execute(
        f"CREATE TRIGGER {HISTORY}_await_seal AFTER INSERT ON {HISTORY} WHEN NEW.entry_hash IS NOT NULL BEGIN "
        "INSERT INTO history_unsealed (history_id, firm_id) VALUES (NEW.history_id, NEW.firm_id); END"
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER history_seal_no_{verb.lower()} BEFORE {verb} ON history_seal "
            + refused.format(verb=verb, table="history_seal")
        )
    op.execute(
        "CREATE TRIGGER history_seal_no_replace BEFORE INSERT ON history_seal WHEN EXISTS "
        "(SELECT 1 FROM history_seal WHERE firm_id = NEW.firm_id AND number = NEW.number) "
        + refused.format(verb="REPLACE", table="history_seal")
    )


def downgrade() -> None:
    if on_postgresql():
        op.execute(f"DROP TRIGGER {HISTORY}_await_seal ON {HISTORY}")
        op.execute(f"DROP TRIGGER {HISTORY}_append_only ON {HISTORY}")
        op.execute("DROP FUNCTION await_seal()")
        op.execute("DROP FUNCTION keep_history()")
        op.execute(
            f"CREATE TRIGGER {HISTORY}_append_only BEFORE UPDATE OR DELETE ON {HISTORY} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()"
        )
    else:
        op.execute(f"DROP TRIGGER {HISTORY}_await_seal")
        op.execute(f"DROP TRIGGER {HISTORY}_no_update")
        op.execute(
            f"CREATE TRIGGER {HISTORY}_no_update BEFORE UPDATE ON {HISTORY} "
            f"BEGIN SELECT RAISE(ABORT, 'append_only: UPDATE of {HISTORY} is refused'); END"
        )
    op.drop_table("history_adoption")
    op.drop_index("ix_history_unsealed_firm", "history_unsealed")
    op.drop_table("history_unsealed")
    op.drop_index("ix_history_seal_last", "history_seal")
    op.drop_table("history_seal")
    for column in reversed(BATCH_COLUMNS):
        op.execute(f"ALTER TABLE {HISTORY} DROP COLUMN {column.split()[0]}")
