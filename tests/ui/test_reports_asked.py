"""``/reports``: what is asked for stays asked for, in the form, in links and in the names of files."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.ui.pages import Element, assert_sound, parse
from webapp.lifecycle.terms import sort_name_of
from webapp.models import Account, StaffUser
from webapp.vocabulary import Status

SignedIn = Callable[[StaffUser], FlaskClient]
pytestmark = pytest.mark.one_engine("sqlite")  # what is counted is tested on both, in tests/queries/analytics
JANUARY = "from=2026-01-01&to=2026-01-31"


def fields(page: Element) -> dict[str, str]:
    """What the form sends as it stands."""
    form = page.one(id="filters")
    found = {box.attrs["name"]: box.attrs.get("value", "") for box in form.all("input")}
    for box in form.all("select"):
        chosen = [option.attrs["value"] for option in box.all("option") if "selected" in option.attrs]
        found[box.attrs["name"]] = chosen[0] if chosen else ""
    return found


def account(session: Session, world: World, name: str) -> Account:
    made = Account(firm_id=world.firm.firm_id, name=name, sort_name=sort_name_of(name), created_at=world.now)
    session.add(made)
    session.commit()
    return made


def test_from_one_account_another_can_be_chosen_by_the_beginning_of_its_name(
    desk: FlaskClient, session: Session, world: World
) -> None:
    first, second = account(session, world, "Zebra Ltd"), account(session, world, "Yak & Sons")
    page = parse(desk.get(f"/reports?{JANUARY}&account={first.account_id}&sort=name"))
    assert_sound(page)
    assert fields(page)["account"] == f"Zebra Ltd ({first.account_id})"
    same = desk.get("/reports", query_string=fields(page))
    assert parse_qs(urlsplit(same.headers["Location"]).query)["account"] == [str(first.account_id)]
    for typed in ("yak", "Yak & Sons", f"Yak & Sons ({second.account_id})"):
        answer = desk.get("/reports", query_string=fields(page) | {"account": typed})
        assert answer.status_code == 303
        asked = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert (asked["account"], asked["sort"]) == ([str(second.account_id)], ["name"])
    shown = parse(desk.get(answer.headers["Location"]))
    assert "Only account Yak & Sons" in shown.one(cls="pagehead__sub").text


def test_a_name_that_is_nobodys_or_several_gets_a_sentence(
    signed_in: SignedIn, session: Session, world: World
) -> None:
    one, two = account(session, world, "Twin Ltd"), account(session, world, "Twin Ltd")
    alone = account(session, world, "Twin")
    account(session, make_world(session, "other"), "Elsewhere Ltd")
    desk = signed_in(world.staff)
    for typed, sentence in (
        ("Elsewhere", "There is no such account. Enter how another name begins."),
        ("%00", "There is no such account. Enter how another name begins."),
        (
            "twin l",
            f"Several accounts begin so: Twin Ltd ({one.account_id}), Twin Ltd ({two.account_id}). "
            "Enter one of them in full.",
        ),
    ):
        answer = desk.get(f"/reports?{JANUARY}&account={typed}")
        page = parse(answer)
        assert answer.status_code == 422
        assert_sound(page)
        assert page.one(cls="errors").all("a", href="#account")[0].text == sentence
        assert page.one(id="account").attrs["value"] == typed.replace("%00", "")
    exact = desk.get(f"/reports?{JANUARY}&account=twin").headers["Location"]
    assert parse_qs(urlsplit(exact).query)["account"] == [str(alone.account_id)]


def test_the_order_of_the_tables_stays(desk: FlaskClient) -> None:
    page = parse(desk.get(f"/reports?{JANUARY}&sort=name"))
    assert fields(page)["sort"] == "name"
    presets = [
        link.attrs["href"] for link in page.one(cls="segmented").all("a") if "#" not in link.attrs["href"]
    ]
    assert len(presets) == 3
    assert all(parse_qs(urlsplit(url).query)["sort"] == ["name"] for url in presets)
    assert "sort" not in fields(parse(desk.get(f"/reports?{JANUARY}")))
    assert fields(parse(desk.get("/reports?from=x&sort=name")))["sort"] == "name"


@pytest.mark.parametrize(
    ("as_of", "kind"),
    [
        ("2026-01-12T10:00", "datetime-local"),
        ("2026-01-12T10:00:07", "datetime-local"),
        ("2026-01-12T10:00:07.250000", None),
        ("2025-10-26T01:30:00.000001+01:00", None),
    ],
)
def test_the_field_holds_the_instant_exactly(desk: FlaskClient, as_of: str, kind: str | None) -> None:
    page = parse(desk.get("/reports", query_string={"as_of": as_of}))
    box = page.one(id="as_of")
    assert box.attrs["value"] == as_of
    assert (box.attrs.get("type") == "datetime-local") == (kind is not None)
    assert box.attrs.get("step") == ("1" if kind else None)
    again = parse(desk.get("/reports", query_string=fields(page)))
    assert again.one(id="as_of").attrs["value"] == as_of


@pytest.mark.parametrize("path", ["/reports/appointments", "/reports/appointments.csv"])
def test_the_days_of_a_number_are_at_most_ten_years_too(desk: FlaskClient, path: str) -> None:
    answer = desk.get(f"{path}?first=1990-01-01&last=2100-12-31")
    assert answer.status_code == 422
    assert "The period is longer than ten years. Enter a shorter one." in parse(answer).text
    assert desk.get(f"{path}?first=2016-02-01&last=2026-01-31").status_code == 200


def test_a_file_of_one_person_or_of_the_past_says_so(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.COMPLETED, world, start=world.now - DAY + timedelta(hours=1))

    def told(more: str) -> tuple[str, set[tuple[str, str]]]:
        answer = desk.get(f"/reports.csv?{JANUARY}{more}")
        rows = csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline=""))
        name = answer.headers["Content-Disposition"].partition("filename=")[2].strip('"')
        return name, {(row["As of"], row["Only"]) for row in rows}

    whole = "marlow-report-from-2026-01-01-to-2026-01-31"
    assert told("") == (f"{whole}.csv", {("2026-01-13T10:00:00+00:00", "")})
    lena = world.staff.staff_user_id
    assert told(f"&staff={lena}&as_of=2026-01-12T10:00") == (
        f"{whole}-staff-{lena}-as-of-2026-01-12-100000+0000.csv",
        {("2026-01-12T10:00:00+00:00", "staff Lena Fischer")},
    )


def test_on_paper_it_is_the_monthly_report_of_the_same(
    desk: FlaskClient, session: Session, world: World
) -> None:
    asked = f"from=2026-01-05&to=2026-01-12&staff={world.staff.staff_user_id}&channel=unreported"
    answer = desk.get(f"/reports.pdf?{asked}&as_of=2026-01-12T10:00")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/reports/month.pdf?{asked}&as_of=2026-01-12T10%3A00%3A00Z"
    made = desk.get(answer.headers["Location"])
    assert (made.status_code, made.mimetype) == (200, "application/pdf")
    assert desk.get("/reports.pdf?from=x").headers["Location"] == "/reports?from=x"
