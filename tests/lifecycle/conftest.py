"""What the lifecycle's tests share: a session that writes, a firm to write about, and eyes on the rows."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, make_world


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session that begins as a writer, like the application's."""
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    """Marlow's, a firm in London."""
    return make_world(session)
