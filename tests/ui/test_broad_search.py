"""What the list says of a search that means many clients, and the way on from it."""

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World
from tests.support.many import fill
from tests.ui.pages import assert_sound, parse, rows
from webapp.models import Appointment, Contact
from webapp.queries import appointment_list, clients

pytestmark = pytest.mark.one_engine("sqlite")  # the page is the same; the query has its tests on both


@pytest.fixture
def many(session: Session, engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(clients, "BROAD", 5)
    monkeypatch.setattr(appointment_list, "WALKED", 100)
    fill(engine, world, 400, contacts=60)
    return world


def test_it_advises_to_type_more(desk: FlaskClient, many: World) -> None:
    page = parse(desk.get("/appointments?q=a"))
    assert_sound(page)
    assert 0 < len(rows(page)) < 50
    assert f"{len(rows(page))} appointments" in page.text
    assert "Many clients match “a”. This page looked as far as " in page.text
    assert "Type more to narrow the search." in page.text
    following = parse(desk.get(page.one("a", rel="next").attrs["href"]))
    assert rows(following)
    assert not {*rows(page)} & {*rows(following)}


def test_a_search_that_is_shown_whole_needs_no_advice(desk: FlaskClient, many: World) -> None:
    page = parse(desk.get("/appointments?q=ada+abara"))
    assert rows(page)
    assert "Many clients match" not in page.text


def test_where_nothing_was_found_so_far_it_leads_on(desk: FlaskClient, session: Session, many: World) -> None:
    newest = sa.select(Appointment.appointment_id).order_by(
        Appointment.start_time.desc(), Appointment.appointment_id.desc()
    )
    last = list(session.scalars(newest.limit(120)))
    dull = session.scalars(sa.select(Contact.contact_id).where(Contact.name.like("Ben Berg%"))).first()
    session.execute(
        sa.update(Appointment).where(Appointment.appointment_id.in_(last)).values(contact_id=dull)
    )
    session.commit()
    page = parse(desk.get("/appointments?q=a"))
    assert_sound(page)
    assert rows(page) == []
    day = many.local.day_of(session.get_one(Appointment, last[99]).start_time)
    assert f"Nothing found as far as {many.local.full_day(day)}" in page.text
    (further,) = (link for link in page.all("a") if link.text.strip() == "Look further")
    assert rows(parse(desk.get(further.attrs["href"])))
    answer = desk.get("/appointments?q=a", headers={"HX-Request": "true"})
    assert "No appointment found" in answer.get_data(as_text=True)
