"""Of an erased person's references to another system a keyed hash stays, for an import to leave its rows out."""

import sqlalchemy as sa
from alembic import op

revision = "0009_erased_reference"
down_revision = "0008_erasure"
branch_labels = None
depends_on = None

WHOSE = "current_setting('daybook.firm', true)"
OWN = f"({WHOSE} = 'all' OR firm_id = nullif(nullif({WHOSE}, 'all'), '')::bigint)"


def upgrade() -> None:
    op.create_table(
        "erased_reference",
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("trace", sa.String(64), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "contact_id"],
            ["contact.firm_id", "contact.contact_id"],
            name=op.f("fk_erased_reference_firm_id_contact_id_contact"),
        ),
        sa.PrimaryKeyConstraint("firm_id", "trace", name=op.f("pk_erased_reference")),
    )
    op.create_index("ix_erased_reference_contact", "erased_reference", ["firm_id", "contact_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE POLICY own_firm ON erased_reference USING {OWN} WITH CHECK {OWN}")
        op.execute("ALTER TABLE erased_reference ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_table("erased_reference")
