"""From events to mail: what each action tells whom."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.delivery.conftest import Post
from tests.delivery.events.conftest import REASON, booked, cancelled, moved, unhandled
from tests.factories import DAY, NOW, World, at_status, draft
from webapp.delivery import events
from webapp.lifecycle import appointments, booking, quiet
from webapp.models import Appointment, MailSwitch
from webapp.queries import appointments as appointment_page
from webapp.vocabulary import MailState, MailTemplate, Status


def requested(session: Session, world: World) -> Appointment:
    made = booking.request(session, actor=world.client, draft=draft(world), now=NOW)
    session.commit()
    return made


def proposed(session: Session, world: World) -> Appointment:
    plan = draft(world, confirm_by=NOW + timedelta(hours=6))
    made = booking.propose(session, actor=world.acting(), draft=plan, now=NOW)
    session.commit()
    return made


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
