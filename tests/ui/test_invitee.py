"""What an invitee sees and does behind a personal link, and what a link that does not work tells: nothing."""

import re

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World
from tests.support.engines import SECRET_KEY
from tests.support.polls import HOUR, cast, faults, make_poll, people, slot_ids
from tests.ui.conftest import MovableClock
from webapp.lifecycle import links
from webapp.lifecycle.polls import holding
from webapp.models import Appointment, AuditEvent, PersonalLink, Poll, PollInvitee, PollVote
from webapp.queries import invariants
from webapp.vocabulary import Answer, PollStatus, Status, Vote

pytestmark = pytest.mark.one_engine  # the lifecycle's tests run on both; the pages only show


@pytest.fixture
def poll(session: Session, world: World, moved_clock: MovableClock) -> Poll:
    return make_poll(session, world)


@pytest.fixture
def doors(session: Session, world: World, poll: Poll) -> list[str]:
    """The addresses of Clara (Berlin), Piet (New York) and Yusuf (Tokyo, optional)."""
    found = holding.personal_links(session, poll, actor=world.acting(), secret=SECRET_KEY, now=world.now)
    session.commit()
    return [f"/i/{token}" for _invitee, token in found]


def votes(session: Session, poll: Poll, *chosen: str) -> dict[str, str]:
    ids = slot_ids(session, poll)
    session.rollback()
    return {"step": "vote", **{f"vote-{slot}": vote for slot, vote in zip(ids, chosen, strict=False)}}


def hold(session: Session, world: World, poll: Poll) -> Appointment:
    held = holding.hold(
        session,
        poll,
        poll_slot_id=slot_ids(session, poll)[0],
        actor=world.acting(),
        now=world.now,
    )
    session.commit()
    return held


def everything(session: Session) -> list[object]:
    session.rollback()
    tables = (PollInvitee, PollVote, AuditEvent, PersonalLink, Poll)
    return [session.execute(sa.select(model.__table__)).all() for model in tables]


def test_times_are_shown_in_the_invitees_own_zone(client: FlaskClient, doors: list[str]) -> None:
    for door, clock in zip(doors, ("11:00–12:00", "05:00–06:00", "19:00–20:00"), strict=True):
        page = client.get(door)
        assert page.status_code == 200
        assert clock in page.text
        assert faults(page.text) == []
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "noindex" in page.headers["X-Robots-Tag"]
        assert page.headers["Cache-Control"] == "no-store"


def test_nobody_elses_name_address_or_vote_is_on_the_page(
    client: FlaskClient, session: Session, world: World, poll: Poll, doors: list[str]
) -> None:
    cast(session, poll, people(session, poll)[1], [Vote.NO, Vote.NO, Vote.NO], world.now)
    session.commit()
    page = client.get(doors[0]).text
    assert "Marlow" in page
    for secret in ("Piet", "Yusuf", "@wren.example", "checked"):
        assert secret not in page


def test_looking_changes_nothing(client: FlaskClient, session: Session, doors: list[str]) -> None:
    before = everything(session)
    for method in (client.get, client.head):
        assert method(doors[0] + "?step=accept&vote-1=yes").status_code == 200
    assert everything(session) == before


def test_a_vote_is_kept_and_changed(
    client: FlaskClient, session: Session, poll: Poll, doors: list[str]
) -> None:
    data = votes(session, poll, "yes", "if_need_be", "no") | {"comment": "Before noon if I can"}
    assert client.post(doors[0], data=data).location == doors[0]
    page = client.get(doors[0]).text
    assert "your reply is saved" in page
    assert page.count("checked") == 3
    assert "Before noon if I can" in page
    assert client.post(doors[0], data=votes(session, poll, "no")).status_code == 303
    session.rollback()
    assert session.scalars(sa.select(PollVote.vote)).all() == [Vote.NO]


@pytest.mark.parametrize(
    "sent",
    [
        {"step": "vote"},
        {"step": "vote", "vote-x": "yes"},
        {"step": "vote", "vote-1": "perhaps"},
        {"step": "vote", f"vote-{10**30}": "yes"},
        {"step": "vote", "vote-999999": "yes"},
        {"step": "zone", "timezone": "Mars/Base"},
        {"vote-1": "yes", "comment": "x" * 501},
        {"vote-1": "yes", "comment": "a\x00b"},
    ],
)
def test_nonsense_is_refused_with_a_sentence(
    client: FlaskClient, session: Session, doors: list[str], sent: dict[str, str]
) -> None:
    before = everything(session)
    answer = client.post(doors[0], data=sent)
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert faults(answer.text) == []
    assert everything(session) == before


def test_a_chosen_zone_is_remembered_and_votes_typed_stay(
    client: FlaskClient, session: Session, poll: Poll, doors: list[str]
) -> None:
    data = votes(session, poll, "yes") | {"step": "zone", "timezone": "Asia/Kolkata"}
    answer = client.post(doors[0], data=data)
    assert answer.status_code == 200
    assert "15:30–16:30" in answer.text
    assert answer.text.count("checked") == 1
    again = client.get(doors[0]).text
    assert "15:30–16:30" in again
    assert "checked" not in again


def chosen_zone(text: str) -> str:
    [label] = re.findall(r'<option selected value="[^"]*">([^<]*)</option>', text)
    return str(label)


def test_zones_are_named_by_their_city_and_offset_as_at_the_foot(
    client: FlaskClient, doors: list[str]
) -> None:
    for door, zone in zip(
        doors, ("Berlin (UTC+01:00)", "New York (UTC-05:00)", "Tokyo (UTC+09:00)"), strict=True
    ):
        text = client.get(door).text
        assert chosen_zone(text) == zone
        assert '<optgroup label="Europe">' in text
        assert f"Times in {zone.split(' (', maxsplit=1)[0]} (" in text


def test_a_refusal_keeps_the_invitees_zone(
    client: FlaskClient, session: Session, world: World, poll: Poll, doors: list[str]
) -> None:
    sent = votes(session, poll, "yes")
    hold(session, world, poll)
    answer = client.post(doors[0], data=sent)
    assert answer.status_code == 409
    assert chosen_zone(answer.text) == "Berlin (UTC+01:00)"


def test_a_vote_after_the_deadline_is_refused_with_the_outcome(
    client: FlaskClient,
    session: Session,
    world: World,
    poll: Poll,
    doors: list[str],
    moved_clock: MovableClock,
) -> None:
    moved_clock.now = world.now + DAY
    answer = client.post(doors[0], data=votes(session, poll, "yes"))
    assert answer.status_code == 409
    assert "Voting has closed" in answer.text
    assert "Save reply" not in answer.text
    assert session.scalars(sa.select(PollVote.vote)).all() == []


def test_a_vote_after_a_time_is_held_shows_that_time(
    client: FlaskClient, session: Session, world: World, poll: Poll, doors: list[str]
) -> None:
    hold(session, world, poll)
    answer = client.post(doors[0], data=votes(session, poll, "no"))
    assert answer.status_code == 409
    assert "Accept" in answer.text
    assert "11:00–12:00" in answer.text


def test_everybody_accepts_and_reads_the_outcome(
    client: FlaskClient, session: Session, world: World, poll: Poll, doors: list[str]
) -> None:
    appointment = hold(session, world, poll)
    slot = str(slot_ids(session, poll)[0])
    session.rollback()
    for door in doors[:2]:
        for _ in range(2):  # a double click has one effect
            assert client.post(door, data={"step": "accept", "slot": slot}).status_code in (303, 409)
    session.rollback()
    session.refresh(appointment)
    assert appointment.status is Status.CONFIRMED
    actions = session.scalars(sa.select(AuditEvent.action).where(AuditEvent.subject == "poll")).all()
    assert actions.count("accepted") == 2
    page = client.get(doors[2]).text
    assert "The meeting is on Thu 15 Jan 2026, 19:00–20:00 (Tokyo)." in page
    assert "Accept" not in page
    late = client.post(doors[0], data={"step": "decline", "slot": slot})
    assert late.status_code == 409
    assert "The meeting is on" in late.text
    assert list(invariants.check(session)) == []


def test_a_decline_can_be_taken_back_while_the_time_is_held(
    client: FlaskClient, session: Session, world: World, poll: Poll, doors: list[str]
) -> None:
    hold(session, world, poll)
    slot = str(slot_ids(session, poll)[0])
    session.rollback()
    assert client.post(doors[0], data={"step": "decline", "slot": slot}).status_code == 303
    assert "You have declined this time." in client.get(doors[0]).text
    assert client.post(doors[0], data={"step": "accept", "slot": slot}).status_code == 303
    session.rollback()
    assert session.scalars(sa.select(PollInvitee.answer)).all()[0] is Answer.ACCEPTED


@pytest.mark.parametrize("slot", ["", "x", "999999"])
def test_an_answer_to_a_time_that_is_not_held_is_not_kept(
    client: FlaskClient, session: Session, world: World, poll: Poll, doors: list[str], slot: str
) -> None:
    hold(session, world, poll)
    assert client.post(doors[0], data={"step": "accept", "slot": slot}).status_code == 409
    session.rollback()
    assert set(session.scalars(sa.select(PollInvitee.answer))) == {None}


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (PollStatus.CANCELLED, "The meeting was called off."),
        (PollStatus.TIMED_OUT, "Not everybody could confirm in time"),
    ],
)
def test_the_end_is_told_in_one_sentence(
    client: FlaskClient, session: Session, poll: Poll, doors: list[str], status: PollStatus, sentence: str
) -> None:
    session.execute(sa.update(Poll).values(status=status, status_reason="We quarrelled"))
    session.commit()
    page = client.get(doors[0]).text
    assert sentence in page
    assert "quarrelled" not in page
    assert "<form" not in page


def test_links_that_do_not_work_all_get_the_same_page(
    client: FlaskClient,
    session: Session,
    engine: Engine,
    world: World,
    poll: Poll,
    doors: list[str],
    moved_clock: MovableClock,
) -> None:
    appointment = hold(session, world, poll)
    clara = people(session, poll)[0].poll_invitee_id
    links.revoke(session, firm_id=poll.firm_id, now=world.now, poll_invitee_id=clara)
    foreign = links.issue(
        session,
        secret=SECRET_KEY,
        firm_id=poll.firm_id,
        expires_at=world.now + DAY * 90,
        now=world.now,
        appointment_id=appointment.appointment_id,
    )
    session.commit()
    forged = doors[1][:-1] + ("A" if doors[1][-1] != "A" else "B")
    moved_clock.now = world.now + DAY * 40  # Yusuf's link has run out
    tries = [doors[0], doors[2], forged, "/i/x", f"/i/{foreign}", "/i/" + "a" * 5000, "/i/%00", "/i/%F0%9F"]
    answers = [client.get(path) for path in tries] + [client.post(path, data={}) for path in tries]
    assert {answer.status_code for answer in answers} == {404}
    token = re.compile('"X-CSRFToken":"[^"]*"')  # carries the second it was made in
    assert len({token.sub("", answer.text) for answer in answers}) == 1
    assert {answer.headers["Referrer-Policy"] for answer in answers} == {"no-referrer"}
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    assert token.sub("", client.get("/c/x").text) == token.sub("", answers[0].text)


def test_a_signed_in_colleague_sees_the_same_public_page(desk: FlaskClient, doors: list[str]) -> None:
    page = desk.get(doors[0]).text
    assert "Lena Fischer, Marlow" in page
    assert "Sign out" not in page


def test_a_forged_vote_is_not_kept(
    client: FlaskClient, session: Session, poll: Poll, doors: list[str]
) -> None:
    client.application.config["WTF_CSRF_ENABLED"] = True
    answer = client.post(doors[0], data=votes(session, poll, "yes"))
    assert answer.status_code == 422
    assert "nothing was sent on" in answer.text
    assert session.scalars(sa.select(PollVote.vote)).all() == []


def test_answers_close_with_their_deadline(
    client: FlaskClient,
    session: Session,
    world: World,
    poll: Poll,
    doors: list[str],
    moved_clock: MovableClock,
) -> None:
    hold(session, world, poll)
    moved_clock.now = world.now + DAY * 2 + HOUR
    slot = str(slot_ids(session, poll)[0])
    session.rollback()
    answer = client.post(doors[0], data={"step": "accept", "slot": slot})
    assert answer.status_code == 409
    assert "The time for answers has passed." in answer.text
