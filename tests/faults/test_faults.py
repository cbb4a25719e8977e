"""The short form of ``make faults``, on both engines."""

from collections.abc import Iterator

import pytest

from tests.faults import controls, report
from tests.faults.grounds import Ground, ground
from tests.support.engines import ENGINES

SHORT = report.Sizes(kills=6, rounds=5, controls=0, back=50)  # how fast it is back, the long form measures
ROUNDS = 2  # of each build without a guard


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest) -> Iterator[Ground]:
    with ground(request.param) as made:
        yield made


def test_nothing_is_lost_or_doubled_by_races_trouble_and_kills(place: Ground) -> None:
    rows = list(report.run(place, SHORT))
    assert {row.what: row.faults for row in rows if row.faults} == {}
    assert len(rows) == 10 + (place.cluster is not None)


def test_without_a_guard_the_harness_finds_what_goes_wrong(place: Ground) -> None:
    found = list(controls.of_guards(place, ROUNDS))
    assert [control for control in found if not control.enough] == []
    assert len(found) == 6
