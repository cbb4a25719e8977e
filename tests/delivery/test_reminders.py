"""Reminders and last calls: once, in time, never late; and the mail of polls."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.delivery.conftest import Post
from tests.factories import DAY, LENGTH, NOW, World, draft
from webapp.delivery import polls_mail, reminders
from webapp.lifecycle import appointments, booking, links
from webapp.models import Appointment, FirmSweep, MailMessage, MailSwitch, Poll, PollInvitee, PollSlot
from webapp.vocabulary import Answer, CancelledBy, MailTemplate, PollStatus

HOUR = timedelta(hours=1)
START = NOW + 3 * DAY
PEOPLE = [("Ana", "Europe/Lisbon"), ("Bo", "Asia/Tokyo"), ("Cy", None)]


@pytest.fixture
def booked(session: Session, world: World) -> Appointment:
    made = booking.book(session, actor=world.acting(), draft=draft(world, start=START), now=NOW)
    session.commit()
    return made


@pytest.fixture
def proposed(session: Session, world: World) -> Appointment:
    plan = draft(world, start=START, confirm_by=NOW + DAY)
    made = booking.propose(session, actor=world.acting(), draft=plan, now=NOW)
    session.commit()
    return made


@pytest.fixture
def poll(session: Session, world: World) -> Poll:
    """Three people in three zones are asked about two times, until a day from now."""
    made = Poll(
        firm_id=world.firm.firm_id,
        title="Yearly review",
        appointment_type_id=world.kind.appointment_type_id,
        staff_user_id=world.staff.staff_user_id,
        location="Room 2",
        deadline=NOW + DAY,
        status=PollStatus.OPEN,
        created_by_id=world.staff.staff_user_id,
        created_at=NOW,
    )
    session.add(made)
    session.flush()
    for day in (0, 1):
        start = START + day * DAY
        session.add(
            PollSlot(firm_id=made.firm_id, poll_id=made.poll_id, start_time=start, end_time=start + LENGTH)
        )
    for name, zone in PEOPLE:
        session.add(
            PollInvitee(
                firm_id=made.firm_id,
                poll_id=made.poll_id,
                name=name,
                email=f"{name.lower()}@guest.example",
                timezone=zone,
            )
        )
    session.commit()
    return made


def invitees(session: Session, poll: Poll) -> list[PollInvitee]:
    query = sa.select(PollInvitee).where(PollInvitee.poll_id == poll.poll_id)
    return list(session.scalars(query.order_by(PollInvitee.poll_invitee_id)))


def hold(session: Session, world: World, poll: Poll) -> Appointment:
    """A slot of the poll is held until the poll's deadline."""
    plan = draft(world, start=START, confirm_by=NOW + DAY)
    made = booking.propose(session, actor=world.acting(), draft=plan, now=NOW)
    poll.appointment_id, poll.status = made.appointment_id, PollStatus.HELD
    session.commit()
    return made


@pytest.fixture
def remind(post: Post) -> Callable[[datetime], int]:
    return lambda now: reminders.queue(post.session, settings=post.settings, now=now)


Remind = Callable[[datetime], int]


@pytest.mark.usefixtures("booked")
def test_a_reminder_is_written_once_a_day_before(post: Post, remind: Remind) -> None:
    assert remind(START - DAY - timedelta(minutes=1)) == 0
    assert remind(START - DAY) == 1
    assert remind(START - DAY + timedelta(minutes=1)) == 0
    (mail,) = post.mails()
    assert mail.template is MailTemplate.REMINDER
    assert mail.subject == "Reminder: Review on Fri 16 Jan, 10:00"
    assert mail.dedup_key.startswith("reminder:")
    assert "/c/" in mail.text_body


@pytest.mark.usefixtures("booked")
def test_a_worker_that_slept_sends_no_old_reminders(remind: Remind) -> None:
    assert remind(START - DAY + reminders.LOOK_BACK) == 0
    assert remind(START - DAY + reminders.LOOK_BACK - timedelta(minutes=1)) == 1


@pytest.mark.usefixtures("booked")
def test_no_hours_is_no_reminder(session: Session, world: World, remind: Remind) -> None:
    world.firm.reminder_hours = 0
    session.commit()
    assert remind(START - DAY) == 0


@pytest.mark.usefixtures("booked")
def test_each_firm_has_its_own_hours(session: Session, world: World, remind: Remind) -> None:
    world.firm.reminder_hours = 2
    session.commit()
    assert remind(START - DAY) == 0
    assert remind(START - 2 * HOUR) == 1


@pytest.mark.usefixtures("booked")
def test_a_reminder_can_be_switched_off(session: Session, world: World, remind: Remind) -> None:
    session.add(MailSwitch(firm_id=world.firm.firm_id, template=MailTemplate.REMINDER))
    session.commit()
    assert remind(START - DAY) == 0


def test_what_was_booked_too_late_needs_no_reminder(session: Session, world: World, remind: Remind) -> None:
    plan = draft(world, start=NOW + DAY - HOUR)
    booking.book(session, actor=world.acting(), draft=plan, now=NOW)
    session.commit()
    assert remind(NOW) == 0


def test_what_was_cancelled_is_not_reminded_of(
    session: Session, world: World, booked: Appointment, remind: Remind
) -> None:
    appointments.cancel(
        session, booked, actor=world.acting(), reason="Ill", cancelled_by=CancelledBy.STAFF, now=NOW
    )
    session.commit()
    assert remind(START - DAY) == 0


@pytest.mark.usefixtures("proposed")
def test_a_last_call_is_written_once_before_the_deadline(post: Post, remind: Remind) -> None:
    due = NOW + DAY - 4 * HOUR
    assert remind(due - timedelta(minutes=1)) == 0
    assert remind(due) == 1
    assert remind(due + timedelta(minutes=1)) == 0
    (mail,) = post.mails()
    assert mail.template is MailTemplate.LAST_CALL
    assert mail.subject.startswith("Still to answer by Wed 14 Jan 2026, 10:00: Review on ")


def test_a_deadline_that_was_put_off_is_called_for_again(
    post: Post, session: Session, proposed: Appointment, remind: Remind
) -> None:
    due = NOW + DAY - 4 * HOUR
    assert remind(due) == 1
    proposed.confirm_by = NOW + DAY + HOUR + timedelta(microseconds=700_000)
    session.commit()
    assert remind(due + timedelta(minutes=59)) == 0
    assert remind(due + HOUR + timedelta(minutes=1)) == 1
    assert remind(due + HOUR + timedelta(minutes=2)) == 0
    assert "Wed 14 Jan 2026, 11:00" in post.mails()[-1].subject


def test_a_polls_deadline_that_was_put_off_is_called_for_again(
    session: Session, poll: Poll, remind: Remind
) -> None:
    assert remind(NOW + DAY - 4 * HOUR) == 3
    poll.deadline = NOW + DAY + HOUR
    session.commit()
    assert remind(NOW + DAY - 3 * HOUR) == 3
    assert remind(NOW + DAY - 3 * HOUR) == 0


@pytest.mark.usefixtures("booked")
def test_a_clock_that_the_sweep_did_not_believe_reminds_nobody(
    session: Session, world: World, remind: Remind
) -> None:
    due = START - DAY
    doubted = FirmSweep(firm_id=world.firm.firm_id, looked_at=due, believed_at=NOW)
    session.add(doubted)
    session.commit()
    assert remind(due) == 0
    doubted.believed_at = due
    session.commit()
    assert remind(due) == 1


def test_who_declined_is_not_reminded_and_no_calendar_says_that_they_come(
    post: Post, session: Session, world: World, poll: Poll, remind: Remind
) -> None:
    made = hold(session, world, poll)
    post.handle(NOW)
    ana, bo, _cy = invitees(session, poll)
    ana.answer, ana.answered_at = Answer.ACCEPTED, NOW
    bo.answer, bo.answered_at = Answer.DECLINED, NOW
    appointments.confirm(session, made, actor=world.acting(), now=NOW)
    session.commit()
    post.handle(NOW)
    said = [re.search(r"PARTSTAT=([A-Z-]+)", mail.calendar or "") for mail in post.mails()]
    assert [found and found[1] for found in said] == ["NEEDS-ACTION"] * 3 + [
        "ACCEPTED",
        "DECLINED",
        "NEEDS-ACTION",
    ]
    assert remind(START - DAY) == 2
    assert [mail.recipient_name for mail in post.mails()[-2:]] == ["Ana", "Cy"]


def test_a_poll_calls_only_those_who_said_nothing(
    post: Post, session: Session, poll: Poll, remind: Remind
) -> None:
    invitees(session, poll)[0].voted_at = NOW
    session.commit()
    assert remind(NOW + DAY - 4 * HOUR) == 2
    assert remind(NOW + DAY - 4 * HOUR) == 0
    assert [mail.recipient_name for mail in post.mails()] == ["Bo", "Cy"]
    assert all("/i/" in mail.text_body for mail in post.mails())


def test_a_held_slot_calls_only_those_who_did_not_answer(
    post: Post, session: Session, world: World, poll: Poll, remind: Remind
) -> None:
    hold(session, world, poll)
    ana = invitees(session, poll)[0]
    ana.answer, ana.answered_at = Answer.ACCEPTED, NOW
    session.commit()
    assert remind(NOW + DAY - 4 * HOUR) == 2
    assert [mail.recipient_name for mail in post.mails()] == ["Bo", "Cy"]


class TestPolls:
    def queue(
        self, post: Post, session: Session, poll: Poll, template: MailTemplate, now: datetime = NOW
    ) -> int:
        ids = [one.poll_invitee_id for one in invitees(session, poll)]
        count = polls_mail.queue(
            session,
            settings=post.settings,
            poll_id=poll.poll_id,
            invitee_ids=ids,
            template=template,
            now=now,
        )
        session.commit()
        return count

    def test_each_invitee_reads_the_times_on_their_own_clock(
        self, post: Post, session: Session, poll: Poll
    ) -> None:
        assert self.queue(post, session, poll, MailTemplate.POLL) == 3
        ana, bo, cy = post.mails()
        assert "- Fri 16 Jan 2026, 10:00–10:45" in ana.text_body
        assert "Proposed times, Tokyo (JST):\n- Fri 16 Jan 2026, 19:00–19:45" in bo.text_body
        assert "Answer by: Wed 14 Jan 2026, 19:00" in bo.text_body
        assert "London (GMT)" in cy.text_body
        assert {mail.poll_id for mail in post.mails()} == {poll.poll_id}

    def test_each_link_opens_for_its_invitee(self, post: Post, session: Session, poll: Poll) -> None:
        self.queue(post, session, poll, MailTemplate.POLL)
        for mail, invitee in zip(post.mails(), invitees(session, poll), strict=True):
            token = post.read(mail).text.split("/i/")[1].split()[0]
            found = links.resolve(session, token=token, now=poll.deadline + DAY)
            assert found is not None
            assert found.poll_invitee_id == invitee.poll_invitee_id

    def test_asking_twice_writes_once_and_reminding_twice_writes_twice(
        self, post: Post, session: Session, poll: Poll
    ) -> None:
        assert self.queue(post, session, poll, MailTemplate.POLL) == 3
        assert self.queue(post, session, poll, MailTemplate.POLL) == 0
        assert self.queue(post, session, poll, MailTemplate.LAST_CALL) == 3
        assert self.queue(post, session, poll, MailTemplate.LAST_CALL) == 0
        assert self.queue(post, session, poll, MailTemplate.LAST_CALL, NOW + HOUR) == 3

    def test_a_poll_that_is_over_says_so(self, post: Post, session: Session, poll: Poll) -> None:
        poll.status_reason = "Lena left"
        assert self.queue(post, session, poll, MailTemplate.CANCELLED) == 3
        mail = post.mails()[0]
        assert "stopped looking for a time" in mail.text_body
        assert "Lena left" in mail.text_body
        assert "/i/" not in mail.text_body

    def test_a_held_slot_goes_to_the_invitees_and_not_to_the_contact(
        self, post: Post, session: Session, world: World, poll: Poll
    ) -> None:
        hold(session, world, poll)
        post.handle(NOW)
        assert [mail.recipient_name for mail in post.mails()] == ["Ana", "Bo", "Cy"]
        assert set(post.templates()) == {"proposed"}
        assert all("/i/" in mail.text_body and "/c/" not in mail.text_body for mail in post.mails())
        assert post.mails()[0].subject.endswith("Yearly review on Fri 16 Jan, 10:00")

    def test_when_another_slot_is_held_the_invitees_hear_of_both(
        self, post: Post, session: Session, world: World, poll: Poll
    ) -> None:
        first = hold(session, world, poll)
        post.handle(NOW)
        appointments.cancel(
            session,
            first,
            actor=world.acting(),
            reason="Another time is proposed",
            cancelled_by=CancelledBy.STAFF,
            now=NOW,
        )
        hold(session, world, poll)
        post.handle(NOW)
        assert post.templates() == ["proposed"] * 3 + ["cancelled"] * 3 + ["proposed"] * 3
        assert {mail.recipient for mail in post.mails()} == {
            "ana@guest.example",
            "bo@guest.example",
            "cy@guest.example",
        }

    def test_of_two_slots_held_in_a_row_only_the_last_is_told(
        self, post: Post, session: Session, world: World, poll: Poll
    ) -> None:
        first = hold(session, world, poll)
        appointments.cancel(
            session,
            first,
            actor=world.acting(),
            reason="Another time is proposed",
            cancelled_by=CancelledBy.STAFF,
            now=NOW,
        )
        hold(session, world, poll)
        post.handle(NOW)
        assert post.templates() == ["proposed"] * 3
        assert "ada@client.example" not in {mail.recipient for mail in post.mails()}

    def test_a_kind_that_is_switched_off_is_not_written(
        self, post: Post, session: Session, poll: Poll
    ) -> None:
        session.add(MailSwitch(firm_id=poll.firm_id, template=MailTemplate.POLL))
        session.commit()
        assert self.queue(post, session, poll, MailTemplate.POLL) == 0

    def test_it_is_part_of_the_callers_transaction(self, post: Post, session: Session, poll: Poll) -> None:
        ids = [one.poll_invitee_id for one in invitees(session, poll)]
        polls_mail.queue(
            session,
            settings=post.settings,
            poll_id=poll.poll_id,
            invitee_ids=ids,
            template=MailTemplate.POLL,
            now=NOW,
        )
        session.rollback()
        assert session.scalar(sa.select(sa.func.count()).select_from(MailMessage)) == 0
