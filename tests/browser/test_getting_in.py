"""Signing in, inviting and setting a password as people do it, and what axe says of the pages on the way."""

from typing import Literal

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from tests.support.axe import assert_no_violations
from tests.support.signed_in import sign_in_page
from tests.support.web import LiveServer
from webapp.lifecycle import passwords

PASSWORD = "three words here"


@pytest.fixture
def world(session: Session) -> World:
    """Marlow's, whose owner has a password."""
    world = make_world(session)
    world.owner.password_hash = passwords.make_hash(PASSWORD)
    session.commit()
    return world


def test_a_wrong_password_puts_the_focus_on_what_went_wrong(page: Page, world: World) -> None:
    page.goto("/preferences")
    expect(page).to_have_url("/sign-in?next=/preferences")
    assert_no_violations(page)
    page.get_by_label("E-mail").fill("olga@marlow.example")
    page.get_by_label("Password").fill("not the words")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("E-mail")).to_have_value("olga@marlow.example")
    assert_no_violations(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url("/preferences")


def test_somebody_invited_gets_in(page: Page, live_server: LiveServer, world: World) -> None:
    sign_in_page(page, live_server, world.owner).goto("/team")
    page.get_by_role("link", name="Invite…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Nora Quist")
    dialog.get_by_label("E-mail").fill("nora")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.get_by_role("alert")).to_be_focused()
    dialog.get_by_label("E-mail").fill("nora@marlow.example")
    dialog.get_by_role("button", name="Make the link").click()
    link = dialog.get_by_label("One-time link").input_value()
    page.goto(link)
    assert_no_violations(page)
    page.get_by_label("Password").fill("four other words here")
    page.get_by_role("button", name="Save and sign in").click()
    expect(page.get_by_text("Nora Quist").first).to_be_visible()


@pytest.mark.parametrize(
    "path", ["/team", "/team/new", "/settings", "/preferences", "/components", "/shortcuts"]
)
@pytest.mark.parametrize(("width", "colours"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_the_pages_are_accessible_and_fit(
    page: Page,
    live_server: LiveServer,
    world: World,
    path: str,
    width: int,
    colours: Literal["light", "dark"],
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=colours, reduced_motion="reduce")
    sign_in_page(page, live_server, world.owner).goto(path)
    assert_no_violations(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
