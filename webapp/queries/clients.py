"""Finding clients by what is typed: prefixes of names, e-mail addresses and phone numbers, or a reference.

Each word of a search is a range of the index ``(firm_id, term, contact_id)``, compared byte by byte on both
engines. What a search for clients looks at is bounded: past ``CANDIDATES`` words that begin alike it stops,
so that one letter in a firm of a million contacts costs milliseconds. Such a search is to be narrowed anyway.

A search for appointments misses none, and is done in one of two ways. Where few clients are meant they are
looked up, and then what they have. Where many are, going through the appointments in order soon finds some.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from webapp.lifecycle.terms import normalise, reference_of, words_of
from webapp.models import Account, Appointment, Contact, ContactTerm
from webapp.models.clients import TERM_LENGTH

REF_LENGTH = 120
"""The longest reference that an import keeps of another system's."""
CANDIDATES = 20_000
"""How many terms the most selective word of a search may bring up."""
BROAD = 500
"""More clients than these are not looked up to find their appointments."""
COUNTED = 5_000
"""How many terms of each word are counted; a word that has as many is a common one."""


def matching_contact_ids(session: Session, *, firm_id: int, q: str, limit: int = 201) -> list[int]:
    """Contacts that every word of ``q`` finds, at most ``limit``, ascending. Two statements at most."""
    words = words_of(q)
    if not words:
        return []
    words = _rarest_first(session, firm_id, words)
    return sorted(session.scalars(_contacts(firm_id, words).limit(limit)))


def matching_account_ids(session: Session, *, firm_id: int, q: str, limit: int = 201) -> list[int]:
    """Accounts whose folded name begins with ``q``, at most ``limit``, in the order of their names."""
    if not normalise(q):
        return []
    return list(session.scalars(_accounts(firm_id, q, limit)))


def contacts_found(session: Session, *, firm_id: int, q: str) -> sa.ColumnElement[bool]:
    """The condition on a contact that :func:`matching_contact_ids` finds it, past any limit of a page."""
    words = words_of(q)
    if not words:
        return sa.false()
    words = _rarest_first(session, firm_id, words)
    return Contact.contact_id.in_(_contacts(firm_id, words))


def accounts_found(q: str) -> sa.ColumnElement[bool]:
    """The condition on an account that its folded name begins with ``q``."""
    prefix = normalise(q)[:TERM_LENGTH]
    return begins_with(Account.sort_name, prefix) if prefix else sa.false()


@dataclass(frozen=True, slots=True)
class Found:
    """All clients that a search means, by number: at most ``BROAD`` contacts and as many accounts."""

    contacts: list[int]
    accounts: list[int]


def look_up(session: Session, *, firm_id: int, q: str) -> Found | None:
    """Everybody whom ``q`` means, or None where they are too many. One statement, two for several words."""
    words = _rarest_first(session, firm_id, words_of(q))
    parts = []
    if words:
        mine = _contacts(firm_id, words, candidates=COUNTED).limit(BROAD + 1).subquery()
        parts += [_numbered(0, mine.c.contact_id), _count(firm_id, 2, words[0])]
    if normalise(q):
        parts.append(_numbered(1, _accounts(firm_id, q, BROAD + 1).subquery().c.account_id))
    found: tuple[list[int], list[int], list[int]] = ([], [], [])
    for which, number in session.execute(sa.union_all(*parts)) if parts else ():
        found[which].append(number)
    contacts, accounts, terms = found
    broad = max(len(contacts), len(accounts)) > BROAD or max(terms, default=0) >= COUNTED
    return None if broad else Found(contacts, accounts)


def contact_filter(firm_id: int, q: str) -> sa.ColumnElement[bool]:
    """The condition that an appointment's client (contact or account) or its reference is what ``q`` says.

    Each row is asked: for queries that are narrow already, or stop early. A blank ``q`` is no condition.
    Beside it the query must name the firm, as always.
    """
    if not q.strip():
        return sa.true()
    conditions = _references(q)
    if words := words_of(q):
        conditions.append(sa.and_(*(_has_word(firm_id, Appointment.contact_id, word) for word in words)))
    if normalise(q):
        conditions.append(_is_named(firm_id, q))
    return sa.or_(*conditions) if conditions else sa.false()


def through_clients(firm_id: int, q: str) -> sa.ColumnElement[bool]:
    """The same condition where the clients come first, however many, and lead to appointments by index."""
    if not q.strip():
        return sa.true()
    conditions = _references(q)
    if words := words_of(q):
        conditions.append(Appointment.contact_id.in_(_contacts(firm_id, words, candidates=None)))
    if normalise(q):
        conditions.append(Appointment.account_id.in_(_accounts(firm_id, q)))
    parts = [
        sa.select(Appointment.appointment_id).where(Appointment.firm_id == firm_id, condition)
        for condition in conditions
    ]
    if not parts:
        return sa.false()
    found = sa.union_all(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
    return Appointment.appointment_id.in_(sa.select(found.c.appointment_id))


def of_found(q: str, found: Found) -> list[sa.ColumnElement[bool]]:
    """The same as conditions of which one holds, each with an index of its own: an OR would have PostgreSQL
    read every appointment."""
    pairs = ((Appointment.contact_id, found.contacts), (Appointment.account_id, found.accounts))
    return [*_references(q), *(column.in_(numbers) for column, numbers in pairs if numbers)] or [sa.false()]


def _references(q: str) -> list[sa.ColumnElement[bool]]:
    """The conditions that an appointment's reference, ours or an import's, is ``q``."""
    found: list[sa.ColumnElement[bool]] = []
    if (reference := reference_of(q)) is not None:
        found.append(Appointment.appointment_id == reference)
    if q.isprintable() and len(q.strip()) <= REF_LENGTH:
        found.append(Appointment.external_ref == q.strip())
    return found


def begins_with(column: InstrumentedAttribute[str], prefix: str) -> sa.ColumnElement[bool]:
    """``column`` begins with ``prefix``, as a range that an index answers."""
    above = _next(prefix)
    low = column >= prefix
    return sa.and_(low, column < above) if above else low


def _next(prefix: str) -> str:
    """The least string above all that begin with ``prefix``, by code points; empty when there is none."""
    for at in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[at]) + 1
        if code == 0xD800:
            code = 0xE000  # surrogates are not characters
        if code <= 0x10FFFF:
            return prefix[:at] + chr(code)
    return ""


def _contacts(firm_id: int, words: list[str], candidates: int | None = CANDIDATES) -> sa.Select[int]:
    """Contacts with a term for every word. The first word brings the candidates, the others sift them."""
    first = (
        sa.select(ContactTerm.contact_id)
        .where(ContactTerm.firm_id == firm_id, begins_with(ContactTerm.term, words[0]))
        .order_by(ContactTerm.firm_id, ContactTerm.term, ContactTerm.contact_id)
        .limit(candidates)
        .subquery()
    )
    query = sa.select(first.c.contact_id).distinct()
    for word in words[1:]:
        query = query.where(_has_word(firm_id, first.c.contact_id, word))
    return query


def _has_word(firm_id: int, contact_id: Any, word: str) -> sa.ColumnElement[bool]:
    """The contact of a row has a term that begins with the word. Looked for row by row: an EXISTS would have
    PostgreSQL gather everybody who has such a term first."""
    term = aliased(ContactTerm)
    mine = sa.and_(term.firm_id == firm_id, term.contact_id == contact_id)
    return sa.select(1).where(mine, begins_with(term.term, word)).limit(1).scalar_subquery().is_not(None)


def _is_named(firm_id: int, q: str) -> sa.ColumnElement[bool]:
    """The account of a row has a name that begins with what was typed."""
    mine = sa.and_(Account.firm_id == firm_id, Account.account_id == Appointment.account_id)
    same = begins_with(Account.sort_name, normalise(q)[:TERM_LENGTH])
    return sa.select(1).where(mine, same).correlate(Appointment).exists()


def _accounts(firm_id: int, q: str, limit: int | None = None) -> sa.Select[int]:
    prefix = normalise(q)[:TERM_LENGTH]
    return (
        sa.select(Account.account_id)
        .where(Account.firm_id == firm_id, begins_with(Account.sort_name, prefix))
        .order_by(Account.sort_name, Account.account_id)
        .limit(limit)
    )


def _rarest_first(session: Session, firm_id: int, words: list[str]) -> list[str]:
    """The word that begins the fewest terms brings the candidates."""
    if len(words) < 2:
        return words
    counts = _counts(session, firm_id, words)
    return sorted(words, key=lambda word: (counts[word], -len(word)))


def _counts(session: Session, firm_id: int, words: list[str]) -> dict[str, int]:
    """How many terms each word begins, as far as ``COUNTED``. One statement."""
    counted = sa.union_all(*(_count(firm_id, place, word) for place, word in enumerate(words)))
    return {words[place]: count for place, count in session.execute(counted)}


def _count(firm_id: int, place: int, word: str) -> sa.Select[int, int]:
    some = (
        sa.select(ContactTerm.contact_id)
        .where(ContactTerm.firm_id == firm_id, begins_with(ContactTerm.term, word))
        .order_by(ContactTerm.firm_id, ContactTerm.term, ContactTerm.contact_id)
        .limit(COUNTED)
        .subquery()
    )
    return _numbered(place, sa.func.count()).select_from(some)


def _numbered(place: int, column: sa.ColumnElement[int]) -> sa.Select[int, int]:
    """Beside each row the part of a union that it is of."""
    return sa.select(sa.literal_column(str(place), sa.Integer()), column)
