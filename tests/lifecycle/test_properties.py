"""Random people do random things at advancing times; after each, the rows are as the model says and sound.

``HYPOTHESIS_PROFILE=nightly`` tries far more.
"""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, draft, make_world
from tests.lifecycle import rows, steps
from tests.lifecycle.model import Meeting, Model, Refusal
from tests.lifecycle.table import everybody, leads
from webapp.lifecycle import appointments, details, transaction
from webapp.lifecycle.appointments import NewSlot
from webapp.lifecycle.errors import DomainError, Forbidden, Stale
from webapp.models import Appointment
from webapp.queries.invariants import check
from webapp.vocabulary import Action

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
# Shortening a failure takes minutes; an ordinary run shows the first one it meets as it is.
EFFORT: dict[str, Any] = (
    {"max_examples": 400, "stateful_step_count": 60}
    if NIGHTLY
    else {
        "max_examples": 8,
        "stateful_step_count": 30,
        "phases": (Phase.explicit, Phase.reuse, Phase.generate),
    }
)
HALF_HOUR = timedelta(minutes=30)
TAKEN = [action for action in Action if action not in {*steps.CREATING, Action.IMPORT, Action.RESCHEDULE}]
PEOPLE = st.sampled_from(["viewer", "staff", "manager", "owner", "client", "system"])
MEETINGS = st.integers(0, 1000)  # taken modulo how many there are, newest first
SLUGS = count(1)


class Desk(RuleBasedStateMachine):
    """One firm, two members of staff, a day of half hours, and everybody at the desk."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(self.engine, execution_options={"write": True}, expire_on_commit=False)
        self.world = make_world(self.session, f"desk-{next(SLUGS)}")
        self.people = everybody(self.world)
        self.now = self.world.now
        self.model = Model()

    def teardown(self) -> None:
        self.session.close()

    @rule(
        action=st.sampled_from(list(steps.CREATING)),
        who=PEOPLE,
        tomas=st.booleans(),
        place=st.integers(-2, 6),
        double_book=st.booleans(),
    )
    def make(self, action: Action, who: str, tomas: bool, place: int, double_book: bool) -> None:
        user = self.world.staff2 if tomas else self.world.staff
        start = self._half_hour(place)
        waits = action is Action.PROPOSE
        plan = Meeting(
            status=leads(None, action),
            staff_user_id=user.staff_user_id,
            start=start,
            end=start + LENGTH,
            confirm_by=start if waits else None,
            steps=[action],
        )
        plan.overbooked = self.model.is_held(user.staff_user_id, start, plan.end)
        reason = "Squeeze in" if double_book else ""
        facts = draft(
            self.world, start=start, staff_user=user, confirm_by=start, double_book=double_book, reason=reason
        )
        made = self._try(
            lambda: (
                steps.CREATING[action](
                    self.session, actor=self.people[who], draft=facts, now=self.now
                ).appointment_id
            ),
            self.model.refusal_of_creating(action, who, self.now, plan, double_book=double_book),
        )
        if made is not None:
            self.model.meetings[made] = plan

    @precondition(lambda self: self.model.meetings)
    @rule(action=st.sampled_from(TAKEN), who=PEOPLE, which=MEETINGS)
    def act(self, action: Action, who: str, which: int) -> None:
        number = self._pick(which)
        refusal = self.model.refusal_of(action, who, number, self.now)
        actor = self.people[who]
        self._try(
            lambda: steps.perform(self.session, action, self._load(number), actor=actor, now=self.now),
            refusal,
        )
        if refusal is None:
            self.model.take(action, number, self.now)

    @precondition(lambda self: self.model.meetings)
    @rule(who=PEOPLE, which=MEETINGS, place=st.integers(-1, 6), reason=st.booleans())
    def move(self, who: str, which: int, place: int, reason: bool) -> None:
        number, start = self._pick(which), self._half_hour(place)
        refusal = self.model.refusal_of(Action.RESCHEDULE, who, number, self.now)
        refusal = refusal or self.model.refusal_of_moving(who, number, self.now, start, reason=reason)
        successor = self._try(
            lambda: (
                appointments.reschedule(
                    self.session,
                    self._load(number),
                    actor=self.people[who],
                    slot=NewSlot(start_time=start, end_time=start + LENGTH),
                    reason="Ada travels" if reason else "",
                    now=self.now,
                ).appointment_id
            ),
            refusal,
        )
        if successor is not None:
            self.model.take(Action.RESCHEDULE, number, self.now)
            self.model.move(number, successor, start)

    @precondition(lambda self: self.model.meetings)
    @rule(who=PEOPLE, which=MEETINGS, behind=st.booleans())
    def edit(self, who: str, which: int, behind: bool) -> None:
        number = self._pick(which)
        may = who in ("staff", "manager", "owner")
        meeting = self.model.meetings[number]
        self._try(
            lambda: details.edit(
                self.session,
                found := self._load(number),
                actor=self.people[who],
                location="",
                notes=f"edit {meeting.edits + 1} of {number}",  # a successor inherits the notes
                contact_id=found.contact_id,
                now=self.now,
                expected_version=found.version - behind,
            ),
            Forbidden if not may else Stale if behind else None,
        )
        meeting.edits += may and not behind

    @rule(minutes=st.sampled_from([0, 1, 29, 30, 31, 120, 3 * 24 * 60]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @invariant()
    def the_rows_are_as_the_model_says(self) -> None:
        for number, meeting in self.model.meetings.items():
            found = self.session.get_one(Appointment, number, populate_existing=True)
            written = rows.history(self.session, found)
            assert (found.status, found.overbooked) == (meeting.status, meeting.overbooked)
            assert found.version == len(meeting.steps) + meeting.edits
            assert [row["action"] for row in written] == meeting.steps
            assert len(rows.outbox(self.session, found)) == len(meeting.steps)
        firm = Appointment.firm_id == self.world.firm.firm_id
        total = self.session.scalar(sa.select(sa.func.count()).select_from(Appointment).where(firm))
        assert total == len(self.model.meetings)

    @invariant()
    def the_database_is_sound(self) -> None:
        assert list(check(self.session, firm_id=self.world.firm.firm_id)) == []
        self.session.rollback()

    def _half_hour(self, place: int) -> datetime:
        """A half hour of the clock, so many after the present one."""
        passed = (self.now - self.world.now) // HALF_HOUR
        return self.world.now + (passed + place) * HALF_HOUR

    def _pick(self, which: int) -> int:
        numbers = sorted(self.model.meetings, reverse=True)
        return numbers[which % len(numbers)]

    def _load(self, number: int) -> Appointment:
        return self.session.get_one(Appointment, number, populate_existing=True)

    def _try(self, work: Callable[[], Any], expected: Refusal) -> Any:
        """Do the work in a transaction; it must be refused in exactly the expected way."""
        result, refusal = None, None
        try:
            result = transaction.run(self.session, work)
        except DomainError as error:
            refusal = error
        assert (refusal and type(refusal)) is expected, refusal
        return result


def test_whatever_people_do_the_rows_stay_sound(engine: Engine) -> None:
    desk = type("DeskOnThisEngine", (Desk,), {"engine": engine})
    run_state_machine_as_test(
        desk,
        settings=settings(**EFFORT, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False),
    )


def test_the_day_is_long_enough_to_fill() -> None:
    assert LENGTH > HALF_HOUR, "neighbouring half hours must collide"
    assert timedelta(minutes=3 * 24 * 60) * 3 > 7 * DAY, "the correction window must close"
