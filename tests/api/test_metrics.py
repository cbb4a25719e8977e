"""``GET /metrics``: the numbers of the desk's report."""

import random
import re
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.api.conftest import CallsAs
from tests.factories import DAY, World, at_status
from tests.queries.analytics import stories
from tests.support.api import Program, fields, without
from tests.support.signed_in import sign_in
from tests.ui.conftest import MovableClock
from tests.ui.pages import parse
from webapp.vocabulary import NoShowParty, Scope, Status

JANUARY = "/metrics?from=2026-01-01&to=2026-01-31"
LIVED = "from=2026-03-23&to=2026-04-05"


@pytest.fixture
def lived(api: Program, session: Session, world: World, moved_clock: MovableClock) -> Program:
    """Ninety appointments of every kind in four weeks; the clock stands after most of them."""
    stories.live(session, world, random.Random(11), 90)
    moved_clock.now = stories.FIRST + 40 * DAY
    return api


def test_each_rate_has_its_fraction_and_its_interval(api: Program, session: Session, world: World) -> None:
    for day in range(1, 4):
        at_status(session, Status.COMPLETED, world, start=world.now - day * DAY)
    at_status(session, Status.NO_SHOW, world, start=world.now - 4 * DAY, party=NoShowParty.BOTH)
    found = api.get(JANUARY).json
    assert (found["from"], found["to"], found["zone"]) == ("2026-01-01", "2026-01-31", "Europe/London")
    assert found["as_of"] == "2026-01-13T10:00:00Z"
    rate = found["rates"]["client_no_show"]
    assert (rate["numerator"], rate["denominator"], rate["value"], rate["few"]) == (1, 4, 0.25, True)
    assert rate["interval"]["low"] == pytest.approx(0.0456, abs=5e-5)
    assert rate["interval"]["high"] == pytest.approx(0.6994, abs=5e-5)
    assert found["rates"]["staff_no_show"] == rate
    assert found["rates"]["client_no_show_staff_present"]["numerator"] == 0
    assert (found["counts"]["no_show_both"], found["counts"]["due"]) == (1, 4)
    assert found["statuses"]["completed"] == 3


def test_without_cases_there_is_no_rate(api: Program) -> None:
    found = api.get(JANUARY).json
    assert found["rates"]["completion"] == {
        "numerator": 0,
        "denominator": 0,
        "value": None,
        "interval": None,
        "few": False,
    }
    assert found["counts"]["all"] == 0


@pytest.mark.parametrize("more", ["", "&as_of=2026-03-31T12:00:00Z", "&staff"])
def test_the_numbers_are_those_of_the_report(lived: Program, app: Flask, world: World, more: str) -> None:
    lena = world.staff.staff_user_id
    ours, theirs = (f"&staff_user_id={lena}", f"&staff={lena}") if more == "&staff" else (more, more)
    rates = lived.get(f"/metrics?{LIVED}{ours}").json["rates"]
    page = parse(sign_in(app.test_client(), world.staff).get(f"/reports?{LIVED}{theirs}"))
    shown = {}
    for tile in page.all(cls="tile"):
        text = " ".join(tile.text.split())
        if fraction := re.search(r"([\d,]+) of ([\d,]+)", text):
            shown[text] = tuple(int(part.replace(",", "")) for part in fraction.groups())
    told = {
        "Completion rate": rates["completion"],
        "Cancellation rate": rates["cancellation"],
        "Reschedule rate": rates["reschedule"],
        "No-show rate, any": rates["no_show"],
        "Client no-show rate": rates["client_no_show"],
        "Staff no-show rate": rates["staff_no_show"],
        "Attendance": rates["attendance"],
    }
    assert rates["completion"]["denominator"] > 0
    for label, rate in told.items():
        fraction = next(found for text, found in shown.items() if text.startswith(label))
        assert fraction == (rate["numerator"], rate["denominator"]), label


def test_the_seven_statuses_add_up(lived: Program) -> None:
    found = lived.get(f"/metrics?{LIVED}").json
    assert set(found["statuses"]) == set(Status)
    assert sum(found["statuses"].values()) == found["counts"]["all"] > 0


def test_a_proposal_that_was_called_off_is_told_as_withdrawn(
    api: Program, session: Session, world: World
) -> None:
    number = at_status(session, Status.AWAITING_CONFIRMATION, world).appointment_id
    assert (counts := api.get(JANUARY).json["counts"])["withdrawn"] == 0
    assert counts["awaiting"] == 1
    api.post(f"/appointments/{number}/cancel", {"reason": "x", "cancelled_by": "staff"})
    counts = api.get(JANUARY).json["counts"]
    assert (counts["withdrawn"], counts["awaiting"], counts["cancelled"], counts["all"]) == (1, 0, 0, 1)


def test_what_became_of_them_adds_up(lived: Program) -> None:
    counts = lived.get(f"/metrics?{LIVED}").json["counts"]
    parts = {name for name in counts if not re.match("no_show_|cancelled_(client|staff|system|late)", name)}
    assert sum(counts[name] for name in parts - {"all", "due", "with_outcome"}) == counts["all"] > 0


def test_a_filter_is_named_and_narrows(lived: Program, world: World) -> None:
    everybody = lived.get(f"/metrics?{LIVED}").json
    found = lived.get(
        f"/metrics?{LIVED}&staff_user_id={world.staff.staff_user_id}"
        f"&appointment_type_id={world.kind.appointment_type_id}"
    ).json
    assert found["staff_user"] == {"id": world.staff.staff_user_id, "name": "Lena Fischer"}
    assert found["appointment_type"]["name"] == "Review"
    assert 0 < found["counts"]["all"] < everybody["counts"]["all"]


def test_it_can_be_read_as_it_stood(api: Program, session: Session, world: World) -> None:
    at_status(session, Status.COMPLETED, world, start=world.now - DAY)
    before = datetime(2026, 1, 12, 10, 30, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    assert api.get(JANUARY).json["statuses"]["completed"] == 1
    then = api.get(f"{JANUARY}&as_of={before}").json
    assert (then["as_of"], then["statuses"]["completed"], then["statuses"]["confirmed"]) == (before, 0, 1)


def test_nothing_of_another_firm_is_counted(
    api: Program, session: Session, world: World, other: World
) -> None:
    at_status(session, Status.COMPLETED, other)
    assert api.get(JANUARY).json["counts"]["all"] == 0


@pytest.mark.parametrize("field", ["staff_user_id", "appointment_type_id"])
def test_another_firms_person_or_type_is_as_absent_as_none(api: Program, other: World, field: str) -> None:
    theirs = {
        "staff_user_id": other.staff.staff_user_id,
        "appointment_type_id": other.kind.appointment_type_id,
    }
    ours, nobodys = (api.get(f"{JANUARY}&{field}={number}") for number in (theirs[field], 2**63 - 1))
    assert (ours.status_code, fields(ours), ours.data) == (422, [field], nobodys.data)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", ["from", "to"]),
        ("from=2026-01-01", ["to"]),
        ("from=2026-01-32&to=2026-02-01", ["from"]),
        ("from=2026-02-01&to=2026-01-01", ["to"]),
        ("from=2000-01-01&to=2026-01-01", ["to"]),
        ("from=1989-12-31&to=1990-01-01", ["from"]),
        ("from=2026-01-01&to=2026-01-31&as_of=2027-01-01T00:00:00Z", ["as_of"]),
        ("from=2026-01-01&to=2026-01-31&as_of=yesterday", ["as_of"]),
        ("from=2026-01-01&to=2026-01-31&staff_user_id=x", ["staff_user_id"]),
        ("from=2026-01-01&to=2026-01-31&channel=reported", ["channel"]),
    ],
)
def test_it_names_what_it_cannot_read(api: Program, query: str, named: list[str]) -> None:
    answer = api.get(f"/metrics?{query}")
    assert answer.status_code == 422
    assert fields(answer) == named


def test_a_token_without_the_scope_reads_nothing(calls_as: CallsAs) -> None:
    answer = calls_as(scopes=without(Scope.METRICS_READ)).get(JANUARY)
    assert (answer.status_code, answer.json["code"]) == (403, "missing_scope")
