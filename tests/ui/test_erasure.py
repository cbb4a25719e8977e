"""Erasing a person at the desk: the page says what goes and what stays, and asks for the name."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import NOW, World, at_status, make_world
from tests.support.signed_in import sign_in
from webapp.models import Appointment, Contact
from webapp.vocabulary import Status

pytestmark = pytest.mark.one_engine("sqlite")  # the pages add nothing that differs


@pytest.fixture(autouse=True)
def at_ten() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def desk(client: FlaskClient, world: World) -> FlaskClient:
    return sign_in(client, world.manager)


def address(world: World) -> str:
    return f"/contacts/{world.contact.contact_id}"


def send(desk: FlaskClient, world: World, name: str = "Ada Byron") -> int:
    sent = {"name": name, "why": "request of 12 January", "form_token": "a"}
    return desk.post(f"{address(world)}/erasure", data=sent).status_code


def test_the_page_says_what_goes_and_what_stays(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.COMPLETED, world)
    assert "Erase this person" in desk.get(address(world)).text
    page = desk.get(f"{address(world)}/erasure").text
    for said in ("cannot be undone", "What goes", "What stays", "1 appointment,", "daybook firm scrub"):
        assert said in page


def test_pages_say_erased_afterwards(desk: FlaskClient, session: Session, world: World) -> None:
    done = at_status(session, Status.CANCELLED, world)
    assert send(desk, world) == 303
    for path in (address(world), f"/appointments/{done.appointment_id}", f"{address(world)}/erasure"):
        page = desk.get(path)
        assert page.status_code == 200
        assert "Erased" in page.text
        assert "Ada" not in page.text.replace("data-", "")
    assert "Daniel Osei erased this person" in desk.get(address(world)).text
    timeline = desk.get(f"/appointments/{done.appointment_id}").text
    assert "Client erased" in timeline
    assert "What was written here is erased." in timeline
    assert "Ada" not in desk.get("/appointments.csv?from=2026-01-01&to=2026-02-01").text
    assert desk.get(f"/appointments/{done.appointment_id}/dossier").status_code == 200


def test_the_search_no_longer_finds_them(desk: FlaskClient, world: World) -> None:
    assert "ada@client.example" in desk.get("/contacts?q=ada").text
    send(desk, world)
    assert "No contact matches" in desk.get("/contacts?q=ada").text


def test_another_name_is_refused_beside_its_field(desk: FlaskClient, session: Session, world: World) -> None:
    assert send(desk, world, name="Ada") == 422
    session.commit()
    assert session.scalar(sa.select(Contact.erased_at)) is None


def test_it_says_what_is_not_over(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    assert "1 appointment of this person is not over" in desk.get(f"{address(world)}/erasure").text
    assert send(desk, world) == 422


def test_the_same_form_twice_has_one_effect(desk: FlaskClient, session: Session, world: World) -> None:
    done = at_status(session, Status.COMPLETED, world)
    assert [send(desk, world), send(desk, world)] == [303, 303]
    session.commit()
    version = sa.select(Appointment.version).where(Appointment.appointment_id == done.appointment_id)
    assert session.scalar(version) == 3


def test_staff_neither_see_nor_reach_it(client: FlaskClient, world: World) -> None:
    desk = sign_in(client, world.staff)
    assert "Erase this person" not in desk.get(address(world)).text
    assert desk.get(f"{address(world)}/erasure").status_code == 403
    assert send(desk, world) == 403
