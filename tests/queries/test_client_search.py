"""Finding clients: by any of their words, within the firm, by index alone."""

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, NOW, World, at_status, make_world
from webapp.lifecycle import clients as lifecycle
from webapp.lifecycle.clients import ContactFacts
from webapp.lifecycle.terms import sort_name_of, terms_of
from webapp.models import Account, Appointment, Contact, ContactTerm
from webapp.queries import clients
from webapp.vocabulary import Status

MANY = 2000


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def add(session: Session, world: World, name: str, email: str = "", phone: str = "") -> int:
    facts = ContactFacts(name=name, email=email, phone=phone)
    made = lifecycle.create_contact(session, actor=world.acting(), facts=facts, now=NOW)
    session.commit()
    return made.contact_id


def found(session: Session, world: World, q: str, limit: int = 201) -> list[int]:
    return clients.matching_contact_ids(session, firm_id=world.firm.firm_id, q=q, limit=limit)


def test_every_word_must_match(session: Session, world: World) -> None:
    ada = add(session, world, "Ada Lovelace", "ada@firm.example", "020 7946 0132")
    max_ = add(session, world, "Max Lovelace", phone="+44 161 496 0999")
    assert found(session, world, "lovelace") == [ada, max_]
    assert found(session, world, "love a") == [ada]
    assert found(session, world, "lovelace 0999") == [max_]
    assert found(session, world, "ADA@firm") == [ada]
    assert found(session, world, "0161 496 0999") == [max_]
    assert found(session, world, "lovelace ada max") == []


def test_nothing_typed_finds_nobody(session: Session, world: World) -> None:
    add(session, world, "Ada Lovelace")
    for q in ("", "  ", "%", "_", "\x00", "\ud800", "'; --", "\U0010ffff"):
        assert found(session, world, q) == []


def test_other_firms_are_not_searched(session: Session, world: World) -> None:
    other = make_world(session, "other")
    theirs = add(session, other, "Ada Lovelace")
    assert found(session, world, "lovelace") == []
    assert found(session, other, "lovelace") == [theirs]


def test_a_limit_holds(session: Session, world: World) -> None:
    for number in range(5):
        add(session, world, f"Ada Number{number}")
    assert len(found(session, world, "ada", limit=3)) == 3


Condition = Callable[[Session, int, str], sa.ColumnElement[bool]]


def looked_up(session: Session, firm_id: int, q: str) -> sa.ColumnElement[bool]:
    if not q.strip():
        return sa.true()
    found = clients.look_up(session, firm_id=firm_id, q=q)
    assert found is not None
    mine = sa.select(Appointment.appointment_id).where(Appointment.firm_id == firm_id)
    parts = [mine.where(each) for each in clients.of_found(q, found)]
    return Appointment.appointment_id.in_(sa.union_all(*parts))


WAYS: dict[str, Condition] = {
    "row by row": lambda _session, firm_id, q: clients.contact_filter(firm_id, q),
    "through all clients": lambda _session, firm_id, q: clients.through_clients(firm_id, q),
    "through the clients looked up": looked_up,
}


@pytest.mark.parametrize("way", WAYS)
def test_appointments_are_found_by_client_account_and_reference(
    session: Session, world: World, way: str
) -> None:
    lifecycle.edit_contact(
        session,
        world.contact,
        actor=world.acting(),
        facts=ContactFacts(name="Ada Byron", phone="020 7946 0000", account_id=world.account.account_id),
        now=NOW,
    )
    appointment = at_status(session, Status.CONFIRMED, world)
    other = make_world(session, "other")
    at_status(session, Status.CONFIRMED, other)

    def hits(q: str) -> list[int]:
        return list(
            session.scalars(
                sa.select(Appointment.appointment_id).where(
                    Appointment.firm_id == world.firm.firm_id,
                    WAYS[way](session, world.firm.firm_id, q),
                )
            )
        )

    mine = [appointment.appointment_id]
    for q in ("ada", "byr ada", "BYRON LTD", "0000", str(appointment.appointment_id), "", "  "):
        assert hits(q) == mine, q
    for q in ("adam", "ada smith", "9" * 25, "?!", "\x00", str(appointment.appointment_id + 77)):
        assert hits(q) == [], q


def test_a_range_covers_exactly_its_prefix() -> None:
    assert clients._next("ab") == "ac"
    assert clients._next("a\ud7ff") == "a\ue000"
    assert clients._next("a\U0010ffff") == "b"
    assert clients._next("\U0010ffff") == ""


def fill(session: Session, world: World) -> None:
    """Contacts, terms, accounts and one appointment each, written in bulk."""
    firm_id = world.firm.firm_id
    people = [
        {
            "firm_id": firm_id,
            "contact_id": 10_000 + n,
            "name": (name := f"First{n:04d} Last{n % 97:02d}"),
            "sort_name": sort_name_of(name),
            "phone": f"020 7{n:07d}",
            "created_at": NOW,
        }
        for n in range(MANY)
    ]
    session.execute(sa.insert(Contact), people)
    session.execute(
        sa.insert(Account),
        [
            {"firm_id": firm_id, "name": f"Firm {n}", "sort_name": f"firm {n}", "created_at": NOW}
            for n in range(MANY)
        ],
    )
    terms = [
        {"firm_id": firm_id, "term": term, "contact_id": person["contact_id"]}
        for person in people
        for term in sorted(terms_of(person["name"], "", person["phone"]))
    ]
    session.execute(sa.insert(ContactTerm), terms)
    session.execute(
        sa.insert(Appointment),
        [
            {
                "firm_id": firm_id,
                "appointment_type_id": world.kind.appointment_type_id,
                "staff_user_id": world.staff.staff_user_id,
                "contact_id": person["contact_id"],
                "booked_by": "Import",
                "start_time": NOW - (n + 1) * DAY,
                "end_time": NOW - (n + 1) * DAY + LENGTH,
                "status": Status.COMPLETED,
                "completed_at": NOW,
                "created_at": NOW,
            }
            for n, person in enumerate(people)
        ],
    )
    session.commit()
    session.execute(sa.text("ANALYZE"))
    session.commit()


def plan_of(session: Session, run: Callable[[], object]) -> str:
    """The engine's plan for every statement that ``run`` sends."""
    sent: list[tuple[str, object]] = []
    connection = session.connection()

    def keep(_conn, _cursor, statement, parameters, _context, _many) -> None:  # type: ignore[no-untyped-def]
        sent.append((statement, parameters))

    sa.event.listen(connection, "before_cursor_execute", keep)
    run()
    sa.event.remove(connection, "before_cursor_execute", keep)
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    return "\n".join(
        " ".join(map(str, row))
        for statement, parameters in sent
        for row in connection.exec_driver_sql(explain + statement, parameters)
    )


@pytest.mark.parametrize("q", ["first00", "last11 first", "0001234", "f"])
def test_no_search_reads_a_whole_table(session: Session, world: World, q: str) -> None:
    fill(session, world)
    plan = plan_of(session, lambda: found(session, world, q))
    assert_indexed(plan)
    assert "pk_contact_term" in plan or "sqlite_autoindex_contact_term_1" in plan


@pytest.mark.parametrize("way", [way for way in WAYS if way != "row by row"])
@pytest.mark.parametrize("q", ["first0012", "firm 1234", "1234"])
def test_no_search_over_appointments_reads_all_of_them(
    session: Session, world: World, q: str, way: str
) -> None:
    fill(session, world)
    firm_id = world.firm.firm_id
    query = (
        sa.select(Appointment.appointment_id)
        .where(Appointment.firm_id == firm_id, WAYS[way](session, firm_id, q))
        .order_by(Appointment.start_time.desc(), Appointment.appointment_id.desc())
        .limit(51)
    )
    assert_indexed(plan_of(session, lambda: session.execute(query).all()))


@pytest.mark.parametrize("q", ["first0012", "last11 first", "firm 1234", "first"])
def test_a_search_over_a_week_reads_that_week(session: Session, world: World, q: str) -> None:
    fill(session, world)
    firm_id = world.firm.firm_id
    query = (
        sa.select(Appointment.appointment_id)
        .where(
            Appointment.firm_id == firm_id,
            Appointment.start_time >= NOW - 7 * DAY,
            clients.contact_filter(firm_id, q),
        )
        .order_by(Appointment.start_time)
    )
    assert_indexed(plan_of(session, lambda: session.execute(query).all()))


def test_a_search_over_a_week_misses_nobody(
    session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many others match."""
    monkeypatch.setattr(clients, "CANDIDATES", 3)
    for number in range(9):
        add(session, world, f"Adam Number{number}")
    appointment = at_status(session, Status.CONFIRMED, world)
    last = add(session, world, "Aztec Last")
    session.execute(sa.update(Appointment).values(contact_id=last))
    session.commit()
    firm_id = world.firm.firm_id
    query = sa.select(Appointment.appointment_id).where(
        Appointment.firm_id == firm_id, clients.contact_filter(firm_id, "a")
    )
    assert list(session.scalars(query)) == [appointment.appointment_id]


def assert_indexed(plan: str) -> None:
    """No step reads a table whole, nor all rows of the firm through an index that begins with it."""
    whole = [
        line
        for line in plan.splitlines()
        if re.search(r"(?:Seq Scan on|\bSCAN) (?:contact|account|appointment)", line)
        or re.search(r"\(firm_id=\?\)$|Index Cond: \(firm_id = '1'::bigint\)", line)
    ]
    assert not whole, plan
