"""Pages of the activity over ten thousand appointments and over many more: each as fast as the other.

``make bench`` measures 100 000 appointments; ``DAYBOOK_BENCH_ROWS=1000000`` measures 1.9 million changes.
"""

from statistics import median

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy.orm import Session

from tests.benchmarks.measuring import timed
from tests.factories import NOW
from tests.support.desks import Desk
from webapp.models import AppointmentStatusHistory
from webapp.ui import cursors

pytestmark = pytest.mark.benchmark

RUNS = 15
SLOWER = 2.0
"""Where there is more, some pages count to their limit, or look through a whole stretch."""
PAGES = {
    "first": "",
    "deep down": "after={deep}",
    "reschedules": "action=reschedule",
    "reschedules, deep down": "action=reschedule&after={deep}",
    "an action nobody took": "action=decline",
    "became no-show": "became=no_show",
    "was confirmed": "was=confirmed",
    "by somebody": "by=3",
    "by somebody, deep down": "by=3&after={deep}",
    "by the system": "by=system",
    "cancellations by somebody": "action=cancel&by=3",
    "a month": "from=2025-12-01&to=2025-12-31",
    "somebody's meetings": "staff=3",
    "somebody's meetings, deep down": "staff=3&after={deep}",
}


def deep(desk: Desk) -> str:
    """Where a page begins that lies two thirds of the way back."""
    times = sa.func.min(AppointmentStatusHistory.changed_at)
    with Session(desk.engine) as session:
        oldest = session.execute(sa.select(times)).scalar_one()
    return cursors.write((oldest + (NOW - oldest) / 3, 1))


def measured(desk: Desk, query: str) -> float:
    path = f"/activity?{query.format(deep=deep(desk))}"

    def page() -> None:
        answer = desk.browser.get(path)
        assert answer.status_code == 200
        answer.get_data()

    with time_machine.travel(NOW, tick=False):
        page()
        return median(timed(desk, page) for _ in range(RUNS))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_the_activity_is_flat(desks_of_firms: list[Desk], page: str) -> None:
    few, many = (measured(desk, PAGES[page]) for desk in desks_of_firms)
    desk = desks_of_firms[1]
    print(
        f"\n{desk.engine.dialect.name:10} {page:32} {few:6.1f} ms, over {desk.count:,} {many:6.1f} ms: "
        f"×{many / few:.2f}",
        end="",
    )
    assert many < SLOWER * few
