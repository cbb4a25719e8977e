"""GET /team and everything below it."""

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import World, make_world
from tests.support.html import Page
from tests.ui.conftest import MovableClock, fresh
from webapp.models import AuditEvent, Invitation, StaffUser
from webapp.vocabulary import Role

pytestmark = pytest.mark.one_engine("sqlite")  # the lifecycle behind it is tested on both

SignIn = Callable[[StaffUser], FlaskClient]
NORA = {"name": "Nora Quist", "email": "Nora@Marlow.example", "role": "staff", "bookable": "y"}


@pytest.fixture
def olga(world: World, signed_in: SignIn) -> FlaskClient:
    """The owner's browser."""
    return signed_in(world.owner)


@pytest.fixture
def daniel(world: World, signed_in: SignIn) -> FlaskClient:
    """The manager's browser."""
    return signed_in(world.manager)


def link_in(answer: TestResponse) -> str:
    found = re.search(r'value="http://localhost(/invitation/[^"]+)"', answer.text)
    assert found, answer.text
    return found.group(1)


def actions(session: Session) -> list[str]:
    session.rollback()
    return list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.audit_event_id)))


def test_it_lists_everybody_with_role_and_last_sign_in(olga: FlaskClient, world: World) -> None:
    text = olga.get("/team").text
    for user in (world.owner, world.manager, world.staff, world.staff2, world.viewer):
        assert user.name in text
        assert user.email in text
    assert "5 people in Marlow" in text
    assert "10:00" in text  # Olga’s own
    assert "Never" in text


def test_it_shows_nobody_of_another_firm(olga: FlaskClient, world: World, session: Session) -> None:
    other = make_world(session, "hartmann")
    assert "hartmann" not in olga.get("/team").text
    for path in ("", "/link", "/deactivation"):
        assert olga.get(f"/team/{other.staff.staff_user_id}{path}").status_code == 404
        data = {"name": "X", "role": "viewer"}
        assert olga.post(f"/team/{other.staff.staff_user_id}{path}", data=data).status_code == 404
    assert olga.post(f"/team/{other.staff.staff_user_id}/reactivation").status_code == 404
    fresh(session, other.staff)
    assert (other.staff.name, other.staff.deactivated_at) == ("Lena Fischer", None)


def test_an_invitation_is_shown_once_and_lets_its_person_in(
    olga: FlaskClient, client: FlaskClient, session: Session
) -> None:
    form = Page(olga.get("/team/new").text).form("/team/new")
    sent = NORA | {"form_token": form.fields["form_token"]}
    first = olga.post("/team/new", data=sent)
    assert first.status_code == 200
    address = link_in(first)
    again = olga.post("/team/new", data=sent)
    assert again.status_code == 200
    assert "/invitation/" not in again.text
    assert "make a new one" in again.text
    person = session.scalars(sa.select(StaffUser).where(StaffUser.name == "Nora Quist")).one()
    assert (person.email, person.role, person.bookable) == ("nora@marlow.example", Role.STAFF, True)
    assert actions(session) == ["invite"]
    assert "Invited" in olga.get("/team").text
    assert client.post(address, data={"password": "three words here"}).status_code == 303
    assert client.get("/preferences").status_code == 200


def test_the_dialog_gives_the_link_as_a_fragment(olga: FlaskClient) -> None:
    answer = olga.post("/team/new", data=NORA, headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith("<dialog")
    assert link_in(answer)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"email": "lena@marlow.example"}, "email"),
        ({"email": "LENA@marlow.example"}, "email"),
        ({"role": "god"}, "role"),
        ({"role": ""}, "role"),
    ],
)
def test_what_will_not_do_is_said_beside_its_field(
    olga: FlaskClient, session: Session, change: dict[str, str], field: str
) -> None:
    answer = olga.post("/team/new", data=NORA | change)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert session.scalar(sa.select(sa.func.count()).select_from(Invitation)) == 0


def test_somebody_may_be_in_two_firms(olga: FlaskClient, session: Session) -> None:
    make_world(session, "hartmann")
    assert olga.post("/team/new", data=NORA | {"email": "lena@hartmann.example"}).status_code == 200


def test_nobody_gives_a_role_above_their_own(daniel: FlaskClient, world: World, session: Session) -> None:
    assert 'value="owner"' not in daniel.get("/team/new").text
    assert daniel.post("/team/new", data=NORA | {"role": "owner"}).status_code == 422
    assert daniel.post("/team/new", data=NORA | {"role": "manager"}).status_code == 200
    forged = {"name": "Lena Fischer", "role": "owner", "bookable": "y"}
    assert daniel.post(f"/team/{world.staff.staff_user_id}", data=forged).status_code == 422
    fresh(session, world.staff)
    assert world.staff.role is Role.STAFF


def test_only_owners_touch_owners(daniel: FlaskClient, world: World, session: Session) -> None:
    here = f"/team/{world.owner.staff_user_id}"
    page = daniel.get(here)
    assert page.status_code == 200
    assert "Only an owner changes an owner." in page.text
    assert f'action="{here}"' not in page.text
    edit = {"name": "Olga M", "role": "owner", "bookable": "y"}
    assert daniel.post(here, data=edit).status_code == 403
    for path in ("link", "link/revocation", "deactivation", "reactivation"):
        assert daniel.post(f"{here}/{path}").status_code == 403
    fresh(session, world.owner)
    assert (world.owner.name, world.owner.active) == ("Olga Marlow", True)
    assert actions(session) == []


def test_a_change_is_saved_and_written_down_with_what_was_before(
    olga: FlaskClient, world: World, session: Session
) -> None:
    here = f"/team/{world.staff.staff_user_id}"
    answer = olga.post(here, data={"name": "  Lena   Vogel ", "role": "manager"})
    assert answer.location == "/team"
    fresh(session, world.staff)
    assert (world.staff.name, world.staff.role, world.staff.bookable) == ("Lena Vogel", Role.MANAGER, False)
    event = session.scalars(sa.select(AuditEvent)).one()
    assert event.changes == {
        "name": ["Lena Fischer", "Lena Vogel"],
        "role": ["staff", "manager"],
        "bookable": [True, False],
    }
    assert (event.actor_label, event.subject, event.subject_id) == (
        "Olga Marlow",
        "staff_user",
        world.staff.staff_user_id,
    )
    assert "Saved Lena Vogel." in olga.get("/team").text


def test_saving_nothing_new_writes_nothing_down(olga: FlaskClient, world: World, session: Session) -> None:
    same = {"name": "Lena Fischer", "role": "staff", "bookable": "y"}
    assert olga.post(f"/team/{world.staff.staff_user_id}", data=same).status_code == 303
    assert actions(session) == []


def test_nobody_changes_their_own_role(daniel: FlaskClient, world: World, session: Session) -> None:
    here = f"/team/{world.manager.staff_user_id}"
    assert daniel.post(here, data={"name": "Daniel Osei", "role": "staff"}).status_code == 422
    assert daniel.post(here, data={"name": "Dan Osei", "role": "manager"}).status_code == 303
    fresh(session, world.manager)
    assert (world.manager.name, world.manager.role) == ("Dan Osei", Role.MANAGER)


def test_deactivating_shuts_out_at_once(
    olga: FlaskClient, world: World, session: Session, signed_in: SignIn, moved_clock: MovableClock
) -> None:
    lena, here = signed_in(world.staff), f"/team/{world.staff.staff_user_id}"
    link = link_in(olga.post(f"{here}/link"))
    assert lena.get("/preferences").status_code == 200
    assert "Deactivate Lena Fischer" in olga.get(f"{here}/deactivation").text
    assert lena.get("/preferences").status_code == 200  # looking did nothing
    assert olga.post(f"{here}/deactivation").location == "/team"
    assert lena.get("/preferences").status_code == 303
    assert lena.get(link).status_code == 404
    assert "Deactivated" in olga.get("/team").text
    assert olga.post(f"{here}/link").status_code == 422
    assert olga.post(f"{here}/reactivation").status_code == 303
    assert lena.get("/preferences").status_code == 303  # the old session stays ended
    assert lena.get(link).status_code == 404  # and so does the link
    assert actions(session) == ["make_link", "deactivate", "reactivate"]


def test_all_sessions_of_a_colleague_can_be_ended(
    daniel: FlaskClient, world: World, session: Session, signed_in: SignIn, moved_clock: MovableClock
) -> None:
    world.staff.password_hash = "$hash"
    session.commit()
    lena, here = signed_in(world.staff), f"/team/{world.staff.staff_user_id}"
    elsewhere, vera = signed_in(world.staff), signed_in(world.viewer)
    assert "End all sessions" in daniel.get(here).text
    shown = daniel.get(f"{here}/sessions/end")
    assert Page(shown.text).headings[0] == "End all sessions of Lena Fischer"
    assert lena.get("/preferences").status_code == 200  # looking did nothing
    assert daniel.post(f"{here}/sessions/end").location == here
    assert "Lena Fischer is signed out everywhere." in daniel.get(here).text
    for browser in (lena, elsewhere):
        answer = browser.get("/preferences")
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/sign-in")
    assert vera.get("/preferences").status_code == daniel.get("/preferences").status_code == 200
    daniel.post(f"{here}/sessions/end")  # there are none any more: nothing is written down
    session.rollback()
    event = session.scalars(sa.select(AuditEvent)).one()
    assert (event.action, event.subject_id, event.actor_label) == (
        "end_sessions",
        world.staff.staff_user_id,
        "Daniel Osei",
    )
    assert event.changes == {"sessions": [2, 0]}


def test_who_ends_whose_sessions(
    daniel: FlaskClient, world: World, session: Session, signed_in: SignIn
) -> None:
    other = make_world(session, slug="other")
    session.commit()
    lena = signed_in(world.staff)
    assert lena.post(f"/team/{world.viewer.staff_user_id}/sessions/end").status_code == 403
    assert daniel.post(f"/team/{other.staff.staff_user_id}/sessions/end").status_code == 404
    assert daniel.post(f"/team/{world.owner.staff_user_id}/sessions/end").status_code == 403
    mine = daniel.post(f"/team/{world.manager.staff_user_id}/sessions/end")
    assert mine.status_code == 422
    assert "Sign yourself out in your preferences." in mine.text
    assert actions(session) == []


def test_another_role_asks_to_sign_in_again_and_another_name_does_not(
    olga: FlaskClient, world: World, signed_in: SignIn
) -> None:
    lena, here = signed_in(world.staff), f"/team/{world.staff.staff_user_id}"
    assert olga.post(here, data={"name": "Lena Vogel", "role": "staff"}).status_code == 303
    assert lena.get("/preferences").status_code == 200
    assert olga.post(here, data={"name": "Lena Vogel", "role": "viewer"}).status_code == 303
    assert lena.get("/preferences").status_code == 303


def test_nobody_deactivates_themselves(olga: FlaskClient, world: World, session: Session) -> None:
    answer = olga.post(f"/team/{world.owner.staff_user_id}/deactivation")
    assert answer.status_code == 422
    fresh(session, world.owner)
    assert world.owner.active


def test_a_new_link_replaces_the_one_before_and_can_be_revoked(
    olga: FlaskClient, client: FlaskClient, world: World, session: Session
) -> None:
    here = f"/team/{world.staff.staff_user_id}"
    first, second = (link_in(olga.post(f"{here}/link")) for _ in range(2))
    assert client.get(first).status_code == 404
    assert client.get(second).status_code == 200
    assert "Revoke the open link" in olga.get(here).text
    assert olga.post(f"{here}/link/revocation").location == here
    assert client.get(second).status_code == 404
    assert "Revoke the open link" not in olga.get(here).text
    assert actions(session) == ["make_link", "make_link", "revoke_link"]


def test_looking_at_the_link_page_makes_no_link(olga: FlaskClient, world: World, session: Session) -> None:
    assert olga.get(f"/team/{world.staff.staff_user_id}/link").status_code == 200
    assert session.scalar(sa.select(sa.func.count()).select_from(Invitation)) == 0


def test_nobody_makes_a_link_for_themselves(daniel: FlaskClient, world: World) -> None:
    assert daniel.post(f"/team/{world.manager.staff_user_id}/link").status_code == 422


def test_a_number_that_no_database_holds_is_not_there(olga: FlaskClient) -> None:
    assert olga.get("/team/99999999999999999999999").status_code == 404
    assert olga.get("/team/9223372036854775807").status_code == 404
