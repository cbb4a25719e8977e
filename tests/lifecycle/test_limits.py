"""The limits of a firm and of its types: they bind clients, and staff go past them with a reason."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, at_status
from tests.lifecycle import rows
from tests.lifecycle.threads import at_once
from webapp.lifecycle import appointments, client_requests, limits, links, submissions
from webapp.lifecycle.appointments import NewSlot
from webapp.lifecycle.client_requests import KEEP_LINK, Options
from webapp.lifecycle.errors import Conflict, Invalid, LimitReached, NotAllowed, SlotTaken, Stale
from webapp.models import Appointment, AppointmentType, Firm, PersonalLink
from webapp.queries import client_link, invariants
from webapp.vocabulary import CancelledBy, Override, Status

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def rule(session: Session, world: World, *, of_type: bool = False, **values: Any) -> None:
    thing = world.kind if of_type else world.firm
    for name, value in values.items():
        setattr(thing, name, value)
    session.commit()


@pytest.fixture
def booked(session: Session, world: World) -> Appointment:
    """Ada's meeting tomorrow at ten."""
    return at_status(session, Status.CONFIRMED, world)


@pytest.fixture
def link(session: Session, world: World, booked: Appointment) -> PersonalLink:
    links.issue(
        session,
        secret="x" * 32,
        firm_id=world.firm.firm_id,
        appointment_id=booked.appointment_id,
        contact_id=booked.contact_id,
        expires_at=booked.end_time + KEEP_LINK,
        now=world.now,
    )
    session.commit()
    return session.scalars(sa.select(PersonalLink)).one()


def move(session: Session, world: World, appointment: Appointment, start: Any, **more: Any) -> Appointment:
    """A move by the client, or by ``actor``."""
    made = appointments.reschedule(
        session,
        appointment,
        actor=more.pop("actor", world.client),
        slot=NewSlot(start_time=start, end_time=start + LENGTH),
        reason=more.pop("reason", ""),
        now=more.pop("now", world.now),
    )
    session.commit()
    return made


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_a_client_moves_as_often_as_the_limit_says(
    session: Session, world: World, booked: Appointment, limit: int
) -> None:
    rule(session, world, reschedule_limit=limit)
    here = booked
    for count in range(limit):
        here = move(session, world, here, world.now + (count + 2) * DAY)
    with pytest.raises(LimitReached):
        move(session, world, here, world.now + 20 * DAY)
    session.rollback()
    assert here.chain_position == limit + 1
    assert not list(invariants.check(session))


def test_without_a_limit_a_client_moves_freely(session: Session, world: World, booked: Appointment) -> None:
    rule(session, world, reschedule_limit=None)
    for count in range(6):
        booked = move(session, world, booked, world.now + (count + 2) * DAY)
    assert booked.chain_position == 7


@pytest.mark.parametrize(("firm", "kind", "allowed"), [(0, 1, True), (3, 0, False), (0, None, False)])
def test_the_limit_of_the_type_goes_before_the_firms(
    session: Session, world: World, booked: Appointment, firm: int, kind: int | None, allowed: bool
) -> None:
    rule(session, world, reschedule_limit=firm)
    rule(session, world, of_type=True, reschedule_limit=kind)
    assert client_requests.options(session, booked, now=world.now).move is allowed


@pytest.mark.parametrize("by_type", [False, True])
@pytest.mark.parametrize(("name", "step"), [("cancel_notice", "cancel"), ("reschedule_notice", "reschedule")])
def test_a_notice_binds_a_client_from_the_minute_on(
    session: Session, world: World, booked: Appointment, name: str, step: str, by_type: bool
) -> None:
    rule(session, world, **{name: 1 if by_type else 120})
    if by_type:
        rule(session, world, of_type=True, **{name: 120})
    latest = booked.start_time - 2 * HOUR
    check = limits.for_cancelling if step == "cancel" else limits.for_rescheduling
    more = {} if step == "cancel" else {"reason": ""}
    assert check(session, booked, actor=world.client, now=latest, **more) == ()
    with pytest.raises(LimitReached, match="2 h notice"):
        check(session, booked, actor=world.client, now=latest + timedelta(seconds=1), **more)


@pytest.mark.parametrize("name", ["cancel_notice", "reschedule_notice"])
def test_a_notice_counts_minutes_across_a_change_of_clocks(session: Session, world: World, name: str) -> None:
    """London's clocks go forward on Sunday 29 March 2026: Sunday noon less a day is Saturday 11:00."""
    rule(session, world, **{name: 24 * 60})
    meeting = at_status(session, Status.CONFIRMED, world, start=world.at("2026-03-29 12:00"))
    options = client_requests.options(session, meeting, now=world.at("2026-03-28 10:59"))
    until = options.cancel_until if name == "cancel_notice" else options.move_until
    assert until == world.at("2026-03-28 11:00")
    assert options.cancel
    assert options.move
    later = client_requests.options(session, meeting, now=world.at("2026-03-28 11:01"))
    assert (later.cancel, later.move) == (name != "cancel_notice", name != "reschedule_notice")


def test_staff_go_past_every_limit_with_a_reason_that_the_history_keeps(
    session: Session, world: World, booked: Appointment
) -> None:
    rule(session, world, reschedule_limit=0, reschedule_notice=48 * 60, cancel_notice=48 * 60)
    with pytest.raises(Invalid, match="Give a reason to go past it"):
        move(session, world, booked, world.now + 2 * DAY, actor=world.acting())
    session.rollback()
    new = move(session, world, booked, world.now + DAY + HOUR, actor=world.acting(), reason="Ada asked")
    assert rows.history(session, booked)[-1]["overrides"] == "reschedule_limit,reschedule_notice"
    appointments.cancel(
        session,
        new,
        actor=world.acting(),
        reason="Ada is ill",
        cancelled_by=CancelledBy.CLIENT,
        now=world.now,
    )
    session.commit()
    assert rows.history(session, new)[-1]["overrides"] == Override.CANCEL_NOTICE.value


def test_nobody_outside_moves_or_cancels_what_has_begun(
    session: Session, world: World, booked: Appointment, link: PersonalLink
) -> None:
    assert client_requests.options(session, booked, now=booked.start_time) == Options()
    with pytest.raises(LimitReached, match="has begun"):
        client_requests.call_off(session, booked, reason="Ill", now=booked.start_time)
    with pytest.raises(LimitReached, match="has begun"):
        client_requests.move(
            session, booked, link=link, start=world.now + 3 * DAY, reason="", now=booked.start_time
        )


def test_declining_a_proposal_needs_no_notice(session: Session, world: World) -> None:
    rule(session, world, cancel_notice=30 * 24 * 60)
    proposed = at_status(session, Status.AWAITING_CONFIRMATION, world)
    assert client_requests.options(session, proposed, now=world.now) == Options(answer=True)
    client_requests.call_off(session, proposed, reason="Away", now=world.now)
    session.commit()
    row = rows.history(session, proposed)[-1]
    assert (row["actor_kind"], row["cancelled_by"], row["overrides"]) == ("client", "client", None)


def test_accepting_is_recorded_as_the_systems_step_with_who_accepted(session: Session, world: World) -> None:
    proposed = at_status(session, Status.AWAITING_CONFIRMATION, world)
    client_requests.accept(session, proposed, now=world.now)
    session.commit()
    row = rows.history(session, proposed)[-1]
    assert (row["action"], row["actor_kind"], row["reason"]) == ("confirm", "system", "Accepted by Ada Byron")
    assert not list(invariants.check(session))


@pytest.mark.parametrize("step", [client_requests.accept, client_requests.call_off])
def test_nothing_is_answered_after_the_deadline(
    session: Session, world: World, step: Callable[..., None]
) -> None:
    proposed = at_status(session, Status.AWAITING_CONFIRMATION, world)
    more = {"reason": "Away"} if step is client_requests.call_off else {}
    with pytest.raises(NotAllowed, match="has passed"):
        step(session, proposed, now=proposed.confirm_by, **more)


@pytest.mark.parametrize("wall", ["2026-01-15 14:07", "2026-01-15 18:00", "2026-01-17 10:00"])
def test_a_client_moves_only_to_what_the_firm_offers(
    session: Session, world: World, booked: Appointment, link: PersonalLink, wall: str
) -> None:
    with pytest.raises(Invalid, match="Choose one of the free times"):
        client_requests.move(session, booked, link=link, start=world.at(wall), reason="", now=world.now)


def test_the_hours_that_are_offered_follow_the_firms_clock(
    session: Session, world: World, booked: Appointment
) -> None:
    """Friday 27 March 2026 is before the clocks go forward, Monday 30 March after it."""
    for day, first in (("2026-03-27", "09:00"), ("2026-03-30", "09:00")):
        found = client_requests.offered(
            session, booked, firm=world.firm, low=world.at(f"{day} 00:00"), days=1, now=world.now
        )
        assert found[0] == world.at(f"{day} {first}")
        assert found[-1] == world.at(f"{day} 17:15")


def test_of_many_clients_who_want_one_time_one_gets_it(
    session: Session, engine: Engine, world: World
) -> None:
    wanted = world.at("2026-01-20 10:00")
    meetings = [
        at_status(session, Status.CONFIRMED, world, start=world.now + DAY + count * HOUR)
        for count in range(4)
    ]
    for meeting in meetings:
        client_requests.link_for(session, meeting, secret="x" * 32, actor=world.acting(), now=world.now)
    session.commit()
    ids = [meeting.appointment_id for meeting in meetings]

    def job(appointment_id: int) -> Callable[[Session], str]:
        def run(own: Session) -> str:
            own.connection(execution_options={"write": True})
            found = own.get_one(Appointment, appointment_id)
            link = own.scalars(
                sa.select(PersonalLink).where(PersonalLink.appointment_id == appointment_id)
            ).one()
            client_requests.move(own, found, link=link, start=wanted, reason="", now=world.now)
            own.commit()
            return "moved"

        return run

    results = at_once(engine, [job(number) for number in ids])
    assert results.count("moved") == 1, results
    assert all(isinstance(other, SlotTaken) for other in results if other != "moved"), results
    assert not list(invariants.check(session))


def test_of_a_client_and_staff_at_once_one_wins(session: Session, engine: Engine, world: World) -> None:
    proposed = at_status(session, Status.AWAITING_CONFIRMATION, world)
    number, seen = proposed.appointment_id, proposed.version

    def by_client(own: Session) -> str:
        own.connection(execution_options={"write": True})
        found = own.get_one(Appointment, number)
        client_requests.accept(own, found, now=world.now, expected_version=seen)
        own.commit()
        return "client"

    def by_staff(own: Session) -> str:
        own.connection(execution_options={"write": True})
        appointments.cancel(
            own,
            own.get_one(Appointment, number),
            actor=world.acting(),
            reason="Room flooded",
            cancelled_by=CancelledBy.STAFF,
            now=world.now,
            expected_version=seen,
        )
        own.commit()
        return "staff"

    results = at_once(engine, [by_client, by_staff])
    assert sum(isinstance(result, str) for result in results) == 1, results
    assert sum(isinstance(result, Conflict) for result in results) == 1, results
    assert not list(invariants.check(session))


def test_the_link_opens_the_end_of_the_chain_and_closes_with_it(
    session: Session, world: World, booked: Appointment
) -> None:
    token, until = client_requests.link_for(
        session, booked, secret="x" * 32, actor=world.acting(), now=world.now
    )
    assert until == booked.end_time + KEEP_LINK
    session.commit()
    here = booked
    for count in range(3):
        here = move(session, world, here, world.now + (count + 2) * DAY)
    opened = client_link.open_link(session, token=token, now=world.now)
    assert opened is not None
    assert opened.appointment.appointment_id == here.appointment_id
    assert opened.moved
    assert client_requests.revoke_links(session, here, actor=world.acting(), now=world.now) == 1
    session.commit()
    assert client_link.open_link(session, token=token, now=world.now) is None
    anew, _until = client_requests.link_for(
        session, here, secret="x" * 32, actor=world.acting(), now=world.now
    )
    assert anew != token


def test_what_was_changed_meanwhile_is_not_changed_again(
    session: Session, world: World, booked: Appointment
) -> None:
    with pytest.raises(Stale):
        client_requests.call_off(
            session, booked, reason="Ill", now=world.now, expected_version=booked.version + 1
        )


def test_the_settings_that_bind_are_the_ones_of_the_moment(
    session: Session, world: World, booked: Appointment
) -> None:
    assert client_requests.options(session, booked, now=world.now).moves_left == 3
    session.execute(sa.update(Firm).values(reschedule_limit=1))
    session.execute(sa.update(AppointmentType).values(cancel_notice=26 * 60))
    session.commit()
    session.expire_all()
    found = client_requests.options(session, booked, now=world.now)
    assert (found.moves_left, found.cancel) == (1, False)
    assert found.cancel_bound == "Cancelling needs 26 h notice."


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (45, "45 min"),
        (90, "1 h 30 min"),
        (1440, "1 day’s"),
        (26 * 60, "26 h"),
        (2880, "2 days’"),
        (50 * 60, "50 h"),
        (3001, "50 h 1 min"),
    ],
)
def test_a_notice_is_said_exactly(
    session: Session, world: World, booked: Appointment, minutes: int, said: str
) -> None:
    session.execute(sa.update(Firm).values(cancel_notice=minutes, reschedule_notice=minutes))
    session.commit()
    session.expire_all()
    assert limits.explain(session, booked, Override.CANCEL_NOTICE) == f"Cancelling needs {said} notice."
    assert limits.explain(session, booked, Override.RESCHEDULE_NOTICE) == f"Rescheduling needs {said} notice."


def test_a_form_that_arrives_twice_moves_once(
    session: Session, world: World, booked: Appointment, link: PersonalLink
) -> None:
    def once() -> dict[str, Any]:
        def work() -> dict[str, Any]:
            new = client_requests.move(
                session, booked, link=link, start=world.at("2026-01-20 10:00"), reason="", now=world.now
            )
            return {"new": new.appointment_id}

        answer, _again = submissions.once(
            session, firm_id=world.firm.firm_id, token="move:1:abc", now=world.now, work=work
        )
        session.commit()
        return answer

    assert once() == once()
