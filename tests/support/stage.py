"""The part of a firm that is both attacked and looked at from beside: one of everything, texts as told."""

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import DAY, World, draft, make_contact
from tests.support.engines import SECRET_KEY
from tests.support.polls import HOUR
from webapp.lifecycle import appointments, attendance, booking, client_requests, details, team, types
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment
from webapp.vocabulary import AttendanceSide, AttendanceSource, CancelledBy, NoShowParty, Role

Say = Callable[[str], str]
"""The text of a field, by the field's name."""
MINUTE = timedelta(minutes=1)


def _hours(first: datetime, step: timedelta) -> Iterator[datetime]:
    return (first + n * step for n in itertools.count())


def meetings(session: Session, world: World, say: Say) -> dict[str, int]:
    """One in each status by name, and one for each step that is taken twice; committed."""
    lena, made = world.acting(), world.now - 5 * DAY
    ahead, behind = _hours(world.now + DAY, HOUR), _hours(world.now - DAY, -HOUR)
    ids: dict[str, int] = {}

    def plan(start: datetime, **more: Any) -> booking.Draft:
        return draft(world, start=start, location=say("location"), notes=say("notes"), **more)

    def booked(name: str, start: datetime) -> Appointment:
        found = booking.book(session, actor=lena, draft=plan(start), now=made)
        found.external_ref = say(f"reference {name}")
        ids[name] = found.appointment_id
        return found

    for name in ("confirmed", "dossier"):
        booked(name, next(ahead))
    booked("started", world.now - 5 * MINUTE)
    suggested = booked("suggested", world.now - 3 * DAY)
    asked = plan(next(ahead), reason=say("wish"))
    ids["requested"] = booking.request(session, actor=world.client, draft=asked, now=made).appointment_id
    start = next(ahead)
    proposed = booking.propose(session, actor=lena, draft=plan(start, confirm_by=start), now=made)
    ids["proposed"] = proposed.appointment_id
    done = booked("completed", next(behind))
    appointments.complete(session, done, actor=lena, now=done.end_time)
    missed = booked("missed", next(behind))
    late, whose = missed.start_time + 30 * MINUTE, NoShowParty.CLIENT
    appointments.mark_no_show(session, missed, actor=lena, party=whose, now=late, note=say("note"))
    off, side = booked("cancelled", next(ahead)), CancelledBy.CLIENT
    appointments.cancel(session, off, actor=lena, reason=say("reason"), cancelled_by=side, now=made + DAY)
    moved = booked("moved", next(ahead))
    slot = NewSlot(start_time=moved.start_time + 3 * DAY, end_time=moved.end_time + 3 * DAY)
    appointments.reschedule(session, moved, actor=lena, slot=slot, reason=say("move"), now=made + DAY)
    tracked = Appointment.appointment_id == suggested.appointment_id
    session.execute(sa.update(Appointment).where(tracked).values(tracked=True))
    session.commit()
    return ids


def around(session: Session, world: World, say: Say, ids: dict[str, int]) -> dict[str, Any]:
    """An edit of the confirmed one, its personal link, attendance by a program; a second contact."""
    meeting = session.get_one(Appointment, ids["confirmed"])
    second = make_contact(session, world.firm, say("second contact"), account=world.account)
    details.edit(
        session,
        meeting,
        actor=world.acting(),
        location=say("new location"),
        notes=say("new notes"),
        contact_id=world.contact.contact_id,
        now=world.now - 2 * DAY,
        expected_version=meeting.version,
    )
    token, _until = client_requests.link_for(
        session, meeting, secret=SECRET_KEY, actor=world.acting(), now=world.now
    )
    attendance.record(
        session,
        session.get_one(Appointment, ids["started"]),
        actor=Actor.system(world.firm.firm_id, say("provider")),
        side=AttendanceSide.STAFF,
        source=AttendanceSource.PROVIDER,
        joined_at=world.now - MINUTE,
        now=world.now,
        external_id=say("call"),
    )
    session.commit()
    return {"client_link": token, "second_contact": second.contact_id}


def people(session: Session, world: World, say: Say) -> dict[str, Any]:
    """Somebody who was invited, somebody who has gone, a type that is no longer offered."""
    olga, ids = world.acting(world.owner), {}
    for name in ("invited", "gone"):
        person, ids[f"{name}_link"] = team.invite(
            session,
            actor=olga,
            name=say(name),
            email=f"{name}@{world.firm.slug}.example",
            role=Role.STAFF,
            bookable=True,
            now=world.now,
        )
        ids[name] = person.staff_user_id
    team.deactivate(session, ids["gone"], actor=olga, now=world.now)
    facts = types.TypeFacts(name=say("old type"), duration=30)
    kind = types.create(session, actor=olga, facts=facts, now=world.now)
    types.retire(session, kind, actor=olga, now=world.now)
    return ids | {"retired_type": kind.appointment_type_id}
