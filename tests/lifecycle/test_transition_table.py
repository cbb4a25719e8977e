"""Every action from every status by everybody, on a real database, against the table written by hand."""

import pytest
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status
from tests.lifecycle import rows, steps
from tests.lifecycle.table import LEADS, MAY, everybody, leads
from webapp.lifecycle import recording
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import DomainError, Forbidden, NotAllowed
from webapp.lifecycle.transitions import TABLE, is_legal
from webapp.models import Appointment
from webapp.vocabulary import OUTCOMES, Action, Status

REASONS = {
    Action.DECLINE: "Fully booked",
    Action.EXPIRE: "Nobody answered the request before its start",
    Action.TIME_OUT: "Not confirmed before the deadline",
    Action.CANCEL: "Ada is ill",
    Action.MARK_NO_SHOW: "Both didn’t show",
    Action.CORRECT: "Wrong line",
}
KINDS = {
    Action.DECLINE: ("declined", "staff"),
    Action.EXPIRE: ("expired", "system"),
    Action.TIME_OUT: ("timed_out", "system"),
    Action.CANCEL: ("cancelled", "client"),
}
ACTIONS = [action for action in Action if action is not Action.IMPORT]


@pytest.fixture
def one_of_each(session: Session, world: World) -> dict[Status, Appointment]:
    """An appointment in every status, none in the way of another."""
    start = {Status.COMPLETED: world.now - 2 * DAY, Status.NO_SHOW: world.now - DAY}
    live = [status for status in Status if status not in OUTCOMES]
    start |= {status: world.now + (1 + 14 * place) * DAY for place, status in enumerate(live)}
    return {status: at_status(session, status, world, start=start[status]) for status in Status}


def test_the_table_names_every_action_and_every_status() -> None:
    assert len(LEADS) == len(ACTIONS) * (len(Status) + 1)
    assert len(MAY) == len(ACTIONS) * 6
    assert {action for action, rule in TABLE.items() if rule} == set(Action)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_rule_agrees_with_the_table_for_every_pair_of_statuses(action: Action) -> None:
    for source in (None, *Status):
        for target in Status:
            corrected_party = action is Action.CORRECT and source is target is Status.NO_SHOW
            expected = leads(source, action) is target or corrected_party
            assert is_legal(action, source, target) is expected, (source, target)


@pytest.mark.parametrize("action", [action for action in ACTIONS if action not in steps.CREATING])
def test_a_step_is_taken_or_refused_as_the_table_says(
    session: Session, world: World, one_of_each: dict[Status, Appointment], action: Action
) -> None:
    for status, appointment in one_of_each.items():
        for name, actor in everybody(world).items():
            expected = leads(status, action)
            if MAY[action, name] == ".":
                _is_refused(session, world, appointment, action, actor, Forbidden)
            elif expected is None:
                refusal = _is_refused(session, world, appointment, action, actor, NotAllowed)
                _says_how_it_stands(session, world, appointment, refusal)
            else:
                _is_taken(session, world, appointment, action, actor, expected)
            session.rollback()
            session.refresh(appointment)


def _is_refused(
    session: Session,
    world: World,
    appointment: Appointment,
    action: Action,
    actor: Actor,
    kind: type[DomainError],
) -> DomainError:
    before = rows.everything(session)
    with pytest.raises(kind) as refusal:
        steps.perform(session, action, appointment, actor=actor, now=steps.when(action, appointment, world))
    assert type(refusal.value) is kind
    assert rows.everything(session) == before
    return refusal.value


def _says_how_it_stands(
    session: Session, world: World, appointment: Appointment, refusal: DomainError
) -> None:
    last = rows.history(session, appointment)[-1]
    label = "a no-show" if appointment.status is Status.NO_SHOW else appointment.status.label.lower()
    assert refusal.sentence.startswith(f"It is {label}: {last['actor_label']} ")
    assert f", {world.local.day_time(last['changed_at'])}." in refusal.sentence
    assert refusal.sentence.endswith("."), refusal.sentence


def _is_taken(
    session: Session, world: World, appointment: Appointment, action: Action, actor: Actor, to: Status
) -> None:
    before, was = rows.row(session, appointment), rows.history(session, appointment)
    told = len(rows.outbox(session, appointment))
    now = steps.when(action, appointment, world)
    successor = steps.perform(session, action, appointment, actor=actor, now=now)
    after, (*kept, written) = rows.row(session, appointment), rows.history(session, appointment)
    occurred = {
        Action.EXPIRE: before["start_time"],
        Action.TIME_OUT: before["confirm_by"],
        Action.CORRECT: before["end_time"] if to is Status.COMPLETED else before["start_time"],
    }.get(action, now)
    assert kept == was
    assert (after["status"], after["version"]) == (to, before["version"] + 1)
    assert after["status_reason"] == written["reason"] == REASONS.get(action)
    assert (written["sequence"], written["action"]) == (len(was) + 1, action)
    assert (written["from_status"], written["to_status"]) == (before["status"], to)
    assert (written["actor_kind"], written["actor_label"]) == (actor.kind, actor.label)
    assert written["changed_by_id"] == actor.staff_user_id
    assert (written["changed_at"], written["occurred_at"]) == (now, occurred)
    assert rows.stamps(session, appointment) == _stamps(action, to, occurred)
    (*_, event) = rows.outbox(session, appointment)
    assert len(rows.outbox(session, appointment)) == told + 1
    assert (event["sequence"], event["created_at"]) == (written["sequence"], now)
    assert event["event_type"] == f"appointment.{'corrected' if action is Action.CORRECT else to}"
    assert (event["payload"]["action"], event["payload"]["version"]) == (action, after["version"])
    assert (successor is not None) == (action is Action.RESCHEDULE)
    assert session.get(Appointment, appointment.appointment_id).status is to


def _stamps(action: Action, to: Status, occurred: object) -> dict[str, object]:
    """The stamps that the status has, and no other."""
    if to in (Status.CONFIRMED, Status.REQUESTED, Status.AWAITING_CONFIRMATION):
        return {}
    expected = {f"{to}_at": occurred}
    if to is Status.CANCELLED:
        expected |= dict(zip(("cancellation_kind", "cancelled_by"), KINDS[action], strict=True))
    if to is Status.NO_SHOW:
        expected["no_show_party"] = "staff" if action is Action.CORRECT else "both"
    return expected


@pytest.mark.parametrize("action", list(steps.CREATING))
def test_an_appointment_is_made_or_refused_as_the_table_says(
    session: Session, world: World, action: Action
) -> None:
    start = world.now + DAY
    for name, actor in everybody(world).items():
        before = rows.everything(session)
        if MAY[action, name] == ".":
            with pytest.raises(Forbidden):
                steps.create(session, action, world, actor=actor, start=start)
            assert rows.everything(session) == before
            continue
        made = steps.create(session, action, world, actor=actor, start=start)
        (written,) = rows.history(session, made)
        (event,) = rows.outbox(session, made)
        assert rows.row(session, made)["status"] == leads(None, action) == written["to_status"]
        assert (made.version, written["sequence"], written["from_status"]) == (1, 1, None)
        assert (written["action"], written["actor_label"]) == (action, actor.label)
        assert (made.booked_by, made.booked_by_id) == (actor.label, actor.staff_user_id)
        assert written["changed_at"] == written["occurred_at"] == made.created_at == world.now
        assert rows.stamps(session, made) == {}
        assert event["event_type"] == f"appointment.{made.status}"
        session.rollback()


@pytest.mark.parametrize("action", [action for action in ACTIONS if leads(None, action) is None])
def test_nothing_is_made_by_a_step_that_needs_an_appointment(
    session: Session, world: World, action: Action
) -> None:
    for target in Status:
        with pytest.raises(AssertionError, match="transition table"):
            recording.create(
                session, Appointment(), action=action, status=target, actor=world.system, now=world.now
            )


def test_no_creating_action_is_a_step_of_an_appointment_that_exists(
    session: Session, world: World, one_of_each: dict[Status, Appointment]
) -> None:
    before = rows.everything(session)
    for appointment in one_of_each.values():
        for action in (*steps.CREATING, Action.IMPORT):
            with pytest.raises(AssertionError, match="transition table"):
                recording.record(
                    session,
                    appointment,
                    action=action,
                    to=next(iter(TABLE[action].targets)),
                    actor=world.system,
                    now=world.now,
                    expected_version=appointment.version,
                )
    assert rows.everything(session) == before
