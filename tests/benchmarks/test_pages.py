"""What pages cost, beside their SQL and their template alone, and how that grows with the firm. Printed only.

``make bench`` measures firms of 10 000 and 100 000 appointments, ``DAYBOOK_BENCH_ROWS=1000000`` one more.
"""

import re
from contextlib import ExitStack
from functools import partial

import pytest

from tests.benchmarks.measuring import at_noon, grown, probe, timed_parts
from tests.support.desks import Desk

pytestmark = pytest.mark.benchmark

PAGES = {
    "board, 50 rows": "/day/2026-01-13",
    "board, a week": "/week/2026-01-13",
    "board, two filters": "/day/2026-01-13?staff=3&status=confirmed&hide_closed=on",
    "board, a search": "/day/2026-01-13?q=abara",
    "board as of yesterday": "/day/2026-01-13?as_of=2026-01-12T10:00",
    "board as of a year ago": "/day/2025-07-15?as_of=2025-07-15T10:00",
    "appointment": "/appointments/{middle}",
    "appointment, its timeline": "/appointments/{middle}/timeline",
    "appointment, its dossier": "/appointments/{middle}/dossier",
    "dialog: cancel": "/appointments/{last}/cancellation",
    "dialog: move": "/appointments/{last}/rescheduling",
    "list": "/appointments",
    "list, two filters": "/appointments?staff=me&status=no_show",
    "list, a month": "/appointments?from=2025-12-01&to=2025-12-31&status=cancelled",
    "list, the oldest": "/appointments?order=oldest",
    "search, a name": "/appointments?q=ada+abara",
    "search, one person": "/appointments?q=c20@client.example",
    "search, one letter": "/appointments?q=a",
    "search, a reference": "/appointments?q={middle}",
    "contacts": "/contacts",
    "contacts, a search": "/contacts?q=abara",
    "contact": "/contacts/20",
    "accounts": "/accounts",
    "requests": "/requests",
    "needs outcome": "/needs-outcome",
    "new appointment": "/appointments/new",
    "activity": "/activity",
    "activity, cancellations": "/activity?action=cancel",
    "reports, four weeks": "/reports?from=2025-12-15&to=2026-01-11",
    "reports, a year": "/reports?from=2025-01-13&to=2026-01-11",
    "reports, what a figure counts": "/reports/appointments?figure=no-show&from=2025-12-15&to=2026-01-11",
    "report: day sheet": "/reports/day-sheet?date=2026-01-13",
    "report: week": "/reports/week?date=2026-01-13",
    "report: month": "/reports/month?date=2025-12",
    "report: no-shows": "/reports/no-shows?date=2025-12",
    "polls": "/polls",
    "outbox": "/outbox",
    "webhooks": "/settings/webhooks",
    "record": "/settings/record",
    "team": "/team",
    "settings": "/settings",
}


@pytest.mark.parametrize("page", PAGES)
def test_time_of_a_page(desks: dict[int, Desk], page: str) -> None:
    with ExitStack() as stack:
        stack.enter_context(at_noon())
        probes = {
            size: stack.enter_context(probe(desk, PAGES[page].format(middle=size // 2 + 3, last=size)))
            for size, desk in desks.items()
        }
        found = grown({size: partial(timed_parts, one) for size, one in probes.items()})
    name = next(iter(desks.values())).engine.dialect.name
    for size, times in found.items():
        one = probes[size]
        print(
            f"\n{name:10} {page:30} {size:>9,}: {times.whole:7.2f} ms, ×{times.ratio:4.2f} of SQL and "
            f"template, growth ×{times.growth:4.2f}; {one.statements} statements, {one.size / 1000:.0f} kB",
            end="",
        )


def test_bytes_of_a_first_page_view(desks: dict[int, Desk]) -> None:
    desk = desks[min(desks)]
    accepting = {"Accept-Encoding": "br, gzip"}

    def fetched(path: str) -> tuple[bytes, int]:
        with at_noon():
            with desk.browser.get(path, headers=accepting) as packed:
                size = len(packed.get_data()) + len(str(packed.headers))
            with desk.browser.get(path) as plain:
                return plain.get_data(), size

    page, size = fetched("/day/2026-01-13")
    sizes = {"page": size}
    urls = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.decode())
    for url in urls:
        kind = url.split("?")[0].rsplit(".", 1)[-1]
        sizes[kind] = sizes.get(kind, 0) + fetched(url.replace("&amp;", "&"))[1]
    told = ", ".join(f"{kind} {size / 1000:.1f} kB" for kind, size in sizes.items())
    print(
        f"\nfirst view of a board of 50 rows ({desk.engine.dialect.name}): "
        f"{sum(sizes.values()) / 1000:.1f} kB in {len(urls) + 1} answers, headers included: {told}; "
        f"the page before compression: {len(page) / 1000:.0f} kB"
    )
