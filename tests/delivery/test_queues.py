"""The queues of events and mail: who waits for whom, for how long, and that what is done costs nothing."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.delivery.conftest import Post
from tests.factories import DAY, LENGTH, NOW, World, draft
from tests.lifecycle.due_rows import many
from tests.support.polls import make_poll, people
from tests.support.smtp import MailServer, closed_port
from tests.support.statements import Statement, captured, postgres_plan, sqlite_plan
from webapp.delivery import mail, polls_mail, reminders
from webapp.lifecycle import appointments, booking
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment, MailMessage, MailSwitch, OutboxEvent
from webapp.vocabulary import CancelledBy, MailState, MailTemplate

MINUTE = timedelta(minutes=1)
DONE = 3000
BIG = {"outbox_event", "earlier", "mail_message", "appointment", "kin", "appointment_status_history"}
WAITING = ("ix_outbox_event_waiting", "ix_mail_message_due", "ix_mail_message_queue")


def book(session: Session, world: World, post: Post) -> Appointment:
    made = booking.book(session, actor=world.acting(), draft=draft(world), now=NOW)
    session.commit()
    post.handle(NOW)
    return made


def subjects(server: MailServer) -> list[str]:
    return [message["Subject"].split(":")[0] for message in server.messages]


class TestOrder:
    def test_a_cancellation_waits_for_the_booking_though_the_move_was_told_nobody(
        self, wired: Post, server: MailServer, session: Session, world: World
    ) -> None:
        session.add(MailSwitch(firm_id=world.firm.firm_id, template=MailTemplate.MOVED))
        made = book(session, world, wired)
        for day in (2, 3):
            slot = NewSlot(start_time=NOW + day * DAY, end_time=NOW + day * DAY + LENGTH)
            made = appointments.reschedule(session, made, actor=world.acting(), slot=slot, reason="", now=NOW)
        appointments.cancel(
            session, made, actor=world.acting(), reason="Ill", cancelled_by=CancelledBy.STAFF, now=NOW
        )
        session.commit()
        wired.handle(NOW)
        assert wired.templates() == ["confirmed", "cancelled"]
        server.once["RCPT"] = ["451 Later"]
        assert wired.deliver(NOW) == 0
        assert wired.deliver(NOW + 2 * MINUTE) == 2
        assert subjects(server) == ["Confirmed", "Cancelled"]

    def test_the_end_of_a_poll_waits_for_its_invitation(
        self, wired: Post, server: MailServer, session: Session, world: World
    ) -> None:
        poll = make_poll(session, world)
        clara = people(session, poll)[0].poll_invitee_id
        for template in (MailTemplate.POLL, MailTemplate.CANCELLED):
            polls_mail.queue(
                session,
                settings=wired.settings,
                poll_id=poll.poll_id,
                invitee_ids=[clara],
                template=template,
                now=NOW,
            )
        session.commit()
        server.once["RCPT"] = ["451 Later"]
        assert wired.deliver(NOW) == 0
        assert wired.deliver(NOW + 2 * MINUTE) == 2
        assert [one.template for one in wired.mails()] == [MailTemplate.POLL, MailTemplate.CANCELLED]
        assert subjects(server)[0].startswith("Which times suit you?")

    def test_somebody_elses_trouble_holds_nobody_up(
        self, wired: Post, server: MailServer, session: Session, world: World
    ) -> None:
        poll = make_poll(session, world)
        polls_mail.queue(
            session,
            settings=wired.settings,
            poll_id=poll.poll_id,
            invitee_ids=[person.poll_invitee_id for person in people(session, poll)],
            template=MailTemplate.POLL,
            now=NOW,
        )
        session.commit()
        server.once["RCPT"] = ["451 Later"]
        assert wired.deliver(NOW) == len(wired.mails()) - 1 == 2


class TestPatience:
    def test_an_outage_of_days_fails_no_mail(
        self, wired: Post, server: MailServer, session: Session, world: World
    ) -> None:
        book(session, world, wired)
        down = wired.with_server(f"smtp://127.0.0.1:{closed_port()}")
        moment, waits = NOW, list[timedelta]()
        for _ in range(mail.MOST_TRIES + 5):
            assert down.deliver(moment) == 0
            (row,) = wired.mails()
            waits.append(row.due_at - moment)
            moment = row.due_at + timedelta(seconds=1)
        assert waits[1] > waits[0]
        assert max(waits) <= mail.LONGEST_OUTAGE_WAIT + timedelta(seconds=1)
        assert down.deliver(NOW + 10 * DAY) == 0
        (row,) = wired.mails()
        assert row.state is MailState.WAITING
        assert wired.deliver(row.due_at + MINUTE) == 1
        assert subjects(server) == ["Confirmed"]

    def test_the_first_no_after_an_outage_is_not_the_last(
        self, wired: Post, server: MailServer, session: Session, world: World
    ) -> None:
        book(session, world, wired)
        session.execute(sa.update(MailMessage).values(attempts=mail.MOST_TRIES + 3))
        session.commit()
        server.once["RCPT"] = ["451 Greylisted"]
        assert wired.deliver(NOW + DAY) == 0
        assert [row.state for row in wired.mails()] == [MailState.WAITING]


@pytest.fixture
def long_used(session: Session, world: World, engine: Engine) -> None:
    """Thousands of events and mails that are done, and one of each that is not."""
    many(session, world, DONE, last_end=NOW - DAY)
    numbers = session.scalars(sa.select(Appointment.appointment_id)).all()
    told = {"firm_id": world.firm.firm_id, "sequence": 1, "event_type": "appointment.imported", "payload": {}}
    done = told | {"created_at": NOW, "handled_at": NOW}
    session.execute(sa.insert(OutboxEvent), [done | {"appointment_id": number} for number in numbers])
    rows = [
        {
            "firm_id": world.firm.firm_id,
            "appointment_id": number,
            "template": MailTemplate.CONFIRMED,
            "dedup_key": f"done:{number}",
            "recipient_name": "Ada",
            "recipient": "ada@client.example",
            "subject": "Confirmed",
            "text_body": "x" * 500,
            "html_body": "x" * 500,
            "state": MailState.SENT,
            "sent_at": NOW,
            "due_at": NOW,
            "created_at": NOW,
        }
        for number in numbers
    ]
    session.execute(sa.insert(MailMessage), rows)
    booking.book(session, actor=world.acting(), draft=draft(world), now=NOW)
    session.commit()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def reads_all(engine: Engine, statements: list[Statement]) -> list[str]:
    """Steps that go through a whole table, or all that one firm has in it, other than what waits."""
    look = _sqlite_walks if engine.dialect.name == "sqlite" else _postgres_walks
    return [step for statement in statements for step in look(engine, statement)]


def _sqlite_walks(engine: Engine, statement: Statement) -> list[str]:
    return [
        step
        for step in sqlite_plan(engine, statement)
        if (step.split()[:1] == ["SCAN"] and step.split()[1] in BIG and not step.endswith(WAITING))
        or (step.split()[:1] == ["SEARCH"] and step.split()[1] in BIG and step.endswith("(firm_id=?)"))
    ]


def _postgres_walks(engine: Engine, statement: Statement) -> list[str]:
    return [
        f"{node['Node Type']} {node['Relation Name']} {node.get('Index Cond')}"
        for node in postgres_plan(engine, statement)
        if node.get("Relation Name") in BIG
        and not str(node.get("Index Name")).endswith(WAITING)
        and (
            node["Node Type"] == "Seq Scan"
            or re.fullmatch(r"\(firm_id = [^)]*\)", node.get("Index Cond", ""))
        )
    ]


@pytest.mark.usefixtures("long_used")
def test_what_is_done_is_not_read_again(wired: Post, server: MailServer, engine: Engine) -> None:
    with captured(engine) as statements:
        assert wired.handle(NOW) == 1
        assert wired.deliver(NOW) == 1
    assert len(server.taken) == 1
    assert reads_all(engine, statements) == []
    assert len(statements) < 40


@pytest.mark.usefixtures("long_used")
def test_with_nothing_to_do_a_round_asks_two_questions_each(
    wired: Post, server: MailServer, engine: Engine
) -> None:
    wired.handle(NOW)
    wired.deliver(NOW)
    with captured(engine) as statements:
        assert wired.handle(NOW) == 0
        assert wired.deliver(NOW) == 0
    assert len(statements) <= 3
    assert reads_all(engine, statements) == []
    assert server.conversations == 1


@pytest.mark.usefixtures("long_used")
def test_nobody_to_remind_is_found_out_by_index_firm_by_firm(wired: Post, engine: Engine) -> None:
    moment = NOW - 9 * DAY
    assert reminders.queue(wired.session, settings=wired.settings, now=moment) == 8
    with captured(engine) as statements:
        assert reminders.queue(wired.session, settings=wired.settings, now=moment) == 0
    assert len(statements) == 4
    assert reads_all(engine, statements) == []
