"""What an administrator sets up from the command line: firms, and the first people in them."""

import re
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.addresses import staff_address
from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.text import one_line
from webapp.localtime import zone_names
from webapp.models import Firm, StaffUser
from webapp.vocabulary import Role

NAME_LENGTH = 120
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SLUG_LENGTH = 60


def make_firm(session: Session, *, name: str, slug: str, timezone: str, now: datetime) -> Firm:
    """Add a firm with the usual hours and limits.

    Raises:
        Invalid: the name is missing, the zone is unknown, the slug is malformed or taken.
    """
    name = _named(name, "the firm")
    if not SLUG.fullmatch(slug) or len(slug) > SLUG_LENGTH:
        raise Invalid(
            "A slug has small letters, digits and single hyphens, such as marlow-lane.", field="slug"
        )
    if timezone not in zone_names():
        raise Invalid(
            f"There is no time zone {timezone!r}. Use a name such as Europe/London.", field="timezone"
        )
    if session.scalar(sa.select(Firm.firm_id).where(Firm.slug == slug)) is not None:
        raise Invalid(f"There is a firm {slug!r} already. Choose another slug.", field="slug")
    firm = Firm(name=name, slug=slug, timezone=timezone, created_at=now)
    session.add(firm)
    session.flush()
    return firm


def make_user(
    session: Session,
    *,
    firm_id: int,
    email: str,
    name: str,
    role: Role,
    bookable: bool,
    password_hash: str,
    now: datetime,
) -> StaffUser:
    """Add somebody who signs in. The address is kept in small letters.

    Raises:
        Invalid: the name is missing, or the address is malformed or taken in this firm.
    """
    address = staff_address(email)
    taken = sa.select(StaffUser.staff_user_id).where(StaffUser.firm_id == firm_id, StaffUser.email == address)
    if session.scalar(taken) is not None:
        raise Invalid(f"{address} signs in to this firm already. Use another address.", field="email")
    user = StaffUser(
        firm_id=firm_id,
        email=address,
        name=_named(name, "the person"),
        role=role,
        bookable=bookable,
        password_hash=password_hash,
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user


def _named(name: str, whose: str) -> str:
    kept = one_line(name, NAME_LENGTH, "name")
    if not kept:
        raise Invalid(f"Enter the name of {whose}.", field="name")
    return kept
