"""Whose link a mail carries, and when it carries none."""

import re
from datetime import timedelta

from sqlalchemy.orm import Session

from tests.delivery.conftest import Post
from tests.factories import DAY, World, at_status, make_contact
from webapp.lifecycle import appointments, client_requests, details
from webapp.models import MailMessage
from webapp.queries import client_link
from webapp.vocabulary import CancelledBy, Status

MINUTE = timedelta(minutes=1)


def token_in(mail: MailMessage) -> str | None:
    found = re.search(r"/c/([\w-]+)", mail.text_body)
    return found[1] if found else None


def test_a_link_opens_nothing_once_the_meeting_is_somebody_elses(
    session: Session, world: World, post: Post
) -> None:
    meeting = at_status(session, Status.CONFIRMED, world)
    other = make_contact(session, world.firm, "Grace Hopper")
    session.commit()
    post.handle(world.now)
    [first] = post.mails()
    token = token_in(first)
    assert token is not None
    assert client_link.open_link(session, token=token, now=world.now) is not None
    details.edit(
        session,
        meeting,
        actor=world.acting(),
        location="",
        notes="",
        contact_id=other.contact_id,
        now=world.now,
        expected_version=1,
    )
    session.commit()
    assert client_link.open_link(session, token=token, now=world.now) is None
    fresh, _until = client_requests.link_for(
        session, meeting, secret=post.settings.secret_key, actor=world.acting(), now=world.now
    )
    session.commit()
    opened = client_link.open_link(session, token=fresh, now=world.now)
    assert fresh != token
    assert opened is not None
    assert opened.appointment.contact_id == other.contact_id


def test_no_mail_brings_back_a_link_that_was_revoked(session: Session, world: World, post: Post) -> None:
    meeting = at_status(session, Status.CONFIRMED, world)
    post.handle(world.now)
    client_requests.revoke_links(session, meeting, actor=world.acting(), now=world.now + MINUTE)
    appointments.cancel(
        session,
        meeting,
        actor=world.acting(),
        reason="Ada is ill",
        cancelled_by=CancelledBy.CLIENT,
        now=world.now + MINUTE,
    )
    session.commit()
    post.handle(world.now + 2 * MINUTE)
    first, last = post.mails()
    assert token_in(first) is not None
    assert token_in(last) is None


def test_a_link_that_somebody_makes_anew_is_in_the_mails_again(
    session: Session, world: World, post: Post
) -> None:
    meeting = at_status(session, Status.CONFIRMED, world, start=world.now + 3 * DAY)
    client_requests.revoke_links(session, meeting, actor=world.acting(), now=world.now)
    token, _until = client_requests.link_for(
        session, meeting, secret=post.settings.secret_key, actor=world.acting(), now=world.now
    )
    session.commit()
    post.handle(world.now)
    assert [token_in(mail) for mail in post.mails()] == [token]
