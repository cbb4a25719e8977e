"""Two firms of the same shape in one database, one of everything in each, and whoever asks for it.

Their numbers are far from each other, so that a number in an answer says whose it is; every text of a firm
carries the firm's mark.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
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
from tests.support.webhooks import make_attempt, make_delivery, make_endpoint
from webapp.lifecycle import (
    feeds,
    tokens,
    webhooks,
)
from webapp.lifecycle.polls import answering, drafting, holding
from webapp.models import Contact, MailMessage, Poll, SweepHold
from webapp.queries import changes
from webapp.vocabulary import (
    DeliveryState,
    MailState,
    MailTemplate,
    Role,
    Scope,
    SweepKind,
    Vote,
)

NEAR, FAR = 1_000_001, 7_000_001
ABSENT = 7_999_999
"""Where the numbers of both firms begin, and one as long that is nobody's."""
NOTHING = "T0kenThatOpensNothing_0123456789-abcdefghij"
MINUTE = timedelta(minutes=1)


@dataclass
class Stock:
    """What a firm has: numbers, links and tokens by name, the session of each role, the tokens of the API."""

    mark: str
    ids: dict[str, Any] = field(default_factory=dict)
    cookies: dict[Role, str] = field(default_factory=dict)
    bearers: dict[str, str] = field(default_factory=dict)

    def say(self, name: str) -> str:
        """The text of a field: its name and the mark."""
        return f"{name} {self.mark}"


@contextmanager
def numbered_from(session: Session, first: int) -> Iterator[None]:
    """Give what is added meanwhile numbers from ``first`` on, each table by itself."""
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(first))

    def number(_session: Session, _flush: Any, _instances: Any) -> None:
        for thing in session.new:
            (key, *more) = sa.inspect(type(thing)).primary_key
            if not more and isinstance(key.type, sa.Integer) and getattr(thing, key.name) is None:
                setattr(thing, key.name, next(numbers[key.table.name]))

    sa.event.listen(session, "before_flush", number)
    try:
        yield
    finally:
        sa.event.remove(session, "before_flush", number)


def build(session: Session, app: Flask, *, slug: str, mark: str) -> Stock:
    """Make a firm with one of everything, committed; every text of it holds ``mark``."""
    world, stock = make_world(session, slug), Stock(mark)
    _mark(session, world, mark)
    stock.ids |= {
        "firm_id": world.firm.firm_id,
        "slug": world.firm.slug,
        "account": world.account.account_id,
        "contact": world.contact.contact_id,
        "type": world.kind.appointment_type_id,
        "staff": world.staff.staff_user_id,
        "colleague": world.staff2.staff_user_id,
        "handle": "0" * 16,
    }
    stock.ids |= stage.meetings(session, world, stock.say)
    stock.ids |= stage.around(session, world, stock.say, stock.ids)
    stock.ids |= stage.people(session, world, stock.say)
    session.get_one(Contact, stock.ids["second_contact"]).email = f"basil.{mark.lower()}@client.example"
    _desk(session, world, stock)
    _polls(session, world, stock)
    _connections(session, world, stock)
    session.commit()
    for user in (world.viewer, world.staff, world.manager, world.owner):
        stock.cookies[user.role] = token_for(app, user)
    return stock


def _mark(session: Session, world: World, mark: str) -> None:
    for thing in (world.firm, world.account, world.contact, world.kind):
        thing.name = f"{thing.name} {mark}"
    for user in (world.owner, world.manager, world.staff, world.staff2, world.viewer):
        user.name = f"{user.name} {mark}"
    world.contact.notes = world.account.notes = f"Notes {mark}"
    world.contact.email = f"ada.{mark.lower()}@client.example"
    world.kind.location = f"Room {mark}"
    for client in (world.account, world.contact):
        client.sort_name = client.name.lower()
    session.commit()


def _desk(session: Session, world: World, stock: Stock) -> None:
    """A mail about the confirmed one, and a sweep that was held back."""
    mark = stock.mark
    mail = MailMessage(
        firm_id=world.firm.firm_id,
        appointment_id=stock.ids["confirmed"],
        template=MailTemplate.CONFIRMED,
        dedup_key=mark,
        recipient_name=f"Ada {mark}",
        recipient=f"ada.{mark.lower()}@client.example",
        subject=f"Confirmed {mark}",
        text_body=f"Hello {mark}",
        html_body=f"<p>Hello {mark}</p>",
        state=MailState.KEPT,
        due_at=world.now,
        created_at=world.now,
        calendar=f"BEGIN:VCALENDAR\r\nX-MARK:{mark}\r\nEND:VCALENDAR\r\n",
        calendar_method="REQUEST",
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
    session.add_all([mail, hold])
    session.commit()
    stock.ids |= {"mail": mail.mail_message_id, "hold": hold.sweep_hold_id}


def _polls(session: Session, world: World, stock: Stock) -> None:
    """One open, one with a time held; the first invitee's link and vote."""
    mark, lena = stock.mark, world.acting()

    def made() -> Poll:
        asked = [
            replace(one, name=f"{one.name} {mark}", email=f"{mark.lower()}.{one.email}") for one in PEOPLE
        ]
        plan = replace(
            poll_draft(world, invitees=asked), title=f"Wren Trust {mark}", location=f"Room {mark}", notes=mark
        )
        return drafting.create(session, actor=lena, draft=plan, now=world.now)

    poll, held = made(), made()
    clara = people(session, poll)[0]
    answering.vote(
        session,
        firm_id=poll.firm_id,
        poll_invitee_id=clara.poll_invitee_id,
        votes=dict.fromkeys(slot_ids(session, poll), Vote.YES),
        comment=f"Gladly {mark}",
        now=world.now,
    )
    links = holding.personal_links(session, poll, actor=lena, secret=SECRET_KEY, now=world.now)
    holding.hold(
        session,
        held,
        poll_slot_id=slot_ids(session, held)[2],
        actor=lena,
        now=world.now,
        reason=f"Best {mark}",
    )
    session.commit()
    stock.ids |= {
        "poll": poll.poll_id,
        "held_poll": held.poll_id,
        "slot": slot_ids(session, poll)[0],
        "invitee": clara.poll_invitee_id,
        "second_invitee": people(session, poll)[1].poll_invitee_id,
        "invitee_link": links[0][1],
    }


def _connections(session: Session, world: World, stock: Stock) -> None:
    """Tokens, a feed of each role's own, an endpoint and what was sent to it."""
    mark, olga = stock.mark, world.acting(world.owner)
    every = frozenset(Scope)
    for name, scopes, user in (
        ("every scope", every, world.manager),
        ("reads appointments", {Scope.APPOINTMENTS_READ}, world.manager),
        ("reads clients", {Scope.CLIENTS_READ}, world.manager),
        ("every scope, a viewer", every, world.viewer),
    ):
        token, stock.bearers[name] = tokens.make(
            session,
            actor=olga,
            name=f"{name} {mark}",
            scopes=scopes,
            staff_user_id=user.staff_user_id,
            now=world.now,
        )
        stock.ids["api_token"] = token.api_token_id
    for user in (world.viewer, world.staff, world.manager):
        feed = feeds.make(
            session,
            actor=world.acting(user),
            secret=SECRET_KEY,
            name=f"Desk {mark}",
            staff_user_id=None,
            appointment_type_id=None,
            statuses=(),
            with_names=True,
            now=world.now,
        )
        stock.ids |= {f"feed of {user.role.value}": feed.calendar_feed_id}
        stock.ids["feed_link"] = feeds.token_of(feed, secret=SECRET_KEY)
    endpoint = make_endpoint(session, world, description=f"Endpoint {mark}")
    off = make_endpoint(session, world, description=f"Off {mark}")
    webhooks.disable(session, off.webhook_endpoint_id, actor=olga, now=world.now)
    delivery = make_delivery(session, endpoint, world, DeliveryState.FAILED, last_error=f"It said {mark}.")
    make_attempt(session, delivery, world, response_body=f"Body {mark}", error=f"It said {mark}.")
    stock.ids |= {
        "endpoint": endpoint.webhook_endpoint_id,
        "endpoint_off": off.webhook_endpoint_id,
        "delivery": delivery.webhook_delivery_id,
    }
    for name in ("endpoint", "endpoint_off"):
        stock.ids[f"{name}_seen"] = changes.of_endpoint(
            session, firm_id=world.firm.firm_id, webhook_endpoint_id=stock.ids[name]
        )
