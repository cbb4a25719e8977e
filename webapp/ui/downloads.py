"""A list of the desk as a file for the signed-in person."""

from flask import Response, g

from webapp.extensions import db
from webapp.queries import export
from webapp.ui import csv_table
from webapp.ui.csv_table import Columns, Record, Records
from webapp.ui.guards import me


def table(records: Records[Record], columns: Columns[Record], what: str) -> Response:
    """``marlow-contacts-2026-01-13.csv``: named after the firm, what it is, and the day it is made."""
    user = me()
    slug = export.firm_slug(db.session(), firm_id=user.firm_id)
    return csv_table.answer(records, columns, user.local, f"{slug}-{what}-{user.local.day_of(g.now)}.csv")
