"""The digest of each history row, made as the row is written. The formulas are in :mod:`webapp.proof`."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp import proof
from webapp.lifecycle import rowsets
from webapp.models import Appointment, AppointmentStatusHistory
from webapp.vocabulary import ActorKind

APPOINTMENTS = cast(sa.Table, Appointment.__table__)
HISTORY = cast(sa.Table, AppointmentStatusHistory.__table__)
KEY = ("firm_id", "appointment_id")
SALT_BYTES = 16
BOOKING = proof.Booking._fields
ENTRY = proof.Entry._fields[:14]


class Last(NamedTuple):
    """Where an appointment's history ends. ``entry_hash`` None: it was written before there were digests."""

    sequence: int
    entry_hash: str | None


class Digest(NamedTuple):
    """What a history row carries to prove itself."""

    entry_hash: str
    words_salt: str | None


def last_of() -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
    """The sequence and the digest of an appointment's last entry, for what its UPDATE gives back.

    The table is named in plain text: SQLite is given the columns of a RETURNING clause without their table,
    and would compare the history with itself.
    """
    earlier = HISTORY.alias("earlier")

    def newest(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        same = (earlier.c[name] == sa.literal_column(f"{APPOINTMENTS.name}.{name}") for name in KEY)
        found = sa.select(column).where(*same)
        return found.order_by(earlier.c.sequence.desc()).limit(1).scalar_subquery()

    return newest(earlier.c.sequence).label("last_sequence"), newest(earlier.c.entry_hash).label("last_hash")


def booking(row: Any) -> str:
    """The digest of an appointment's lasting facts; ``row`` has them as attributes."""
    return proof.booking_digest(proof.Booking(*(_plain(getattr(row, name)) for name in BOOKING)))


def bookings(session: Session, firm_id: int, appointment_ids: Iterable[int]) -> dict[int, str]:
    """The same of many appointments, by id, in one statement."""
    wanted = sa.select(*(APPOINTMENTS.c[name] for name in BOOKING)).where(
        APPOINTMENTS.c.firm_id == firm_id, APPOINTMENTS.c.appointment_id.in_(list(appointment_ids))
    )
    return {row.appointment_id: booking(row) for row in session.connection().execute(wanted)}


def entry(previous: str, values: Mapping[str, Any], *, legacy: bool = False) -> Digest:
    """The digest of a history row with these values (column names; absent ones are null)."""
    reason = values.get("reason")
    wordy = reason is not None or values["actor_kind"] == ActorKind.CLIENT
    salt = secrets.token_hex(SALT_BYTES) if wordy else None
    told: list[Any] = [_plain(values.get(name)) for name in ENTRY]
    facts = proof.Entry._make([*told, reason, legacy, salt, None, None, False])
    return Digest(proof.entry_digest(previous, facts), salt)


def set_of(
    session: Session,
    rows: Sequence[Sequence[Any]],
    columns: Sequence[str],
    lasts: Mapping[int, Last],
    shared: Any,
) -> list[tuple[Any, ...]]:
    """Rows of a set (the appointment's id first) with their sequence, digest and salt behind."""
    unhashed = [number for number, last in lasts.items() if last.entry_hash is None]
    begun = bookings(session, shared["firm_id"], unhashed) if unhashed else {}
    made = []
    for row in rows:
        last = lasts[row[0]]
        values = shared | dict(zip(columns, row, strict=True)) | {"sequence": last.sequence + 1}
        made.append((*row, last.sequence + 1, *entry(last.entry_hash or begun[row[0]], values)))
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rowsets.stored(value)  # the form that a digest takes, too
    return value.value if isinstance(value, StrEnum) else value
