"""What the tests of erasing share: a person whose mark stands in every table."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, draft
from tests.support.engines import SECRET_KEY
from tests.support.polls import PEOPLE, poll_draft
from tests.support.webhooks import make_attempt, make_endpoint
from webapp.lifecycle import appointments, booking, clients, details, erasure, links
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.appointments import NewSlot
from webapp.lifecycle.clients import AccountFacts, ContactFacts
from webapp.lifecycle.polls import drafting, holding
from webapp.lifecycle.polls.drafting import InviteeFacts
from webapp.models import (
    Appointment,
    Base,
    Contact,
    MailMessage,
    OutboxEvent,
    PollInvitee,
    Submission,
    WebhookDelivery,
)
from webapp.vocabulary import CancelledBy, DeliveryState, MailState, MailTemplate

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
    asked = booking.request(session, actor=client, draft=plan_for(plan, contact), now=NOW - 2 * DAY)
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


def plan_for(plan: booking.Draft, contact: Contact) -> booking.Draft:
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
