"""What the server writes down of a request: everything but the tokens of personal links."""

import logging

import pytest
from flask import Flask

from webapp.lifecycle.log_lines import HideTokens, without_tokens

pytestmark = pytest.mark.one_engine("sqlite")  # no database is asked

TOKEN = "k2DVEX9bYVLA_LYIB8EY_c6Ih3-S_34ZPg3xDoEhDvU"


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (f"GET /i/{TOKEN} HTTP/1.1", "GET /i/… HTTP/1.1"),
        (f"POST /c/{TOKEN}/cancellation?x=1 HTTP/1.1", "POST /c/…/cancellation?x=1 HTTP/1.1"),
        (f"https://daybook.example/invitation/{TOKEN}", "https://daybook.example/invitation/…"),
        (f"Exception on /i/{TOKEN} [GET]", "Exception on /i/… [GET]"),
        ("GET /day/2026-01-13?q=i/c HTTP/1.1", "GET /day/2026-01-13?q=i/c HTTP/1.1"),
        ("GET /contacts/3 HTTP/1.1", "GET /contacts/3 HTTP/1.1"),
    ],
)
def test_a_line_keeps_everything_but_the_token(line: str, written: str) -> None:
    assert without_tokens(line) == written


def test_a_failure_behind_a_link_is_logged_without_the_token(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def broken(token: str) -> str:
        raise RuntimeError("no ink")

    app.view_functions["invitees.reply"] = broken
    broken.permission = None  # type: ignore[attr-defined]
    with caplog.at_level(logging.ERROR):
        assert app.test_client().get(f"/i/{TOKEN}").status_code == 500
    assert "GET /i/<token>" in caplog.text
    assert TOKEN not in caplog.text


def test_arguments_of_a_line_are_cleaned_too() -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "Error handling request %s", (f"/i/{TOKEN}",), None)
    assert HideTokens().filter(record)
    assert record.getMessage() == "Error handling request /i/…"
