"""A token that is made in the moment in which its maker is deactivated: it ends, or it is not made."""

from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World
from tests.lifecycle.threads import Job, at_once
from webapp.lifecycle import team, tokens, transaction
from webapp.lifecycle.errors import Forbidden
from webapp.models import ApiToken
from webapp.vocabulary import Scope

ROUNDS = 12
MOMENT = 0.5  # seconds in which the other would have gone on, if nothing kept it


def making(session: Session, world: World) -> ApiToken:
    token, _text = tokens.make(
        session,
        actor=world.acting(world.manager),
        name="Website",
        scopes={Scope.APPOINTMENTS_READ},
        staff_user_id=world.staff.staff_user_id,
        now=world.now,
    )
    return token


def changing(work: Any, world: World) -> Job:
    """``team.deactivate`` or ``team.reactivate`` of the manager, by the owner, as an entry point runs it."""
    number, actor = world.manager.staff_user_id, world.acting(world.owner)
    return lambda session: transaction.run(
        session, lambda: work(session, number, actor=actor, now=world.now).staff_user_id
    )


def open_tokens(engine: Engine) -> int:
    with Session(engine) as session:
        found = sa.select(sa.func.count()).select_from(ApiToken).where(ApiToken.revoked_at.is_(None))
        return session.scalar(found) or 0


def test_whoever_deactivates_its_maker_waits_for_a_token_and_ends_it(engine: Engine, world: World) -> None:
    with Session(engine, execution_options={"write": True}) as session:
        making(session, world)
        other = Thread(target=at_once, args=(engine, [changing(team.deactivate, world)]))
        other.start()
        other.join(MOMENT)
        session.commit()
        other.join()
    with Session(engine) as session:
        token = session.scalars(sa.select(ApiToken)).one()
        assert (token.revoked_at, token.revoked_by) == (world.now, world.owner.name)


def test_who_was_deactivated_meanwhile_makes_none(engine: Engine, world: World) -> None:
    (done,) = at_once(engine, [changing(team.deactivate, world)])
    assert done == world.manager.staff_user_id
    with Session(engine, execution_options={"write": True}) as session, pytest.raises(Forbidden) as refused:
        making(session, world)
    assert refused.value.sentence == "You were deactivated meanwhile, so no token was made."


def test_at_the_same_moment_none_is_left(engine: Engine, world: World) -> None:
    def make(session: Session) -> int:
        return transaction.run(session, lambda: making(session, world).api_token_id)

    for _ in range(ROUNDS):
        *made, out = at_once(engine, [make, make, make, changing(team.deactivate, world)])
        assert out == world.manager.staff_user_id
        refused = [result for result in made if isinstance(result, Exception)]
        assert [error for error in refused if not isinstance(error, Forbidden)] == []
        assert open_tokens(engine) == 0
        at_once(engine, [changing(team.reactivate, world)])
