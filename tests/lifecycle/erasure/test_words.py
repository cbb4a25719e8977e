"""Erasing a person: nothing of them is left anywhere, and the record still proves itself."""

import logging
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, at_status
from tests.lifecycle.erasure.conftest import MARK, erase, tables_with_mark
from tests.proof.ledger import check, seal_all
from tests.support.postgres import binaries
from webapp.lifecycle import erasure
from webapp.models import (
    AppointmentStatusHistory,
    AuditEvent,
    Contact,
    MailMessage,
    PersonalLink,
    PollInvitee,
)
from webapp.queries import invariants
from webapp.vocabulary import MailState, Status

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
