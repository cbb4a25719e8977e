"""Who gets what from which route: each role its own, nobody another firm's, which is as if it were not."""

from collections import defaultdict

from tests.tenancy.asking import OURS, Ask, answer, matrix, routes, seen
from tests.tenancy.conftest import Installation
from tests.tenancy.table import ROWS

LEAST = 2000


def unchanged(installation: Installation, asks: list[Ask]) -> list[str]:
    """Ask all of these; what is not as expected, and whether anything was written."""
    before = installation.dump()
    faults, alike = [], defaultdict(list)
    for ask in asks:
        found = answer(installation, ask)
        if found.status_code != ask.expected:
            faults.append(f"{ask}: {found.status_code}, not {ask.expected}")
        if not ask.own:
            places = tuple(each == OURS for each in ask.whose)
            alike[ask.key, places].append((ask, seen(found)))
    for (_key, _places), found in alike.items():
        faults += [f"{ask}: not the same as {found[0][0]}" for ask, told in found if told != found[0][1]]
    after = installation.dump()
    return faults + [f"{name} was written" for name, rows in after.items() if rows != before[name]]


def test_every_route_has_a_row_and_every_row_a_route(one: Installation) -> None:
    known = {rule.endpoint for rule in routes(one.app)} | {"attendance.provider"}
    assert not known - set(ROWS), "Say in tests/tenancy/table.py how these are asked."
    assert not set(ROWS) - known


def test_the_matrix_is_as_large_as_it_should_be(one: Installation) -> None:
    asks = matrix(one.app)
    assert len(asks) >= LEAST
    assert len({(ask.key, ask.whose) for ask in asks}) == len(asks)


def test_whoever_may_not_is_refused_the_same_way_whatever_the_number(both: Installation) -> None:
    both.as_it_was()
    faults = unchanged(both, [ask for ask in matrix(both.app) if ask.verdict])
    assert not faults, "\n".join(faults)


def test_the_number_of_another_firm_is_the_number_of_nothing(both: Installation) -> None:
    both.as_it_was()
    asks = [ask for ask in matrix(both.app) if not ask.verdict and not ask.own]
    faults = unchanged(both, asks)
    assert len(asks) > 500
    assert not faults, "\n".join(faults)


def test_reading_ones_own_works_and_changes_nothing(both: Installation) -> None:
    both.as_it_was()
    asks = [ask for ask in matrix(both.app) if not ask.verdict and ask.own and not ask.writes]
    faults = unchanged(both, asks)
    assert not faults, "\n".join(faults)


def test_every_step_on_ones_own_is_taken(one: Installation) -> None:
    """On SQLite, which is put back quickly; what a step does has tests of its own on both."""
    faults = []
    for ask in matrix(one.app):
        if not ask.verdict and ask.own and ask.writes:
            one.as_it_was()
            found = answer(one, ask)
            if found.status_code != ask.expected:
                faults.append(f"{ask}: {found.status_code}, not {ask.expected}")
    assert not faults, "\n".join(faults)
