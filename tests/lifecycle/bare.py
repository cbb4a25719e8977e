"""The schema without a single guard: columns and keys alone, so that anything can be written wrongly."""

import sqlalchemy as sa
from sqlalchemy import Engine

from webapp.models import Base


def tables() -> sa.MetaData:
    """The same tables with no check, no foreign key, no unique key, no trigger; nothing is required."""
    metadata = sa.MetaData()
    for table in Base.metadata.sorted_tables:
        columns = [sa.Column(c.name, c.type, primary_key=c.primary_key) for c in table.columns]
        sa.Table(table.name, metadata, *columns)
    return metadata


def strip(engine: Engine) -> None:
    """Replace every table of the database by its unguarded copy."""
    with engine.begin() as connection:
        Base.metadata.drop_all(connection)
        tables().create_all(connection)
