"""The history as its proof sees it: entries with their bookings, and the seals over them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp import proof
from webapp.lifecycle.sealing import as_proof
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    Firm,
    HistoryAdoption,
    HistorySeal,
    HistoryUnsealed,
)

HISTORY = cast(sa.Table, AppointmentStatusHistory.__table__)
APPOINTMENTS = cast(sa.Table, Appointment.__table__)
WAITING = cast(sa.Table, HistoryUnsealed.__table__)
CHUNK = 5000

Chapter = tuple[proof.Booking | None, list[proof.Entry]]
"""An appointment and its entries by sequence. No booking: the appointment is gone."""


@dataclass(frozen=True, slots=True)
class State:
    """How far a firm's history is sealed. ``adopting`` counts rows that have no digest yet."""

    entries: int
    waiting: int
    oldest_waiting: datetime | None
    seals: int
    last: HistorySeal | None
    adopting: int


def firms(session: Session) -> list[tuple[int, str]]:
    """Every firm as id and slug."""
    return [
        (row.firm_id, row.slug)
        for row in session.execute(sa.select(Firm.firm_id, Firm.slug).order_by(Firm.firm_id))
    ]


def chapters(session: Session, *, firm_id: int) -> Iterator[Chapter]:
    """Every appointment of a firm that has a history, by id. Streams; one statement, one moment."""
    adoption = session.get(HistoryAdoption, firm_id)
    coming = sa.and_(HISTORY.c.entry_hash.is_(None), HISTORY.c.history_id <= _last_id(adoption))
    old = sa.or_(HISTORY.c.legacy, coming)
    new = sa.or_(WAITING.c.history_id.is_not(None), coming)
    own = {"legacy": old, "waiting": new}
    postgresql = session.get_bind().dialect.name == "postgresql"
    columns = [
        own[name] if name in own else _plain(HISTORY.c[name], postgresql) for name in proof.Entry._fields
    ]
    columns += [_plain(APPOINTMENTS.c[name], postgresql) for name in proof.Booking._fields]
    wanted = (
        sa.select(*(column.label(f"c{place}") for place, column in enumerate(columns)))
        .select_from(HISTORY)
        .outerjoin(
            APPOINTMENTS,
            sa.and_(
                APPOINTMENTS.c.firm_id == HISTORY.c.firm_id,
                APPOINTMENTS.c.appointment_id == HISTORY.c.appointment_id,
            ),
        )
        .outerjoin(WAITING, WAITING.c.history_id == HISTORY.c.history_id)
        .where(HISTORY.c.firm_id == firm_id)
        .order_by(HISTORY.c.appointment_id, HISTORY.c.sequence)
    )
    rows = session.connection().execute(wanted.execution_options(yield_per=CHUNK))
    width = len(proof.Entry._fields)
    for _, of_one in groupby(rows, key=lambda row: cast(int, row[1])):
        found = list(of_one)
        booking = None if found[0][width] is None else proof.Booking._make(found[0][width:])
        yield booking, [proof.Entry._make(row[:width]) for row in found]


def _last_id(adoption: HistoryAdoption | None) -> int:
    return adoption.last_id if adoption is not None and adoption.done_id < adoption.last_id else 0


def _plain(column: sa.Column[Any], postgresql: bool) -> sa.ColumnElement[Any]:
    """A column as it goes into a digest: words and instants as text, whatever else is in it."""
    if isinstance(column.type, sa.Enum):
        return sa.type_coerce(column, sa.String)
    if "_at" in column.name[-3:] or column.name.endswith("_time"):
        if postgresql:
            return sa.func.to_char(sa.func.timezone("UTC", column), "YYYY-MM-DD HH24:MI:SS.US")
        return sa.type_coerce(column, sa.String)
    return column


def seals(session: Session, *, firm_id: int, after: int = 0) -> Iterator[proof.Seal]:
    """The firm's seals after a number, in order. Streams."""
    wanted = (
        sa.select(HistorySeal)
        .where(HistorySeal.firm_id == firm_id, HistorySeal.number > after)
        .order_by(HistorySeal.number)
        .execution_options(yield_per=100)
    )
    for row in session.scalars(wanted):
        yield as_proof(row)


def verify(
    session: Session,
    *,
    firm_id: int,
    keys: Mapping[str, bytes],
    kept: Mapping[int, proof.Seal] | None = None,
) -> Iterator[proof.Finding | proof.Verifier]:
    """Check a firm's history: what is not as it was recorded, then the verifier, which has counted.

    Args:
        keys: public keys that are trusted, by name.
        kept: seals that were kept outside the database, by number.
    """
    verifier = proof.Verifier(firm_id, keys)
    for booking, entries in chapters(session, firm_id=firm_id):
        yield from verifier.appointment(booking, entries)
    numbers: dict[int, proof.Seal] = {}
    for seal in seals(session, firm_id=firm_id):
        yield from verifier.seal(seal)
        if kept and seal.number in kept:
            numbers[seal.number] = seal
    yield from verifier.finish()
    yield from proof.compare(kept or {}, numbers.values(), firm_id)
    yield from _gone(session, firm_id)
    yield verifier


def _gone(session: Session, firm_id: int) -> Iterator[proof.Finding]:
    """Rows that await a seal and are no longer there."""
    lost = (
        sa.select(WAITING.c.history_id)
        .outerjoin(
            HISTORY,
            sa.and_(HISTORY.c.history_id == WAITING.c.history_id, HISTORY.c.firm_id == WAITING.c.firm_id),
        )
        .where(WAITING.c.firm_id == firm_id, HISTORY.c.history_id.is_(None))
        .order_by(WAITING.c.history_id)
    )
    for number in session.scalars(lost):
        yield proof.Finding(firm_id, f"history row {number}", "The entry awaits a seal and is gone.")


def export(session: Session, *, firm_id: int) -> Iterator[dict[str, Any]]:
    """A firm's history as the verifier that needs no database reads it: objects, one for each line."""
    for booking, entries in chapters(session, firm_id=firm_id):
        told = [entry._asdict() for entry in entries]
        yield {"firm": firm_id, "booking": booking._asdict() if booking else None, "entries": told}
    for seal in seals(session, firm_id=firm_id):
        yield {"firm": firm_id, "seal": seal._asdict()}


def state(session: Session, *, firm_id: int) -> State:
    """How far a firm's history is sealed, in four statements."""
    last = session.scalar(
        sa.select(HistorySeal)
        .where(HistorySeal.firm_id == firm_id)
        .order_by(HistorySeal.number.desc())
        .limit(1)
    )
    sealed = session.scalar(
        sa.select(sa.func.sum(HistorySeal.entry_count)).where(HistorySeal.firm_id == firm_id)
    )
    waiting, oldest = session.execute(
        sa.select(sa.func.count(), sa.func.min(HISTORY.c.changed_at))
        .join_from(WAITING, HISTORY, WAITING.c.history_id == HISTORY.c.history_id)
        .where(WAITING.c.firm_id == firm_id, HISTORY.c.firm_id == firm_id)
    ).one()
    adoption = session.get(HistoryAdoption, firm_id)
    adopting = 0
    if adoption is not None and adoption.done_id < adoption.last_id:
        adopting = adoption.last_id - adoption.done_id
    return State(int(sealed or 0) + waiting, waiting, oldest, last.number if last else 0, last, adopting)
