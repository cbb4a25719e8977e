"""A form that is sent twice has one effect, and the second sending gets the first answer."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, draft, make_world
from tests.lifecycle import rows
from tests.lifecycle.threads import at_once
from webapp.lifecycle import booking, submissions, transaction
from webapp.lifecycle.errors import SlotTaken
from webapp.models import Appointment, Submission

Answer = tuple[dict[str, Any], bool]


def count(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(Appointment)) or 0


def send(session: Session, world: World, token: str, *, day: int = 1) -> Answer:
    """Book as a form with this token would, and commit."""

    def book() -> dict[str, Any]:
        plan = draft(world, start=world.now + day * DAY)
        made = booking.book(session, actor=world.acting(), draft=plan, now=world.now)
        return {"appointment_id": made.appointment_id}

    def work() -> Answer:
        return submissions.once(session, firm_id=world.firm.firm_id, token=token, now=world.now, work=book)

    return transaction.run(session, work)


def test_the_same_token_has_one_effect_and_the_first_answer_again(session: Session, world: World) -> None:
    first, repeated = send(session, world, "a")
    assert not repeated
    before = rows.everything(session)
    assert [send(session, world, "a", day=day) for day in (1, 2)] == [(first, True)] * 2
    assert rows.everything(session) == before
    assert count(session) == 1


def test_another_token_is_another_form(session: Session, world: World) -> None:
    first, _ = send(session, world, "a")
    second, repeated = send(session, world, "b", day=2)
    assert (first != second, repeated, count(session)) == (True, False, 2)


def test_a_form_without_a_token_is_never_a_repetition(session: Session, world: World) -> None:
    send(session, world, "")
    _, repeated = send(session, world, "", day=2)
    assert (repeated, count(session)) == (False, 2)


def test_the_token_of_one_firm_is_no_matter_to_another(session: Session, world: World) -> None:
    other = make_world(session, "other")
    send(session, world, "a")
    assert send(session, other, "a")[1] is False


def test_a_failure_frees_the_token(session: Session, world: World) -> None:
    send(session, world, "a")
    with pytest.raises(SlotTaken):
        send(session, world, "b")
    answer, repeated = send(session, world, "b", day=2)
    assert (repeated, count(session)) == (False, 2)
    assert send(session, world, "b", day=3) == (answer, True)


def claim(session: Session, world: World, token: str, **later: float) -> set[str]:
    """Have a form take effect so much later; gives the tokens that are known then."""
    submissions.once(
        session,
        firm_id=world.firm.firm_id,
        token=token,
        now=world.now + timedelta(**later),
        work=dict[str, Any],
    )
    session.commit()
    return set(session.scalars(sa.select(Submission.token)))


def test_a_new_token_makes_those_older_than_two_days_forgotten(session: Session, world: World) -> None:
    other = make_world(session, "other")
    claim(session, world, "a")
    claim(session, other, "b")
    assert claim(session, world, "c", days=2) == {"a", "b", "c"}
    assert claim(session, world, "d", days=2, seconds=1) == {"c", "d"}


def test_a_few_are_forgotten_at_once_the_oldest_first(session: Session, world: World) -> None:
    for number in range(25):
        claim(session, world, f"old {number:02}", seconds=number)
    left = {f"old {number:02}" for number in range(20, 25)}
    assert claim(session, world, "new", days=3) == left | {"new"}
    assert claim(session, world, "new", days=3) == left | {"new"}  # a repetition costs nothing
    assert claim(session, world, "newer", days=3) == {"new", "newer"}


def test_twins_at_the_same_moment_have_one_effect(engine: Engine, session: Session, world: World) -> None:
    jobs = [lambda own, day=day: send(own, world, "a", day=day) for day in range(1, 9)]
    answers = at_once(engine, jobs)
    assert sorted(repeated for _, repeated in answers) == [False] + [True] * 7
    assert len({answer["appointment_id"] for answer, _ in answers}) == 1
    assert count(session) == 1
    assert len(rows.everything(session)["appointment_status_history"]) == 1
    assert len(rows.everything(session)["outbox_event"]) == 1
