"""What the worker and errors of the database write into the log: nothing that anybody typed, no address."""

import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.factories import NOW
from tests.support.receiver import receiver
from tests.support.smtp import closed_port, mail_server
from tests.tenancy.conftest import Installation
from webapp.extensions import db
from webapp.lifecycle.log_lines import formatter
from webapp.models import MailMessage, StaffUser, WebhookDelivery, WebhookEndpoint, tenancy
from webapp.vocabulary import DeliveryState, MailState, Permission, Role
from webapp.worker import Line, Part, Worker

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture(params=["json", "text"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is said meanwhile, by anybody, as the installation would write it."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(formatter(as_json=request.param == "json"))
    root = logging.getLogger()
    before = root.level, {name: logging.getLogger(name).level for name in ("daybook", "webapp")}
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in before[1]:
        logging.getLogger(name).setLevel(logging.INFO)
    yield text
    root.removeHandler(handler)
    root.setLevel(before[0])
    for name, level in before[1].items():
        logging.getLogger(name).setLevel(level)


def personal(there: Installation) -> list[str]:
    """What must not be read: the marks of all texts, each address and number of a person, tokens, links."""
    with Session(there.engine, info=tenancy.EVERY_FIRM) as session:
        people = session.execute(
            sa.text("SELECT email FROM staff_user UNION SELECT email FROM contact")
        ).all()
        phones = session.execute(sa.text("SELECT phone FROM contact WHERE phone <> ''")).all()
        names = session.execute(sa.text("SELECT name FROM staff_user UNION SELECT name FROM contact")).all()
        hosts = session.execute(sa.text("SELECT url FROM webhook_endpoint")).all()
    found = {str(row[0]) for row in (*people, *phones, *names, *hosts) if row[0]}
    for stock in (there.ours, there.theirs):
        links = [value for value in stock.ids.values() if isinstance(value, str) and len(value) > 30]
        found |= {stock.mark, *stock.bearers.values(), *stock.cookies.values(), *links}
    return sorted(found)


def assert_says_nothing_of_anybody(there: Installation, text: io.StringIO) -> None:
    log = text.getvalue().lower()
    assert [each for each in personal(there) if each.lower() in log] == []


def everything_waits(there: Installation, url: str) -> None:
    """All mail and all webhooks are to go out, the webhooks to this address."""
    with Session(there.engine, info=tenancy.EVERY_FIRM, execution_options={"write": True}) as session:
        session.execute(
            sa.update(MailMessage).values(state=MailState.WAITING, due_at=NOW, last_error=None, attempts=0)
        )
        session.execute(sa.update(WebhookEndpoint).values(url=url, disabled=None, disabled_at=None))
        session.execute(
            sa.update(WebhookDelivery).values(
                state=DeliveryState.WAITING, due_at=NOW, ended_at=None, attempts=0, last_error=None
            )
        )
        session.commit()


def rounds(there: Installation, smtp_url: str) -> None:
    """Everything the worker does, today and, when all has come about, in a year."""
    with there.app.app_context():
        settings = there.app.config["SETTINGS"]
    there_to = replace(settings, smtp_url=smtp_url, webhook_networks=LOOPBACK)
    for later in (timedelta(minutes=5), timedelta(days=1), timedelta(days=365)):
        with time_machine.travel(NOW + later, tick=False):
            Worker(there.engine, there_to).run(once=True)


def test_the_rounds_of_a_worker_name_nobody(both: Installation, written: io.StringIO) -> None:
    both.as_it_was()
    with receiver() as hooks, mail_server() as post:
        everything_waits(both, hooks.url)
        rounds(both, post.url)
        assert hooks.taken
        assert post.taken
    log = written.getvalue()
    assert all(f"part={part}" in log for part in ("mail", "webhooks", "sweeps", "seals")), log
    assert_says_nothing_of_anybody(both, written)
    both.as_it_was()


def test_what_cannot_be_sent_names_nobody(both: Installation, written: io.StringIO) -> None:
    both.as_it_was()
    everything_waits(both, f"http://127.0.0.1:{closed_port()}/secret-of-theirs")
    rounds(both, f"smtp://127.0.0.1:{closed_port()}")
    assert "secret-of-theirs" not in written.getvalue()
    assert_says_nothing_of_anybody(both, written)
    both.as_it_was()


def taken_address(session: Session) -> None:
    """Give one person the other's address: PostgreSQL's refusal quotes it."""
    one, other = session.scalars(sa.select(StaffUser).order_by(StaffUser.staff_user_id).limit(2)).all()
    session.execute(
        sa.update(StaffUser).where(StaffUser.staff_user_id == one.staff_user_id).values(email=other.email)
    )


def test_a_refusal_by_the_database_is_logged_without_what_it_quotes(
    both: Installation, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.as_it_was()
    with Session(both.engine, info=tenancy.EVERY_FIRM) as session, pytest.raises(IntegrityError) as refusal:
        taken_address(session)
    assert any(each.lower() in str(refusal.value).lower() for each in personal(both)), "it does quote"

    def part(_now: datetime) -> dict[str, int]:
        with Session(both.engine, info=tenancy.EVERY_FIRM) as session:
            taken_address(session)
        return {}

    def page() -> str:
        taken_address(db.session())
        return ""

    page.permission = Permission.VIEW  # type: ignore[attr-defined]
    broken = Line("once", 0, [Part("broken", part)])
    assert not Worker(both.engine, both.app.config["SETTINGS"], lines=[broken]).run(once=True)
    browser = both.visitor(Role.MANAGER)
    monkeypatch.setitem(both.app.view_functions, "preferences.index", page)
    monkeypatch.setitem(both.app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setitem(both.app.config, "TESTING", False)
    assert browser.get("/preferences").status_code == 500
    assert written.getvalue().count("IntegrityError") == 2
    assert_says_nothing_of_anybody(both, written)
    both.as_it_was()
