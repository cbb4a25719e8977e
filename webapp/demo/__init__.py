"""Two believable firms to try Daybook with, built through the lifecycle, so that every history is true."""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.demo.build import build
from webapp.demo.people import HOUSES, PASSWORD
from webapp.models import Firm

__all__ = ["firms", "load", "sign_ins"]


def firms(session: Session) -> tuple[list[Firm], list[Firm]]:
    """The demo firms and the real ones that the database has."""
    found = session.scalars(sa.select(Firm).order_by(Firm.firm_id)).all()
    return [firm for firm in found if firm.is_demo], [firm for firm in found if not firm.is_demo]


def load(session: Session, *, now: datetime) -> list[Firm]:
    """Build both firms, in the caller's transaction."""
    return [build(session, house, now=now) for house in HOUSES]


def sign_ins(session: Session) -> Iterator[str]:
    """A line for each demo user: firm, role, e-mail address, password. Nothing if the demo is not loaded."""
    present = {firm.slug for firm in firms(session)[0]}
    for house in HOUSES:
        if house.slug not in present:
            continue
        yield f"{house.name}:"
        for colleague in house.staff:
            yield f"  {colleague.role.value:<8} {colleague.email:<28} {PASSWORD}"
