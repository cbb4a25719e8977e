"""How many statements a page takes: few, and as many for ten appointments as for forty thousand."""

import json

import pytest
import time_machine

from tests.factories import NOW
from tests.queries.conftest import FEW, MANY, DeskOf
from tests.support.desks import Desk
from tests.support.statements import Statement
from tests.ui.pages import parse

MOST = 6
"""For the two pages that are open all day."""
REPORT = 8
"""For the figures of a period."""

PAGES = {
    "/day/2026-01-13": MOST,
    "/day/2026-01-13?status=confirmed&staff=1&hide_closed=on": MOST,
    "/day/2026-01-13?q=abara": MOST,
    "/week/2026-01-13": MOST,
    "/day/2026-01-13/changes?since=2026-01-13T09:00:00%2B00:00": MOST + 1,  # transitions and edits
    "/appointments/1": MOST,
    "/appointments/1/menu": MOST,
    "/appointments/{last}/cancellation": MOST,
    "/appointments": MOST,
    "/appointments?status=confirmed&status=completed&staff=1&from=2026-01-01&to=2026-02-01": MOST,
    "/appointments?q=abara": MOST,
    "/appointments?q=ada+abara": MOST + 1,  # which word is the rarer?
    "/appointments?q=2": MOST + 1,  # is it a reference?
    "/activity": MOST + 1,  # who has done something, and what is news
    "/activity?action=cancel&was=confirmed&by=3&from=2026-01-01": MOST + 1,
    "/activity?staff=3": MOST + 1,
    "/activity/news?since=2026-01-13T09:00:00%2B00:00": MOST,
    "/activity.csv?action=cancel&from=2026-01-12": MOST,
    "/appointments/1/timeline": MOST,
    "/day/2026-01-13?as_of=2026-01-12T10:00": MOST,
    "/week/2026-01-13?as_of=2026-01-12T10:00": MOST,
    "/requests": MOST,
    "/needs-outcome": MOST + 1,  # who joined after a no-show
    "/needs-outcome?staff=me": MOST + 1,
    "/appointments.csv": 4,  # how many there are
    "/requests.csv": 4,
    "/needs-outcome.csv": 4,
    "/contacts.csv": 4,
    "/contacts.csv?q=abara": 4,
    "/contacts/1/appointments.csv": 5,
    "/accounts.csv": 4,
    "/accounts/1/contacts.csv": 5,
    "/polls.csv": 4,
    "/outbox.csv": 4,
    "/reports": REPORT,
    "/reports?from=2025-01-13&to=2026-01-11&staff=1&account=1": REPORT,
    "/reports?as_of=2026-01-12T10:00:00Z": REPORT,
    "/reports/appointments?figure=due": MOST,
    "/reports.csv": MOST,
    "/reports/day-sheet?date=2026-01-13": MOST,
    "/reports/week?date=2026-01-13&staff=1&type=1": MOST,
    "/reports/month?date=2026-01": REPORT + 3,  # three lists, each with its count
    "/reports/no-shows?date=2026-01": MOST,
    "/appointments/1/dossier": MOST + 2,  # its proof takes two
    "/settings/record": MOST,
    "/contacts": MOST,
    "/contacts?q=abara": MOST,
    "/contacts/1": MOST + 1,
    "/accounts": MOST,
    "/accounts/1": MOST + 1,
    "/team": MOST,
    "/settings": MOST,
    "/preferences": MOST,
}


def asked(desk: Desk, path: str) -> list[Statement]:
    """``{last}`` is an appointment that is still to be dealt with."""
    return desk.statements(path.format(last=desk.count))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_takes_few_statements(desk_of: DeskOf, path: str) -> None:
    found = asked(desk_of(FEW), path)
    assert len(found) <= PAGES[path], "\n".join(statement.short[:200] for statement in found)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_takes_as_many_statements_for_forty_thousand(desk_of: DeskOf, path: str) -> None:
    """Where as few clients as one have become more than a search looks up, too."""
    assert len(asked(desk_of(MANY), path)) == len(asked(desk_of(FEW), path))


def test_the_boards_look_for_news_takes_two_statements(desk_of: DeskOf) -> None:
    """Every open board asks every few seconds; mostly nothing has happened."""
    desk = desk_of(MANY)
    with time_machine.travel(NOW, tick=False):
        board = parse(desk.browser.get("/day/2026-01-13"))
    seen = json.loads(board.one(id="changes").attrs["hx-headers"])
    assert len(desk.statements("/day/2026-01-13/changes", seen)) == 2  # who asks, and the mark


def test_asking_about_many_rows_takes_as_many_as_about_one(desk_of: DeskOf) -> None:
    def facts(count: int) -> int:
        refs = [f"{number}.1" for number in range(1, count + 1)]
        return len(desk_of(MANY).statements("/bulk/cancellation/facts", ref=refs, back="/day"))

    assert facts(1) == facts(200) <= MOST
