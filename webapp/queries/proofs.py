"""The history as its proof sees it: entries with their bookings, and the seals over them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session, defer

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
from webapp.vocabulary import ActorKind

HISTORY = cast(sa.Table, AppointmentStatusHistory.__table__)
APPOINTMENTS = cast(sa.Table, Appointment.__table__)
WAITING = cast(sa.Table, HistoryUnsealed.__table__)
CHUNK = 5000
WITHHELD = "not shown"
LATE = 3  # seals by which an entry may have missed its own

Chapter = tuple[proof.Booking | None, list[proof.Entry]]
"""An appointment and its entries by sequence. No booking: the appointment is gone."""


@dataclass(frozen=True, slots=True)
class State:
    """How far a firm's history is sealed. ``adopting``: rows older than digests await theirs."""

    waiting: int
    oldest_waiting: datetime | None
    last: proof.Seal | None
    sealed_at: datetime | None
    adopting: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """What proves one entry: its digest and, once it is sealed, its seal and the place in it."""

    appointment_id: int
    sequence: int
    entry_hash: str | None
    seal: proof.Seal | None
    place: int = 0


def firms(session: Session) -> list[tuple[int, str]]:
    """Every firm as id and slug."""
    return [
        (row.firm_id, row.slug)
        for row in session.execute(sa.select(Firm.firm_id, Firm.slug).order_by(Firm.firm_id))
    ]


def chapters(session: Session, *, firm_id: int, only: Collection[int] | None = None) -> Iterator[Chapter]:
    """Every appointment of a firm that has a history, by id, or ``only`` some. Streams; one statement."""
    adopting = sa.func.coalesce(_adopting(firm_id), 0)
    coming = sa.and_(HISTORY.c.entry_hash.is_(None), HISTORY.c.history_id <= adopting)
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
    if only is not None:
        wanted = wanted.where(HISTORY.c.appointment_id.in_(only))
    rows = session.connection().execute(wanted.execution_options(yield_per=CHUNK))
    width = len(proof.Entry._fields)
    for _, of_one in groupby(rows, key=lambda row: cast(int, row[1])):
        found = list(of_one)
        booking = None if found[0][width] is None else proof.Booking._make(found[0][width:])
        yield booking, [proof.Entry._make(row[:width]) for row in found]


def _adopting(firm_id: int) -> sa.ScalarSelect[int]:
    """The last of the firm's rows that are still to be given their digests as found."""
    behind = HistoryAdoption.done_id < HistoryAdoption.last_id
    return (
        sa.select(HistoryAdoption.last_id).where(HistoryAdoption.firm_id == firm_id, behind).scalar_subquery()
    )


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
    """How far a firm's history is sealed, in three statements."""
    last = session.scalar(_newest(firm_id).limit(1))
    written = (  # row by row: joined, SQLite would read the history and look each row up among the waiting
        sa.select(HISTORY.c.changed_at)
        .where(HISTORY.c.firm_id == firm_id, HISTORY.c.history_id == WAITING.c.history_id)
        .scalar_subquery()
    )
    waiting, oldest = session.execute(
        sa.select(sa.func.count(), sa.func.min(written)).where(WAITING.c.firm_id == firm_id)
    ).one()
    adopting = session.scalar(sa.select(_adopting(firm_id))) is not None
    return State(
        waiting, oldest, as_proof(last) if last else None, last.sealed_at if last else None, adopting
    )


def latest(session: Session, *, firm_id: int, limit: int) -> Sequence[HistorySeal]:
    """The firm's newest seals, the newest first, without their lists of entries."""
    return session.scalars(_newest(firm_id).options(defer(HistorySeal.members)).limit(limit)).all()


def _newest(firm_id: int) -> sa.Select[HistorySeal]:
    return sa.select(HistorySeal).where(HistorySeal.firm_id == firm_id).order_by(HistorySeal.number.desc())


def marks(session: Session, *, firm_id: int, appointment_ids: Collection[int]) -> list[Mark]:
    """What proves each entry of some appointments, by appointment and sequence, in two statements.

    Entries are sealed in the order of their keys, but for those that were committed late: a seal is looked
    for among the first few that come into question.
    """
    row = HISTORY.c
    about = sa.select(HistorySeal.number).where(
        HistorySeal.firm_id == row.firm_id, HistorySeal.last_id >= row.history_id
    )
    first = about.order_by(HistorySeal.last_id).limit(1).correlate(HISTORY).scalar_subquery()
    entries = session.execute(
        sa.select(row.appointment_id, row.sequence, row.entry_hash, first.label("seal"))
        .where(row.firm_id == firm_id, row.appointment_id.in_(appointment_ids))
        .order_by(row.appointment_id, row.sequence)
    ).all()
    numbers = {entry.seal + step for entry in entries if entry.seal for step in range(-LATE, LATE + 1)}
    wanted = sa.select(HistorySeal).where(HistorySeal.firm_id == firm_id, HistorySeal.number.in_(numbers))
    found = [as_proof(seal) for seal in session.scalars(wanted.order_by(HistorySeal.number))]
    places = {name: (seal, place) for seal in found for place, name in enumerate(seal.members.split(" "))}
    return [_mark(entry, places) for entry in entries]


def _mark(entry: Any, places: Mapping[str, tuple[proof.Seal, int]]) -> Mark:
    number, sequence, entry_hash = entry.appointment_id, entry.sequence, entry.entry_hash
    if entry_hash is None or (name := proof.member(number, sequence, entry_hash)) not in places:
        return Mark(number, sequence, entry_hash, None)
    seal, place = places[name]
    return Mark(number, sequence, entry_hash, seal, place)


def proof_of(
    session: Session,
    *,
    firm_id: int,
    appointment_ids: Collection[int],
    withheld: Collection[tuple[int, int]] = (),
) -> Iterator[dict[str, Any]]:
    """Some appointments as the verifier reads them, each entry with its path to the root of its seal.

    Four statements, whatever there is to show.

    Args:
        withheld: appointment and sequence of entries whose words and client are shown by their commitment.
    """
    for booking, entries in chapters(session, firm_id=firm_id, only=appointment_ids):
        told = [_without_words(one) if one[1:3] in withheld else one for one in entries]
        shown = [one._asdict() for one in told]
        yield {"firm": firm_id, "booking": booking._asdict() if booking else None, "entries": shown}
    sealed = [mark for mark in marks(session, firm_id=firm_id, appointment_ids=appointment_ids) if mark.seal]
    seals_of = {mark.seal.number: mark.seal for mark in sealed if mark.seal}
    leaves = _leaves(session, firm_id, seals_of)
    for mark in sealed:
        if mark.seal is not None:
            yield {
                "firm": firm_id,
                "appointment_id": mark.appointment_id,
                "sequence": mark.sequence,
                "path": proof.path(leaves[mark.seal.number], mark.place),
                "seal": mark.seal._replace(members=proof.members_digest(mark.seal))._asdict(),
            }


def _without_words(entry: proof.Entry) -> proof.Entry:
    """An entry of which the words, and the client who acted, are shown by their commitment alone."""
    words = proof.words_of(entry)
    if words is None:
        return entry
    label = WITHHELD if entry.actor_kind == ActorKind.CLIENT else entry.actor_label
    return entry._replace(reason=None, words_salt=None, erased_words=words, actor_label=label)


def _leaves(session: Session, firm_id: int, wanted: Mapping[int, proof.Seal]) -> dict[int, list[bytes]]:
    """The leaves of seals in the order of their trees, in one statement."""
    between = sa.and_(
        HistorySeal.firm_id == HISTORY.c.firm_id,
        HISTORY.c.history_id.between(HistorySeal.first_id, HistorySeal.last_id),
    )
    rows = session.execute(
        sa.select(HISTORY.c.appointment_id, HISTORY.c.sequence, HISTORY.c.entry_hash)
        .join_from(HistorySeal, HISTORY, between)
        .where(
            HistorySeal.firm_id == firm_id, HistorySeal.number.in_(wanted), HISTORY.c.entry_hash.is_not(None)
        )
    )
    found = {proof.member(*row): proof.leaf(row.entry_hash) for row in rows}
    missing = proof.leaf("")
    return {
        number: [found.get(name, missing) for name in seal.members.split(" ")]
        for number, seal in wanted.items()
    }
