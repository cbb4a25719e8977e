"""PostgreSQL plans a page's statements once for a connection, not once for a page."""

import pytest
import time_machine
from flask import Flask
from sqlalchemy.orm import Session

from tests.factories import NOW, make_world
from tests.support.signed_in import sign_in
from webapp.extensions import db


@pytest.mark.one_engine("postgresql")  # SQLite's plans cost next to nothing
def test_statements_stay_prepared_from_page_to_page(session: Session, app: Flask) -> None:
    world = make_world(session)
    with time_machine.travel(NOW, tick=False):
        browser = sign_in(app.test_client(), world.staff)
        for _ in range(7):  # psycopg prepares what comes for the sixth time
            assert browser.get("/day/2026-01-13").status_code == 200
    with app.app_context(), db.engine.connect() as connection:
        prepared = connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar()
    assert prepared is not None
    assert prepared >= 5
