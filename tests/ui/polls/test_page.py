"""The page of a poll: who said what, what is new, who may see and do what."""

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, draft, make_world
from tests.support.polls import HOUR, cast, faults, make_poll, people, slot_ids, spans
from tests.ui.conftest import MovableClock
from tests.ui.polls.conftest import HOLD, SignedIn, fresh, path_to_hold
from webapp.lifecycle import booking
from webapp.lifecycle.polls.drafting import InviteeFacts
from webapp.models import Poll
from webapp.vocabulary import Vote

pytestmark = pytest.mark.one_engine  # the lifecycle's tests run on both; the pages only show


def test_the_page_shows_who_said_what(desk: FlaskClient, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    clara, piet, _yusuf = people(session, poll)
    cast(session, poll, clara, [Vote.YES, Vote.NO, Vote.IF_NEED_BE], world.now)
    cast(session, poll, piet, [Vote.YES, Vote.YES, Vote.NO], world.now)
    taken = spans(world)[2].start_time
    booking.book(session, actor=world.acting(), draft=draft(world, start=taken), now=world.now)
    session.commit()
    page = desk.get(f"/polls/{poll.poll_id}").text
    for words in (
        "Yes",
        "If need be",
        "No reply",
        "Busy",
        "Free",
        "Best",
        "Optional",
        "2 of 3 invitees replied",
    ):
        assert words in page
    assert "Sat 17 Jan, 10:00 can’t be held: Lena Fischer has another appointment then." in page
    assert page.count("Hold…") == 2
    assert '<tr class="poll__act no-print">' in page
    assert faults(page) == []


def test_the_page_takes_a_fixed_number_of_statements(
    desk: FlaskClient, session: Session, world: World
) -> None:
    crowd = [InviteeFacts(name=f"P{n}", email=f"p{n}@x.example") for n in range(30)]
    small, large = make_poll(session, world, slots=1), make_poll(session, world, slots=20, invitees=crowd)
    for invitee in people(session, large):
        cast(session, large, invitee, [Vote.YES] * 20, world.now)
    session.commit()
    with desk.application.app_context():
        target = desk.application.extensions["sqlalchemy"].engine
    assert statements(desk, target, small) == statements(desk, target, large) <= 8


def statements(desk: FlaskClient, target: Engine, poll: Poll) -> int:
    """How many SQL statements the poll's page takes."""
    seen: list[str] = []

    def listen(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(statement)

    sa.event.listen(target, "before_cursor_execute", listen)
    assert desk.get(f"/polls/{poll.poll_id}").status_code == 200
    sa.event.remove(target, "before_cursor_execute", listen)
    return len([one for one in seen if not one.startswith(("BEGIN", "PRAGMA"))])


def test_what_is_new_comes_by_itself_and_the_rest_is_told(
    desk: FlaskClient, session: Session, world: World
) -> None:
    poll = make_poll(session, world)
    page = desk.get(f"/polls/{poll.poll_id}").text
    seen = page.split('"seen": "')[1].split('"')[0]
    structure = page.split('"structure": "')[1].split('"')[0]
    asked = {"seen": seen, "structure": structure}
    path = f"/polls/{poll.poll_id}/changes"
    assert desk.get(path, query_string=asked).status_code == 204
    cast(session, poll, people(session, poll)[0], [Vote.YES], world.now)
    session.commit()
    news = desk.get(path, query_string=asked)
    assert news.status_code == 200
    assert 'hx-target="#poll-votes"' in news.text
    assert "This poll has changed" not in news.text
    desk.post(path_to_hold(session, poll), data=HOLD)
    news = desk.get(path, query_string=asked)
    assert "This poll has changed" in news.text
    assert "poll-votes" not in news.text


def test_a_viewer_looks_and_does_nothing(signed_in: SignedIn, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    viewer = signed_in(world.viewer)
    page = viewer.get(f"/polls/{poll.poll_id}").text
    assert "Hold…" not in page
    assert "Personal links" not in page
    for path in ("/polls/new", path_to_hold(session, poll), *paths(poll)):
        assert viewer.post(path, data=HOLD).status_code == 403
    assert fresh(session, poll).version == 1


def paths(poll: Poll) -> list[str]:
    steps = ("confirmation", "cancellation", "edit", "reminder", "links", "invitees/1/revocation")
    return [f"/polls/{poll.poll_id}/{step}" for step in steps]


def test_another_firms_poll_is_missing(desk: FlaskClient, session: Session, world: World) -> None:
    theirs = make_poll(session, make_world(session, "other"))
    for path in (f"/polls/{theirs.poll_id}", f"/polls/{theirs.poll_id}/changes", "/polls/999999"):
        assert desk.get(path).status_code == 404
    for path in (path_to_hold(session, theirs), *paths(theirs)):
        assert desk.post(path, data=HOLD | {"reason": "x"}).status_code == 404
    assert "Wren Trust" not in desk.get("/polls").text
    mine = make_poll(session, world)
    crossed = f"/polls/{mine.poll_id}/slots/{slot_ids(session, theirs)[0]}/holding"
    assert desk.post(crossed, data=HOLD).status_code == 404
    stranger = people(session, theirs)[0].poll_invitee_id
    assert desk.post(f"/polls/{mine.poll_id}/invitees/{stranger}/revocation").status_code == 404


def test_forged_requests_are_refused(desk: FlaskClient, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    desk.application.config["WTF_CSRF_ENABLED"] = True
    for path in (path_to_hold(session, poll), *paths(poll)):
        assert desk.post(path, data=HOLD).status_code == 400
    assert fresh(session, poll).version == 1


def test_voting_that_has_closed_is_told_and_a_time_can_still_be_held(
    signed_in: SignedIn, session: Session, world: World, moved_clock: MovableClock
) -> None:
    poll = make_poll(session, world)
    moved_clock.now = world.now + DAY + HOUR
    desk = signed_in(world.staff)
    assert "Voting closed" in desk.get(f"/polls/{poll.poll_id}").text
    assert "Voting has closed: hold a time" in desk.get("/polls").text
    data = {"confirm_by-day": "2026-01-15", "confirm_by-time": "09:00"}
    assert desk.post(path_to_hold(session, poll), data=data).status_code == 303
