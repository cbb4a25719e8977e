"""GET and POST /settings."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from tests.support.html import Page
from tests.ui.conftest import MovableClock, fresh
from webapp.models import AuditEvent, Firm, StaffUser

pytestmark = pytest.mark.one_engine("sqlite")  # the lifecycle behind it is tested on both

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SAME: dict[str, Any] = {
    "seen": "0",
    "name": "Marlow",
    "timezone": "Europe/London",
    "twelve_hour": "no",
    "month_first": "no",
    "slot_step": "15",
    "reschedule_limit": "3",
    "reschedule_notice": "0",
    "reschedule_notice_unit": "hours",
    "cancel_notice": "0",
    "cancel_notice_unit": "hours",
    "correction_days": "7",
    "confirm_hours": "48",
    **{f"{day}_1": "09:00–18:00" for day in DAYS[:5]},
}


@pytest.fixture
def daniel(world: World, signed_in: Callable[[StaffUser], FlaskClient]) -> FlaskClient:
    """The manager's browser."""
    return signed_in(world.manager)


def firm(session: Session, world: World) -> Firm:
    session.rollback()
    return session.get_one(Firm, world.firm.firm_id)


def events(session: Session) -> list[AuditEvent]:
    session.rollback()
    return list(session.scalars(sa.select(AuditEvent).order_by(AuditEvent.audit_event_id)))


def test_sending_what_the_page_shows_changes_nothing(daniel: FlaskClient, session: Session) -> None:
    answer = daniel.get("/settings")
    assert answer.status_code == 200
    form = Page(answer.text).form("/settings")
    assert {day: form.fields[f"{day}_1"] for day in DAYS[:5]} == dict.fromkeys(DAYS[:5], "09:00–18:00")
    assert daniel.post("/settings", data=SAME).location == "/settings"
    assert events(session) == []


def test_a_change_is_saved_written_down_and_listed_at_the_foot(
    daniel: FlaskClient, session: Session, world: World
) -> None:
    changed = SAME | {
        "name": " Marlow &  Sons ",
        "timezone": "America/New_York",
        "twelve_hour": "yes",
        "reschedule_limit": "",
        "cancel_notice": "2",
        "cancel_notice_unit": "days",
        "monday_1": "9-12.30",
        "monday_2": "1:30pm to 24:00",
        "friday_1": "",
    }
    assert daniel.post("/settings", data=changed).status_code == 303
    kept = firm(session, world)
    assert (kept.name, kept.timezone, kept.twelve_hour) == ("Marlow & Sons", "America/New_York", True)
    assert (kept.reschedule_limit, kept.cancel_notice) == (None, 2880)
    assert kept.working_hours[0] == [[540, 750], [810, 1440]]
    assert kept.working_hours[4] == []
    (event,) = events(session)
    assert (event.subject, event.subject_id, event.actor_label) == ("firm", kept.firm_id, "Daniel Osei")
    assert event.changes["name"] == ["Marlow", "Marlow & Sons"]
    assert set(event.changes) == {
        "name", "timezone", "twelve_hour", "reschedule_limit", "cancel_notice", "working_hours",
    }  # fmt: skip
    text = daniel.get("/settings").text
    assert "What changed lately" in text
    assert "no limit" in text
    assert "2 days" in text
    form = Page(text).form("/settings")
    assert form.fields["monday_1"] == "9:00 am–12:30 pm"
    assert form.fields["monday_2"] == "1:30 pm–12:00 am"


def test_what_the_twelve_hour_clock_shows_is_understood_again(
    daniel: FlaskClient, session: Session, world: World
) -> None:
    daniel.post("/settings", data=SAME | {"twelve_hour": "yes", "monday_2": "20-24", "monday_1": "0-12"})
    form = Page(daniel.get("/settings").text).form("/settings")
    shown = {name: value for name, value in form.fields.items() if name.endswith(("_1", "_2", "seen"))}
    daniel.post("/settings", data=SAME | {"twelve_hour": "yes"} | shown)
    assert firm(session, world).working_hours[0] == [[0, 720], [1200, 1440]]
    assert len(events(session)) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"slot_step": "7"}, "slot_step"),
        ({"slot_step": "no"}, "slot_step"),
        ({"reschedule_limit": "-1"}, "reschedule_limit"),
        ({"reschedule_limit": "many"}, "reschedule_limit"),
        ({"reschedule_notice": "366", "reschedule_notice_unit": "days"}, "reschedule_notice"),
        ({"cancel_notice": ""}, "cancel_notice"),
        ({"cancel_notice": "1.5"}, "cancel_notice"),
        ({"cancel_notice_unit": "years"}, "cancel_notice_unit"),
        ({"correction_days": "366"}, "correction_days"),
        ({"confirm_hours": "0"}, "confirm_hours"),
        ({"confirm_hours": "9" * 30}, "confirm_hours"),
        ({"confirm_hours": "9" * 400}, "confirm_hours"),
        ({"reschedule_limit": "9" * 400}, "reschedule_limit"),
        ({"cancel_notice": "-" + "9" * 400}, "cancel_notice"),
        ({"monday_1": "nine to five"}, "monday_1"),
        ({"monday_1": "09:00"}, "monday_1"),
        ({"monday_1": "18:00–09:00"}, "monday_1"),
        ({"monday_1": "09:00–25:00"}, "monday_1"),
        ({"monday_2": "17:00–19:00"}, "monday_2"),
        ({"saturday_2": "10:00–10:00"}, "saturday_2"),
    ],
)
def test_what_will_not_do_is_said_beside_its_field_and_nothing_is_saved(
    daniel: FlaskClient, session: Session, world: World, change: dict[str, str], field: str
) -> None:
    answer = daniel.post("/settings", data=SAME | {"correction_days": "9"} | change)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert Page(answer.text).title.startswith("Error: ")
    assert "Not a valid integer" not in answer.text
    assert firm(session, world).correction_days == 7
    assert events(session) == []


def test_all_that_is_wrong_is_said_at_once_and_the_typing_stays(daniel: FlaskClient) -> None:
    answer = daniel.post("/settings", data=SAME | {"name": "", "tuesday_1": "18-9", "confirm_hours": "soon"})
    for field in ("name", "tuesday_1", "confirm_hours"):
        assert f'href="#{field}"' in answer.text
    assert Page(answer.text).form("/settings").fields["tuesday_1"] == "18-9"


def test_a_page_from_before_somebody_elses_change_does_not_undo_it(
    daniel: FlaskClient,
    session: Session,
    world: World,
    signed_in: Callable[[StaffUser], FlaskClient],
) -> None:
    olga = signed_in(world.owner)
    olga.post("/settings", data=SAME | {"slot_step": "30"})
    answer = daniel.post("/settings", data=SAME | {"confirm_hours": "24"})
    assert answer.status_code == 409
    assert "Olga Marlow changed the settings" in answer.text
    kept = firm(session, world)
    assert (kept.slot_step, kept.confirm_hours) == (30, 48)


def test_the_list_at_the_foot_has_the_last_ten_of_this_firm(
    daniel: FlaskClient, session: Session, moved_clock: MovableClock
) -> None:
    make_world(session, "hartmann")
    for number in range(1, 13):
        seen = Page(daniel.get("/settings").text).form("/settings").fields["seen"]
        moved_clock.pass_(minutes=1)
        daniel.post("/settings", data=SAME | {"seen": seen, "correction_days": str(20 + number)})
    text = daniel.get("/settings").text
    assert text.count('class="changes__who"') == 10
    assert text.index("31 days") < text.index("30 days")
    assert "22 days" in text
    assert "21 days" not in text.split("22 days")[1]


def test_another_firm_keeps_its_settings(daniel: FlaskClient, session: Session) -> None:
    other = make_world(session, "hartmann")
    daniel.post("/settings", data=SAME | {"name": "Renamed"})
    fresh(session, other.firm)
    assert other.firm.name == "Hartmann"
