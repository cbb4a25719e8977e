"""``/reports`` as files: the rows of a number, the tables of the page."""

import csv
import io

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import World, at_status, make_world
from tests.ui.pages import assert_sound, parse
from tests.ui.reports.conftest import JANUARY, LIVED, SignedIn, listed, numbers, one_engine, table_rows
from webapp.models import Account, AppointmentType, Contact, StaffUser
from webapp.queries.analytics import tallies
from webapp.vocabulary import Status


@one_engine
def test_who_may_see_and_who_may_take_away(
    app_client: FlaskClient, signed_in: SignedIn, world: World
) -> None:
    paths = ["/reports", f"/reports/appointments?{JANUARY}"]
    files = ["/reports.csv", "/reports/appointments.csv"]
    viewer = signed_in(world.viewer)
    for path in paths:
        assert viewer.get(path).status_code == 200
        assert "CSV" not in viewer.get(path).get_data(as_text=True)
        assert app_client.get(path).status_code == 303
    for path in files:
        assert viewer.get(path).status_code == 403
        assert signed_in(world.staff).get(path).status_code == 200


@pytest.fixture
def app_client(app: object) -> FlaskClient:
    """Nobody signed in."""
    return app.test_client()  # type: ignore[attr-defined]


def parsed(answer: TestResponse) -> list[dict[str, str]]:
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def test_the_file_of_a_number_has_its_rows(lived: FlaskClient) -> None:
    found = numbers(parse(lived.get(f"/reports?{LIVED}")))
    for url, count in [(url, count) for url, count in found.items() if count][::9]:
        page = parse(lived.get(url))
        link = page.one(cls="pagehead__r").one("a").attrs["href"]
        rows = parsed(lived.get(link))
        assert len(rows) == count
        assert [f"/appointments/{row['Reference']}" for row in rows] == listed(lived, url)[1]


@one_engine
def test_the_file_of_the_report_has_its_tables(lived: FlaskClient, world: World) -> None:
    page = parse(lived.get(f"/reports?{LIVED}"))
    answer = lived.get(f"/reports.csv?{LIVED}")
    name = 'attachment; filename="marlow-report-from-2026-03-23-to-2026-04-05.csv"'
    assert answer.headers["Content-Disposition"] == name
    rows = parsed(answer)
    whole = rows[0]
    assert (whole["Table"], whole["From"], whole["To"]) == ("All", "2026-03-23", "2026-04-05")
    assert whole["Due"] == page.all("li", cls="tile")[0].one(cls="tile__v").text
    for table in ("Staff", "Type", "Day", "Weekday and hour", "Booked ahead"):
        assert sum(int(row["Due"]) for row in rows if row["Table"] == table) == int(whole["Due"])
    chains = [row for row in rows if row["Table"] == "Last of a chain"]
    assert [row["Row"] for row in chains][:2] == ["1 booking", "2 bookings"]
    sides = ("the client", "staff", "the system")
    assert sum(int(whole[f"Cancelled by {side}"]) for side in sides) == int(whole["Cancelled"])
    more = {row["Row"]: row for row in rows if row["Table"] == "More figures"}
    moved = more["Chains moved, of those ever confirmed"]
    tile = next(tile for tile in page.all("li", cls="tile") if tile.one("h2").text == "Reschedule rate")
    assert f"{moved['Value']} of {moved['Of']} confirmed" in tile.text
    declined = more["Requests made in the period, declined"]
    assert float(declined["Share"]) == pytest.approx(int(declined["Value"]) / int(declined["Of"]), abs=1e-4)
    assert {row["Due"] for row in more.values()} == {""}
    assert "Client no-show, staff present, from" in whole
    assert not [row for row in rows if row["Table"] == "Accounts left out"]
    share = float(whole["Completion rate"])
    assert float(whole["Completion rate, from"]) < share < float(whole["Completion rate, to"])
    assert share == pytest.approx(int(whole["Completed"]) / int(whole["Due"]), abs=1e-4)


@one_engine
def test_the_page_and_the_file_say_how_many_accounts_they_leave_out(
    desk: FlaskClient, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Account(firm_id=world.firm.firm_id, name="Other", sort_name="other", created_at=world.now)
    session.add(other)
    session.flush()
    at_status(session, Status.COMPLETED, world)
    at_status(session, Status.COMPLETED, world, staff_user=world.staff2).account_id = other.account_id
    session.commit()
    monkeypatch.setattr(tallies, "ACCOUNTS", 1)
    (foot,) = parse(desk.get(f"/reports?{JANUARY}")).one(id="by-account").all(cls="foot")
    assert foot.text.startswith("1 more account with fewer appointments")
    assert foot.one("a").attrs["href"] == "#account"
    rows = parsed(desk.get(f"/reports.csv?{JANUARY}"))
    assert len([row for row in rows if row["Table"] == "Account"]) == 1
    (missing,) = [row for row in rows if row["Table"] == "Accounts left out"]
    assert missing["Value"] == "1"


@one_engine
@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "\uff1d1", "-2", "<b>&amp;", "محمد الهاشمي", "王芳 😀"])
def test_any_name_is_printed_as_text_and_never_taken_for_a_formula(
    desk: FlaskClient, session: Session, world: World, name: str
) -> None:
    at_status(session, Status.COMPLETED, world)
    for table in (Contact, StaffUser, AppointmentType):
        session.execute(sa.update(table).values(name=name))
    session.commit()
    page = parse(desk.get(f"/reports?{JANUARY}"))
    assert_sound(page)
    assert table_rows(page.one(id="by-staff"))[0].one("th").one("a").text == name
    safe = f"'{name}" if name[0] in "=@-\uff1d" else name
    assert {row["Row"] for row in parsed(desk.get(f"/reports.csv?{JANUARY}")) if row["Table"] == "Staff"} == {
        safe
    }
    row = parsed(desk.get(f"/reports/appointments.csv?{JANUARY}"))[0]
    assert {row["Client"], row["Staff"], row["Type"]} == {safe}


@one_engine
def test_times_of_the_file_carry_the_firms_offset(signed_in: SignedIn, session: Session) -> None:
    madrid = make_world(session, "madrid", "Europe/Madrid")
    at_status(session, Status.COMPLETED, madrid)
    row = parsed(signed_in(madrid.staff).get(f"/reports/appointments.csv?{JANUARY}"))[0]
    assert row["Start"] == "2026-01-12T11:00:00+01:00"
    assert (row["Status"], row["What became of it"]) == ("completed", "Took place")
