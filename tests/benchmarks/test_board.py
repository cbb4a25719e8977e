"""What pages cost, beside their SQL and their template alone, and how that grows with the firm. Printed only.

``make bench`` measures 10 000 and 100 000 appointments; ``DAYBOOK_BENCH_ROWS=1000000`` adds that size.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import time_machine

from tests.benchmarks.measuring import Times, measure
from tests.factories import NOW
from tests.support.desks import Desk, desk_over
from tests.support.engines import ENGINES

pytestmark = pytest.mark.benchmark

SIZES = sorted({10_000, 100_000, int(os.environ.get("DAYBOOK_BENCH_ROWS") or 100_000)})
PAGES = {
    "board, 50 rows": "/day/2026-01-13",
    "appointment": "/appointments/{id}",
    "list, first page": "/appointments",
    "list, two filters": "/appointments?staff=me&status=no_show",
    "search, a name": "/appointments?q=ada+abara",
    "search, one letter": "/appointments?q=a",
}


@pytest.fixture(scope="module", params=ENGINES)
def desks(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, Desk]]:
    """A desk for each size, on one engine."""
    sqlite = request.param == "sqlite"
    template = request.getfixturevalue("sqlite_template" if sqlite else "postgres_template")
    server = None if sqlite else request.getfixturevalue("postgres_server")
    with ExitStack() as stack:
        made = {}
        for size in SIZES:
            folder: Path = tmp_path_factory.mktemp(f"of-{size}")
            if server is None:
                shutil.copyfile(template, folder / "daybook.sqlite3")
                url = f"sqlite:///{folder / 'daybook.sqlite3'}"
            else:
                name = server.create(template)
                stack.callback(server.drop, name)
                url = server.url(name)
            made[size] = stack.enter_context(desk_over(url, size, folder))
        yield made


@pytest.mark.parametrize("page", PAGES)
def test_time_of_a_page(desks: dict[int, Desk], page: str) -> None:
    found: dict[int, Times] = {}
    for size, desk in desks.items():
        found[size] = times = measure(desk, PAGES[page].format(id=desk.count // 2), runs=60)
        print(
            f"\n{desk.engine.dialect.name:10} {page:20} {size:>9,}: page {times.page:6.2f} ms, "
            f"SQL {times.sql:6.2f} + template {times.template:5.2f}, ratio {times.ratio:4.2f}, "
            f"{times.statements} statements, {times.size / 1000:.0f} kB",
            end="",
        )
    first = found[SIZES[0]].page
    print("; growth " + ", ".join(f"×{found[size].page / first:.2f}" for size in SIZES[1:]))


def test_bytes_of_a_first_page_view(desks: dict[int, Desk]) -> None:
    desk = desks[SIZES[0]]
    accepting = {"Accept-Encoding": "br, gzip"}

    def fetched(path: str) -> tuple[bytes, int]:
        with time_machine.travel(NOW, tick=False):
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
