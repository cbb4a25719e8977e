"""``/appointments.csv``: the filtered list as a file, made while it is sent."""

import csv
import io
import tracemalloc
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, IncompleteRead
from itertools import islice
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import DAY, World, at_status, make_world
from tests.support.many import fill
from tests.support.signed_in import COOKIE, token_for
from tests.support.web import LiveServer
from webapp.extensions import db
from webapp.models import Contact, StaffUser
from webapp.queries import export
from webapp.queries.appointment_list import Criteria, Order
from webapp.queries.snapshots import BATCH
from webapp.ui import csv_table
from webapp.ui.appointments_file import COLUMNS
from webapp.vocabulary import Status

SignedIn = Callable[[StaffUser], FlaskClient]
one_engine = pytest.mark.one_engine(
    "sqlite"
)  # what is written does not differ; how it is read is tested on both
MANY = 10_000
HEAD = [
    "Reference",
    "Start",
    "End",
    "Status",
    "Reason",
    "Cancellation kind",
    "Cancelled by",
    "No-show party",
    "Client",
    "Account",
    "E-mail",
    "Phone",
    "Type",
    "Staff",
    "Place",
    "Booked by",
    "Imported as",
    "Created",
    "Rescheduled from",
    "Rescheduled to",
    "Version",
]


def parsed(answer: TestResponse) -> list[dict[str, str]]:
    assert answer.status_code == 200
    text = answer.get_data().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_it_has_every_column_of_every_appointment(desk: FlaskClient, session: Session, world: World) -> None:
    moved = at_status(session, Status.RESCHEDULED, world)
    cancelled = at_status(session, Status.CANCELLED, world, start=world.now + 3 * DAY)
    answer = desk.get("/appointments.csv?order=oldest")
    assert answer.mimetype == "text/csv"
    assert answer.get_data().startswith(b"\xef\xbb\xbf")
    first, second, third = parsed(answer)
    assert list(first) == HEAD
    assert first == {
        "Reference": str(moved.appointment_id),
        "Start": "2026-01-14T10:00:00+00:00",
        "End": "2026-01-14T10:45:00+00:00",
        "Status": "rescheduled",
        "Reason": "",
        "Cancellation kind": "",
        "Cancelled by": "",
        "No-show party": "",
        "Client": "Ada Byron",
        "Account": "Byron Ltd",
        "E-mail": "ada@client.example",
        "Phone": "020 7946 0000",
        "Type": "Review",
        "Staff": "Lena Fischer",
        "Place": first["Place"],
        "Booked by": "Lena Fischer",
        "Imported as": "",
        "Created": "2026-01-11T10:00:00+00:00",
        "Rescheduled from": "",
        "Rescheduled to": second["Reference"],
        "Version": "2",
    }
    assert second["Rescheduled from"] == first["Reference"]
    assert second["Reason"] == "Rescheduled from previous appointment"
    assert third["Reference"] == str(cancelled.appointment_id)
    told = (third["Status"], third["Reason"], third["Cancellation kind"], third["Cancelled by"])
    assert told == ("cancelled", "Ada is ill", "cancelled", "client")


@one_engine
def test_times_carry_the_firms_offset(signed_in: SignedIn, session: Session) -> None:
    madrid = make_world(session, "madrid", "Europe/Madrid")
    at_status(session, Status.CONFIRMED, madrid)
    at_status(session, Status.CONFIRMED, madrid, start=madrid.now + 180 * DAY)
    summer, winter = parsed(signed_in(madrid.staff).get("/appointments.csv"))
    assert summer["Start"] == "2026-07-12T12:00:00+02:00"
    assert winter["Start"] == "2026-01-14T11:00:00+01:00"


@one_engine
def test_it_keeps_the_filters_of_the_list(desk: FlaskClient, session: Session, world: World) -> None:
    wanted = at_status(session, Status.CONFIRMED, world)
    at_status(session, Status.COMPLETED, world)
    at_status(session, Status.CONFIRMED, world, staff_user=world.staff2)
    page = desk.get("/appointments?status=confirmed&staff=me").get_data(as_text=True)
    link = "/appointments.csv?status=confirmed&amp;staff=me"
    assert f'href="{link}"' in page
    found = parsed(desk.get(link.replace("&amp;", "&")))
    assert [row["Reference"] for row in found] == [str(wanted.appointment_id)]


@one_engine
def test_nothing_of_another_firm_is_in_it(desk: FlaskClient, session: Session) -> None:
    at_status(session, Status.CONFIRMED, make_world(session, "other"))
    assert parsed(desk.get("/appointments.csv")) == []


@one_engine
def test_a_viewer_may_not(signed_in: SignedIn, world: World) -> None:
    assert signed_in(world.viewer).get("/appointments.csv").status_code == 403


@one_engine
def test_filters_gone_wrong_are_explained_by_the_list(desk: FlaskClient) -> None:
    answer = desk.get("/appointments.csv?from=2026-02-30&q=ada")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/appointments?from=2026-02-30&q=ada")


@one_engine
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "marlow-appointments-2026-01-13.csv"),
        ("from=2026-01-01", "marlow-appointments-from-2026-01-01.csv"),
        ("from=2026-01-01&to=2026-01-31", "marlow-appointments-from-2026-01-01-to-2026-01-31.csv"),
    ],
)
def test_the_file_is_named_after_firm_and_days(desk: FlaskClient, query: str, name: str) -> None:
    answer = desk.get(f"/appointments.csv?{query}")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'


@one_engine
@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        "+44 20",
        "-2",
        "@SUM(A1)",
        "\t1",
        "\r1",
        "  =1+1",
        "\u00a0=1+1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
    ],
)
def test_no_text_is_taken_for_a_formula(desk: FlaskClient, session: Session, world: World, name: str) -> None:
    at_status(session, Status.CONFIRMED, world)
    session.execute(sa.update(Contact).values(name=name))
    session.commit()
    assert parsed(desk.get("/appointments.csv"))[0]["Client"] == f"'{name}"


@one_engine
@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ada;=1+1;", "Ada;'=1+1;"),
        ("Ada\n@SUM(A1);", "Ada\n'@SUM(A1);"),
        ('Ada;"=1+1', "Ada;'\"=1+1"),
        ("\t=1", "'\t'=1"),
        ("Ada; and Ben", "Ada; and Ben"),
        ("Ada, -5", "Ada, -5"),
    ],
)
def test_nor_where_a_semicolon_or_a_new_line_parts_the_fields(
    desk: FlaskClient, session: Session, world: World, name: str, written: str
) -> None:
    at_status(session, Status.CONFIRMED, world)
    session.execute(sa.update(Contact).values(name=name))
    session.commit()
    assert parsed(desk.get("/appointments.csv"))[0]["Client"] == written


@one_engine
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_whatever_parts_the_fields_no_cell_begins_as_a_formula(
    desk: FlaskClient, session: Session, world: World, delimiter: str
) -> None:
    """Where the comma is decimal, a spreadsheet parts at semicolons: quotes that begin later mean nothing."""
    at_status(session, Status.CONFIRMED, world)
    starts = ("=", "\uff20")
    for before in ("", " ", '"', "Ada\n", "Ada\r", "Ada\r\n ", "Ada;", 'Ada;"', "Ada\t", 'Ada\n"', "Ada\n\n"):
        for start in starts:
            session.execute(sa.update(Contact).values(name=f"{before}{start}1+1"))
            session.commit()
            text = desk.get("/appointments.csv").get_data().decode("utf-8-sig")
            cells = [
                cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row
            ]
            begun = [cell for cell in cells if cell.lstrip().startswith(starts)]
            assert begun == [], (before, start)
            assert any("1+1" in cell for cell in cells)


@one_engine
@pytest.mark.parametrize(
    "name", ['Ada "The Countess", Byron', "Ada\nByron", "1=1", "Łukasz 王芳 😀", "'quoted'"]
)
def test_other_text_comes_out_as_it_went_in(
    desk: FlaskClient, session: Session, world: World, name: str
) -> None:
    at_status(session, Status.CONFIRMED, world)
    session.execute(sa.update(Contact).values(name=name))
    session.commit()
    assert parsed(desk.get("/appointments.csv"))[0]["Client"] == name


def test_every_field_is_quoted(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    for line in desk.get("/appointments.csv").get_data().decode("utf-8-sig").splitlines():
        assert line.startswith('"')
        assert line.endswith('"')
        assert line.count('","') == len(HEAD) - 1


def test_ten_thousand_rows_take_the_memory_of_a_batch(engine: Engine, world: World) -> None:
    fill(engine, world, MANY)

    def peak(rows: int) -> int:
        found = export.stream(engine, firm_id=world.firm.firm_id, criteria=Criteria(), order=Order.NEWEST)
        tracemalloc.start()
        count = sum(1 for _ in csv_table.lines(islice(found, rows), COLUMNS, world.local))
        found.close()
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == rows // csv_table.CHUNK + 2
        return highest

    peak(2 * BATCH)  # whatever is made once and kept
    assert peak(MANY) < 1.3 * peak(4 * BATCH)


def test_the_first_bytes_come_before_the_end_of_the_query(
    desk: FlaskClient, engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(engine, world, 2000)
    read: list[int] = []
    plain = export.Record

    def counted(*values: Any) -> Any:
        read.append(values[0])
        return plain(*values)

    monkeypatch.setattr(export, "Record", counted)
    answer = desk.get("/appointments.csv")
    chunks: Iterator[bytes] = iter(answer.iter_encoded())
    assert not read
    assert next(chunks).decode("utf-8-sig").startswith('"Reference"')
    assert next(chunks).count(b"\r\n") == csv_table.CHUNK
    assert len(read) == csv_table.CHUNK
    answer.close()
    assert len(read) == csv_table.CHUNK


def test_a_download_that_is_broken_off_gives_its_connection_back(engine: Engine, world: World) -> None:
    fill(engine, world, 1200)
    firm_id = world.firm.firm_id
    before = engine.pool.checkedout()  # type: ignore[attr-defined]
    found = export.stream(engine, firm_id=firm_id, criteria=Criteria(), order=Order.NEWEST)
    assert len(found) == 1200
    assert next(iter(found)).appointment_id
    assert engine.pool.checkedout() == before + 1  # type: ignore[attr-defined]
    found.close()
    assert engine.pool.checkedout() == before  # type: ignore[attr-defined]


def test_a_download_that_nobody_reads_gives_its_connection_back(
    app: Flask, desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.CONFIRMED, world)
    with app.app_context():
        pool: Any = db.engine.pool
    answer = desk.head("/appointments.csv")
    assert (answer.status_code, answer.headers[csv_table.ROWS]) == (200, "1")
    answer.close()
    assert pool.checkedout() == 0


def test_what_is_booked_meanwhile_is_in_neither_the_number_nor_the_file(
    desk: FlaskClient, engine: Engine, session: Session, world: World
) -> None:
    fill(engine, world, 1200)
    answer = desk.get("/appointments.csv?order=oldest")
    chunks = iter(answer.iter_encoded())
    sent = [next(chunks), next(chunks)]
    at_status(session, Status.CONFIRMED, world, start=world.now + 200 * DAY)
    sent += chunks
    answer.close()
    found = list(csv.DictReader(io.StringIO(b"".join(sent).decode("utf-8-sig"), newline="")))
    assert len(found) == int(answer.headers[csv_table.ROWS]) == 1200
    assert len(parsed(desk.get("/appointments.csv"))) == 1201


@one_engine
def test_a_file_that_the_server_cannot_finish_does_not_end_like_a_whole_one(
    live_server: LiveServer, session: Session, engine: Engine, world: World
) -> None:
    """A row is damaged past the first chunks: the connection ends without the last chunk of HTTP."""
    fill(engine, world, 1200)
    session.execute(sa.text("UPDATE appointment SET created_at = 'some day' WHERE appointment_id = 600"))
    session.commit()
    with time_machine.travel(world.now, tick=True):
        cookie = token_for(live_server.app, world.staff)
        asking = HTTPConnection(live_server.url.removeprefix("http://"))
        asking.request("GET", "/appointments.csv", headers={"Cookie": f"{COOKIE}={cookie}"})
        answer = asking.getresponse()
        assert answer.headers[csv_table.ROWS] == "1200"
        with pytest.raises(IncompleteRead) as broken:
            answer.read()
        asking.close()
    assert csv_table.CHUNK < broken.value.partial.count(b"\r\n") < 1200
