"""Who is let in: a token that holds, as far as its person's role and its scopes go."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.api.conftest import CallsAs
from tests.factories import DAY, World, at_status
from tests.lifecycle.rows import everything
from tests.support.api import Program
from tests.support.signed_in import sign_in
from tests.support.statements import captured
from tests.ui.conftest import MovableClock
from webapp.extensions import db
from webapp.lifecycle import team, tokens
from webapp.lifecycle.errors import Forbidden
from webapp.models import ApiToken, AuditEvent, StaffUser
from webapp.models import AppointmentStatusHistory as History
from webapp.vocabulary import Role, Scope, Status

LIST = "/appointments"


def said(answer: TestResponse) -> tuple[int, str, str]:
    return answer.status_code, answer.mimetype, answer.json["code"]


def refused(answer: TestResponse) -> None:
    assert said(answer) == (401, "application/problem+json", "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "RateLimit-Limit" not in answer.headers


def the_token(session: Session) -> ApiToken:
    session.rollback()
    return session.scalars(sa.select(ApiToken).order_by(ApiToken.api_token_id.desc())).first()


HEADERS = [
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer daybook_" + "A" * 43,
    "Bearer a=b",
    "Bearer \xe4\xf6",
    "Basic bGVuYTpzZWNyZXQ=",
    "Token daybook_x",
    "Bearer " + "x" * 5000,
]


def test_what_is_no_token_opens_nothing(api: Program) -> None:
    api.token = ""
    refused(api.get(LIST))
    for header in HEADERS:
        refused(api.get(LIST, Authorization=header))


def test_a_token_is_taken_as_it_stands(api: Program) -> None:
    text, api.token = api.token, ""
    assert api.get(LIST, Authorization=f"bearer {text}").status_code == 200
    for other in (text.upper(), text[:-1], f"{text}x", f"{text} x", f'"{text}"'):
        refused(api.get(LIST, Authorization=f"Bearer {other}"))
    refused(api.get(f"{LIST}?access_token={text}"))


def test_a_revoked_token_opens_nothing(api: Program, session: Session, world: World) -> None:
    assert api.get(LIST).status_code == 200
    tokens.revoke(session, the_token(session).api_token_id, actor=world.acting(world.manager), now=world.now)
    session.commit()
    refused(api.get(LIST))


def test_a_token_ends_at_its_end(
    api: Program, session: Session, world: World, moved_clock: MovableClock
) -> None:
    the_token(session).expires_at = world.now + DAY
    session.commit()
    moved_clock.pass_(days=1, seconds=-1)
    assert api.get(LIST).status_code == 200
    moved_clock.pass_(seconds=1)
    refused(api.get(LIST))


def test_the_token_of_somebody_deactivated_opens_nothing_and_is_not_used(
    api: Program, session: Session, world: World
) -> None:
    team.deactivate(session, world.staff.staff_user_id, actor=world.acting(world.owner), now=world.now)
    session.commit()
    refused(api.get(LIST))
    assert the_token(session).last_used_at is None


def test_a_token_does_not_outlive_who_made_it(
    app: Flask, api: Program, session: Session, world: World
) -> None:
    made = _making(session, world)
    token, text = made(world.manager, world.staff)
    number = token.api_token_id
    session.commit()
    program = Program(app.test_client(), text)
    assert program.get(LIST).status_code == 200
    session.rollback()
    team.deactivate(session, world.manager.staff_user_id, actor=world.acting(world.owner), now=world.now)
    session.commit()
    refused(program.get(LIST))
    assert api.get(LIST).status_code == 200  # the owner made that one
    session.rollback()
    token = session.get_one(ApiToken, number, populate_existing=True)
    assert (token.revoked_at, token.revoked_by) == (world.now, world.owner.name)
    notes = sa.select(AuditEvent).where(AuditEvent.subject == "api_token", AuditEvent.action == "revoke")
    assert [note.subject_id for note in session.scalars(notes)] == [number]
    session.rollback()
    team.reactivate(session, world.manager.staff_user_id, actor=world.acting(world.owner), now=world.now)
    session.commit()
    refused(program.get(LIST))


def test_what_is_no_token_reads_once_at_most_and_waits_for_no_writer(api: Program) -> None:
    with api.client.application.app_context():
        engine = db.engine
    token, api.token = api.token, ""
    for text, reads in (("daybook_" + "A" * 43, 1), ("daybook_" + "A" * 42, 0), ("x" * 51, 0)):
        with captured(engine) as found:
            refused(api.get(LIST, Authorization=f"Bearer {text}"))
        assert [statement.sql.split()[0] for statement in found] == ["SELECT"] * reads, text
    with engine.connect().execution_options(write=True) as writer:
        writer.execute(sa.update(ApiToken).values(last_used_at=None))
        refused(api.get(LIST, Authorization=f"Bearer {token[:-1]}-"))


def test_no_cookie_lets_anybody_in(app: Flask, api: Program, world: World) -> None:
    sign_in(api.client, world.owner)
    api.token = ""
    refused(api.get(LIST))
    refused(api.post(LIST, {}))


def test_the_role_of_the_moment_counts(
    calls_as: CallsAs, session: Session, world: World, moved_clock: MovableClock
) -> None:
    program = calls_as(world.manager)
    number = at_status(session, Status.COMPLETED, world).appointment_id
    body = {"status": "no_show", "no_show_party": "client", "reason": "Nobody came"}
    session.rollback()
    world.manager.role = Role.STAFF
    session.commit()
    answer = program.post(f"{LIST}/{number}/correct", body)
    assert said(answer) == (403, "application/problem+json", "forbidden")
    session.rollback()
    world.manager.role = Role.VIEWER
    session.commit()
    answer = program.post(f"{LIST}/{number}/cancel", {"reason": "x", "cancelled_by": "staff"})
    assert said(answer)[0::2] == (403, "forbidden")
    assert program.get(LIST).status_code == 200


def test_a_token_without_the_scope_is_told_which(calls_as: CallsAs, world: World) -> None:
    others = [scope for scope in Scope if scope is not Scope.APPOINTMENTS_READ]
    answer = calls_as(world.owner, others).get(LIST)
    assert said(answer) == (403, "application/problem+json", "missing_scope")
    assert "appointments:read" in answer.json["detail"]
    assert answer.headers["RateLimit-Remaining"] == "599"


def test_a_scope_lets_no_more_through_than_it_says(calls_as: CallsAs, session: Session, world: World) -> None:
    """The owner may double-book; a token of theirs without that scope may not."""
    made = at_status(session, Status.CONFIRMED, world)
    body = {
        "appointment_type_id": world.kind.appointment_type_id,
        "staff_user_id": made.staff_user_id,
        "contact_id": world.contact.contact_id,
        "start_time": made.start_time.isoformat(),
        "double_book": True,
        "reason": "Both fit",
    }
    session.rollback()
    before = everything(session)
    narrow = calls_as(world.owner, {Scope.APPOINTMENTS_READ, Scope.APPOINTMENTS_WRITE})
    answer = narrow.post(LIST, body)
    assert said(answer)[0::2] == (403, "forbidden")
    session.rollback()
    changed = everything(session)
    assert {name: rows for name, rows in changed.items() if name != "audit_event"} == {
        name: rows for name, rows in before.items() if name != "audit_event"
    }
    wide = calls_as(world.owner, {*narrow_scopes(), Scope.APPOINTMENTS_MANAGE}).post(LIST, body)
    assert (wide.status_code, wide.json["overbooked"]) == (201, True)


def narrow_scopes() -> set[Scope]:
    return {Scope.APPOINTMENTS_READ, Scope.APPOINTMENTS_WRITE}


def test_reading_changes_nothing_but_the_tokens_own_use(api: Program, session: Session, world: World) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    session.rollback()
    before, was = everything(session), dict(_columns(session))
    for path in (LIST, f"{LIST}?status=confirmed", f"{LIST}/{made.appointment_id}", f"{LIST}/999999"):
        api.get(path)
    session.rollback()
    after = dict(_columns(session))
    assert everything(session) == before
    changed = {name for name in after if after[name] != was[name]}
    assert changed == {"last_used_at", "window_start", "window_count"}
    assert after["last_used_at"] == world.now


def _columns(session: Session) -> sa.RowMapping:
    return session.execute(sa.select(ApiToken.__table__)).mappings().one()


def test_the_database_has_no_token_in_it(api: Program, session: Session) -> None:
    kept = _columns(session)
    assert api.token not in {str(value) for value in kept.values()}
    assert kept["token_hash"] == tokens.hashed(api.token)
    assert api.token.startswith(kept["hint"])
    assert len(kept["hint"]) == 12


def test_a_booking_can_name_nothing_of_another_firm(
    api: Program, world: World, other: World, session: Session
) -> None:
    body = {
        "appointment_type_id": world.kind.appointment_type_id,
        "staff_user_id": world.staff.staff_user_id,
        "contact_id": world.contact.contact_id,
        "start_time": (world.now + DAY).isoformat(),
    }
    theirs = {
        "appointment_type_id": other.kind.appointment_type_id,
        "staff_user_id": other.staff.staff_user_id,
        "contact_id": other.contact.contact_id,
    }
    for field, number in theirs.items():
        answers = [api.post(LIST, body | {field: each}) for each in (number, 987654321)]
        assert [answer.status_code for answer in answers] == [422, 422]
        assert answers[0].data == answers[1].data
        assert answers[0].json["errors"][0]["field"] == field
    assert api.get(LIST).json["appointments"] == []


def test_what_a_program_did_is_told_as_its_persons_doing(
    api: Program, session: Session, world: World
) -> None:
    made = at_status(session, Status.REQUESTED, world)
    assert api.post(f"{LIST}/{made.appointment_id}/approve", {}).status_code == 200
    session.rollback()
    assert _who(session, made.appointment_id) == ("Lena Fischer (API: Website)", world.staff.staff_user_id)


def _who(session: Session, appointment_id: int) -> tuple[str, int]:
    row = session.scalars(
        sa.select(History).where(History.appointment_id == appointment_id).order_by(History.sequence.desc())
    ).first()
    assert row is not None
    return row.actor_label, row.changed_by_id


@pytest.mark.parametrize("person", ["owner", "manager"])
def test_only_who_has_the_settings_makes_tokens_and_for_nobody_above_them(
    session: Session, world: World, person: str
) -> None:
    made = _making(session, world)
    maker: StaffUser = getattr(world, person)
    assert made(maker, world.viewer)[1].startswith(tokens.PREFIX)
    if person == "manager":
        with pytest.raises(Forbidden):
            made(maker, world.owner)
    for below in (world.staff, world.viewer):
        with pytest.raises(Forbidden):
            made(below, below)


def _making(session: Session, world: World) -> Callable[..., tuple[ApiToken, str]]:
    return lambda maker, user: tokens.make(
        session,
        actor=world.acting(maker),
        name="Website",
        scopes={Scope.APPOINTMENTS_READ},
        staff_user_id=user.staff_user_id,
        now=world.now,
        expires_at=world.now + timedelta(days=1),
    )


def test_a_write_scope_is_no_way_to_read_without_writing(
    calls_as: CallsAs, session: Session, world: World
) -> None:
    number = at_status(session, Status.CONFIRMED, world).appointment_id
    program = calls_as(scopes={Scope.APPOINTMENTS_WRITE, Scope.CLIENTS_WRITE})
    account = program.post("/accounts", {"name": "Byron and Sons"}).json["account_id"]
    paths = (f"{LIST}/{number}", f"/contacts/{world.contact.contact_id}", f"/accounts/{account}")
    for path in paths:
        answer = program.patch(path, {})
        assert said(answer) == (422, "application/problem+json", "invalid")
        assert answer.json["detail"] == "Send at least one field to change."
    assert program.patch(paths[0], {"notes": None, "location": None}).status_code == 422
    assert program.patch(paths[0], {"notes": "Ring"}).json["notes"] == "Ring"
