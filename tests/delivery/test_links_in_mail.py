"""Whose link a mail carries, and when it carries none."""

import re
from datetime import timedelta

import sqlalchemy as sa
from icalendar import Calendar
from sqlalchemy.orm import Session

from tests.delivery.conftest import Post
from tests.factories import DAY, LENGTH, World, at_status, make_contact
from tests.support.smtp import MailServer
from webapp.delivery import placeholders
from webapp.lifecycle import appointments, client_requests, details, links
from webapp.lifecycle.appointments import NewSlot
from webapp.models import MailMessage, PersonalLink
from webapp.queries import client_link
from webapp.vocabulary import CancelledBy, MailTemplate, Status

MINUTE = timedelta(minutes=1)
CALENDARS = {"text/calendar", "application/ics"}


def token_in(post: Post, mail: MailMessage) -> str | None:
    found = re.search(r"/c/([\w-]+)", post.read(mail).text)
    return found[1] if found else None


def test_a_link_opens_nothing_once_the_meeting_is_somebody_elses(
    session: Session, world: World, post: Post
) -> None:
    meeting = at_status(session, Status.CONFIRMED, world)
    other = make_contact(session, world.firm, "Grace Hopper")
    session.commit()
    post.handle(world.now)
    [first] = post.mails()
    token = token_in(post, first)
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
    assert token_in(post, first) == "closed"
    assert token_in(post, last) is None


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
    assert [token_in(post, mail) for mail in post.mails()] == [token]


def everything_kept(session: Session) -> str:
    """All that the tables of mail and of links hold, folded lines made whole."""
    found = [
        str(value)
        for table in (MailMessage.__table__, PersonalLink.__table__)
        for row in session.execute(sa.select(table))
        for value in row
    ]
    return "\n".join(found).replace("\r\n ", "")


def test_what_is_kept_holds_no_token_and_what_is_sent_does(
    session: Session, world: World, wired: Post, server: MailServer
) -> None:
    meeting = at_status(session, Status.CONFIRMED, world)
    wired.handle(world.now)
    link = session.scalars(sa.select(PersonalLink)).one()
    token = links.token_of(link, secret=wired.settings.secret_key)
    assert token not in everything_kept(session)
    session.rollback()
    assert wired.deliver(world.now) == 1
    (letter,) = server.messages
    address = f"{wired.settings.base_url}/c/{token}"
    for kind in ("plain", "html"):
        body = letter.get_body((kind,))
        assert body is not None
        assert address in body.get_content()
    files = [part for part in letter.walk() if part.get_content_type() in CALENDARS]
    for part in files:
        raw = part.get_payload(decode=True)
        assert isinstance(raw, bytes)
        assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
        (event,) = Calendar.from_ical(raw).walk("VEVENT")
        assert str(event["DESCRIPTION"]).splitlines()[1] == address
    assert {part.get_content_type() for part in files} == CALENDARS
    assert links.resolve(session, token=token, now=world.now) is not None
    assert meeting.appointment_id == link.appointment_id


def test_nobody_can_type_what_stands_for_a_link(session: Session, world: World, post: Post) -> None:
    at_status(session, Status.CONFIRMED, world)
    post.handle(world.now)
    link = session.scalars(sa.select(PersonalLink)).one()
    token = links.token_of(link, secret=post.settings.secret_key)
    typed = f"link-{link.personal_link_id}-{'0' * 16}"
    with post.session() as fresh:
        mail = MailMessage(text_body=typed, html_body=placeholders.placeholder(link), calendar=None)
        secret = post.settings.secret_key
        own = placeholders.filled(fresh, mail, firm_id=world.firm.firm_id, secret=secret)
        other = placeholders.filled(fresh, mail, firm_id=world.firm.firm_id + 1, secret=secret)
    assert (own.text, own.html) == (typed, token)
    assert token not in other.html


def test_a_move_does_not_bring_it_back_either(session: Session, world: World, post: Post) -> None:
    meeting = at_status(session, Status.CONFIRMED, world)
    post.handle(world.now)
    client_requests.revoke_links(session, meeting, actor=world.acting(), now=world.now + MINUTE)
    start = meeting.start_time + DAY
    appointments.reschedule(
        session,
        meeting,
        actor=world.acting(),
        slot=NewSlot(start_time=start, end_time=start + LENGTH),
        reason="",
        now=world.now + MINUTE,
    )
    session.commit()
    post.handle(world.now + 2 * MINUTE)
    first, moved = post.mails()
    assert token_in(post, first) is not None
    assert (moved.template, token_in(post, moved)) == (MailTemplate.MOVED, None)
