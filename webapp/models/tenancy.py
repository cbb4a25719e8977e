"""For which firm a transaction works: told to PostgreSQL, whose policies then show and take no other's rows.

It is said at each BEGIN and ends with the transaction, so that a connection takes nothing along to whom it
serves next. Where nothing is said there are no rows. SQLite has no such lock; the queries' own filters serve.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.orm import Session, SessionTransaction

SETTING = "daybook.firm"
FIRM = "firm"
"""The execution option of an engine, and the key in a session's ``info``: a firm's key, EVERY, or nothing."""
EVERY = "all"
EVERY_FIRM = {FIRM: EVERY}
"""The ``info`` or the options of what works for all: the worker, commands, migrations."""


def enter(session: Session, firm_id: int) -> None:
    """From now on the session works for this firm."""
    _work_for(session, firm_id)


@contextmanager
def every_firm(session: Session) -> Iterator[None]:
    """Look something up before it is known whose it is: a sign-in, a token, a link.

    Whoever finds it enters its firm; else the session works on for whom it worked before. What is raised
    meanwhile ends the transaction.
    """
    before = session.info.get(FIRM)
    _work_for(session, EVERY)
    try:
        yield
    except BaseException:
        session.info[FIRM] = before
        session.rollback()
        raise
    if session.info[FIRM] == EVERY:
        _work_for(session, before)


def install(engine: sa.Engine) -> None:
    """Have an engine say it for connections that carry the execution option."""
    sa.event.listen(engine, "begin", _on_begin)


def _work_for(session: Session, whom: int | str | None) -> None:
    if session.info.get(FIRM) == whom:
        return
    session.info[FIRM] = whom
    if session.in_transaction():
        _tell(session.connection(), whom)


def _on_begin(connection: sa.Connection) -> None:
    whom = connection.get_execution_options().get(FIRM)
    if whom is not None:
        _tell(connection, whom)


@sa.event.listens_for(Session, "after_begin")
def _after_begin(session: Session, _transaction: SessionTransaction, connection: sa.Connection) -> None:
    if session.info.get(FIRM) is not None:
        _tell(connection, session.info[FIRM])


def _tell(connection: sa.Connection, whom: int | str | None) -> None:
    if connection.dialect.name == "postgresql":
        word = EVERY if whom == EVERY else "" if whom is None else int(whom)
        connection.exec_driver_sql(f"SET LOCAL {SETTING} = '{word}'")
