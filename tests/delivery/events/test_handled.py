"""Events are handled once, in order, whoever dies on the way."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.delivery.conftest import Post
from tests.delivery.events.conftest import booked, cancelled, moved, unhandled
from tests.factories import NOW, World
from webapp.delivery import appointment_mail, events
from webapp.lifecycle import appointments
from webapp.models import MailMessage, OutboxEvent
from webapp.vocabulary import MailState


def test_handling_again_writes_nothing_twice(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    post.handle(NOW)
    with post.session() as other:
        other.execute(sa.update(OutboxEvent).values(handled_at=None, leased_until=None))
        other.commit()
    assert post.handle(NOW) == 1
    assert len(post.mails()) == 1


def test_an_event_waits_for_the_earlier_ones_of_its_chain(post: Post, session: Session, world: World) -> None:
    original = booked(session, world)
    cancelled(session, world, moved(session, world, original))
    with post.session() as other:
        other.execute(
            sa.update(OutboxEvent)
            .where(OutboxEvent.appointment_id == original.appointment_id, OutboxEvent.sequence == 1)
            .values(leased_until=NOW + timedelta(minutes=5), leased_by="another")
        )
        other.commit()
    post.handle(NOW)
    assert post.templates() == []
    post.handle(NOW + timedelta(minutes=6))
    assert post.templates() == ["confirmed", "moved", "cancelled"]


def test_one_that_fails_steps_aside_and_is_tried_later(
    post: Post, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = booked(session, world), booked(session, world, days=2)
    load = appointment_mail.load

    def failing(session: Session, *, firm_id: int, appointment_id: int) -> appointment_mail.Facts:
        if appointment_id == bad.appointment_id:
            raise RuntimeError("out of paper")
        return load(session, firm_id=firm_id, appointment_id=appointment_id)

    monkeypatch.setattr(appointment_mail, "load", failing)
    assert post.handle(NOW) == 1
    assert [mail.appointment_id for mail in post.mails()] == [good.appointment_id]
    with post.session() as fresh:
        event = fresh.scalars(sa.select(OutboxEvent).where(OutboxEvent.handled_at.is_(None))).one()
        assert event.attempts == 1
        assert event.last_error == "RuntimeError: out of paper"
        assert event.leased_until is not None
        assert NOW < event.leased_until <= NOW + timedelta(minutes=1)
    monkeypatch.undo()
    assert post.handle(NOW + timedelta(minutes=2)) == 1
    assert len(post.mails()) == 2


def test_a_dead_workers_claim_ends_by_itself(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    with post.session() as other:
        assert events._claim(other, "dead", NOW) is not None
        other.commit()
    assert post.handle(NOW, worker="alive") == 0
    assert post.handle(NOW + timedelta(minutes=6), worker="alive") == 1
    assert len(post.mails()) == 1


def test_a_worker_that_lost_its_claim_writes_nothing(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    with post.session() as slow:
        event_id = events._claim(slow, "slow", NOW)
        slow.commit()
        assert event_id is not None
        post.handle(NOW + timedelta(minutes=6), worker="quick")
        assert not events._handle_one(slow, event_id, settings=post.settings, worker="slow", now=NOW)
    assert len(post.mails()) == 1


def test_a_claim_that_another_took_over_is_left_to_it(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    late = NOW + timedelta(minutes=6)
    with post.session() as slow, post.session() as quick:
        event_id = events._claim(slow, "slow", NOW)
        slow.commit()
        assert events._claim(quick, "quick", late) == event_id
        quick.commit()
        assert event_id is not None
        assert not events._handle_one(slow, event_id, settings=post.settings, worker="slow", now=late)
        assert post.mails() == []
        assert events._handle_one(quick, event_id, settings=post.settings, worker="quick", now=late)
    assert len(post.mails()) == 1


def test_without_a_mail_server_mail_is_kept(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    post.handle(NOW)
    assert [mail.state for mail in post.mails()] == [MailState.KEPT]


def test_stop_is_heard_before_the_next_event(post: Post, session: Session, world: World) -> None:
    booked(session, world)
    booked(session, world, days=2)
    asked: list[bool] = [False, True]
    done = events.handle(post.session, settings=post.settings, now=NOW, worker="w", stop=lambda: asked.pop(0))
    assert done == 1
    assert unhandled(post) == 1


def test_thousands_of_silent_events_pass_in_one_go(post: Post, session: Session, world: World) -> None:
    for day in range(1, 4):
        made = booked(session, world, days=-day)
        appointments.complete(session, made, actor=world.acting(), now=NOW)
    session.commit()
    assert post.handle(NOW, limit=0) == 3
    assert session.scalar(sa.select(sa.func.count()).select_from(MailMessage)) == 0


def test_four_workers_write_each_mail_once(post: Post, session: Session, world: World) -> None:
    for day in range(1, 9):
        moved(session, world, booked(session, world, days=2 * day))
    handled: list[int] = []
    start = Barrier(4)

    def work(name: str) -> None:
        start.wait()
        while count := post.handle(NOW, worker=name, limit=7):
            handled.append(count)

    threads = [Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    post.handle(NOW)
    assert unhandled(post) == 0
    assert sorted(post.templates()) == ["confirmed"] * 8 + ["moved"] * 8


def test_a_crash_in_the_middle_leaves_nothing_behind(
    post: Post, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    booked(session, world)
    write = appointment_mail.write

    def die(*args: object, **kw: object) -> None:
        write(*args, **kw)  # type: ignore[arg-type]
        raise Killed

    monkeypatch.setattr(appointment_mail, "write", die)
    with pytest.raises(Killed):
        post.handle(NOW)
    monkeypatch.undo()
    assert post.mails() == []
    assert unhandled(post) == 1
    assert post.handle(NOW + timedelta(minutes=6)) == 1
    assert len(post.mails()) == 1
