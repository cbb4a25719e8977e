"""The no-show report: who loses most, and by whom."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status
from tests.ui.pages import parse
from tests.ui.prints.conftest import JANUARY, text
from webapp.ui.prints import lists
from webapp.vocabulary import Status

pytestmark = pytest.mark.one_engine(
    "sqlite"
)  # what is counted and replayed is tested on both, below the pages


def test_the_no_show_report_answers_who_loses_most_and_lists_their_meetings_first(
    desk: FlaskClient, session: Session, world: World
) -> None:
    for place in range(12):
        status = Status.NO_SHOW if place < 10 else Status.COMPLETED
        at_status(session, status, world, start=world.now - (place + 1) * timedelta(hours=6))
        other = Status.NO_SHOW if place == 11 else Status.COMPLETED
        start = world.now - (place + 1) * timedelta(hours=6)
        at_status(session, other, world, start=start, staff_user=world.staff2)
    page = parse(desk.get(f"/reports/no-shows?{JANUARY}"))
    told = " ".join(page.one(cls="rep__a").text.split()).replace(" ,", ",").replace(" .", ".")
    assert "to clients who didn’t show: Lena Fischer, 10 of 12 (83.3" in told
    assert "Higher than the others by more than chance: Lena Fischer." in told
    assert "begins with this person’s meetings." in told
    paper = text(desk.get(f"/reports/no-shows.pdf?{JANUARY}"))
    assert "Higher than the others by more than chance: Lena Fischer." in paper
    groups = [row.text.strip() for row in page.all("tr", cls="sheet__day")]
    assert groups == [
        "Lena Fischer: 10 no-shows, 10 of them the client’s with staff present",
        "Tomas Novak: 1 no-show, 1 of them the client’s with staff present",
    ]
    by_staff = [row.all("th")[0].text for row in page.all(cls="table--by")[0].all("tr")[1:]]
    assert [name[:4] for name in by_staff] == ["Lena", "Toma", "All"]
    assert "55.2 to 95.3" in page.all(cls="table--by")[0].text


def test_the_no_show_report_keeps_people_of_one_name_apart(
    desk: FlaskClient, session: Session, world: World
) -> None:
    world.staff2.name = world.staff.name
    for place in range(3):
        start = world.now - (place + 1) * timedelta(hours=6)
        at_status(session, Status.NO_SHOW, world, start=start)
        if not place:
            at_status(session, Status.NO_SHOW, world, start=start, staff_user=world.staff2)
    page = parse(desk.get(f"/reports/no-shows?{JANUARY}"))
    assert [row.text.strip() for row in page.all("tr", cls="sheet__day")] == [
        "Lena Fischer: 3 no-shows, 3 of them the client’s with staff present",
        "Lena Fischer: 1 no-show, 1 of them the client’s with staff present",
    ]


def test_without_no_shows_or_others_the_answer_is_left_out_or_says_so(
    desk: FlaskClient, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_status(session, Status.COMPLETED, world)
    assert not parse(desk.get(f"/reports/no-shows?{JANUARY}")).all(cls="rep__a")
    for place in range(3):
        at_status(session, Status.NO_SHOW, world, start=world.now - DAY * (place + 1) - timedelta(hours=2))
    monkeypatch.setattr(lists, "MOST", 2)
    told = parse(desk.get(f"/reports/no-shows?{JANUARY}")).one("article").text
    assert "There is nobody to compare with in this report." in " ".join(told.split())
    assert "Lena Fischer: 3 no-shows" in told
    assert "The first 2 of 3" in told
