"""What the fuse held back, and the outcomes that the facts suggest."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status
from tests.lifecycle.due_rows import join, many
from tests.support.html import Page
from tests.ui.conftest import MovableClock, fresh
from tests.ui.pages import parse
from webapp.lifecycle.sweeps import sweep
from webapp.models import Appointment, Firm, StaffUser, SweepHold, SweepProblem
from webapp.vocabulary import AttendanceSide, NoShowParty, OutcomePolicy, Status, SweepKind

pytestmark = pytest.mark.one_engine("sqlite")  # the pages' questions are asked on both engines elsewhere

MINUTE = timedelta(minutes=1)
SignedIn = Callable[[StaffUser], FlaskClient]


@pytest.fixture
def boss(signed_in: SignedIn, world: World) -> FlaskClient:
    """Daniel, a manager."""
    return signed_in(world.manager)


@pytest.fixture
def held(session: Session, world: World) -> SweepHold:
    """A hundred and one meetings are held back."""
    many(session, world, 101, last_end=world.now - 2 * 60 * MINUTE)
    sweep(session, firm_id=world.firm.firm_id, now=world.now)
    session.rollback()
    return session.scalars(sa.select(SweepHold)).one()


def past(session: Session, world: World, *, tracked: bool = True) -> Appointment:
    """A meeting that ended yesterday without an outcome."""
    meeting = at_status(session, Status.CONFIRMED, world, start=world.now - DAY)
    session.execute(
        sa.update(Appointment)
        .where(Appointment.appointment_id == meeting.appointment_id)
        .values(tracked=tracked)
    )
    session.commit()
    session.refresh(meeting)
    return meeting


def suggest(session: Session) -> None:
    session.execute(
        sa.update(Firm).values(completion_policy=OutcomePolicy.SUGGEST, no_show_policy=OutcomePolicy.SUGGEST)
    )
    session.commit()


def test_it_says_what_how_many_since_when_and_why(boss: FlaskClient, held: SweepHold) -> None:
    text = boss.get("/held-back").text
    assert "101 meetings" in text
    assert "would have been marked as completed" in text
    assert "A usual day has 20." in text
    assert "Held back since 10:00" in text
    assert text.count('href="/appointments/') == 10
    assert not Page(text).faults()


def test_an_empty_page_says_so(boss: FlaskClient, world: World) -> None:
    assert "Nothing is held back" in boss.get("/held-back").text


def test_release_asks_first_and_then_lets_the_sweep_go_on(
    boss: FlaskClient, held: SweepHold, session: Session, world: World
) -> None:
    url = f"/held-back/{held.sweep_hold_id}/release"
    assert "Release 101 meetings" in boss.get(url).text
    answer = boss.post(url, data={"form_token": "a"})
    assert (answer.status_code, answer.location) == (303, "/held-back")
    fresh(session, held)
    assert (held.decision, held.decided_by) == ("released", "Daniel Osei")
    session.rollback()
    assert sweep(session, firm_id=world.firm.firm_id, now=world.now + MINUTE).moved == 101
    assert "Released 101 meetings" in boss.get("/held-back").text


def test_dismiss_leaves_them_to_people(
    boss: FlaskClient, held: SweepHold, session: Session, world: World
) -> None:
    boss.post(f"/held-back/{held.sweep_hold_id}/dismissal", data={"form_token": "a"})
    assert sweep(session, firm_id=world.firm.firm_id, now=world.now + MINUTE).moved == 0
    assert "50 of 101 appointments" in boss.get("/needs-outcome").text


def test_the_same_form_twice_has_one_effect(boss: FlaskClient, held: SweepHold) -> None:
    url = f"/held-back/{held.sweep_hold_id}/release"
    assert [boss.post(url, data={"form_token": "a"}).status_code for _ in range(2)] == [303, 303]


def test_another_answer_after_the_first_is_a_conflict(boss: FlaskClient, held: SweepHold) -> None:
    boss.post(f"/held-back/{held.sweep_hold_id}/release", data={"form_token": "a"})
    answer = boss.post(f"/held-back/{held.sweep_hold_id}/dismissal", data={"form_token": "b"})
    assert answer.status_code == 409
    assert "Daniel Osei released these" in answer.text


def test_staff_do_not_reach_it(desk: FlaskClient, held: SweepHold) -> None:
    assert desk.get("/held-back").status_code == 403
    assert desk.post(f"/held-back/{held.sweep_hold_id}/release").status_code == 403


def test_rows_that_stepped_aside_are_listed(boss: FlaskClient, session: Session, world: World) -> None:
    meeting = past(session, world)
    session.add(
        SweepProblem(
            firm_id=world.firm.firm_id,
            appointment_id=meeting.appointment_id,
            kind=SweepKind.COMPLETE,
            sentence="CHECK constraint failed",
            tries=2,
            first_at=world.now,
            last_at=world.now,
        )
    )
    session.commit()
    text = boss.get("/held-back").text
    assert "Stepped aside" in text
    assert "CHECK constraint failed" in text


def test_the_worklist_shows_the_evidence(desk: FlaskClient, session: Session, world: World) -> None:
    meeting = past(session, world)
    join(session, world, meeting.appointment_id, AttendanceSide.CLIENT, meeting.start_time + 2 * MINUTE)
    session.commit()
    text = desk.get("/needs-outcome").text
    assert "Client arrived 10:02, staff not seen" in text
    assert "Looks like staff didn’t show" in text
    assert not Page(text).faults()


def test_an_untracked_meeting_says_nothing_of_who_was_not_seen(
    desk: FlaskClient, session: Session, world: World
) -> None:
    past(session, world, tracked=False)
    text = desk.get("/needs-outcome").text
    assert "not seen" not in text
    assert "Looks like it took place" in text


def test_a_suggestion_is_accepted_with_one_click(desk: FlaskClient, session: Session, world: World) -> None:
    suggest(session)
    meeting = past(session, world)
    join(session, world, meeting.appointment_id, AttendanceSide.STAFF, meeting.start_time)
    session.commit()
    url = f"/needs-outcome/{meeting.appointment_id}/acceptance?version={meeting.version}"
    assert url in desk.get("/needs-outcome").text
    answer = desk.post(url, data={"form_token": "a"})
    assert (answer.status_code, answer.location) == (303, "/needs-outcome")
    fresh(session, meeting)
    assert meeting.no_show_party is NoShowParty.CLIENT
    assert meeting.no_show_at == meeting.start_time + 30 * MINUTE
    assert session.refresh(meeting) is None
    assert [row.actor_label for row in meeting.status_history][-1] == "Lena Fischer"


def test_a_suggested_completion_is_stamped_with_the_end(
    desk: FlaskClient, session: Session, world: World
) -> None:
    suggest(session)
    meeting = past(session, world, tracked=False)
    desk.post(f"/needs-outcome/{meeting.appointment_id}/acceptance", data={"form_token": "a"})
    fresh(session, meeting)
    assert (meeting.status, meeting.completed_at) == (Status.COMPLETED, meeting.end_time)


def test_nothing_is_accepted_where_nothing_is_suggested(
    desk: FlaskClient, session: Session, world: World
) -> None:
    session.execute(sa.update(Firm).values(completion_policy=OutcomePolicy.OFF))
    session.commit()
    meeting = past(session, world, tracked=False)
    answer = desk.post(f"/needs-outcome/{meeting.appointment_id}/acceptance", data={"form_token": "a"})
    assert answer.status_code == 422
    assert "The facts suggest no outcome" in answer.text


def test_what_somebody_else_changed_is_not_accepted(
    desk: FlaskClient, session: Session, world: World
) -> None:
    meeting = past(session, world, tracked=False)
    answer = desk.post(
        f"/needs-outcome/{meeting.appointment_id}/acceptance?version=7", data={"form_token": "a"}
    )
    assert answer.status_code == 409


def test_viewers_accept_nothing(signed_in: SignedIn, session: Session, world: World) -> None:
    meeting = past(session, world)
    viewer = signed_in(world.viewer)
    assert "acceptance" not in viewer.get("/needs-outcome").text
    assert viewer.post(f"/needs-outcome/{meeting.appointment_id}/acceptance").status_code == 403


def test_a_late_join_after_an_automatic_no_show_is_listed_and_changes_nothing(
    desk: FlaskClient, session: Session, world: World
) -> None:
    meeting = past(session, world)
    decided = meeting.start_time + 31 * MINUTE
    assert sweep(session, firm_id=world.firm.firm_id, now=decided).moved == 1
    assert "Joined after" not in desk.get("/needs-outcome").text
    join(session, world, meeting.appointment_id, AttendanceSide.CLIENT, decided + 9 * MINUTE)
    session.commit()
    text = desk.get("/needs-outcome").text
    assert "Joined after a no-show was recorded" in text
    assert "Client arrived yesterday 10:40, no-show from 10:30" in text
    fresh(session, meeting)
    assert meeting.status is Status.NO_SHOW
    assert "Joined after" in desk.get("/needs-outcome?staff=me").text
    other = desk.get(f"/needs-outcome?staff={world.staff2.staff_user_id}").text
    assert "Joined after" not in other


def test_a_correction_takes_it_off_the_list(
    boss: FlaskClient, session: Session, world: World, moved_clock: MovableClock
) -> None:
    meeting = past(session, world)
    decided = meeting.start_time + 31 * MINUTE
    sweep(session, firm_id=world.firm.firm_id, now=decided)
    join(session, world, meeting.appointment_id, AttendanceSide.CLIENT, decided + MINUTE)
    session.commit()
    assert "Joined after" in boss.get("/needs-outcome").text
    answer = boss.post(
        f"/appointments/{meeting.appointment_id}/correction",
        data={"form_token": "a", "outcome": "completed", "reason": "They came late"},
    )
    assert answer.status_code == 303
    assert "Joined after" not in boss.get("/needs-outcome").text


def test_the_board_tells_managers_what_is_held_back(
    boss: FlaskClient, desk: FlaskClient, held: SweepHold, world: World
) -> None:
    notice = parse(boss.get("/day/2026-01-13")).one(id="held-back")
    assert notice.one("h2").text == "101 outcomes are held back"
    assert notice.one("a").attrs["href"] == "/held-back"
    assert "held back" not in desk.get("/day/2026-01-13").text
    boss.post(f"/held-back/{held.sweep_hold_id}/dismissal", data={"form_token": "a"})
    assert not parse(boss.get("/day/2026-01-13")).all(id="held-back")


def test_accepting_from_a_row_answers_with_the_row_and_the_count(
    desk: FlaskClient, session: Session, world: World
) -> None:
    meeting = past(session, world, tracked=False)
    url = f"/needs-outcome/{meeting.appointment_id}/acceptance?version={meeting.version}&row=1"
    answer = desk.post(url, data={"form_token": "a"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert f'id="appt-{meeting.appointment_id}"' in answer.text
    assert 'data-status="completed"' in answer.text
    assert 'hx-target="#nav-outcomes"' in answer.text


@pytest.mark.parametrize(
    ("back", "leads"),
    [("/needs-outcome?staff=me", "/needs-outcome?staff=me"), ("https://example.org/", "/")],
)
def test_accepting_without_script_leads_back_to_the_list_it_came_from(
    desk: FlaskClient, session: Session, world: World, back: str, leads: str
) -> None:
    meeting = past(session, world, tracked=False)
    url = f"/needs-outcome/{meeting.appointment_id}/acceptance?version={meeting.version}"
    assert desk.post(url, data={"form_token": "a", "back": back}).location == leads
