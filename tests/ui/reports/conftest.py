"""What the tests of the reports share: a firm that has lived, and a page read as numbers."""

import random
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World
from tests.queries.analytics import stories
from tests.ui.conftest import MovableClock
from tests.ui.pages import Element, parse
from webapp.models import StaffUser

SignedIn = Callable[[StaffUser], FlaskClient]


one_engine = pytest.mark.one_engine("sqlite")  # what is counted is tested on both, in tests/queries/analytics


LIVED = "from=2026-03-23&to=2026-04-05"


JANUARY = "from=2026-01-01&to=2026-01-31"


@pytest.fixture
def lived(signed_in: SignedIn, session: Session, world: World, moved_clock: MovableClock) -> FlaskClient:
    """Ninety appointments of every kind in four weeks; the clock stands after most of them."""
    stories.live(session, world, random.Random(11), 90)
    moved_clock.now = stories.FIRST + 40 * DAY
    return signed_in(world.staff)


def numbers(page: Element) -> dict[str, int]:
    """The address behind each number of the page, and the number; shapes of the charts are numbers too.

    The same address says the same.
    """
    found: dict[str, int] = {}
    for url, count in [*printed(page), *drawn(page)]:
        assert found.setdefault(url, count) == count, url
    return found


def printed(page: Element) -> list[tuple[str, int]]:
    return [
        (link.attrs["href"], int(re.sub(r"\D.*", "", link.text.replace(",", ""))))
        for link in page.all("a", cls="n")
    ]


def drawn(page: Element) -> list[tuple[str, int]]:
    found = []
    for shape in (link for chart in page.all("svg", cls="chart") for link in chart.all("a")):
        told = re.search(r": ([\d,]+)(?: of \d+)?$", shape.one("title").text)
        assert told
        found.append((shape.attrs["href"], int(told[1].replace(",", ""))))
    return found


def listed(browser: FlaskClient, url: str) -> tuple[int, list[str]]:
    """How many a list says it has, and the addresses of all its rows, page after page."""
    page = parse(browser.get(url))
    told = int(page.one(cls="pagehead__sub").text.split()[0].replace(",", ""))
    rows: list[str] = []
    while True:
        rows += [row.one("a").attrs["href"] for row in page.all("th", role="rowheader")]
        following = page.all("a", rel="next")
        if not following:
            return told, rows
        page = parse(browser.get(following[0].attrs["href"]))


def table_rows(table: Element) -> list[Element]:
    return [row for row in table.one("tbody").all("tr") if "tot" not in row.attrs.get("class", "")]
