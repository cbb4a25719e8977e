"""Appointment types: listed, added, edited, retired, restored."""

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from tests.support.signed_in import sign_in
from tests.ui.pages import parse
from webapp.models import AppointmentType, AuditEvent

pytestmark = pytest.mark.one_engine  # nothing here differs but the unique name, which has its own test


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def desk(client: FlaskClient, world: World) -> FlaskClient:
    return sign_in(client, world.manager)


def typed(**fields: str) -> dict[str, str]:
    return {"name": "First meeting", "duration": "60", "location": "Room 1", **fields}


def kinds(session: Session) -> dict[str, AppointmentType]:
    session.commit()
    session.expire_all()
    return {kind.name: kind for kind in session.scalars(sa.select(AppointmentType))}


def actions(session: Session) -> list[str]:
    session.commit()
    return list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.audit_event_id)))


def test_a_new_type_is_kept_with_its_limits(desk: FlaskClient, session: Session) -> None:
    fields = typed(
        reschedule_limit="0",
        reschedule_notice="2",
        reschedule_notice_unit="days",
        cancel_notice="90",
        cancel_notice_unit="minutes",
    )
    assert desk.post("/settings/types/new", data=fields).location == "/settings/types"
    made = kinds(session)["First meeting"]
    assert (made.duration, made.location) == (60, "Room 1")
    assert (made.reschedule_limit, made.reschedule_notice, made.cancel_notice) == (0, 2880, 90)
    page = desk.get("/settings/types").text
    assert "Moved at most 0 times, moving: 2 days notice, cancelling: 1 h 30 min notice" in page
    shown = desk.get(f"/settings/types/{made.appointment_type_id}").text
    assert '<option selected value="days">' in shown
    assert actions(session) == ["created"]


def test_an_empty_limit_is_the_firms(desk: FlaskClient, session: Session) -> None:
    desk.post("/settings/types/new", data=typed())
    made = kinds(session)["First meeting"]
    assert made.reschedule_limit is made.reschedule_notice is made.cancel_notice is None


def test_a_type_whose_provider_reports_is_marked_and_unmarked(desk: FlaskClient, session: Session) -> None:
    desk.post("/settings/types/new", data=typed(tracked="y"))
    made = kinds(session)["First meeting"]
    assert made.tracked
    assert "Tracked" in desk.get("/settings/types").text
    path = f"/settings/types/{made.appointment_type_id}"
    (tick,) = parse(desk.get(path).text).all("input", id="tracked")
    assert "checked" in tick.attrs
    desk.post(path, data=typed())
    assert not kinds(session)["First meeting"].tracked
    assert "Tracked" not in desk.get("/settings/types").text
    notes = session.scalars(sa.select(AuditEvent.changes).order_by(AuditEvent.audit_event_id)).all()
    assert [note["tracked"] for note in notes] == [[None, True], [True, False]]


def test_a_double_submit_adds_one(desk: FlaskClient, session: Session) -> None:
    for _ in range(2):
        assert desk.post("/settings/types/new", data=typed(form_token="one-form")).status_code == 303
    assert actions(session) == ["created"]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Enter a name"),
        ("name", "x" * 121, "Keep this to 120 characters"),
        ("name", "rEVIEW", "There is a type named Review already"),
        ("duration", "", "Enter how many minutes it takes."),
        ("duration", "an hour", "Enter a whole number."),
        ("duration", "4", "Enter a length from 5 to 720 minutes."),
        ("duration", "721", "Enter a length from 5 to 720 minutes."),
        ("duration", "-45", "Enter a whole number."),
        ("duration", "²", "Enter a whole number."),
        ("location", "a\x07b", "characters that cannot be kept"),
        ("reschedule_limit", "51", "Enter a number from 0 to 50"),
        ("reschedule_notice", "9" * 30, "Enter a whole number."),
        ("cancel_notice", "99999", "Enter at most 60 days"),
    ],
)
def test_what_cannot_be_kept_comes_back_with_a_sentence(
    desk: FlaskClient, session: Session, field: str, value: str, sentence: str
) -> None:
    answer = desk.post("/settings/types/new", data=typed() | {field: value})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'href="#{field}"' in answer.text
    if field not in ("name", "location"):
        assert f'value="{value}"' in answer.text
    assert list(kinds(session)) == ["Review"]


def test_a_made_up_unit_is_refused(desk: FlaskClient) -> None:
    fields = typed(cancel_notice="3", cancel_notice_unit="weeks")
    answer = desk.post("/settings/types/new", data=fields)
    assert answer.status_code == 422
    assert "Choose minutes, hours or days." in answer.text


def test_an_edit_is_kept_and_its_own_name_is_no_conflict(
    desk: FlaskClient, session: Session, world: World
) -> None:
    path = f"/settings/types/{world.kind.appointment_type_id}"
    assert desk.post(path, data=typed(name="Review", duration="30")).status_code == 303
    assert kinds(session)["Review"].duration == 30
    assert actions(session) == ["edited"]


def test_a_type_is_retired_and_restored(desk: FlaskClient, session: Session, world: World) -> None:
    path = f"/settings/types/{world.kind.appointment_type_id}"
    for _ in range(2):
        assert desk.post(f"{path}/retirement").status_code == 303
    assert kinds(session)["Review"].retired_at is not None
    assert "Retired" in desk.get("/settings/types").text
    assert desk.post("/settings/types/new", data=typed(name="Review")).status_code == 422
    for _ in range(2):
        assert desk.post(f"{path}/restoration").status_code == 303
    assert kinds(session)["Review"].retired_at is None
    assert actions(session) == ["retired", "restored"]


def test_only_managers_come_here(client: FlaskClient, world: World) -> None:
    desk = sign_in(client, world.staff)
    for path in (
        "/settings/types",
        "/settings/types/new",
        f"/settings/types/{world.kind.appointment_type_id}",
    ):
        assert desk.get(path).status_code == 403
    assert desk.post("/settings/types/new", data=typed()).status_code == 403


def test_an_empty_list_says_what_to_do(desk: FlaskClient, session: Session) -> None:
    session.execute(sa.delete(AppointmentType))
    session.commit()
    assert "No appointment types yet" in desk.get("/settings/types").text
