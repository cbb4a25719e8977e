"""A firm with one of everything, every text of it chosen by whoever attacks.

Texts are written past the forms where those would refuse them: a page must hold whatever a database holds.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from tests.support import stage
from tests.support.engines import SECRET_KEY
from tests.support.polls import PEOPLE, people, poll_draft, slot_ids
from tests.support.signed_in import token_for
from tests.support.stage import Say
from tests.support.webhooks import make_attempt, make_delivery, make_endpoint
from webapp.lifecycle import (
    access,
    feeds,
    tokens,
    webhooks,
)
from webapp.lifecycle.polls import answering, drafting, holding
from webapp.models import AuditEvent, MailMessage, OutboxEvent, SweepHold, SweepProblem
from webapp.vocabulary import (
    DeliveryState,
    MailState,
    MailTemplate,
    Scope,
    SweepKind,
    Vote,
)

MINUTE = timedelta(minutes=1)


@dataclass
class Ground:
    """What there is, by name: numbers and links; who is signed in; the token of a program that may all."""

    world: World
    say: Say
    ids: dict[str, Any] = field(default_factory=dict)
    cookie: str = ""
    bearer: str = ""


def plain(name: str) -> str:
    """A harmless text, by the name of its field."""
    return f"A {name}"


def build(session: Session, app: Flask, say: Say = plain) -> Ground:
    """Make the firm, committed. ``say`` gives each text."""
    world = make_world(session)
    ground = Ground(world, say)
    _names(session, world, say)
    ground.ids |= {
        "slug": world.firm.slug,
        "account": world.account.account_id,
        "contact": world.contact.contact_id,
        "type": world.kind.appointment_type_id,
        "staff": world.staff.staff_user_id,
        "colleague": world.staff2.staff_user_id,
    }
    ground.ids |= stage.meetings(session, world, say)
    ground.ids |= stage.around(session, world, say, ground.ids)
    _mail(session, ground)
    _polls(session, ground)
    _people(session, ground)
    _connections(session, ground)
    session.commit()
    ground.cookie = token_for(app, world.owner)
    return ground


def _names(session: Session, world: World, say: Say) -> None:
    world.firm.name, world.kind.name, world.kind.location = say("firm"), say("type"), say("place")
    world.account.name, world.account.notes = say("account"), say("account notes")
    world.contact.name, world.contact.notes = say("contact"), say("contact notes")
    world.contact.email, world.contact.external_ref = say("email"), say("contact reference")
    world.contact.phone = say("phone")
    world.contact.sort_name, world.account.sort_name = say("contact sorted"), say("account sorted")
    world.viewer.email = say("staff email").lower()
    for user in (world.owner, world.manager, world.staff, world.staff2, world.viewer):
        user.name = say(f"{user.role.value} {user.email[:2]}")
    session.commit()


def _mail(session: Session, ground: Ground) -> None:
    world, say = ground.world, ground.say
    mail = MailMessage(
        firm_id=world.firm.firm_id,
        appointment_id=ground.ids["confirmed"],
        template=MailTemplate.CONFIRMED,
        dedup_key="attack",
        recipient_name=say("recipient"),
        recipient=say("address"),
        subject=say("subject"),
        text_body=say("body"),
        html_body=f"<p>{plain('body')}</p>",
        state=MailState.FAILED,
        last_error=say("mail error"),
        attempts=3,
        due_at=world.now,
        created_at=world.now,
    )
    hold = SweepHold(
        firm_id=world.firm.firm_id,
        kind=SweepKind.COMPLETE,
        row_count=101,
        usual=20,
        why="volume",
        due_until=world.now,
        held_at=world.now,
    )
    done = SweepHold(
        firm_id=world.firm.firm_id,
        kind=SweepKind.EXPIRE,
        row_count=101,
        usual=20,
        why="clock",
        due_until=world.now,
        held_at=world.now,
        decision="released",
        decided_by=say("decider"),
        decided_at=world.now,
    )
    problem = SweepProblem(
        firm_id=world.firm.firm_id,
        appointment_id=ground.ids["suggested"],
        kind=SweepKind.COMPLETE,
        sentence=say("problem"),
        first_at=world.now,
        last_at=world.now,
    )
    session.add_all([mail, hold, done, problem])
    session.execute(sa.update(OutboxEvent).values(last_error=say("event error")))
    session.commit()
    ground.ids |= {"mail": mail.mail_message_id, "hold": hold.sweep_hold_id}


def _polls(session: Session, ground: Ground) -> None:
    """One open, with a vote and a comment; one with a time held; one called off."""
    world, say, lena = ground.world, ground.say, ground.world.acting()
    asked = [replace(one, name=say(f"invitee {n}")) for n, one in enumerate(PEOPLE)]
    facts = replace(
        poll_draft(world, invitees=asked), title=say("title"), location=say("room"), notes=say("poll notes")
    )
    poll, held, off = (drafting.create(session, actor=lena, draft=facts, now=world.now) for _ in range(3))
    clara = people(session, poll)[0]
    answering.vote(
        session,
        firm_id=poll.firm_id,
        poll_invitee_id=clara.poll_invitee_id,
        votes=dict.fromkeys(slot_ids(session, poll), Vote.YES),
        comment=say("comment"),
        now=world.now,
    )
    links = holding.personal_links(session, poll, actor=lena, secret=SECRET_KEY, now=world.now)
    best = slot_ids(session, held)[2]
    holding.hold(session, held, poll_slot_id=best, actor=lena, now=world.now, reason=say("best"))
    people(session, off)[2].email = say("invitee email")
    holding.cancel(session, off, actor=lena, reason=say("poll reason"), now=world.now)
    session.commit()
    ground.ids |= {
        "poll": poll.poll_id,
        "held_poll": held.poll_id,
        "off_poll": off.poll_id,
        "slot": slot_ids(session, poll)[0],
        "invitee": clara.poll_invitee_id,
        "invitee_link": links[0][1],
    }


def _people(session: Session, ground: Ground) -> None:
    """Who is on every stage; a device with a name of its own, and an edit in the log."""
    world, say = ground.world, ground.say
    ground.ids |= stage.people(session, world, say)
    access.open_session(session, world.owner, now=world.now, user_agent=say("browser"))
    session.add(
        AuditEvent(
            firm_id=world.firm.firm_id,
            subject="contact",
            subject_id=world.contact.contact_id,
            action="edit",
            changes={"name": [say("old value"), say("new value")]},
            actor_label=say("actor"),
            changed_at=world.now,
        )
    )


def _connections(session: Session, ground: Ground) -> None:
    """A token, a feed, an endpoint with what was sent to it and what it answered, and one that is off."""
    world, say, ids, olga = ground.world, ground.say, ground.ids, ground.world.acting(ground.world.owner)
    token, ground.bearer = tokens.make(
        session,
        actor=olga,
        name=say("token"),
        scopes=set(Scope),
        staff_user_id=world.owner.staff_user_id,
        now=world.now,
    )
    feed = feeds.make(
        session,
        actor=olga,
        secret=SECRET_KEY,
        name=say("feed"),
        staff_user_id=None,
        appointment_type_id=None,
        statuses=(),
        with_names=True,
        now=world.now,
    )
    ended, _text = tokens.make(
        session,
        actor=olga,
        name=say("old token"),
        scopes=set(Scope),
        staff_user_id=world.owner.staff_user_id,
        now=world.now,
    )
    tokens.revoke(session, ended.api_token_id, actor=olga, now=world.now)
    endpoint = make_endpoint(session, world, description=say("endpoint"), with_text=True)
    off = make_endpoint(session, world, description=say("endpoint off"))
    webhooks.disable(session, off.webhook_endpoint_id, actor=olga, now=world.now)
    off.url = f"https://hooks.example/?{say('url')}"
    delivery = make_delivery(session, endpoint, world, DeliveryState.FAILED, last_error=say("last error"))
    attempt = make_attempt(
        session,
        delivery,
        world,
        error=say("error"),
        response_headers=say("response headers"),
        response_body=say("response body"),
    )
    attempt.request_headers, attempt.request_body = say("request headers"), say("request body")
    ids |= {
        "token": token.api_token_id,
        "feed": feed.calendar_feed_id,
        "feed_link": feeds.token_of(feed, secret=SECRET_KEY),
        "endpoint": endpoint.webhook_endpoint_id,
        "endpoint_off": off.webhook_endpoint_id,
        "delivery": delivery.webhook_delivery_id,
    }
