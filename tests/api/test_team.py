"""``GET /types``, ``GET /staff`` and ``GET /free-slots``."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.api.conftest import CallsAs
from tests.factories import DAY, NOW, World, at_status
from tests.support.api import Program, fields, without
from webapp.vocabulary import Scope, Status


def free(world: World, **more: object) -> str:
    """The address of Lena's free time on Wednesday for a review."""
    given: dict[str, object] = {
        "staff_user_id": world.staff.staff_user_id,
        "appointment_type_id": world.kind.appointment_type_id,
        "from": "2026-01-14",
        "days": 1,
    } | more
    return "/free-slots?" + "&".join(f"{name}={value}" for name, value in given.items() if value is not None)


def test_it_lists_the_types(api: Program, session: Session, world: World, other: World) -> None:
    world.kind.retired_at = NOW
    session.commit()
    assert api.get("/types").json == {
        "types": [
            {
                "appointment_type_id": world.kind.appointment_type_id,
                "name": "Review",
                "duration": 45,
                "location": "Room 2",
                "tracked": False,
                "reschedule_limit": None,
                "reschedule_notice": None,
                "cancel_notice": None,
                "retired_at": "2026-01-13T10:00:00Z",
            }
        ]
    }


def test_it_lists_the_staff_without_their_addresses(
    api: Program, session: Session, world: World, other: World
) -> None:
    world.staff2.deactivated_at = NOW
    session.commit()
    answer = api.get("/staff")
    staff = answer.json["staff"]
    assert [each["name"] for each in staff] == [
        "Daniel Osei",
        "Lena Fischer",
        "Olga Marlow",
        "Vera Lind",
        "Tomas Novak",
    ]
    assert [each["active"] for each in staff] == [True, True, True, True, False]
    assert staff[3] == {
        "staff_user_id": world.viewer.staff_user_id,
        "name": "Vera Lind",
        "role": "viewer",
        "bookable": False,
        "active": True,
    }
    assert "@" not in answer.get_data(as_text=True)


def test_it_offers_the_starts_that_nobody_holds(api: Program, session: Session, world: World) -> None:
    whole = api.get(free(world)).json
    assert whole["zone"] == "Europe/London"
    assert (whole["minutes"], whole["staff_user"]["name"]) == (45, "Lena Fischer")
    assert [each["day"] for each in whole["days"]] == ["2026-01-14"]
    session.rollback()
    at_status(session, Status.CONFIRMED, world)  # tomorrow from 10:00 to 10:45
    left = api.get(free(world)).json["days"][0]["starts"]
    gone = [start for start in whole["days"][0]["starts"] if start not in left]
    assert gone == [f"2026-01-14T{clock}:00Z" for clock in ("09:30", "09:45", "10:00", "10:15", "10:30")]


def test_an_offer_can_be_booked_and_is_gone_then(api: Program, world: World) -> None:
    start = api.get(free(world)).json["days"][0]["starts"][3]
    body = {
        "appointment_type_id": world.kind.appointment_type_id,
        "staff_user_id": world.staff.staff_user_id,
        "contact_id": world.contact.contact_id,
        "start_time": start,
    }
    made = api.post("/appointments", body)
    assert made.status_code == 201, made.json
    assert start not in api.get(free(world)).json["days"][0]["starts"]
    rows = api.get(f"/appointments/{made.json['appointment_id']}/history").json["history"]
    assert [(row["action"], row["to_status"]) for row in rows] == [("book", "confirmed")]


def test_minutes_can_be_asked_for_instead_of_a_type(api: Program, world: World) -> None:
    long = api.get(free(world, appointment_type_id=None, minutes=240)).json
    short = api.get(free(world, appointment_type_id=None, minutes=30)).json
    assert long["minutes"] == 240
    assert 0 < len(long["days"][0]["starts"]) < len(short["days"][0]["starts"])


def test_a_day_that_is_over_offers_nothing(api: Program, world: World) -> None:
    found = api.get(free(world, **{"from": (NOW - DAY).date().isoformat(), "days": 2})).json["days"]
    assert found[0]["starts"] == []
    assert found[1]["starts"][0] > NOW.isoformat().replace("+00:00", "Z")


def test_a_week_across_a_change_of_clocks_keeps_the_hours(api: Program, world: World) -> None:
    found = api.get(free(world, **{"from": "2026-03-27", "days": 4})).json["days"]
    friday, monday = (found[number]["starts"][0] for number in (0, 3))
    assert friday[11:13] == f"{int(monday[11:13]) + 1:02}"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"minutes": 30}, "minutes"),
        ({"appointment_type_id": None}, "minutes"),
        ({"appointment_type_id": None, "minutes": 4}, "minutes"),
        ({"appointment_type_id": 2**63 - 1}, "appointment_type_id"),
        ({"staff_user_id": 2**63 - 1}, "staff_user_id"),
        ({"staff_user_id": None}, "staff_user_id"),
        ({"staff_user_id": "me"}, "staff_user_id"),
        ({"from": None}, "from"),
        ({"from": "tomorrow"}, "from"),
        ({"from": "20260114"}, "from"),
        ({"from": "2026-02-30"}, "from"),
        ({"from": "2101-01-01"}, "from"),
        ({"from": "2100-12-31", "days": 2}, "days"),
        ({"days": 0}, "days"),
        ({"days": 32}, "days"),
        ({"week": 3}, "week"),
    ],
)
def test_it_names_what_it_cannot_read(
    api: Program, world: World, more: dict[str, object], field: str
) -> None:
    answer = api.get(free(world, **more))
    assert answer.status_code == 422
    assert fields(answer) == [field]


def test_the_last_day_of_the_calendar_can_be_asked_for(api: Program, world: World) -> None:
    assert api.get(free(world, **{"from": "2100-12-31"})).status_code == 200


def test_nobody_who_takes_no_appointments_and_nothing_retired_is_offered(
    api: Program, session: Session, world: World
) -> None:
    answer = api.get(free(world, staff_user_id=world.viewer.staff_user_id))
    assert fields(answer) == ["staff_user_id"]
    session.rollback()
    world.kind.retired_at = NOW
    session.commit()
    answer = api.get(free(world))
    assert fields(answer) == ["appointment_type_id"]


def test_busy_time_of_a_namesake_in_another_firm_takes_nothing(
    api: Program, session: Session, world: World, other: World
) -> None:
    before = api.get(free(world)).json
    session.rollback()
    at_status(session, Status.CONFIRMED, other, start=NOW + DAY + timedelta(hours=1))
    assert api.get(free(world)).json == before


@pytest.mark.parametrize("path", ["/types", "/staff", "free"])
def test_a_token_without_the_scope_reads_nothing(calls_as: CallsAs, world: World, path: str) -> None:
    program = calls_as(scopes=without(Scope.APPOINTMENTS_READ))
    answer = program.get(free(world) if path == "free" else path)
    assert (answer.status_code, answer.json["code"]) == (403, "missing_scope")
