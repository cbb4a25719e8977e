"""From events to mail: what each action tells whom, once, in order, whoever dies on the way."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.delivery.conftest import Post
from tests.factories import DAY, LENGTH, NOW, World, at_status, draft
from webapp.delivery import appointment_mail, events
from webapp.lifecycle import appointments, booking, quiet
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment, MailMessage, MailSwitch, OutboxEvent
from webapp.queries import appointments as appointment_page
from webapp.vocabulary import CancelledBy, MailState, MailTemplate, Status

REASON = "The room is flooded"


def requested(session: Session, world: World) -> Appointment:
    made = booking.request(session, actor=world.client, draft=draft(world), now=NOW)
    session.commit()
    return made


def booked(session: Session, world: World, *, days: int = 1) -> Appointment:
    plan = draft(world, start=NOW + days * DAY)
    made = booking.book(session, actor=world.acting(), draft=plan, now=NOW)
    session.commit()
    return made


def proposed(session: Session, world: World) -> Appointment:
    plan = draft(world, confirm_by=NOW + timedelta(hours=6))
    made = booking.propose(session, actor=world.acting(), draft=plan, now=NOW)
    session.commit()
    return made


def moved(
    session: Session, world: World, appointment: Appointment, *, by_client: bool = False
) -> Appointment:
    start = appointment.start_time + DAY
    actor = world.client if by_client else world.acting()
    slot = NewSlot(start_time=start, end_time=start + LENGTH)
    successor = appointments.reschedule(session, appointment, actor=actor, slot=slot, reason=REASON, now=NOW)
    session.commit()
    return successor


def cancelled(session: Session, world: World, appointment: Appointment) -> None:
    appointments.cancel(
        session,
        appointment,
        actor=world.acting(),
        reason=REASON,
        cancelled_by=CancelledBy.STAFF,
        now=NOW,
    )
    session.commit()


def unhandled(post: Post) -> int:
    with post.session() as session:
        count = session.scalar(
            sa.select(sa.func.count()).select_from(OutboxEvent).where(OutboxEvent.handled_at.is_(None))
        )
        return count or 0


def test_a_request_is_acknowledged_to_its_client(post: Post, session: Session, world: World) -> None:
    requested(session, world)
    assert post.handle(NOW) == 1
    (mail,) = post.mails()
    assert mail.template is MailTemplate.REQUEST_RECEIVED
    assert (mail.recipient, mail.recipient_name) == ("ada@client.example", "Ada Byron")
    assert mail.subject == "Request received: Review on Wed 14 Jan, 10:00"
    assert "When: Wed 14 Jan 2026, 10:00–10:45, London (GMT)" in mail.text_body
    assert mail.calendar is None


def test_an_approval_comes_with_a_calendar(post: Post, session: Session, world: World) -> None:
    made = requested(session, world)
    appointments.approve(session, made, actor=world.acting(), now=NOW)
    session.commit()
    post.handle(NOW)
    assert post.templates() == ["request_received", "approved"]
    assert "STATUS:CONFIRMED" in (post.mails()[1].calendar or "")


def test_a_refusal_tells_why(post: Post, session: Session, world: World) -> None:
    made = requested(session, world)
    appointments.decline(session, made, actor=world.acting(), reason=REASON, now=NOW)
    session.commit()
    post.handle(NOW)
    declined = post.mails()[1]
    assert declined.template is MailTemplate.DECLINED
    assert f"Reason: {REASON}" in declined.text_body
    assert "/c/" not in declined.text_body


def test_a_request_that_lapsed_says_that_nobody_answered(post: Post, session: Session, world: World) -> None:
    made = requested(session, world)
    late = made.end_time + timedelta(minutes=1)
    appointments.expire(session, made, actor=world.system, now=late)
    session.commit()
    post.handle(late)
    lapsed = post.mails()[-1]
    assert lapsed.template is MailTemplate.DECLINED
    assert lapsed.subject.startswith("Not answered in time: Review")
    assert "Nobody at Marlow answered your request" in lapsed.text_body


def test_a_booking_is_confirmed_with_a_personal_link(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    post.handle(NOW)
    (mail,) = post.mails()
    assert mail.template is MailTemplate.CONFIRMED
    assert "https://desk.example.com/c/" in mail.text_body
    assert "https://desk.example.com/c/" in mail.html_body


def test_a_firm_without_client_links_sends_none(post: Post, session: Session, world: World) -> None:
    world.firm.client_links = False
    booked(session, world)
    post.handle(NOW)
    (mail,) = post.mails()
    assert "/c/" not in mail.text_body + mail.html_body


def test_a_proposal_names_its_deadline(post: Post, session: Session, world: World) -> None:
    proposed(session, world)
    post.handle(NOW)
    (mail,) = post.mails()
    assert mail.template is MailTemplate.PROPOSED
    assert "Answer by: Tue 13 Jan 2026, 16:00" in mail.text_body
    for body in (mail.text_body, mail.html_body):
        assert "If it isn’t confirmed by then, the time is given up." in body
    assert "STATUS:TENTATIVE" in (mail.calendar or "")


def test_a_proposal_that_timed_out_is_given_up(post: Post, session: Session, world: World) -> None:
    made = proposed(session, world)
    post.handle(NOW)
    late = NOW + timedelta(hours=7)
    appointments.time_out(session, made, actor=world.system, now=late)
    session.commit()
    post.handle(late)
    given_up = post.mails()[1]
    assert given_up.template is MailTemplate.CANCELLED
    assert given_up.subject.startswith("Given up: Review")
    assert given_up.calendar_method == "CANCEL"


def test_a_proposal_given_up_before_anybody_heard_of_it_tells_nobody(
    post: Post, session: Session, world: World
) -> None:
    cancelled(session, world, proposed(session, world))
    assert post.handle(NOW) == 2
    assert post.mails() == []


def test_a_move_is_one_mail_from_old_to_new(post: Post, session: Session, world: World) -> None:
    moved(session, world, booked(session, world))
    post.handle(NOW)
    assert post.templates() == ["confirmed", "moved"]
    mail = post.mails()[1]
    assert mail.subject == "Moved: Review is now on Thu 15 Jan, 10:00"
    assert "Was: Wed 14 Jan 2026, 10:00–10:45" in mail.text_body
    assert "When: Thu 15 Jan 2026, 10:00–10:45" in mail.text_body
    assert REASON not in mail.text_body + mail.html_body + (mail.calendar or "")
    assert unhandled(post) == 0


def test_a_client_who_moved_is_told_so(post: Post, session: Session, world: World) -> None:
    moved(session, world, booked(session, world), by_client=True)
    post.handle(NOW)
    assert "You moved your appointment with Marlow" in post.mails()[1].text_body


def test_a_cancellation_tells_why_and_empties_the_calendar(
    post: Post, session: Session, world: World
) -> None:
    cancelled(session, world, booked(session, world))
    post.handle(NOW)
    mail = post.mails()[1]
    assert mail.template is MailTemplate.CANCELLED
    assert REASON in mail.text_body
    assert mail.calendar_method == "CANCEL"


def test_a_step_that_was_to_be_quiet_tells_nobody_and_the_timeline_says_who(
    post: Post, session: Session, world: World
) -> None:
    made = booked(session, world)
    post.handle(NOW)
    cancelled(session, world, made)
    quiet.leave_out_mail(session, made, actor=world.acting(), now=NOW)
    session.commit()
    assert post.handle(NOW) == 1
    assert post.templates() == ["confirmed"]
    assert unhandled(post) == 0
    found = appointment_page.dossier(session, firm_id=world.firm.firm_id, appointment_id=made.appointment_id)
    edits = [event for event in found.bookings[0].events if event.changes]
    assert [(edit.changes, edit.actor_label) for edit in edits] == [
        ({"mail": [True, False]}, world.acting().label)
    ]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.NO_SHOW])
def test_an_outcome_tells_nobody(post: Post, session: Session, world: World, status: Status) -> None:
    at_status(session, status, world)
    assert post.handle(NOW) == 2
    assert post.templates() == ["confirmed"]  # the booking, which came to nobody's ears
    assert unhandled(post) == 0


def test_what_is_entered_afterwards_tells_nobody(post: Post, session: Session, world: World) -> None:
    booked(session, world, days=-3)
    assert post.handle(NOW) == 1
    assert post.mails() == []


def test_a_client_without_an_address_gets_nothing(post: Post, session: Session, world: World) -> None:
    world.contact.email = ""
    booked(session, world)
    assert post.handle(NOW) == 1
    assert post.mails() == []


def test_a_kind_that_is_switched_off_is_not_written(post: Post, session: Session, world: World) -> None:
    session.add(MailSwitch(firm_id=world.firm.firm_id, template=MailTemplate.CONFIRMED))
    cancelled(session, world, booked(session, world))
    assert post.handle(NOW) == 2
    assert post.templates() == ["cancelled"]


def test_an_event_from_long_ago_is_told_while_its_meeting_is_ahead(
    post: Post, session: Session, world: World
) -> None:
    cancelled(session, world, booked(session, world, days=9))
    assert post.handle(NOW + 8 * DAY) == 2
    assert [(mail.template.value, mail.state) for mail in post.mails()] == [
        ("confirmed", MailState.KEPT),
        ("cancelled", MailState.KEPT),
    ]


def test_what_was_told_too_late_is_in_the_outbox_and_not_sent(
    post: Post, session: Session, world: World
) -> None:
    wired = post.with_server("smtp://mail.example")
    cancelled(session, world, booked(session, world))
    assert wired.handle(NOW + 2 * DAY) == 2
    assert wired.templates() == ["confirmed", "cancelled"]
    assert {(mail.state, mail.last_error) for mail in wired.mails()} == {(MailState.FAILED, events.TOO_LATE)}


def test_a_refusal_is_news_for_two_days_after_the_time_that_was_asked_for(
    post: Post, session: Session, world: World
) -> None:
    for days in (1, 4):
        plan = draft(world, start=NOW + days * DAY)
        made = booking.request(session, actor=world.client, draft=plan, now=NOW)
        appointments.decline(session, made, actor=world.acting(), reason=REASON, now=NOW)
    session.commit()
    post.handle(NOW + 5 * DAY)
    assert [mail.state for mail in post.mails() if mail.template is MailTemplate.DECLINED] == [
        MailState.FAILED,
        MailState.KEPT,
    ]


def test_handling_again_writes_nothing_twice(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    post.handle(NOW)
    with post.session() as other:
        other.execute(sa.update(OutboxEvent).values(handled_at=None, leased_until=None))
        other.commit()
    assert post.handle(NOW) == 1
    assert len(post.mails()) == 1


def test_an_event_waits_for_the_earlier_ones_of_its_chain(post: Post, session: Session, world: World) -> None:
    original = booked(session, world)
    cancelled(session, world, moved(session, world, original))
    with post.session() as other:
        other.execute(
            sa.update(OutboxEvent)
            .where(OutboxEvent.appointment_id == original.appointment_id, OutboxEvent.sequence == 1)
            .values(leased_until=NOW + timedelta(minutes=5), leased_by="another")
        )
        other.commit()
    post.handle(NOW)
    assert post.templates() == []
    post.handle(NOW + timedelta(minutes=6))
    assert post.templates() == ["confirmed", "moved", "cancelled"]


def test_one_that_fails_steps_aside_and_is_tried_later(
    post: Post, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = booked(session, world), booked(session, world, days=2)
    load = appointment_mail.load

    def failing(session: Session, *, firm_id: int, appointment_id: int) -> appointment_mail.Facts:
        if appointment_id == bad.appointment_id:
            raise RuntimeError("out of paper")
        return load(session, firm_id=firm_id, appointment_id=appointment_id)

    monkeypatch.setattr(appointment_mail, "load", failing)
    assert post.handle(NOW) == 1
    assert [mail.appointment_id for mail in post.mails()] == [good.appointment_id]
    with post.session() as fresh:
        event = fresh.scalars(sa.select(OutboxEvent).where(OutboxEvent.handled_at.is_(None))).one()
        assert event.attempts == 1
        assert event.last_error == "RuntimeError: out of paper"
        assert event.leased_until is not None
        assert NOW < event.leased_until <= NOW + timedelta(minutes=1)
    monkeypatch.undo()
    assert post.handle(NOW + timedelta(minutes=2)) == 1
    assert len(post.mails()) == 2


def test_a_dead_workers_claim_ends_by_itself(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    with post.session() as other:
        assert events._claim(other, "dead", NOW) is not None
        other.commit()
    assert post.handle(NOW, worker="alive") == 0
    assert post.handle(NOW + timedelta(minutes=6), worker="alive") == 1
    assert len(post.mails()) == 1


def test_a_worker_that_lost_its_claim_writes_nothing(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    with post.session() as slow:
        event_id = events._claim(slow, "slow", NOW)
        slow.commit()
        assert event_id is not None
        post.handle(NOW + timedelta(minutes=6), worker="quick")
        assert not events._handle_one(slow, event_id, settings=post.settings, worker="slow", now=NOW)
    assert len(post.mails()) == 1


def test_a_claim_that_another_took_over_is_left_to_it(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    late = NOW + timedelta(minutes=6)
    with post.session() as slow, post.session() as quick:
        event_id = events._claim(slow, "slow", NOW)
        slow.commit()
        assert events._claim(quick, "quick", late) == event_id
        quick.commit()
        assert event_id is not None
        assert not events._handle_one(slow, event_id, settings=post.settings, worker="slow", now=late)
        assert post.mails() == []
        assert events._handle_one(quick, event_id, settings=post.settings, worker="quick", now=late)
    assert len(post.mails()) == 1


def test_without_a_mail_server_mail_is_kept(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    post.handle(NOW)
    assert [mail.state for mail in post.mails()] == [MailState.KEPT]


def test_stop_is_heard_before_the_next_event(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    booked(session, world, days=2)
    asked: list[bool] = [False, True]
    done = events.handle(post.session, settings=post.settings, now=NOW, worker="w", stop=lambda: asked.pop(0))
    assert done == 1
    assert unhandled(post) == 1


def test_thousands_of_silent_events_pass_in_one_go(post: Post, session: Session, world: World) -> None:
    for day in range(1, 4):
        made = booked(session, world, days=-day)
        appointments.complete(session, made, actor=world.acting(), now=NOW)
    session.commit()
    assert post.handle(NOW, limit=0) == 3
    assert session.scalar(sa.select(sa.func.count()).select_from(MailMessage)) == 0


def test_four_workers_write_each_mail_once(post: Post, session: Session, world: World) -> None:
    for day in range(1, 9):
        moved(session, world, booked(session, world, days=2 * day))
    handled: list[int] = []
    start = Barrier(4)

    def work(name: str) -> None:
        start.wait()
        while count := post.handle(NOW, worker=name, limit=7):
            handled.append(count)

    threads = [Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    post.handle(NOW)
    assert unhandled(post) == 0
    assert sorted(post.templates()) == ["confirmed"] * 8 + ["moved"] * 8


def test_a_crash_in_the_middle_leaves_nothing_behind(
    post: Post, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    booked(session, world)
    write = appointment_mail.write

    def die(*args: object, **kw: object) -> None:
        write(*args, **kw)  # type: ignore[arg-type]
        raise Killed

    monkeypatch.setattr(appointment_mail, "write", die)
    with pytest.raises(Killed):
        post.handle(NOW)
    monkeypatch.undo()
    assert post.mails() == []
    assert unhandled(post) == 1
    assert post.handle(NOW + timedelta(minutes=6)) == 1
    assert len(post.mails()) == 1
