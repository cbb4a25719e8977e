"""Storing a batch of rows: what is there already is left alone, the rest goes in whole or not at all."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.lifecycle import recording, slots
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.erasing import references
from webapp.lifecycle.importing.clients import Clients, Known
from webapp.lifecycle.importing.facts import Facts, Kind, Staff
from webapp.lifecycle.importing.reading import Problem
from webapp.lifecycle.recording import Imported
from webapp.models import Appointment, AppointmentStatusHistory, AppointmentType, StaffUser
from webapp.vocabulary import Action

Interval = tuple[datetime, datetime]


@dataclass(slots=True)
class Tally:
    """What became of rows. ``overbooked`` of the imported ones share their time with another."""

    imported: int = 0
    already: int = 0
    overbooked: int = 0
    contacts: int = 0
    problems: list[Problem] = field(default_factory=list)


def staff_of(session: Session, firm_id: int) -> dict[str, Staff]:
    """Everybody of the firm by e-mail address, those who have left too: the past is theirs."""
    rows = session.execute(
        sa.select(
            StaffUser.email, StaffUser.staff_user_id, StaffUser.bookable, StaffUser.deactivated_at
        ).where(StaffUser.firm_id == firm_id)
    )
    return {row.email: Staff(row.staff_user_id, row.bookable and row.deactivated_at is None) for row in rows}


def kinds_of(session: Session, firm_id: int) -> dict[str, Kind]:
    """The firm's appointment types by folded name, retired ones too."""
    rows = session.execute(
        sa.select(AppointmentType.name, AppointmentType.appointment_type_id, AppointmentType.duration).where(
            AppointmentType.firm_id == firm_id
        )
    )
    return {row.name.casefold(): Kind(row.appointment_type_id, row.duration) for row in rows}


def newest(session: Session, firm_id: int) -> int:
    """The highest number an appointment of the firm has; what this import adds comes after it."""
    query = sa.select(sa.func.max(Appointment.appointment_id)).where(Appointment.firm_id == firm_id)
    return session.scalar(query) or 0


def write(
    session: Session,
    batch: Sequence[Facts],
    *,
    actor: Actor,
    now: datetime,
    newest: int,
    overbook: bool,
    secret: str,
) -> Tally:
    """Store the rows of a batch that are new, in the caller's transaction; can be repeated after a roll-back.

    Args:
        newest: the number that :func:`newest` gave before the first batch; it tells a reference that was
            there already from one that stands in the file twice.
        now: one and the same for all batches of an import; it tells them from another import's.
        overbook: mark a live row whose slot is held as overbooked; otherwise it is a problem.
        secret: the installation's key, by which the references of erased people are known.
    """
    tally = Tally()
    new = _new(session, batch, actor.firm_id, newest, now, tally)
    new = _not_erased(session, new, actor.firm_id, secret, tally)
    rows = _placed(session, new, actor.firm_id, overbook, tally)
    clients = Clients(session, firm_id=actor.firm_id, now=now)
    known = clients.resolve(row.client for row in rows)
    recording.bulk_import(session, [_imported(row, known[row.client]) for row in rows], actor=actor, now=now)
    tally.imported, tally.contacts = len(rows), clients.added
    tally.overbooked = sum(row.overbooked for row in rows)
    return tally


def came_second(error: IntegrityError) -> bool:
    """Whether another import added a row with the same reference after this one had looked for it."""
    return "external_ref" in str(error.orig)


def _new(
    session: Session, batch: Sequence[Facts], firm_id: int, newest: int, now: datetime, tally: Tally
) -> list[Facts]:
    """The rows whose reference the firm does not have and that stand in the batch for the first time."""
    found = session.execute(
        sa.select(Appointment.external_ref, Appointment.appointment_id).where(
            Appointment.firm_id == firm_id, Appointment.external_ref.in_({row.external_ref for row in batch})
        )
    )
    present = {ref: number for ref, number in found if ref is not None}
    ours = _ours(session, firm_id, [number for number in present.values() if number > newest], now)
    new: dict[str, Facts] = {}
    for row in batch:
        if row.external_ref in present and present[row.external_ref] not in ours:
            tally.already += 1
        elif row.external_ref in present or row.external_ref in new:
            tally.problems.append(repeated(row))
        else:
            new[row.external_ref] = row
    return list(new.values())


def _ours(session: Session, firm_id: int, numbers: list[int], now: datetime) -> set[int]:
    """Which of these appointments an earlier batch of this import has added, and not somebody else."""
    if not numbers:
        return set()
    history = AppointmentStatusHistory
    return set(
        session.scalars(
            sa.select(history.appointment_id).where(
                history.firm_id == firm_id,
                history.appointment_id.in_(numbers),
                history.sequence == 1,
                history.action == Action.IMPORT,
                history.changed_at == now,
            )
        )
    )


def repeated(row: Facts) -> Problem:
    """The sentence for a reference that an earlier line of the file has used."""
    return Problem(row.line, f"The reference {row.external_ref!r} stands on an earlier line too.")


def _not_erased(session: Session, rows: list[Facts], firm_id: int, secret: str, tally: Tally) -> list[Facts]:
    """The rows but for those that would bring an erased person back: the row or its client is known."""
    traces = {
        row.line: [
            references.trace("appointment", row.external_ref, firm_id=firm_id, secret=secret),
            references.trace("contact", row.client.ref, firm_id=firm_id, secret=secret),
        ]
        for row in rows
    }
    gone = references.erased(session, firm_id, [each for both in traces.values() for each in both])
    kept = []
    for row in rows:
        at = next((gone[each] for each in traces[row.line] if each in gone), None)
        if at is None:
            kept.append(row)
        else:
            tally.problems.append(Problem(row.line, f"The client was erased on {at:%Y-%m-%d} (UTC)."))
    return kept


def _placed(session: Session, rows: list[Facts], firm_id: int, overbook: bool, tally: Tally) -> list[Facts]:
    """The rows but for live ones in a slot that is held. Holds the calendars until the commit."""
    live = [row for row in rows if row.live and not row.overbooked]
    if not live:
        return rows
    slots.lock_staff(session, (row.staff_user_id for row in live))
    held = _held(session, firm_id, live)
    kept = []
    for row in rows:
        wants = row.live and not row.overbooked
        if not wants or _take(held[row.staff_user_id], (row.start_time, row.end_time)):
            kept.append(row)
        elif overbook:
            kept.append(replace(row, overbooked=True))
        else:
            tally.problems.append(Problem(row.line, "Another live appointment holds its time."))
    return kept


def _held(session: Session, firm_id: int, live: Iterable[Facts]) -> dict[int, list[Interval]]:
    of: dict[int, list[Facts]] = {}
    for row in live:
        of.setdefault(row.staff_user_id, []).append(row)
    return {
        staff_user_id: slots.taken(
            session,
            firm_id=firm_id,
            staff_user_id=staff_user_id,
            start=min(row.start_time for row in rows),
            end=max(row.end_time for row in rows),
        )
        for staff_user_id, rows in of.items()
    }


def _take(held: list[Interval], wanted: Interval) -> bool:
    """Add an interval to ascending, disjoint ones; False if it overlaps one of them."""
    place = bisect_left(held, wanted)
    if place and held[place - 1][1] > wanted[0]:
        return False
    if place < len(held) and held[place][0] < wanted[1]:
        return False
    held.insert(place, wanted)
    return True


def _imported(row: Facts, client: Known) -> Imported:
    return Imported(
        external_ref=row.external_ref,
        appointment_type_id=row.appointment_type_id,
        staff_user_id=row.staff_user_id,
        contact_id=client.contact_id,
        account_id=client.account_id,
        start_time=row.start_time,
        end_time=row.end_time,
        status=row.outcome.status,
        no_show_party=row.outcome.party,
        cancelled_by=row.outcome.cancelled_by,
        created_at=row.created_at,
        occurred_at=row.occurred_at,
        overbooked=row.overbooked,
        location=row.location,
        notes=row.notes,
        reason=row.reason,
    )
