"""The people of a firm and its settings, on both engines: what races and what one firm may do to another."""

import threading
from dataclasses import asdict, replace

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, make_user, make_world
from webapp.lifecycle import access, firm_settings, submissions, team, transaction
from webapp.lifecycle.errors import DomainError, Forbidden, Invalid, Missing, Stale
from webapp.lifecycle.firm_settings import Values
from webapp.models import AuditEvent, StaffUser, UserSession
from webapp.queries import settings
from webapp.queries import team as people
from webapp.queries.team import State
from webapp.vocabulary import Role


def deactivate(session: Session, world: World, who: StaffUser, by: StaffUser) -> None:
    team.deactivate(session, who.staff_user_id, actor=world.acting(by), now=world.now)


def test_the_last_owner_who_can_sign_in_stays(session: Session, world: World) -> None:
    second = make_user(session, world.firm, "Paul Marlow", Role.OWNER)
    with pytest.raises(Invalid, match="Olga Marlow is the only owner"):
        deactivate(session, world, world.owner, by=second)
    with pytest.raises(Invalid, match="only owner") as refusal:
        team.change(
            session,
            world.owner.staff_user_id,
            actor=world.acting(second),
            name="Olga Marlow",
            role=Role.STAFF,
            bookable=True,
            now=world.now,
        )
    assert refusal.value.field == "role"
    second.password_hash = "$set"
    deactivate(session, world, world.owner, by=second)
    assert not world.owner.active


def test_two_owners_cannot_remove_each_other(engine: Engine, session: Session, world: World) -> None:
    second = make_user(session, world.firm, "Paul Marlow", Role.OWNER)
    world.owner.password_hash = second.password_hash = "$set"
    session.commit()
    barrier, refusals = threading.Barrier(2), []

    def remove(who: StaffUser, by: StaffUser) -> None:
        with Session(engine, expire_on_commit=False) as own:
            barrier.wait()
            try:
                transaction.run(own, lambda: deactivate(own, world, who, by))
            except DomainError as refusal:
                refusals.append(refusal)

    pairs = [(world.owner, second), (second, world.owner)]
    threads = [threading.Thread(target=remove, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session.rollback()
    owners = sa.select(StaffUser).where(StaffUser.role == Role.OWNER, StaffUser.deactivated_at.is_(None))
    assert len(session.scalars(owners).all()) == 1
    assert len(refusals) == 1


@pytest.mark.one_engine("postgresql")  # SQLite has one writer at a time anyway
@pytest.mark.parametrize("form", ["team", "settings"])
def test_two_forms_about_a_firm_do_not_wait_for_each_other_in_a_circle(
    engine: Engine, session: Session, world: World, form: str
) -> None:
    """Each has claimed its token, a row that refers to the firm, before it asks for the firm itself."""
    actor, values = world.acting(world.owner), replace(Values.of(world.firm), slot_step=30)
    with Session(engine) as first, Session(engine) as second:
        for own, token in ((first, "a"), (second, "b")):
            own.execute(sa.text("SET lock_timeout = '1s'"))
            submissions.once(
                own, firm_id=world.firm.firm_id, token=token, now=world.now, work=dict[str, object]
            )
        if form == "team":
            team.make_link(first, world.staff.staff_user_id, actor=actor, now=world.now)
        else:
            firm_settings.change(first, actor=actor, values=values, seen=0, now=world.now)
        first.commit()
        second.rollback()


@pytest.mark.parametrize("role", ["viewer", "staff"])
def test_whoever_does_not_run_the_team_is_refused(session: Session, world: World, role: str) -> None:
    actor = world.acting(world.viewer if role == "viewer" else world.staff)
    with pytest.raises(Forbidden):
        team.deactivate(session, world.staff2.staff_user_id, actor=actor, now=world.now)
    with pytest.raises(Forbidden):
        team.make_link(session, world.staff2.staff_user_id, actor=actor, now=world.now)
    with pytest.raises(Forbidden):
        firm_settings.change(session, actor=actor, values=Values.of(world.firm), seen=0, now=world.now)
    for other in (world.client, world.system):
        with pytest.raises(Forbidden):
            team.deactivate(session, world.staff2.staff_user_id, actor=other, now=world.now)


def test_a_manager_ends_the_sessions_of_one_colleague_and_of_nobody_else(
    session: Session, world: World
) -> None:
    for person in (world.staff, world.staff, world.viewer):
        access.open_session(session, person, now=world.now)
    team.end_sessions(session, world.staff.staff_user_id, actor=world.acting(world.manager), now=world.now)
    still = sa.select(UserSession.staff_user_id).where(UserSession.revoked_at.is_(None))
    assert session.scalars(still).all() == [world.viewer.staff_user_id]
    assert session.scalars(sa.select(AuditEvent.changes)).all() == [{"sessions": [2, 0]}]
    for actor in (world.staff, world.viewer):
        with pytest.raises(Forbidden):
            team.end_sessions(session, world.viewer.staff_user_id, actor=world.acting(actor), now=world.now)
    with pytest.raises(Forbidden):
        team.end_sessions(
            session, world.owner.staff_user_id, actor=world.acting(world.manager), now=world.now
        )


def test_another_firms_people_are_not_there(session: Session, world: World) -> None:
    other = make_world(session, "hartmann")
    actor, stranger = world.acting(world.owner), other.staff.staff_user_id
    for act in (team.deactivate, team.reactivate, team.make_link, team.revoke_link, team.end_sessions):
        with pytest.raises(Missing):
            act(session, stranger, actor=actor, now=world.now)
    assert people.person(session, firm_id=world.firm.firm_id, staff_user_id=stranger, now=world.now) is None


def test_the_same_address_is_invited_once(session: Session, world: World) -> None:
    def invite(email: str) -> None:
        team.invite(
            session,
            actor=world.acting(world.owner),
            name="Nora Quist",
            email=email,
            role=Role.STAFF,
            bookable=True,
            now=world.now,
        )

    invite("nora@marlow.example")
    for again in ("Nora@MARLOW.example", " nora@marlow.example "):
        with pytest.raises(Invalid, match="Nora Quist is in the team"):
            invite(again)
    world.staff.deactivated_at = world.now
    with pytest.raises(Invalid, match="Reactivate them instead"):
        invite(world.staff.email)


def test_the_list_tells_states_apart_in_one_statement(session: Session, world: World) -> None:
    world.owner.password_hash = world.viewer.password_hash = "$set"
    world.staff2.deactivated_at = world.now
    team.make_link(session, world.manager.staff_user_id, actor=world.acting(world.owner), now=world.now)
    access.open_session(session, world.owner, now=world.now)
    session.commit()
    statements: list[str] = []
    engine = session.get_bind()
    sa.event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    found = people.people(session, firm_id=world.firm.firm_id, now=world.now)
    assert len([statement for statement in statements if statement.startswith("SELECT")]) == 1
    assert [(person.name, person.state) for person in found] == [
        ("Daniel Osei", State.INVITED),
        ("Lena Fischer", State.NO_LINK),
        ("Olga Marlow", State.ACTIVE),
        ("Vera Lind", State.ACTIVE),
        ("Tomas Novak", State.DEACTIVATED),
    ]
    assert [person.last_sign_in for person in found if person.last_sign_in] == [world.now]


def test_settings_are_stored_with_what_was_before(session: Session, world: World) -> None:
    values = replace(
        Values.of(world.firm), name="Marlow & Sons", working_hours=[[[0, 1440]], *[[]] * 6], slot_step=30
    )
    firm_settings.change(session, actor=world.acting(world.owner), values=values, seen=0, now=world.now)
    session.commit()
    session.refresh(world.firm)
    assert asdict(Values.of(world.firm)) == asdict(values)
    (event,) = session.scalars(sa.select(AuditEvent))
    assert set(event.changes) == {"name", "working_hours", "slot_step"}
    assert event.changes["slot_step"] == [15, 30]
    shown = settings.shown(session, firm_id=world.firm.firm_id, group=Values)
    assert shown.seen == event.audit_event_id
    with pytest.raises(Stale, match="Olga Marlow changed the settings"):
        firm_settings.change(session, actor=world.acting(world.manager), values=values, seen=0, now=world.now)


@pytest.mark.parametrize(
    ("spans", "field"),
    [
        ([[540, 540]], "monday_1"),
        ([[-1, 540]], "monday_1"),
        ([[540, 1441]], "monday_1"),
        ([[540, 720], [700, 800]], "monday_2"),
        ([[800, 900], [540, 720]], "monday_2"),
        ([[0, 1], [2, 3], [4, 5]], "monday_2"),
    ],
)
def test_hours_that_cannot_be_are_refused(
    session: Session, world: World, spans: list[list[int]], field: str
) -> None:
    values = replace(Values.of(world.firm), working_hours=[spans, *[[]] * 6])
    with pytest.raises(Invalid) as refusal:
        firm_settings.change(session, actor=world.acting(world.owner), values=values, seen=0, now=world.now)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("typed", "span"),
    [
        ("09:00–12:30", [540, 750]),
        ("9-12.30", [540, 750]),
        ("9 am to 5:30pm", [540, 1050]),
        ("0900 — 1230", [540, 750]),
        ("18:00-24:00", [1080, 1440]),
        ("18-0", [1080, 1440]),
        ("00:00–24", [0, 1440]),
    ],
)
def test_spans_are_understood_as_people_type_them(typed: str, span: list[int]) -> None:
    assert firm_settings.parse_span(typed, field="monday_1") == span
    for twelve_hour in (False, True):
        shown = firm_settings.span_text(span, twelve_hour=twelve_hour)
        assert firm_settings.parse_span(shown, field="monday_1") == span
