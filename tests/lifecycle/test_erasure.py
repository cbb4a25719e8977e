"""Erasing a person: nothing of them is left anywhere, and the record still proves itself."""

import logging
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, at_status, draft
from tests.lifecycle.threads import at_once
from tests.proof.ledger import check, seal_all
from tests.support.engines import SECRET_KEY
from tests.support.polls import PEOPLE, poll_draft
from tests.support.postgres import binaries
from tests.support.webhooks import make_attempt, make_endpoint
from webapp.lifecycle import appointments, booking, clients, details, erasure, links, transaction
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.appointments import NewSlot
from webapp.lifecycle.clients import AccountFacts, ContactFacts
from webapp.lifecycle.errors import DomainError, Forbidden, Invalid
from webapp.lifecycle.polls import drafting, holding
from webapp.lifecycle.polls.drafting import InviteeFacts
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    AuditEvent,
    Base,
    Contact,
    MailMessage,
    OutboxEvent,
    PersonalLink,
    PollInvitee,
    Submission,
    WebhookDelivery,
)
from webapp.queries import invariants
from webapp.vocabulary import CancelledBy, DeliveryState, MailState, MailTemplate, Status

MARK = "qzxvk"
NAME = f"Ilse {MARK.capitalize()}"
EMAIL = f"{MARK}@client.example"


@pytest.fixture
def person(session: Session, world: World) -> Contact:
    """Somebody with something in every place that keeps texts, and nothing that is not over."""
    firm_id, lena = world.firm.firm_id, world.acting()
    account = clients.create_account(session, actor=lena, facts=AccountFacts(name=NAME, notes=MARK), now=NOW)
    made = ContactFacts(
        name=NAME,
        email=EMAIL,
        phone="0800 55 66 77",
        account_id=account.account_id,
        notes=f"a {MARK}",
        timezone="Europe/Berlin",
    )
    contact = clients.create_contact(session, actor=lena, facts=made, now=NOW)
    contact.external_ref = f"{MARK}-1"
    client = Actor.of_client(firm_id, NAME)
    mine = {"contact_id": contact.contact_id}
    plan = draft(world, notes=f"notes {MARK}", location=f"{MARK} house", reason=f"asks {MARK}")
    asked = booking.request(session, actor=client, draft=_for(plan, contact), now=NOW - 2 * DAY)
    asked.external_ref = f"{MARK}-2"
    session.commit()
    appointments.approve(session, asked, actor=lena, now=NOW - DAY)
    slot = NewSlot(start_time=NOW + 2 * DAY, end_time=NOW + 2 * DAY + timedelta(minutes=45))
    moved = appointments.reschedule(session, asked, actor=client, slot=slot, reason=f"{MARK} away", now=NOW)
    details.edit(
        session,
        moved,
        actor=lena,
        location=f"{MARK} yard",
        notes=f"more {MARK}",
        contact_id=mine["contact_id"],
        now=NOW,
        expected_version=moved.version,
    )
    appointments.cancel(
        session, moved, actor=client, reason=f"{MARK} ill", cancelled_by=CancelledBy.CLIENT, now=NOW
    )
    session.commit()
    _polls(session, world)
    _post(session, world, moved)
    links.issue(
        session,
        secret="x",
        firm_id=firm_id,
        expires_at=NOW + DAY,
        now=NOW,
        appointment_id=moved.appointment_id,
        **mine,
    )
    answer = {"status": 201, "body": {"contact": NAME}, "mark": "m", "headers": {}}
    session.add(Submission(firm_id=firm_id, token="t", answer=answer, created_at=NOW))
    session.commit()
    return contact


def _for(plan: booking.Draft, contact: Contact) -> booking.Draft:
    return replace(plan, contact_id=contact.contact_id)


def _polls(session: Session, world: World) -> None:
    people = (*PEOPLE[:1], InviteeFacts(name=NAME, email=EMAIL, timezone="Europe/Berlin"))
    plan = poll_draft(world, invitees=people)
    poll = drafting.create(session, actor=world.acting(), draft=plan, now=NOW)
    poll.title, poll.notes, poll.location = f"About {MARK}", MARK, MARK
    invitee = session.scalars(sa.select(PollInvitee).where(PollInvitee.name == NAME)).one()
    invitee.comment = f"says {MARK}"
    holding.revoke_link(session, poll, poll_invitee_id=invitee.poll_invitee_id, actor=world.acting(), now=NOW)
    holding.cancel(session, poll, actor=world.acting(), reason=f"no {MARK}", now=NOW)
    session.commit()


def _post(session: Session, world: World, about: Appointment) -> None:
    texts = {
        name: f"{name} {MARK}" for name in ("subject", "text_body", "html_body", "calendar", "last_error")
    }
    for state in (MailState.WAITING, MailState.SENT):
        session.add(
            MailMessage(
                firm_id=world.firm.firm_id,
                appointment_id=about.appointment_id,
                template=MailTemplate.CONFIRMED,
                dedup_key=f"k{state}",
                recipient_name=NAME,
                recipient=EMAIL,
                state=state,
                sent_at=NOW if state is MailState.SENT else None,
                due_at=NOW,
                created_at=NOW,
                **texts,
            )
        )
    endpoint = make_endpoint(session, world, with_text=True)
    event = session.scalars(
        sa.select(OutboxEvent).where(OutboxEvent.appointment_id == about.appointment_id)
    ).first()
    assert event is not None
    event.last_error = f"could not tell {MARK}"
    delivery = WebhookDelivery(
        firm_id=world.firm.firm_id,
        webhook_endpoint_id=endpoint.webhook_endpoint_id,
        outbox_event_id=event.outbox_event_id,
        appointment_id=about.appointment_id,
        sequence=event.sequence,
        event_type=event.event_type,
        with_text=True,
        state=DeliveryState.FAILED,
        due_at=NOW,
        created_at=NOW,
        ended_at=NOW,
    )
    session.add(delivery)
    session.flush()
    attempt = make_attempt(session, delivery, world, error=MARK, response_body=MARK, response_headers=MARK)
    attempt.request_body = attempt.request_headers = MARK
    session.commit()


def erase(session: Session, world: World, person: Contact, **given: str) -> erasure.Reach:
    said = {"name": NAME, "why": "request of 12 January"} | given
    found = erasure.erase(
        session,
        actor=world.acting(world.manager),
        contact_id=person.contact_id,
        secret=SECRET_KEY,
        now=NOW,
        **said,
    )
    session.commit()
    return found


def tables_with_mark(session: Session) -> set[str]:
    """Every column of every table in which the mark stands."""
    found = set()
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            told = sa.func.lower(sa.cast(column, sa.Text))
            if session.scalar(sa.select(sa.func.count()).select_from(table).where(told.contains(MARK))):
                found.add(f"{table.name}.{column.name}")
    return found


FULL = {
    "account.name",
    "account.notes",
    "account.sort_name",
    "appointment.booked_by",
    "appointment.external_ref",
    "appointment.location",
    "appointment.notes",
    "appointment.status_reason",
    "appointment_status_history.actor_label",
    "appointment_status_history.reason",
    "audit_event.changes",
    "contact.email",
    "contact.external_ref",
    "contact.name",
    "contact.notes",
    "contact.sort_name",
    "contact_term.term",
    "mail_message.calendar",
    "mail_message.html_body",
    "mail_message.last_error",
    "mail_message.recipient",
    "mail_message.recipient_name",
    "mail_message.subject",
    "mail_message.text_body",
    "outbox_event.last_error",
    "poll.location",
    "poll.notes",
    "poll.status_reason",
    "poll.title",
    "poll_invitee.comment",
    "poll_invitee.email",
    "poll_invitee.name",
    "submission.answer",
    "webhook_attempt.error",
    "webhook_attempt.request_body",
    "webhook_attempt.request_headers",
    "webhook_attempt.response_body",
    "webhook_attempt.response_headers",
    "webhook_delivery.last_error",
}


def test_no_table_holds_a_word_of_an_erased_person(
    session: Session, world: World, person: Contact, caplog: pytest.LogCaptureFixture
) -> None:
    assert tables_with_mark(session) == FULL
    caplog.set_level(logging.DEBUG, "webapp")
    erase(session, world, person)
    assert tables_with_mark(session) == set()
    assert MARK not in caplog.text.lower()


def test_neither_the_files_nor_a_dump_hold_one_after_scrubbing(
    session: Session, engine: Engine, world: World, person: Contact
) -> None:
    erase(session, world, person)
    session.close()
    erasure.scrub(engine)
    if engine.dialect.name == "sqlite":
        file = Path(engine.url.database or "")
        held = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    else:
        held = _dump(engine)
        assert b"request of 12 January" in held
    assert MARK.encode() not in held.lower()


def _dump(engine: Engine) -> bytes:
    found = binaries()
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    program = str(found / "pg_dump") if found else "pg_dump"
    return subprocess.run([program, url], check=True, capture_output=True).stdout


def test_the_record_proves_itself_and_counts_what_was_erased(
    session: Session, world: World, person: Contact
) -> None:
    seal_all(session, world)
    words = session.scalar(
        sa.select(sa.func.count())
        .select_from(AppointmentStatusHistory)
        .where(
            sa.or_(
                AppointmentStatusHistory.reason.is_not(None), AppointmentStatusHistory.actor_kind == "client"
            )
        )
    )
    erase(session, world, person)
    findings, seen = check(session, world.firm.firm_id)
    assert findings == []
    assert f"{words} erased" in str(seen)
    assert list(invariants.check(session)) == []


def test_rows_older_than_their_digests_are_adopted_first(
    session: Session, world: World, person: Contact
) -> None:
    _forget_digests(session, world)
    erase(session, world, person)
    findings, _ = check(session, world.firm.firm_id)
    assert [one for one in findings if "seal" not in one.sentence] == []
    assert tables_with_mark(session) == set()


def _forget_digests(session: Session, world: World) -> None:
    """As if an older version had written everything."""
    last = session.scalar(sa.select(sa.func.max(AppointmentStatusHistory.history_id)))
    table = "appointment_status_history"
    change = f"UPDATE {table} SET entry_hash = NULL, words_salt = NULL"
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        session.execute(sa.text(change))
        session.execute(sa.text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
    else:
        guard = session.scalar(sa.text(f"SELECT sql FROM sqlite_schema WHERE name = '{table}_no_update'"))
        session.execute(sa.text(f"DROP TRIGGER {table}_no_update"))
        session.execute(sa.text(change))
        session.connection().exec_driver_sql(str(guard))
    session.execute(sa.text("DELETE FROM history_unsealed"))
    session.execute(
        sa.text("INSERT INTO history_adoption (firm_id, last_id, done_id) VALUES (:firm, :last, 0)"),
        {"firm": world.firm.firm_id, "last": last},
    )
    session.commit()


def test_what_happened_stays_and_who_erased_is_told(session: Session, world: World, person: Contact) -> None:
    before = session.scalar(sa.select(sa.func.count()).select_from(AppointmentStatusHistory))
    found = erase(session, world, person)
    assert session.scalar(sa.select(sa.func.count()).select_from(AppointmentStatusHistory)) == before
    assert len(found.appointments) == 2
    told = session.scalars(
        sa.select(AuditEvent).where(AuditEvent.subject == "contact", AuditEvent.action == "erased")
    ).one()
    assert told.actor_label == "Daniel Osei"
    assert told.changes == {"why": [None, "request of 12 January"], "appointments": [None, 2]}
    assert session.scalars(sa.select(PersonalLink.revoked_at)).all() == [NOW]
    assert session.get_one(Contact, person.contact_id, populate_existing=True).name == "Erased"
    states = session.scalars(sa.select(MailMessage.state).order_by(MailMessage.mail_message_id)).all()
    assert states == [MailState.KEPT, MailState.SENT]


def test_others_keep_their_words(session: Session, world: World, person: Contact) -> None:
    at_status(session, Status.CANCELLED, world, start=NOW + 30 * DAY)
    erase(session, world, person)
    assert session.scalar(
        sa.select(AppointmentStatusHistory.reason).where(AppointmentStatusHistory.reason == "Ada is ill")
    )
    assert session.scalar(sa.select(PollInvitee.email).where(PollInvitee.name == "Clara Wren"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": "Somebody Else"}, "Type the name"),
        ({"why": " "}, "on what grounds"),
        ({"why": f"wish of {NAME}"}, "leave the person"),
    ],
)
def test_it_is_refused_without_name_and_grounds(
    session: Session, world: World, person: Contact, given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        erase(session, world, person, **given)


def test_it_is_refused_to_staff_and_a_second_time(session: Session, world: World, person: Contact) -> None:
    with pytest.raises(Forbidden):
        erasure.erase(
            session,
            actor=world.acting(),
            contact_id=person.contact_id,
            name=NAME,
            why="x",
            secret=SECRET_KEY,
            now=NOW,
        )
    erase(session, world, person)
    with pytest.raises(Invalid, match="erased already"):
        erase(session, world, person)


def test_it_is_refused_while_a_meeting_is_not_over(session: Session, world: World, person: Contact) -> None:
    booking.book(
        session, actor=world.acting(), draft=_for(draft(world, start=NOW + 9 * DAY), person), now=NOW
    )
    session.commit()
    with pytest.raises(Invalid, match="1 appointment of this person is not over"):
        erase(session, world, person)


def test_an_erased_person_is_neither_booked_nor_edited(
    session: Session, world: World, person: Contact
) -> None:
    erase(session, world, person)
    plan = _for(draft(world, start=NOW + 9 * DAY), person)
    with pytest.raises(Invalid, match="Choose a contact"):
        booking.book(session, actor=world.acting(), draft=plan, now=NOW)
    with pytest.raises(Invalid, match="was erased"):
        clients.edit_contact(session, person, actor=world.acting(), facts=ContactFacts(name="New"), now=NOW)


def test_the_log_takes_no_other_change(session: Session, world: World, person: Contact) -> None:
    erase(session, world, person)
    for change in ("changes = '{\"a\": 1}'", "changes = '{}', changed_at = '2020-01-01'", "action = 'other'"):
        with pytest.raises(DBAPIError, match="append_only"):
            session.execute(sa.text(f"UPDATE audit_event SET {change}"))
        session.rollback()


def test_before_any_erasure_the_log_takes_no_change_at_all(session: Session, person: Contact) -> None:
    with pytest.raises(DBAPIError, match="append_only"):
        session.execute(sa.text("UPDATE audit_event SET changes = '{}'"))


def test_of_an_erasure_and_a_booking_or_a_step_one_wins(
    session: Session, engine: Engine, world: World, person: Contact
) -> None:
    plan = _for(draft(world, start=NOW + 9 * DAY), person)
    done = at_status(session, Status.COMPLETED, world)
    session.execute(
        sa.update(Appointment)
        .where(Appointment.appointment_id == done.appointment_id)
        .values(contact_id=person.contact_id)
    )
    session.commit()
    manager, lena = world.acting(world.manager), world.acting()

    def erasing(own: Session) -> None:
        def work() -> object:
            return erasure.erase(
                own,
                actor=manager,
                contact_id=person.contact_id,
                name=NAME,
                why="asked",
                secret=SECRET_KEY,
                now=NOW,
            )

        transaction.run(own, work)

    def booked(own: Session) -> None:
        transaction.run(own, lambda: booking.book(own, actor=lena, draft=plan, now=NOW))

    def corrected(own: Session) -> None:
        def work() -> None:
            found = own.get_one(Appointment, done.appointment_id)
            details.edit(
                own,
                found,
                actor=lena,
                location="",
                notes=f"late {MARK}",
                contact_id=person.contact_id,
                now=NOW,
                expected_version=2,
            )

        transaction.run(own, work)

    results = at_once(engine, [erasing, booked, corrected])
    session.rollback()
    assert all(one is None or isinstance(one, DomainError) for one in results), results
    assert (results[0] is None) == (results[1] is not None)
    if results[0] is None:
        assert tables_with_mark(session) == set()
