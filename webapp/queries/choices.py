"""Short lists to choose from: bookable staff, and contacts found by typing."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Account, Contact, StaffUser
from webapp.queries import clients

SHOWN = 8


@dataclass(frozen=True, slots=True)
class ContactChoice:
    contact_id: int
    name: str
    detail: str


def bookable_staff(session: Session, *, firm_id: int) -> list[tuple[int, str]]:
    """``(id, name)`` of everybody who takes appointments, by name."""
    found = session.execute(
        sa.select(StaffUser.staff_user_id, StaffUser.name)
        .where(StaffUser.firm_id == firm_id, StaffUser.bookable, StaffUser.deactivated_at.is_(None))
        .order_by(StaffUser.name, StaffUser.staff_user_id)
    )
    return [(row.staff_user_id, row.name) for row in found]


def contacts(session: Session, *, firm_id: int, q: str, keep: Collection[int] = ()) -> list[ContactChoice]:
    """The contacts to keep in view, then those that match what was typed; at most eight of these."""
    ids = {number for number in keep if number}
    if q:
        ids |= set(clients.matching_contact_ids(session, firm_id=firm_id, q=q, limit=SHOWN))
    found = session.execute(
        sa.select(
            Contact.contact_id, Contact.name, Contact.email, Contact.phone, Account.name.label("account")
        )
        .outerjoin(Account, Account.account_id == Contact.account_id)
        .where(Contact.firm_id == firm_id, Contact.contact_id.in_(ids))
        .order_by(Contact.sort_name, Contact.contact_id)
    )
    return [
        ContactChoice(row.contact_id, row.name, ", ".join(filter(None, (row.account, row.phone, row.email))))
        for row in found
    ]
