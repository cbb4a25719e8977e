"""Where an answer leads, whose session it is, how often somebody may guess, and what a refusal gives away."""

import dataclasses
import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import pytest
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.attack.asking import Forms, addresses, filled, routes
from tests.attack.conftest import PASSWORD, Installation, without_tokens
from tests.support.engines import dispose, make_app
from tests.support.signed_in import COOKIE, sign_in
from tests.support.statements import captured
from webapp.extensions import db
from webapp.lifecycle import passwords

EVIL = "evil.example"
TARGETS = (
    f"https://{EVIL}/",
    f"//{EVIL}",
    f"///{EVIL}",
    f"/\\{EVIL}",
    f"\\\\{EVIL}",
    f"/\t/{EVIL}",
    f"\t//{EVIL}",
    f"/\n/{EVIL}",
    f"/%0d/{EVIL}",
    f"/./\\{EVIL}",
    f"/;@{EVIL}",
    f"@{EVIL}",
    f"https:{EVIL}",
    f"http:/{EVIL}",
    f"/x?next=//{EVIL}",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "\u2028//" + EVIL,
    "\x00//" + EVIL,
)
Make = Callable[[bool], Installation]


FILES = (".pdf", ".csv", ".ics", ".eml", "/html")
OURS = {"localhost", "127.0.0.1"}
"""Where the tests ask, and BASE_URL, which links in mail begin with."""


def leads_away(link: str) -> bool:
    """Whether a browser that follows the link on our page leaves our host (WHATWG URL, roughly)."""
    seen = re.sub(r"[\t\r\n]", "", link.strip("".join(map(chr, range(33))))).replace("\\", "/")
    parts = urlsplit(urljoin("http://localhost/page", seen))
    return (
        parts.scheme in {"http", "https", "javascript", "data"} and parts.netloc.partition(":")[0] not in OURS
    )


def attempt(
    browser: FlaskClient, email: str = "olga@marlow.example", password: str = PASSWORD, **headers: str
) -> TestResponse:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return browser.post("/sign-in", data={"email": email, "password": password}, headers=sent)


def cookies(answer: TestResponse) -> dict[str, str]:
    return {text.partition("=")[0]: text for text in answer.headers.getlist("Set-Cookie")}


@pytest.mark.parametrize(("link", "away"), [(f"//{EVIL}", True), ("/day", False), (f"/\\{EVIL}", True)])
def test_the_measure_of_these_tests_knows_a_way_out(link: str, away: bool) -> None:
    assert leads_away(link) is away


def test_no_redirect_and_no_link_leads_away_whatever_is_asked_for(here: Installation) -> None:
    faults, seen = [], 0
    places = _places(here)
    for number, target in enumerate(TARGETS):
        query = dict.fromkeys(("next", "back", "return", "url", "q", "as_of"), target)
        for browser, path in places[:4] + places[4 + number % 5 :: 5]:
            answer = browser.get(path, query_string=query)
            links = [answer.headers.get("Location", "/"), *_links(answer)]
            faults += [f"{path} {target!r}: {link}" for link in links if leads_away(link)]
            seen += 1
    assert not faults, "\n".join(faults)
    assert seen > 300


def _places(here: Installation) -> list[tuple[FlaskClient, str]]:
    """Pages that somebody may be sent to: each route's first, signed in, and those of strangers."""
    owner, stranger = here.browser(), here.browser(signed_in=False)
    found = [(stranger, "/sign-in"), (stranger, "/team"), (owner, "/sign-in"), (owner, "/sign-in/firm")]
    for rule in routes(here.app):
        light = (
            not rule.rule.endswith((".pdf", ".csv", ".ics", ".eml", "/html"))
            and rule.endpoint.count(".") == 1
        )
        if light and "GET" in (rule.methods or set()) and not rule.endpoint.startswith(("api.", "prints.")):
            found.append((owner, filled(addresses(here.app, rule)[0], here.ground.ids)))
    return found


def _links(answer: TestResponse) -> list[str]:
    if answer.mimetype != "text/html":
        return []
    page = Forms(answer.text)
    return [*page.links, *(form.action for form in page.forms), *(action for action, _form in page.buttons)]


def test_signing_in_and_acting_on_several_end_on_this_site(here: Installation) -> None:
    for target in TARGETS:
        _goes_on(here, target)


def _goes_on(here: Installation, target: str) -> None:
    stranger = here.browser(signed_in=False)
    answer = stranger.post(
        "/sign-in",
        query_string={"next": target},
        data={"email": "olga@marlow.example", "password": PASSWORD},
    )
    assert answer.status_code == 303
    assert not leads_away(answer.location)
    ids = here.ground.ids
    for path in ("/bulk/completion", "/bulk/cancellation/facts", "/bulk/cancellation"):
        sent = {"ref": f"{ids['started']}.1", "back": target, "cancelled_by": "client", "reason": "x"}
        found = here.browser().post(path, data=sent)
        assert found.status_code < 500
        assert not [link for link in (found.location or "/", *_links(found)) if leads_away(link)]


def test_a_forged_host_is_in_no_link_and_no_redirect(here: Installation) -> None:
    forged = {"X-Forwarded-Host": EVIL, "X-Forwarded-Proto": "https", "Forwarded": f"host={EVIL}"}
    signed_in = {"Host": EVIL, "Cookie": f"{COOKIE}={here.ground.cookie}"}
    ids = here.ground.ids
    for path in ("/", "/day", "/sign-in", f"/polls/{ids['poll']}", "/settings/attendance", "/api/v1/"):
        for browser in (here.browser(), here.browser(signed_in=False)):
            answer = browser.get(path, headers=forged)
            assert EVIL not in answer.text + str(answer.headers), path
            again = here.app.test_client(use_cookies=False).get(path, headers=forged | signed_in)
            assert EVIL not in again.text + again.headers.get("Location", ""), path
    for path in (f"/polls/{ids['poll']}/links", f"/appointments/{ids['confirmed']}/client-link"):
        answer = here.app.test_client(use_cookies=False).post(path, headers=forged | signed_in)
        assert answer.status_code == 200, path
        assert EVIL not in answer.text
        assert "http://127.0.0.1:" in answer.text


def test_a_session_that_somebody_else_planted_is_not_the_one_that_is_signed_in(here: Installation) -> None:
    browser = here.browser(signed_in=False)
    browser.set_cookie(COOKIE, "planted-by-somebody-else-0123456789abcdefghi")
    attempt(browser)
    found = browser.get_cookie(COOKIE)
    assert found is not None
    assert not found.value.startswith("planted")
    planted = here.browser(signed_in=False)
    planted.set_cookie(COOKIE, "planted-by-somebody-else-0123456789abcdefghi")
    assert planted.get("/day").status_code == 303
    browser = here.browser()  # a real session of the attacker's own, planted in the victim's browser
    attempt(browser)
    assert browser.get_cookie(COOKIE).value != here.ground.cookie  # type: ignore[union-attr]
    assert here.browser().get("/preferences").status_code == 303


def test_the_token_of_forms_from_before_signing_in_is_worth_nothing_after(here: Installation) -> None:
    here.app.config["WTF_CSRF_ENABLED"] = True
    browser = here.browser(signed_in=False)
    before = Forms(browser.get("/sign-in").text).forms[0].fields["csrf_token"]
    sent = {"email": "olga@marlow.example", "password": PASSWORD, "csrf_token": before}
    assert browser.post("/sign-in", data=sent).status_code == 303
    assert browser.post("/contacts/new", data={"name": "x", "csrf_token": before}).status_code == 400


@pytest.mark.parametrize("tls", [True, False])
def test_every_cookie_is_out_of_reach_of_scripts_other_sites_and_with_tls_other_hosts(
    here: Installation, tls: bool
) -> None:
    app = make_app(dataclasses.replace(here.app.config["SETTINGS"], tls=tls))
    app.config.update(WTF_CSRF_ENABLED=True)
    base, browser = ("https://localhost" if tls else "http://localhost"), app.test_client()
    first = browser.get("/sign-in", base_url=base)
    token = Forms(first.text).forms[0].fields["csrf_token"]
    sent = {"email": "olga@marlow.example", "password": PASSWORD, "csrf_token": token}
    second = browser.post("/sign-in", data=sent, base_url=base)
    leave = Forms(browser.get("/preferences", base_url=base).text)
    form = next(form for form in leave.forms if form.action == "/sign-out")
    third = browser.post("/sign-out", data=form.fields, base_url=base)
    names = set()
    for answer in (first, second, third):
        for name, text in cookies(answer).items():
            names.add(name)
            assert name.startswith("__Host-") is tls, text
            assert ("; Secure" in text) is tls, text
            assert "; HttpOnly" in text, text
            assert "; Path=/" in text, text
            assert "SameSite=Lax" in text, text
            assert "Domain" not in text, text
            assert len(text) < 4096
    assert len(names) == 2
    with app.app_context():
        dispose(app)


def test_spelling_an_address_otherwise_or_naming_another_network_gives_no_more_tries(
    here: Installation,
) -> None:
    spellings = (
        "olga@marlow.example",
        " OLGA@marlow.example",
        "Olga@MARLOW.EXAMPLE ",
        "olga@marlow.example\t",
    )
    browser = here.browser(signed_in=False)
    for number in range(5):
        assert attempt(browser, spellings[number % 4], "wrong words").status_code == 422
    for spelling in spellings:
        assert attempt(browser, spelling).status_code == 429
    for number in range(25):
        answer = attempt(browser, f"a{number}@marlow.example", "wrong", X_Forwarded_For=f"10.0.0.{number}")
        assert answer.status_code == 422
    for header in ("X_Forwarded_For", "X_Real_IP", "Forwarded", "Client_IP"):
        assert attempt(browser, "b@marlow.example", "wrong", **{header: "192.0.2.1"}).status_code == 429


def test_guessing_the_present_password_at_an_open_desk_has_the_same_limit(here: Installation) -> None:
    browser = here.browser()
    sent = {
        "present": "wrong words",
        "password": "four other words here",
        "repeated": "four other words here",
    }
    codes = [browser.post("/preferences/password", data=sent).status_code for _ in range(6)]
    assert codes == [422] * 5 + [429]


def test_unknown_wrong_gone_and_invited_cost_the_same_hashes_and_the_same_statements(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = passwords.verify

    def counted(stored: str, password: str) -> bool:
        seen.append(stored)
        return real(stored, password)

    monkeypatch.setattr(passwords, "verify", counted)
    with here.app.app_context():
        engine = db.engine
    costs, texts = set(), set()
    for email in (
        "olga@marlow.example",
        "nobody@marlow.example",
        "gone@marlow.example",
        "invited@marlow.example",
    ):
        seen.clear()
        with captured(engine) as statements:
            answer = attempt(here.browser(signed_in=False), email, "not the words")
        costs.add((answer.status_code, len(seen), len(statements)))
        texts.add(without_tokens(answer.text))
    assert costs == {(422, 2, next(iter(costs))[2])}
    assert len(texts) == 1


def test_a_cookie_of_forms_that_was_written_by_somebody_else_is_not_read(here: Installation) -> None:
    owner = here.ground.world.owner
    key = [owner.firm_id, owner.staff_user_id, "0" * 64, "Marlow"]
    choice = {"sign_in_choice": {"accounts": [key], "until": "2999-01-01T00:00:00+00:00"}}
    interface = SecureCookieSessionInterface()
    here.app.secret_key, real = "another key, that somebody else made up", here.app.secret_key
    forged = interface.get_signing_serializer(here.app).dumps(choice)  # type: ignore[union-attr]
    here.app.secret_key = real
    unsigned = forged.rpartition(".")[0]
    for value in (forged, unsigned, unsigned + ".", forged[:-2], "e30.e30.e30"):
        browser = here.browser(signed_in=False)
        browser.set_cookie("daybook-form", value)
        answer = browser.post("/sign-in/firm", data={"account": "0"})
        assert (answer.status_code, answer.location) == (303, "/sign-in")
        assert browser.get_cookie(COOKIE) is None


def test_password_fields_hide_what_is_typed_and_take_what_is_pasted(here: Installation) -> None:
    pages = (
        ("/sign-in", False),
        ("/preferences", True),
        (f"/invitation/{here.ground.ids['invited_link']}", False),
    )
    for path, signed_in in pages:
        text = here.browser(signed_in=signed_in).get(path).text
        fields = re.findall(r"<input[^>]*password[^>]*>", text)
        assert fields, path
        for field in fields:
            assert 'type="password"' in field or 'name="csrf' in field, field
            assert "autocomplete=" in field, field
            assert "paste" not in field, field


def test_every_page_of_somebody_signed_in_has_the_way_out(here: Installation) -> None:
    for browser, path in _places(here)[4:]:
        answer = browser.get(path)
        ours = (
            answer.status_code == 200
            and answer.mimetype == "text/html"
            and not path.startswith(("/c/", "/i/", "/invitation/"))
        )
        if ours and "<!doctype html>" in answer.text:
            assert 'action="/sign-out"' in answer.text, path


def test_a_refusal_is_in_the_log_with_who_was_refused(
    here: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "daybook.request")
    viewer = here.ground.world.viewer
    with sign_in(here.browser(signed_in=False), viewer).get("/settings/tokens") as answer:
        assert answer.status_code == 403
    (line,) = [record.getMessage() for record in caplog.records if "status=403" in record.getMessage()]
    assert f"staff={viewer.staff_user_id}" in line
