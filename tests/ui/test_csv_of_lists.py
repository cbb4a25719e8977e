"""Every list of the desk has a file with the rows of its page, for whoever may see it and take it away."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_contact, make_world
from tests.support.polls import cast, make_poll, people
from tests.ui.pages import parse
from webapp.models import Account, MailMessage, StaffUser
from webapp.ui import csv_table
from webapp.vocabulary import MailState, MailTemplate, Status, Vote

SignedIn = Callable[[StaffUser], FlaskClient]
pytestmark = pytest.mark.one_engine("sqlite")  # how a file is read is tested on both in test_csv.py


def table(browser: FlaskClient, path: str) -> list[dict[str, str]]:
    """The rows of a file, which is as every file is."""
    answer = browser.get(path)
    assert answer.status_code == 200, path
    body = answer.get_data()
    assert answer.mimetype == "text/csv"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="marlow-')
    assert body.startswith(b"\xef\xbb\xbf")
    assert body.endswith(b"\r\n")
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert answer.headers[csv_table.ROWS] == str(len(rows))
    return rows


def names(rows: list[dict[str, str]], column: str = "Name") -> list[str]:
    return [row[column] for row in rows]


def links(browser: FlaskClient, path: str) -> list[str]:
    found = (
        link.attrs["href"] for link in parse(browser.get(path)).all("a") if "data-download" in link.attrs
    )
    return [address for address in found if address]


def mail(world: World, state: MailState, recipient: str) -> MailMessage:
    return MailMessage(
        firm_id=world.firm.firm_id,
        template=MailTemplate.CONFIRMED,
        dedup_key=recipient,
        recipient_name="Ada Byron",
        recipient=recipient,
        subject="Confirmed: Review",
        text_body="Hello",
        html_body="<p>Hello</p>",
        state=state,
        attempts=2,
        due_at=world.now + timedelta(hours=1),
        created_at=world.now,
    )


def test_requests_by_who_has_waited_longest(desk: FlaskClient, session: Session, world: World) -> None:
    first = at_status(session, Status.REQUESTED, world, start=world.now + 3 * DAY)
    second = at_status(session, Status.REQUESTED, world, staff_user=world.staff2)
    at_status(session, Status.CONFIRMED, world, start=world.now + 5 * DAY)
    assert names(table(desk, "/requests.csv"), "Reference") == [
        str(first.appointment_id),
        str(second.appointment_id),
    ]
    assert links(desk, "/requests?staff=me") == ["/requests.csv?staff=me"]
    assert names(table(desk, "/requests.csv?staff=me"), "Staff") == ["Lena Fischer"]


def test_meetings_without_an_outcome(desk: FlaskClient, session: Session, world: World) -> None:
    ended = at_status(session, Status.CONFIRMED, world, start=world.now - DAY)
    at_status(session, Status.CONFIRMED, world, start=world.now + DAY)
    assert names(table(desk, "/needs-outcome.csv"), "Reference") == [str(ended.appointment_id)]
    assert links(desk, "/needs-outcome") == ["/needs-outcome.csv"]
    wrong = desk.get("/needs-outcome.csv?from=soon")
    assert (wrong.status_code, wrong.headers["Location"]) == (303, "/needs-outcome?from=soon")


def test_contacts_all_and_found(desk: FlaskClient, session: Session, world: World) -> None:
    for number in range(60):
        make_contact(session, world.firm, f"Bea Quist{number:02d}")
    session.commit()
    rows = table(desk, "/contacts.csv")
    assert len(rows) == 61
    assert names(rows) == sorted(names(rows))
    assert rows[0] == {
        "Reference": str(world.contact.contact_id),
        "Name": "Ada Byron",
        "Account": "Byron Ltd",
        "E-mail": "ada@client.example",
        "Phone": "020 7946 0000",
        "Time zone": "",
        "Notes": "",
    }
    assert links(desk, "/contacts?q=bea+quist4") == ["/contacts.csv?q=bea%20quist4"]
    assert len(table(desk, "/contacts.csv?q=bea%20quist4")) == 10
    assert table(desk, "/contacts.csv?q=%21") == []


def test_more_contacts_than_a_search_shows(desk: FlaskClient, session: Session, world: World) -> None:
    for number in range(201):
        make_contact(session, world.firm, f"Bea Quist{number}")
    session.commit()
    assert "The first 200 are shown." in desk.get("/contacts?q=bea").get_data(as_text=True)
    assert len(table(desk, "/contacts.csv?q=bea")) == 201


def test_accounts_all_and_found(desk: FlaskClient, session: Session, world: World) -> None:
    added = {"name": "Abara plc", "sort_name": "abara plc", "notes": "-1"}
    session.add(Account(firm_id=world.firm.firm_id, created_at=world.now, **added))
    session.commit()
    first, second = table(desk, "/accounts.csv")
    assert (first["Name"], first["Contacts"], first["Notes"]) == ("Abara plc", "0", "'-1")
    assert (second["Name"], second["Contacts"]) == ("Byron Ltd", "1")
    assert links(desk, "/accounts?q=by") == ["/accounts.csv?q=by"]
    assert names(table(desk, "/accounts.csv?q=by")) == ["Byron Ltd"]


def test_people_and_appointments_of_a_client(desk: FlaskClient, session: Session, world: World) -> None:
    make_contact(session, world.firm, "Somebody Else")
    mine = at_status(session, Status.CONFIRMED, world)
    gone = at_status(session, Status.CANCELLED, world, start=world.now + 3 * DAY)
    contact, account = f"/contacts/{world.contact.contact_id}", f"/accounts/{world.account.account_id}"
    expected = [str(gone.appointment_id), str(mine.appointment_id)]
    assert links(desk, contact) == [f"{contact}/appointments.csv"]
    assert names(table(desk, f"{contact}/appointments.csv"), "Reference") == expected
    assert links(desk, account) == [f"{account}/contacts.csv", f"{account}/appointments.csv"]
    assert names(table(desk, f"{account}/contacts.csv")) == ["Ada Byron"]
    found = table(desk, f"{account}/appointments.csv")
    assert names(found, "Account") == ["Byron Ltd"] * len(found)


def test_polls_and_the_replies_to_one(desk: FlaskClient, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    somebody = people(session, poll)[0]
    cast(session, poll, somebody, [Vote.YES, Vote.IF_NEED_BE, Vote.NO], world.now)
    session.commit()
    [line] = table(desk, "/polls.csv")
    assert (line["Poll"], line["Status"], line["Replied"]) == (poll.title, "Open for votes", "1")
    assert links(desk, "/polls") == ["/polls.csv"]
    path = f"/polls/{poll.poll_id}.csv"
    assert links(desk, path.removesuffix(".csv")) == [path]
    row = next(row for row in table(desk, path) if row["Invitee"] == somebody.name)
    times = [name for name in row if name.startswith("2026-")]
    assert [row[name] for name in times] == ["yes", "if need be", "no"]
    assert all(name.endswith("+00:00") for name in times)


def test_the_outbox_is_for_those_who_may_see_it(signed_in: SignedIn, session: Session, world: World) -> None:
    session.add_all(
        [mail(world, MailState.WAITING, "a@x.example"), mail(world, MailState.KEPT, "b@x.example")]
    )
    session.commit()
    manager = signed_in(world.manager)
    assert links(manager, "/outbox?state=waiting") == ["/outbox.csv?state=waiting"]
    [row] = table(manager, "/outbox.csv?state=waiting")
    assert (row["Kind"], row["State"], row["Address"]) == ("Confirmed", "Waiting", "a@x.example")
    assert row["Next try"] == "2026-01-13T11:00:00+00:00"
    assert len(table(manager, "/outbox.csv")) == 2
    assert signed_in(world.staff).get("/outbox.csv").status_code == 403


PATHS = ["/requests", "/needs-outcome", "/contacts", "/accounts", "/polls"]


@pytest.mark.parametrize("path", PATHS)
def test_a_viewer_sees_no_link_and_gets_no_file(signed_in: SignedIn, world: World, path: str) -> None:
    viewer = signed_in(world.viewer)
    assert links(viewer, path) == []
    assert viewer.get(f"{path}.csv").status_code == 403


def test_nothing_of_another_firm_is_in_any(desk: FlaskClient, session: Session) -> None:
    other = make_world(session, "other")
    at_status(session, Status.REQUESTED, other)
    poll = make_poll(session, other)
    session.add(mail(other, MailState.KEPT, "c@x.example"))
    session.commit()
    assert table(desk, "/requests.csv") == []
    assert table(desk, "/polls.csv") == []
    assert names(table(desk, "/contacts.csv")) == ["Ada Byron"]
    assert names(table(desk, "/accounts.csv")) == ["Byron Ltd"]
    for path in (
        f"/contacts/{other.contact.contact_id}/appointments.csv",
        f"/accounts/{other.account.account_id}/appointments.csv",
        f"/accounts/{other.account.account_id}/contacts.csv",
        f"/polls/{poll.poll_id}.csv",
    ):
        assert desk.get(path).status_code == 404
