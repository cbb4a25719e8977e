"""``/bulk/…``: steps on the selected rows of a list, one transaction for each row."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import DAY, World, at_status, make_world
from tests.ui.pages import Element, assert_sound, notices, parse, rows, toasts
from webapp.models import Appointment, AppointmentStatusHistory, OutboxEvent, StaffUser
from webapp.vocabulary import Action, CancellationKind, CancelledBy, NoShowParty, Status

SignedIn = Callable[[StaffUser], FlaskClient]
one_engine = pytest.mark.one_engine("sqlite")
HTMX = {"HX-Request": "true"}
BACK = "/day/2026-01-13"
FORM = "one form"


def begun(session: Session, world: World, hours: float, staff_user: StaffUser | None = None) -> Appointment:
    """A confirmed meeting that began so many hours ago."""
    start = world.now - timedelta(hours=hours)
    return at_status(session, Status.CONFIRMED, world, start=start, staff_user=staff_user)


def ref(appointment: Appointment, version: int = 1) -> str:
    return f"{appointment.appointment_id}.{version}"


def post(browser: FlaskClient, path: str, *refs: str, token: str = FORM, **more: Any) -> TestResponse:
    htmx = more.pop("htmx", False)
    return browser.post(
        f"/bulk/{path}",
        data={"ref": list(refs), "form_token": token, "back": BACK, **more},
        headers=HTMX if htmx else {},
    )


def states(session: Session, *appointments: Appointment) -> list[Status]:
    """The statuses as they are in the database now."""
    session.rollback()
    for appointment in appointments:
        session.refresh(appointment)
    return [appointment.status for appointment in appointments]


def written(session: Session, appointment: Appointment) -> tuple[int, int]:
    """How many history and outbox rows an appointment has."""
    session.rollback()
    counts = (
        session.scalar(sa.select(sa.func.count()).where(model.appointment_id == appointment.appointment_id))
        for model in (AppointmentStatusHistory, OutboxEvent)
    )
    history, outbox = counts
    return history or 0, outbox or 0


def after(browser: FlaskClient) -> Element:
    """The list that one comes back to."""
    return parse(browser.get(BACK))


def test_two_are_completed_at_once(desk: FlaskClient, session: Session, world: World) -> None:
    first, second = begun(session, world, 1), begun(session, world, 3)
    answer = post(desk, "completion", ref(first), ref(second))
    assert (answer.status_code, answer.headers["Location"]) == (303, BACK)
    assert states(session, first, second) == [Status.COMPLETED] * 2
    assert [written(session, one) for one in (first, second)] == [(2, 2), (2, 2)]
    page = after(desk)
    assert toasts(page) == ["2 completed"]
    assert notices(page) == []


def test_requests_are_approved(desk: FlaskClient, session: Session, world: World) -> None:
    asked = at_status(session, Status.REQUESTED, world)
    post(desk, "approval", ref(asked))
    assert states(session, asked) == [Status.CONFIRMED]
    assert toasts(after(desk)) == ["1 approved"]


def test_a_refused_row_does_not_stop_the_others(desk: FlaskClient, session: Session, world: World) -> None:
    good, last = begun(session, world, 3), begun(session, world, 1)
    too_early = at_status(session, Status.CONFIRMED, world, start=world.now + timedelta(hours=1, minutes=30))
    stale = begun(session, world, 5)
    answer = post(desk, "completion", ref(good), ref(too_early), ref(stale, 7), "999.1", ref(last))
    assert answer.status_code == 303
    assert states(session, good, too_early, stale, last) == [
        Status.COMPLETED,
        Status.CONFIRMED,
        Status.CONFIRMED,
        Status.COMPLETED,
    ]
    page = after(desk)
    assert toasts(page) == ["2 completed"]
    heading, early, changed, missing = notices(page)
    assert heading == "3 were not changed"
    assert early == "Ada Byron, 11:30: Complete opens 11:30, when it starts."
    assert changed.startswith("Ada Byron, 05:00: It is confirmed: Lena Fischer booked it, ")
    assert missing == "Reference 999: There is no such appointment."


@one_engine
def test_the_notice_is_gone_with_the_next_page(desk: FlaskClient, session: Session, world: World) -> None:
    post(desk, "completion", "999.1")
    assert notices(after(desk)) == ["1 was not changed", "Reference 999: There is no such appointment."]
    assert notices(after(desk)) == []


@one_engine
def test_a_row_that_is_already_there_is_refused_and_keeps_its_history(
    desk: FlaskClient, session: Session, world: World
) -> None:
    done = at_status(session, Status.COMPLETED, world)
    before = written(session, done)
    post(desk, "completion", ref(done, 2))
    assert written(session, done) == before
    assert "It is completed: Lena Fischer completed it" in notices(after(desk))[1]


def test_the_same_form_sent_twice_has_one_effect(desk: FlaskClient, session: Session, world: World) -> None:
    first, second = begun(session, world, 1), begun(session, world, 3)
    post(desk, "completion", ref(first), ref(second), "999.1")
    page = after(desk)
    told = toasts(page), notices(page)
    answer = post(desk, "completion", ref(first), ref(second), "999.1")
    assert answer.status_code == 303
    assert [written(session, one) for one in (first, second)] == [(2, 2), (2, 2)]
    page = after(desk)
    assert (toasts(page), notices(page)) == told


@one_engine
def test_a_refusal_is_kept_too(desk: FlaskClient, session: Session, world: World, moved_clock: Any) -> None:
    soon = at_status(session, Status.CONFIRMED, world, start=world.now + timedelta(minutes=30))
    post(desk, "completion", ref(soon))
    moved_clock.pass_(hours=1)
    post(desk, "completion", ref(soon))
    assert states(session, soon) == [Status.CONFIRMED]
    post(desk, "completion", ref(soon), token="another form")
    assert states(session, soon) == [Status.COMPLETED]


@one_engine
def test_a_row_that_is_sent_twice_in_one_form_counts_once(
    desk: FlaskClient, session: Session, world: World
) -> None:
    one = begun(session, world, 1)
    post(desk, "completion", ref(one), ref(one))
    page = after(desk)
    assert toasts(page) == ["1 completed"]
    assert notices(page) == []


@one_engine
def test_nothing_selected_is_said(desk: FlaskClient) -> None:
    for path in ("completion", "approval", "cancellation", "cancellation/facts", "no-show/facts"):
        assert post(desk, path, "x", ".", "1", "1.x", "-1.1", f"{2**70}.1").headers["Location"] == BACK
        assert notices(after(desk)) == ["Nothing was selected. Tick the appointments first."]


@one_engine
def test_more_than_two_hundred_are_refused_together(
    desk: FlaskClient, session: Session, world: World
) -> None:
    one = begun(session, world, 1)
    post(desk, "completion", ref(one), *(f"{number}.1" for number in range(1000, 1200)))
    assert states(session, one) == [Status.CONFIRMED]
    sentence = "Select at most 200 appointments at once. 201 were selected; nothing was changed."
    assert notices(after(desk)) == [sentence]


@one_engine
def test_two_hundred_refusals_fit_into_the_answer(desk: FlaskClient) -> None:
    answer = post(desk, "completion", *(f"{number}.1" for number in range(1000, 1200)))
    assert all(len(cookie) < 4000 for cookie in answer.headers.getlist("Set-Cookie"))
    heading, *lines = notices(after(desk))
    assert heading == "200 were not changed"
    assert len(lines) > 25
    assert lines[-1] == f"And {200 - len(lines) + 1} more, which are as they were."


@one_engine
def test_another_firms_rows_are_not_there(desk: FlaskClient, session: Session) -> None:
    theirs = begun(session, make_world(session, "other"), 1)
    post(desk, "completion", ref(theirs))
    assert states(session, theirs) == [Status.CONFIRMED]
    page = after(desk)
    assert toasts(page) == []
    assert notices(page)[1] == f"Reference {theirs.appointment_id}: There is no such appointment."


@one_engine
@pytest.mark.parametrize(
    "path", ["completion", "approval", "cancellation", "no-show", "cancellation/facts", "no-show/facts"]
)
def test_a_viewer_may_not(signed_in: SignedIn, session: Session, world: World, path: str) -> None:
    one = begun(session, world, 1)
    viewer = signed_in(world.viewer)
    facts = {"reason": "x", "cancelled_by": "staff", "party": "both"}
    assert post(viewer, path, ref(one), **facts).status_code == 403
    assert states(session, one) == [Status.CONFIRMED]


@one_engine
@pytest.mark.parametrize(
    ("back", "target"),
    [
        ("/appointments?q=ada", "/appointments?q=ada"),
        ("/requests?", "/requests"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("", "/"),
    ],
)
def test_it_leads_back_within_this_site_only(
    desk: FlaskClient, session: Session, world: World, back: str, target: str
) -> None:
    answer = post(desk, "completion", ref(begun(session, world, 1)), back=back)
    assert answer.headers["Location"] == target


@one_engine
def test_a_form_of_another_site_is_not_accepted(
    app: Flask, desk: FlaskClient, session: Session, world: World
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    one = begun(session, world, 1)
    assert post(desk, "completion", ref(one)).status_code == 400
    assert states(session, one) == [Status.CONFIRMED]


@one_engine
@pytest.mark.parametrize("htmx", [True, False])
def test_the_dialog_says_what_will_change_and_what_not(
    desk: FlaskClient, session: Session, world: World, htmx: bool
) -> None:
    late, early = begun(session, world, 1), begun(session, world, 3)
    asked = at_status(session, Status.REQUESTED, world, start=world.now + timedelta(hours=2))
    stale = at_status(session, Status.CONFIRMED, world, start=world.now + DAY)
    done = at_status(session, Status.COMPLETED, world)
    refs = [ref(late), ref(asked), ref(done, 2), ref(early), ref(stale, 5)]
    answer = post(desk, "cancellation/facts", *refs, htmx=htmx)
    page = parse(answer)
    assert answer.status_code == 200
    if htmx:
        assert page.one("dialog", id="dialog")
        assert page.one("form").attrs["hx-post"] == "/bulk/cancellation"
    else:
        assert_sound(page)
        assert page.one("h1").text == "Cancel 2 appointments"
    sent = [field.attrs["value"] for field in page.all("input", name="ref")]
    assert sent == [ref(early), ref(late)]
    change, stay = page.all(cls="chosen")
    assert [line.text for line in change.all("li")] == ["Ada Byron, 07:00", "Ada Byron, 09:00"]
    assert [line.text for line in stay.all("li")] == [
        "Ada Byron, Mon 12 Jan, 10:00: It is completed. Book again, or ask a manager to correct the outcome.",
        "Ada Byron, 12:00: It is requested. Approve or decline it instead.",
        "Ada Byron, Wed 14 Jan, 10:00: It was changed after this list was made. Look at it again first.",
    ]
    assert states(session, late, early) == [Status.CONFIRMED] * 2


@one_engine
def test_a_dialog_without_anything_to_change_has_no_button_to_do_it(
    desk: FlaskClient, session: Session, world: World
) -> None:
    soon = at_status(session, Status.CONFIRMED, world, start=world.now + timedelta(hours=1))
    page = parse(post(desk, "no-show/facts", ref(soon)))
    assert page.one("h1").text == "None of the selected can be changed"
    assert not page.one("main").all("button")
    assert page.one(cls="chosen").one("li").text == ("Ada Byron, 11:00: No-show opens 11:00, when it starts.")
    assert page.one(cls="dialog__foot").one("a").attrs["href"] == BACK


def test_several_are_cancelled_for_one_reason(desk: FlaskClient, session: Session, world: World) -> None:
    first = at_status(session, Status.CONFIRMED, world)
    second = at_status(session, Status.AWAITING_CONFIRMATION, world, start=world.now + 2 * DAY)
    facts = {"reason": "Office closed", "cancelled_by": "staff"}
    answer = post(desk, "cancellation", ref(first), ref(second), htmx=True, **facts)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, BACK)
    assert states(session, first, second) == [Status.CANCELLED] * 2
    for one in (first, second):
        assert one.status_reason == "Office closed"
        assert (one.cancelled_by, one.cancellation_kind) == (CancelledBy.STAFF, CancellationKind.CANCELLED)
        assert written(session, one) == (2, 2)
    assert toasts(after(desk)) == ["2 cancelled"]


def test_several_did_not_show(desk: FlaskClient, session: Session, world: World) -> None:
    first, second = begun(session, world, 1), begun(session, world, 3)
    answer = post(desk, "no-show", ref(first), ref(second), party="both", note="Strike")
    assert answer.status_code == 303
    assert states(session, first, second) == [Status.NO_SHOW] * 2
    assert {one.no_show_party for one in (first, second)} == {NoShowParty.BOTH}
    assert first.status_reason == "Both didn’t show. Strike"
    assert toasts(after(desk)) == ["2 marked as no-show"]


@one_engine
@pytest.mark.parametrize(
    ("path", "facts", "field", "sentence"),
    [
        ("cancellation", {"reason": "Ill"}, "cancelled_by", "Select who cancels."),
        ("cancellation", {"reason": "Ill", "cancelled_by": "system"}, "cancelled_by", ""),
        (
            "cancellation",
            {"reason": " ", "cancelled_by": "staff"},
            "reason",
            "Give a reason for cancelling; the history keeps it.",
        ),
        (
            "cancellation",
            {"reason": "x" * 501, "cancelled_by": "staff"},
            "reason",
            "Keep this to 500 characters; it has 501.",
        ),
        (
            "cancellation",
            {"reason": "a\x00b", "cancelled_by": "staff"},
            "reason",
            "This text has characters that cannot be kept. Remove them and try again.",
        ),
        ("no-show", {"note": "Nobody"}, "party", "Select who didn’t show."),
        (
            "no-show",
            {"party": "both", "note": "x" * 501},
            "note",
            "Keep this to 500 characters; it has 501.",
        ),
    ],
)
def test_a_missing_fact_is_422_and_keeps_the_rest(
    desk: FlaskClient,
    session: Session,
    world: World,
    path: str,
    facts: dict[str, str],
    field: str,
    sentence: str,
) -> None:
    one = begun(session, world, 1)
    answer = post(desk, path, ref(one), **facts)
    page = parse(answer)
    assert answer.status_code == 422
    assert page.one("title").text.startswith("Error: ")
    problem = page.one(cls="errors").one("a")
    assert problem.attrs["href"] == f"#{field}"
    assert problem.text == sentence or not sentence
    assert page.one(id=field)
    assert [hidden.attrs["value"] for hidden in page.all("input", name="ref")] == [ref(one)]
    assert page.one("input", name="back").attrs["value"] == BACK
    for name in {"reason", "note"} & set(facts):
        assert page.one("textarea", id=name).text == facts[name].strip() or "\x00" in facts[name]
    assert states(session, one) == [Status.CONFIRMED]


@one_engine
def test_the_bar_of_the_board_leads_here(desk: FlaskClient, session: Session, world: World) -> None:
    one = begun(session, world, 1)
    page = after(desk)
    bar = page.one("form", id="bulk")
    assert {button.attrs["formaction"] for button in bar.all("button") if "formaction" in button.attrs} == {
        "/bulk/completion",
        "/bulk/approval",
        "/bulk/no-show/facts",
        "/bulk/cancellation/facts",
    }
    box = page.one("input", cls="row-select")
    assert box.attrs["value"] == ref(one)
    assert set(box.attrs["data-can"].split()) == {"complete", "no-show", "cancel"}
    words = {button.attrs["data-bulk"] for button in bar.all("button") if "data-bulk" in button.attrs}
    assert words == {"complete", "approve", "no-show", "cancel"}
    data = {field.attrs["name"]: field.attrs["value"] for field in bar.all("input")}
    answer = desk.post("/bulk/completion", data={**data, "ref": box.attrs["value"]})
    assert answer.headers["Location"] == BACK
    assert rows(after(desk)) == [one.appointment_id]
    assert states(session, one) == [Status.COMPLETED]


def test_every_row_has_its_own_actor_and_action(desk: FlaskClient, session: Session, world: World) -> None:
    one = begun(session, world, 1)
    post(desk, "completion", ref(one))
    session.rollback()
    last = session.scalars(
        sa.select(AppointmentStatusHistory)
        .where(AppointmentStatusHistory.appointment_id == one.appointment_id)
        .order_by(AppointmentStatusHistory.sequence.desc())
    ).first()
    assert last is not None
    assert (last.action, last.changed_by_id) == (Action.COMPLETE, world.staff.staff_user_id)
