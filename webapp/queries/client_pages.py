"""Contacts and accounts as their pages show them: lists by name, facts, appointments, counts.

A fixed number of statements for each page, whatever it shows. Lists are paged by key, not by offset.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import Missing
from webapp.models import Account, Appointment, Contact
from webapp.queries.paging import KEY_LIMIT, PAGE, Page
from webapp.queries.rows import Row, as_rows, select_rows
from webapp.vocabulary import LIVE, CancellationKind, CancelledBy, NoShowParty, Status

APPOINTMENTS = 20


@dataclass(frozen=True, slots=True)
class ContactRow:
    """A contact in a list. ``timezone`` None: the firm's."""

    contact_id: int
    name: str
    email: str
    phone: str
    timezone: str | None
    account_id: int | None
    account_name: str | None
    notes: str
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account in a list, with how many contacts it has."""

    account_id: int
    name: str
    notes: str
    contacts: int


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose appointments are meant: exactly one of the two."""

    contact_id: int | None = None
    account_id: int | None = None

    @property
    def condition(self) -> sa.ColumnElement[bool]:
        if self.contact_id is not None:
            return Appointment.contact_id == self.contact_id
        return Appointment.account_id == self.account_id


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a client's appointments."""

    completed: int = 0
    no_show_client: int = 0
    no_show_staff: int = 0
    no_show_both: int = 0
    cancelled_client: int = 0
    cancelled_staff: int = 0


_CONTACT = (
    Contact.contact_id,
    Contact.name,
    Contact.email,
    Contact.phone,
    Contact.timezone,
    Contact.account_id,
    Account.name.label("account_name"),
    Contact.notes,
    Contact.erased_at,
)


def select_contacts(firm_id: int) -> Any:
    """The columns of :class:`ContactRow`."""
    joined = sa.and_(Account.firm_id == Contact.firm_id, Account.account_id == Contact.account_id)
    return sa.select(*_CONTACT).outerjoin(Account, joined).where(Contact.firm_id == firm_id)


def select_accounts(firm_id: int) -> sa.Select[Any]:
    """The columns of :class:`AccountRow`."""
    size = (
        sa.select(sa.func.count())
        .where(Contact.firm_id == Account.firm_id, Contact.account_id == Account.account_id)
        .correlate(Account)
        .scalar_subquery()
    )
    return sa.select(Account.account_id, Account.name, Account.notes, size).where(Account.firm_id == firm_id)


def contact(session: Session, *, firm_id: int, contact_id: int) -> ContactRow:
    """One contact of the firm (Missing otherwise). One statement."""
    query = select_contacts(firm_id).where(Contact.contact_id == contact_id)
    row = session.execute(query).one_or_none() if contact_id < KEY_LIMIT else None
    if row is None:
        raise Missing("There is no such contact.")
    return ContactRow(*row)


def account(session: Session, *, firm_id: int, account_id: int) -> AccountRow:
    """One account of the firm (Missing otherwise). One statement."""
    query = select_accounts(firm_id).where(Account.account_id == account_id)
    row = session.execute(query).one_or_none() if account_id < KEY_LIMIT else None
    if row is None:
        raise Missing("There is no such account.")
    return AccountRow(*row)


def contacts_by_ids(session: Session, *, firm_id: int, contact_ids: Sequence[int]) -> list[ContactRow]:
    """Chosen contacts by name; ids of other firms are not there. One statement."""
    query = select_contacts(firm_id).where(Contact.contact_id.in_(contact_ids))
    return [
        ContactRow(*row) for row in session.execute(query.order_by(Contact.sort_name, Contact.contact_id))
    ]


def accounts_by_ids(session: Session, *, firm_id: int, account_ids: Sequence[int]) -> list[AccountRow]:
    """Chosen accounts by name; ids of other firms are not there. One statement."""
    query = select_accounts(firm_id).where(Account.account_id.in_(account_ids))
    return [
        AccountRow(*row) for row in session.execute(query.order_by(Account.sort_name, Account.account_id))
    ]


def contacts(
    session: Session,
    *,
    firm_id: int,
    account_id: int | None = None,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE,
) -> Page[ContactRow]:
    """Contacts by name, those of one account if it is given. One statement, two with a neighbour.

    Args:
        before, after: the contact next to which the page lies; its neighbours are shown, not itself.
    """
    query = select_contacts(firm_id)
    if account_id is not None:
        query = query.where(Contact.account_id == account_id)
    key = (Contact.sort_name, Contact.contact_id)
    rows, *ends = _page(session, query, firm_id=firm_id, key=key, before=before, after=after, limit=limit)
    return Page([ContactRow(*row) for row in rows], *ends)


def accounts(
    session: Session,
    *,
    firm_id: int,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE,
) -> Page[AccountRow]:
    """Accounts by name, paged like :func:`contacts`. One statement."""
    key = (Account.sort_name, Account.account_id)
    query = select_accounts(firm_id)
    rows, *ends = _page(session, query, firm_id=firm_id, key=key, before=before, after=after, limit=limit)
    return Page([AccountRow(*row) for row in rows], *ends)


def upcoming(
    session: Session, *, firm_id: int, whose: Whose, now: datetime, limit: int = APPOINTMENTS
) -> list[Row]:
    """The client's live appointments that have not ended, the next first. One statement."""
    query = (
        select_rows()
        .where(
            Appointment.firm_id == firm_id,
            whose.condition,
            Appointment.status.in_(LIVE),
            Appointment.end_time > now,
        )
        .order_by(Appointment.start_time, Appointment.appointment_id)
        .limit(limit)
    )
    return as_rows(session.execute(query))


def earlier(
    session: Session,
    *,
    firm_id: int,
    whose: Whose,
    now: datetime,
    before: int | None = None,
    after: int | None = None,
    limit: int = APPOINTMENTS,
) -> Page[Row]:
    """All their other appointments (over, or no longer live), newest first. One statement.

    Args:
        before, after: the appointment next to which the page lies, in the order shown.
    """
    query = select_rows().where(
        Appointment.firm_id == firm_id,
        whose.condition,
        sa.or_(Appointment.status.not_in(LIVE), Appointment.end_time <= now),
    )
    key = (Appointment.start_time, Appointment.appointment_id)
    rows, older, newer = _page(
        session, query, firm_id=firm_id, key=key, before=after, after=before, limit=limit, from_end=True
    )
    return Page(as_rows(reversed(rows)), newer, older)


def _page(
    session: Session,
    query: sa.Select[Any],
    *,
    firm_id: int,
    key: tuple[Any, Any],
    before: int | None,
    after: int | None,
    limit: int,
    from_end: bool = False,
) -> tuple[list[Any], int | None, int | None]:
    """Up to ``limit`` rows in ascending order of the key (a column and the primary key), and the ids from
    which it goes on both ways. Without ``before`` and ``after``: the first page, or the last one.
    """
    anchor = before if before is not None else after
    backwards = before is not None or (after is None and from_end)
    if anchor is not None:
        model = key[1].class_
        known = sa.select(*key).where(model.firm_id == firm_id, key[1] == min(anchor, KEY_LIMIT - 1))
        at = session.execute(known).one_or_none()
        if at is None:
            raise Missing("The list has changed. Go back to its beginning.")
        spot = sa.tuple_(*key)
        query = query.where(spot < tuple(at) if backwards else spot > tuple(at))
    ordered = query.order_by(*(part.desc() if backwards else part for part in key)).limit(limit + 1)
    rows = list(session.execute(ordered))
    more, rows = len(rows) > limit, rows[:limit]
    if backwards:
        rows.reverse()
    ids = [row[0] for row in rows]
    has_before = more if backwards else anchor is not None
    has_after = anchor is not None if backwards else more
    return rows, ids[0] if ids and has_before else None, ids[-1] if ids and has_after else None


def tallies(session: Session, *, firm_id: int, whose: Whose, since: datetime) -> tuple[Tally, Tally]:
    """What became of the appointments that started since an instant, and of all. One statement."""
    recent = sa.case((Appointment.start_time >= since, 1), else_=0)
    groups = session.execute(
        sa.select(
            Appointment.status,
            Appointment.no_show_party,
            Appointment.cancelled_by,
            sa.func.count(),
            sa.func.sum(recent),
        )
        .where(
            Appointment.firm_id == firm_id,
            whose.condition,
            sa.or_(
                Appointment.status.in_([Status.COMPLETED, Status.NO_SHOW]),
                Appointment.cancellation_kind == CancellationKind.CANCELLED,
            ),
        )
        # The status last: first, SQLite would walk the status index through the whole firm to save a sort.
        .group_by(Appointment.no_show_party, Appointment.cancelled_by, Appointment.status)
    )
    ever: dict[str, int] = {}
    year: dict[str, int] = {}
    for status, party, by, count, lately in groups:
        word = _word(status, party, by)
        ever[word] = ever.get(word, 0) + int(count)
        year[word] = year.get(word, 0) + int(lately)
    return Tally(**year), Tally(**ever)


def _word(status: Status, party: NoShowParty | None, by: CancelledBy | None) -> str:
    if status is Status.NO_SHOW and party is not None:
        return f"no_show_{party.value}"
    if status is Status.CANCELLED:
        return "cancelled_client" if by is CancelledBy.CLIENT else "cancelled_staff"
    return "completed"
