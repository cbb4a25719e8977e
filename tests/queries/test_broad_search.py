"""A search over all days that means many clients: it misses nobody, and looks at so many at a time."""

import itertools
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, make_world
from tests.support.many import fill
from webapp.models import Account, Appointment, Contact
from webapp.queries import appointment_list, clients, export
from webapp.queries.appointment_list import Criteria, Order, Page
from webapp.vocabulary import Status

COUNT = 400
FEW = 5
"""Clients of a search that is still narrow."""


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def firm(session: Session, engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch) -> int:
    """A firm where more than five clients are many, and 30 appointments a page's worth of looking."""
    monkeypatch.setattr(clients, "BROAD", FEW)
    monkeypatch.setattr(appointment_list, "WALKED", 30)
    fill(engine, world, COUNT, contacts=60)
    return world.firm.firm_id


def meant(session: Session, firm_id: int, beginning: str) -> set[int]:
    """The appointments of everybody one of whose names begins so."""
    named = sa.or_(Contact.name.ilike(f"{beginning}%"), Contact.name.ilike(f"% {beginning}%"))
    query = sa.select(Appointment.appointment_id).join(
        Contact, sa.and_(Contact.contact_id == Appointment.contact_id, named)
    )
    return set(session.scalars(query.where(Appointment.firm_id == firm_id)))


def pages(session: Session, firm_id: int, criteria: Criteria, order: Order, *, size: int) -> Iterator[Page]:
    """All pages, one after the other, by the keys that each gives."""
    after = None
    for _ in range(COUNT):
        page = appointment_list.page(
            session, firm_id=firm_id, criteria=criteria, order=order, after=after, size=size
        )
        yield page
        after = page.following
        if after is None:
            return
    pytest.fail("the pages do not end")


def numbers(found: Iterator[Page]) -> list[int]:
    return [row.appointment_id for page in found for row in page.rows]


@pytest.mark.parametrize("order", [Order.NEWEST, Order.OLDEST])
@pytest.mark.parametrize("size", [3, 50])
def test_turning_all_pages_shows_all_that_match_once_and_in_order(
    session: Session, firm: int, order: Order, size: int
) -> None:
    expected = meant(session, firm, "a")
    assert clients.look_up(session, firm_id=firm, q="a") is None
    assert 20 < len(expected) < COUNT / 2
    everything = [
        row for page in pages(session, firm, Criteria(), order, size=COUNT + 50) for row in page.rows
    ]
    found = numbers(pages(session, firm, Criteria(q="a"), order, size=size))
    assert found == [row.appointment_id for row in everything if row.appointment_id in expected]


def test_pages_turned_back_show_the_same(session: Session, firm: int) -> None:
    forth = [*pages(session, firm, Criteria(q="a"), Order.NEWEST, size=4)]
    back: list[list[int]] = []
    before = forth[-1].rows[-1].start_time, forth[-1].rows[-1].appointment_id
    for _ in range(COUNT):
        page = appointment_list.page(
            session, firm_id=firm, criteria=Criteria(q="a"), order=Order.NEWEST, before=before, size=4
        )
        back.append([row.appointment_id for row in page.rows])
        if page.previous is None:
            break
        before = page.previous
    assert [*itertools.chain(*reversed(back))] == numbers(iter(forth))[:-1]


def test_it_looks_so_far_and_says_how_far(session: Session, firm: int, world: World) -> None:
    """Nobody with such a name was met in the last 30 meetings, but before."""
    newest = sa.select(Appointment.appointment_id).where(Appointment.firm_id == firm)
    newest = newest.order_by(Appointment.start_time.desc(), Appointment.appointment_id.desc())
    last = list(session.scalars(newest.limit(65)))
    dull = session.scalars(sa.select(Contact.contact_id).where(Contact.name.like("Ben Berg%"))).first()
    session.execute(
        sa.update(Appointment).where(Appointment.appointment_id.in_(last)).values(contact_id=dull)
    )
    session.commit()
    first, second, third, *_ = pages(session, firm, Criteria(q="a"), Order.NEWEST, size=50)
    thirtieth, sixtieth = (session.get_one(Appointment, last[at]) for at in (29, 59))
    assert [first.rows, second.rows] == [[], []]
    assert (first.reached, first.following) == (
        thirtieth.start_time,
        (thirtieth.start_time, thirtieth.appointment_id),
    )
    assert second.reached == sixtieth.start_time
    assert third.rows
    assert [page.count for page in (first, second, third)] == [None, None, None]


@pytest.mark.parametrize(
    "statuses",
    [{Status.COMPLETED}, {Status.COMPLETED, Status.NO_SHOW, Status.CANCELLED}],
    ids=["one", "several"],
)
def test_filters_hold_beside_it(session: Session, firm: int, world: World, statuses: set[Status]) -> None:
    since, staff = world.now - 5 * DAY, world.staff.staff_user_id
    criteria = Criteria(q="a", statuses=frozenset(statuses), since=since)
    found = set(numbers(pages(session, firm, criteria, Order.NEWEST, size=6)))
    query = sa.select(Appointment.appointment_id).where(
        Appointment.status.in_(statuses), Appointment.start_time >= since
    )
    assert found == meant(session, firm, "a") & set(session.scalars(query))
    assert found
    narrower = Criteria(q="a", statuses=frozenset(statuses), since=since, staff_user_id=staff)
    theirs = set(session.scalars(query.where(Appointment.staff_user_id == staff)))
    assert set(numbers(pages(session, firm, narrower, Order.NEWEST, size=6))) == found & theirs


def test_common_words_that_few_share_are_looked_up(
    session: Session, firm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = clients.look_up(session, firm_id=firm, q="ada abara")
    assert both is not None
    assert 0 < len(both.contacts) <= FEW
    monkeypatch.setattr(clients, "COUNTED", 2)
    assert clients.look_up(session, firm_id=firm, q="ada abara") is None, (
        "each of them is too common to count"
    )


def test_many_accounts_of_one_beginning_are_many(session: Session, firm: int, world: World) -> None:
    appointment = session.scalars(sa.select(Appointment).where(Appointment.firm_id == firm).limit(1)).one()
    for number in range(FEW + 1):
        name = f"Zeppelin {number}"
        account = Account(firm_id=firm, name=name, sort_name=name.lower(), created_at=world.now)
        session.add(account)
        session.flush()
        if number == FEW - 1:
            narrow = clients.look_up(session, firm_id=firm, q="zeppelin")
            assert narrow is not None
            assert len(narrow.accounts) == FEW
    appointment.account_id = account.account_id
    session.commit()
    assert clients.look_up(session, firm_id=firm, q="zeppelin") is None
    found = numbers(pages(session, firm, Criteria(q="zeppelin"), Order.NEWEST, size=50))
    assert found == [appointment.appointment_id]


def test_a_file_holds_all_that_match(session: Session, engine: Engine, firm: int) -> None:
    records = export.stream(engine, firm_id=firm, criteria=Criteria(q="a"), order=Order.NEWEST)
    assert len(records) == len(meant(session, firm, "a"))
    assert {record.appointment_id for record in records} == meant(session, firm, "a")


def test_who_is_found_in_several_ways_is_shown_once(session: Session, firm: int, world: World) -> None:
    """By the reference of an import, by the contact, and by the contact's account."""
    appointment = session.scalars(sa.select(Appointment).where(Appointment.firm_id == firm).limit(1)).one()
    appointment.external_ref = "Byron"
    appointment.contact_id, appointment.account_id = world.contact.contact_id, world.account.account_id
    world.account.name, world.account.sort_name = "Byron Ltd", "byron ltd"
    session.commit()
    found = clients.look_up(session, firm_id=firm, q="Byron")
    assert found == clients.Found([world.contact.contact_id], [world.account.account_id])
    (page,) = pages(session, firm, Criteria(q="Byron"), Order.NEWEST, size=50)
    assert [row.appointment_id for row in page.rows] == [appointment.appointment_id]
    assert page.count == 1
