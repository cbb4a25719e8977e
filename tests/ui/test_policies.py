"""GET and POST /settings/outcomes, /settings/reminders and /settings/attendance."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from tests.factories import NOW, World, at_status, make_world
from tests.support.html import Page
from tests.ui.conftest import fresh
from tests.ui.pages import Element, parse
from webapp.lifecycle.firm_policies import OutcomeValues, ReachValues
from webapp.lifecycle.firm_settings import Values
from webapp.lifecycle.sweeps import sweep
from webapp.models import Attendance, AuditEvent, Firm, StaffUser
from webapp.ui.settings import sentences
from webapp.vocabulary import OutcomePolicy, Status

pytestmark = pytest.mark.one_engine("sqlite")  # one row is changed; what follows from it is tested on both

OUTCOMES = {
    "seen": "0",
    "completion_policy": "decide",
    "complete_after": "1",
    "complete_after_unit": "hours",
    "no_show_policy": "decide",
    "no_show_after": "30",
    "no_show_after_unit": "minutes",
}
REMINDERS = {"seen": "0", "reminder_hours": "24", "last_call_hours": "4", "client_links": "y"}
PAGES = {"/settings/outcomes": OUTCOMES, "/settings/reminders": REMINDERS}
DEFAULTS: dict[str, Any] = {
    "complete_after": 60,
    "completion_policy": OutcomePolicy.DECIDE,
    "no_show_after": 30,
    "no_show_policy": OutcomePolicy.DECIDE,
}


@pytest.fixture
def daniel(world: World, signed_in: Callable[[StaffUser], FlaskClient]) -> FlaskClient:
    """The manager's browser."""
    return signed_in(world.manager)


def firm(session: Session, world: World) -> Firm:
    session.rollback()
    return session.get_one(Firm, world.firm.firm_id, populate_existing=True)


def events(session: Session) -> list[AuditEvent]:
    session.rollback()
    return list(session.scalars(sa.select(AuditEvent).order_by(AuditEvent.audit_event_id)))


def told(text: str) -> list[str]:
    """The sentences of what happens now."""
    return [item.text for item in parse(text).one("ul", cls="does").all("li")]


@pytest.mark.parametrize("path", PAGES)
def test_sending_what_the_page_shows_changes_nothing(
    daniel: FlaskClient, session: Session, path: str
) -> None:
    assert daniel.get(path).status_code == 200
    assert daniel.post(path, data=PAGES[path]).location == path
    assert events(session) == []


def test_outcomes_are_saved_written_down_and_told_in_sentences(
    daniel: FlaskClient, session: Session, world: World
) -> None:
    before = told(daniel.get("/settings/outcomes").text)
    assert before[0] == (
        "A meeting that ended more than 1 h ago without an outcome is marked completed by the system, "
        "as of its end."
    )
    changed = OUTCOMES | {
        "complete_after": "90",
        "complete_after_unit": "minutes",
        "completion_policy": "suggest",
        "no_show_policy": "off",
    }
    daniel.post("/settings/outcomes", data=changed)
    kept = firm(session, world)
    assert (kept.complete_after, kept.no_show_after) == (90, 30)
    assert (kept.completion_policy, kept.no_show_policy) == (OutcomePolicy.SUGGEST, OutcomePolicy.OFF)
    (event,) = events(session)
    assert event.actor_label == "Daniel Osei"
    assert event.changes == {
        "complete_after": [60, 90],
        "completion_policy": ["decide", "suggest"],
        "no_show_policy": ["decide", "off"],
    }
    text = daniel.get("/settings/outcomes").text
    assert "ended more than 1 h 30 min ago" in told(text)[0]
    assert "a person decides" in told(text)[0]
    assert "No meeting is marked as a no-show by the system" in told(text)[1]
    lately = parse(text).one("ul", cls="changes").text
    assert "Completed: the system decides to the system suggests, a person decides" in lately
    assert "Completed after the end by: 1 h to 1 h 30 min" in lately


def test_reminders_and_links_are_saved_written_down_and_told_in_sentences(
    daniel: FlaskClient, session: Session, world: World
) -> None:
    daniel.post("/settings/reminders", data={"seen": "0", "reminder_hours": "50", "last_call_hours": "0"})
    kept = firm(session, world)
    assert (kept.reminder_hours, kept.last_call_hours, kept.client_links) == (50, 0, False)
    (event,) = events(session)
    assert event.changes == {
        "reminder_hours": [24, 50], "last_call_hours": [4, 0], "client_links": [True, False],
    }  # fmt: skip
    reminder, call, links = told(daniel.get("/settings/reminders").text)
    assert "2 days 2 h before a confirmed appointment" in reminder
    assert call == "Nobody is asked a second time before a deadline."
    assert "those sent before open nothing" in links


@pytest.mark.parametrize(
    ("path", "change", "field"),
    [
        ("/settings/outcomes", {"complete_after": "8", "complete_after_unit": "days"}, "complete_after"),
        ("/settings/outcomes", {"complete_after": "-1"}, "complete_after"),
        ("/settings/outcomes", {"complete_after": ""}, "complete_after"),
        ("/settings/outcomes", {"complete_after": "1.5"}, "complete_after"),
        ("/settings/outcomes", {"complete_after_unit": "years"}, "complete_after_unit"),
        ("/settings/outcomes", {"no_show_after": "4"}, "no_show_after"),
        ("/settings/outcomes", {"no_show_after": "25", "no_show_after_unit": "hours"}, "no_show_after"),
        ("/settings/outcomes", {"completion_policy": "perhaps"}, "completion_policy"),
        ("/settings/outcomes", {"no_show_policy": ""}, "no_show_policy"),
        ("/settings/reminders", {"reminder_hours": "337"}, "reminder_hours"),
        ("/settings/reminders", {"reminder_hours": "soon"}, "reminder_hours"),
        ("/settings/reminders", {"last_call_hours": "169"}, "last_call_hours"),
        ("/settings/reminders", {"last_call_hours": "9" * 30}, "last_call_hours"),
    ],
)
def test_what_will_not_do_is_said_beside_its_field_and_nothing_is_saved(
    daniel: FlaskClient, session: Session, path: str, change: dict[str, str], field: str
) -> None:
    answer = daniel.post(path, data=PAGES[path] | change)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert Page(answer.text).title.startswith("Error: ")
    assert Page(answer.text).ids[field] == 1
    assert events(session) == []


def test_a_page_from_before_somebody_elses_change_does_not_undo_it(
    daniel: FlaskClient, session: Session, world: World, signed_in: Callable[[StaffUser], FlaskClient]
) -> None:
    signed_in(world.owner).post("/settings/outcomes", data=OUTCOMES | {"completion_policy": "off"})
    answer = daniel.post("/settings/outcomes", data=OUTCOMES | {"complete_after": "2"})
    assert answer.status_code == 409
    assert "Olga Marlow changed the settings" in answer.text
    kept = firm(session, world)
    assert (kept.completion_policy, kept.complete_after) == (OutcomePolicy.OFF, 60)


def test_a_change_of_one_page_leaves_the_others_fresh(daniel: FlaskClient, session: Session) -> None:
    daniel.post("/settings/outcomes", data=OUTCOMES | {"complete_after": "2"})
    assert daniel.post("/settings/reminders", data=REMINDERS | {"reminder_hours": "12"}).status_code == 303
    assert [event.action for event in events(session)] == ["change outcomes", "change reminders"]
    assert "Nobody has changed these settings yet." in daniel.get("/settings").text
    assert parse(daniel.get("/settings/reminders").text).one("ul", cls="changes").text.count("Daniel") == 1


def test_a_sweep_follows_what_was_saved(daniel: FlaskClient, session: Session, world: World) -> None:
    meeting = at_status(session, Status.CONFIRMED, world, start=NOW - timedelta(hours=1))
    daniel.post("/settings/outcomes", data=OUTCOMES | {"complete_after": "0"})
    session.rollback()
    sweep(session, firm_id=world.firm.firm_id, now=NOW)
    fresh(session, meeting)
    assert (meeting.status, meeting.completed_at) == (Status.COMPLETED, meeting.end_time)


@pytest.mark.parametrize("policy", list(OutcomePolicy))
@pytest.mark.parametrize("minutes", [0, 5, 60, 1500])
def test_every_policy_has_its_own_sentences(policy: OutcomePolicy, minutes: int) -> None:
    found = {
        tuple(
            sentences.outcomes(
                OutcomeValues(
                    **DEFAULTS
                    | {field: other, "complete_after": minutes, "no_show_after": minutes}
                    | {"no_show_policy": policy}
                )
            )
        )
        for field, other in [("completion_policy", each) for each in OutcomePolicy]
    }
    assert len(found) == len(OutcomePolicy)
    for spoken in found:
        assert all(sentence.endswith(".") and "None" not in sentence for sentence in spoken)
    assert sentences.span(1500) == "1 day 1 h"


def test_limits_are_told_as_they_are(world: World) -> None:
    facts: dict[str, Any] = {name: getattr(Values.of(world.firm), name) for name in Values.__slots__}
    spoken = sentences.limits(Values(**facts))
    assert "A client may move one booking up to 3 times, until it starts." in spoken
    assert "A client may cancel until it starts." in spoken
    changed = Values(**facts | {"reschedule_limit": 1, "reschedule_notice": 120, "cancel_notice": 2880})
    assert "A client may move one booking once, until 2 h before it starts." in sentences.limits(changed)
    assert "A client may cancel until 2 days before it starts." in sentences.limits(changed)
    never = Values(**facts | {"reschedule_limit": 0, "correction_days": 0})
    assert sentences.limits(never)[0] == "Clients may not move a booking."
    assert "Nobody may correct an outcome once it is recorded." in sentences.limits(never)
    free = sentences.limits(Values(**facts | {"reschedule_limit": None, "correction_days": 1}))
    assert free[0] == "A client may move one booking as often as they like, until it starts."
    assert "A manager may correct an outcome for 1 day after it was recorded." in free


def test_the_settings_page_says_what_its_limits_do(daniel: FlaskClient) -> None:
    assert "A client may move one booking up to 3 times, until it starts." in daniel.get("/settings").text


def test_the_callback_page_has_the_address_and_no_secret(
    daniel: FlaskClient, app: Flask, session: Session
) -> None:
    page = daniel.get("/settings/attendance")
    assert field(page.text, "address") == f"{app.config['SETTINGS'].base_url}/hooks/attendance/marlow"
    assert "whsec_" not in page.text
    assert events(session) == []
    assert daniel.get("/settings/attendance/secret").status_code == 405


def test_the_secret_is_shown_on_asking_signs_a_call_and_the_look_is_written_down(
    daniel: FlaskClient, client: FlaskClient, session: Session, world: World
) -> None:
    meeting = at_status(session, Status.CONFIRMED, world, start=NOW - timedelta(minutes=5))
    page = daniel.post("/settings/attendance/secret")
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    secret = field(page.text, "secret")
    (event,) = events(session)
    assert (event.action, event.actor_label, event.changes) == ("show callback secret", "Daniel Osei", {})
    example = json.loads(parse(page.text).one("pre").text)
    body = json.dumps(example | {"appointment_id": meeting.appointment_id})
    headers = {
        "webhook-id": "call-1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": Webhook(secret).sign("call-1", NOW, body),
    }
    answer = client.post(
        "/hooks/attendance/marlow", data=body, headers=headers, content_type="application/json"
    )
    assert (answer.status_code, answer.json) == (200, {"recorded": True})
    session.rollback()
    assert session.scalars(sa.select(Attendance.joined_at)).all() == [NOW]


def test_renewing_the_secret_is_one_step_per_form_and_is_written_down(
    daniel: FlaskClient, session: Session, world: World
) -> None:
    page = daniel.get("/settings/attendance")
    assert "Nobody has seen or renewed the secret yet." in page.text
    sent = dict(Page(page.text).form("/settings/attendance/renewal").fields)
    before = field(daniel.post("/settings/attendance/secret").text, "secret")
    for _ in range(2):
        assert daniel.post("/settings/attendance/renewal", data=sent).location == "/settings/attendance"
    kept = firm(session, world)
    assert (kept.callback_round, kept.callback_renewed_at) == (1, NOW)
    assert [event.action for event in events(session)] == ["show callback secret", "renew callback secret"]
    assert field(daniel.post("/settings/attendance/secret").text, "secret") != before
    lately = parse(daniel.get("/settings/attendance").text).one("ul", cls="changes").text
    assert lately.count("Daniel Osei") == 3
    assert "Renewed the secret" in lately


def test_the_pages_say_which_types_are_tracked(daniel: FlaskClient, session: Session, world: World) -> None:
    assert "No appointment type says" in daniel.get("/settings/outcomes").text
    world.kind.tracked = True
    make_world(session, "other").kind.name = "Theirs"
    session.commit()
    for path in ("/settings/outcomes", "/settings/attendance"):
        text = daniel.get(path).text
        assert "for Review." in text
        assert "Theirs" not in text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/settings/outcomes"),
        ("POST", "/settings/outcomes"),
        ("GET", "/settings/reminders"),
        ("POST", "/settings/reminders"),
        ("GET", "/settings/attendance"),
        ("POST", "/settings/attendance/secret"),
        ("POST", "/settings/attendance/renewal"),
    ],
)
def test_only_managers_come_here(desk: FlaskClient, session: Session, method: str, path: str) -> None:
    answer = desk.open(path, method=method, data={"reminder_hours": "1"} if method == "POST" else None)
    assert answer.status_code == 403
    assert "whsec_" not in answer.text
    assert events(session) == []


def test_another_firm_keeps_its_policies(daniel: FlaskClient, session: Session) -> None:
    other = make_world(session, "hartmann")
    daniel.post("/settings/outcomes", data=OUTCOMES | {"complete_after": "2"})
    daniel.post("/settings/reminders", data=REMINDERS | {"reminder_hours": "2"})
    fresh(session, other.firm)
    assert ReachValues.of(other.firm).reminder_hours == 24
    assert OutcomeValues.of(other.firm).complete_after == 60


def field(text: str, name: str) -> str:
    """What a field of a page holds."""
    found: Element = parse(text).one("input", id=name)
    return found.attrs["value"]
