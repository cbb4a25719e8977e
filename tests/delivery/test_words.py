"""What mail says, in every script, and that nothing in it can become a header or markup."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Page as BrowserPage
from sqlalchemy.orm import Session

from tests.delivery.conftest import Post
from tests.factories import DAY, LENGTH, NOW, World, draft
from tests.support.engines import SECRET_KEY
from tests.support.html import Page
from tests.support.smtp import MailServer
from webapp.config import Settings
from webapp.delivery import cleaning, letters, message, preview
from webapp.delivery.letters import House, Recipient
from webapp.delivery.placeholders import Bodies
from webapp.delivery.rendering import Words, render
from webapp.lifecycle import booking
from webapp.localtime import Local
from webapp.models import MailMessage
from webapp.vocabulary import MailState, MailTemplate

SETTINGS = Settings(
    database_url="sqlite://",
    secret_key=SECRET_KEY,
    base_url="https://desk.example.com",
    mail_from="d@x.example",
)
EVIL = "Ada\r\nBcc: all@client.example\r\n\r\n<script>alert(1)</script>"
ENCODED = [
    "=?utf-8?q?Ada=0D=0ABcc:_all@client.example?=",
    "=?utf-8?b?YQ0KQmNjOiBldmlsQHguZXhhbXBsZQ0KDQpib2R5?=",
    "=?utf-8?q?Ada=2C_all=40client.example=2C?= " + "y" * 90,
    "é =?us-ascii?q?a=0ABcc=3A_all@client.example?= é " * 2,
    "=?utf-8?q?=E2=80=AEadA?=",
]
SCRIPTS = [
    "José Ñandú",
    "Ωμέγα",
    "Иван Петров",
    "عمر الفاروق",
    "דנה לוי",
    "山田 太郎",
    "नेहा शर्मा",
    "김민수",
    "👩‍👧 Zoë",
]


def row(**changed: str) -> MailMessage:
    facts = {
        "recipient_name": "Ada Byron",
        "recipient": "ada@client.example",
        "subject": "Confirmed: Review",
        "text_body": "Hello\n",
        "html_body": "<p>Hello</p>\n",
    }
    return MailMessage(
        mail_message_id=7,
        firm_id=1,
        template=MailTemplate.CONFIRMED,
        state=MailState.WAITING,
        created_at=NOW,
        **(facts | changed),
    )


def built(mail: MailMessage, firm: str) -> EmailMessage:
    bodies = Bodies(mail.text_body, mail.html_body, mail.calendar)
    return message.build(mail, bodies, firm=firm, settings=SETTINGS)


def words(**changed: str) -> Words:
    facts = {
        "firm": "Marlow",
        "name": "Ada Byron",
        "what": "Review",
        "staff": "Lena Fischer",
        "short": "Wed 14 Jan, 10:00",
        "when": "Wed 14 Jan 2026, 10:00–10:45",
        "zone": "London (GMT)",
    }
    return Words(**(facts | changed))  # type: ignore[arg-type]


HEADERS = {"Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type"}


@pytest.mark.parametrize("field", ["recipient_name", "subject"])
@pytest.mark.parametrize(
    "text", [*ENCODED, EVIL, "a\nb: c", "a\x00b", "a\u2028Bcc: x", "a\x85Bcc: x", "a\x0bBcc: x"]
)
def test_no_text_becomes_a_header(field: str, text: str) -> None:
    raw = built(row(**{field: text}), text).as_bytes()
    parsed = message_from_bytes(raw, policy=default)
    assert set(parsed.keys()) == HEADERS
    assert len(parsed.keys()) == len(HEADERS)
    assert parsed["Bcc"] is None
    assert [mailbox.addr_spec for mailbox in parsed["To"].addresses] == ["ada@client.example"]


PIECES = [
    "=?utf-8?q?=0D=0ABcc:_",
    "?=",
    "=?",
    "=0D=0A",
    ",",
    '"',
    "\\\\",
    "<",
    ">",
    "(",
    ")",
    "@x.example",
    "é",
    "山",
    "a ",
    ";",
    ":",
]
AWKWARD = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))


@given(name=AWKWARD, subject=AWKWARD)
def test_any_text_makes_one_message_with_these_headers(name: str, subject: str) -> None:
    raw = built(row(recipient_name=name, subject=subject), name).as_bytes()
    parsed = message_from_bytes(raw, policy=default)
    assert sorted(parsed.keys()) == sorted(HEADERS)
    (to,) = parsed["To"].addresses
    assert to.addr_spec == "ada@client.example"
    assert [spec for _, spec in getaddresses([str(message_from_bytes(raw)["To"])])] == ["ada@client.example"]
    assert parsed.get_content_type() == "multipart/alternative"
    head = raw.split(b"\r\n\r\n", 1)[0]
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))


@pytest.mark.parametrize("name", ["0" * 64 + ", all@client.example", "0" * 64 + "::a", "a, " * 40, '"(' * 30])
def test_a_long_name_is_never_two_addresses(name: str) -> None:
    raw = built(row(recipient_name=name), name).as_bytes()
    for field, address in (("To", "ada@client.example"), ("From", "d@x.example")):
        found = getaddresses([str(message_from_bytes(raw)[field])])
        assert [spec for _, spec in found] == [address]


def decoded(raw: bytes, name: str) -> str:
    """A header as RFC 2047 reads it; Python's newer parser leaves spaces between encoded words."""
    return str(make_header(decode_header(message_from_bytes(raw)[name].replace("\r\n", ""))))


@pytest.mark.parametrize("name", [*SCRIPTS, 'Dr. O\'Hara, "Bud" <x@y.example>', "x" * 500, "é" * 500])
def test_every_script_arrives_as_it_was_written(name: str) -> None:
    letter = built(row(recipient_name=name, subject=f"Confirmed: {name}", text_body=f"{name}\n"), "Marlow")
    parsed = message_from_bytes(letter.as_bytes(), policy=default)
    assert decoded(letter.as_bytes(), "To").rpartition(" <")[0] in {
        cleaning.line(name),
        '"' + cleaning.line(name).replace('"', '\\"') + '"',
    }
    assert parsed["Subject"] == cleaning.line(f"Confirmed: {name}", cleaning.SUBJECT_LENGTH)
    body = parsed.get_body(("plain",))  # type: ignore[attr-defined]
    assert body.get_content().strip() == name


@pytest.mark.parametrize(
    "address", ["nobody", "", "a@", "@b.example", "a@b\r\nBcc: c@d.example", "a b@c.example"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(message.BadAddress):
        built(row(recipient=address), "Marlow")


def test_a_domain_beyond_ascii_is_written_in_ascii() -> None:
    letter = built(row(recipient="ada@bücher.example"), "Marlow")
    assert letter["To"].addresses[0].addr_spec == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u2069", "\u200f", "\u202a"])
def test_nothing_turns_text_around(mark: str) -> None:
    assert mark not in cleaning.line(f"Ada{mark}Byron")
    assert cleaning.line(f"Ada{mark}Byron") == "AdaByron"


def test_control_characters_become_spaces() -> None:
    assert cleaning.line("a\x00b\x07c\r\nd\u2028e\x85f") == "a b c d e f"
    assert cleaning.prose("a\x00b\r\n\r\nc\x07") == "a b\nc"


def test_long_text_is_cut_between_letters() -> None:
    assert cleaning.line("x" * 500, 20) == "x" * 19 + "…"
    family = "👩‍👧"
    assert cleaning.line("a" * 17 + family + "b", 20) in {"a" * 17 + "…", "a" * 17 + family}
    assert cleaning.line("नि" * 40, 20).removesuffix("…") == "नि" * 9


@pytest.mark.parametrize("template", list(MailTemplate))
@pytest.mark.parametrize("why", ["", "expired", "timed_out", "by_client", "poll_over"])
def test_what_people_typed_is_text_not_markup(template: MailTemplate, why: str) -> None:
    evil = "<img src=x onerror=alert(1)>{{ 7 * 7 }}"
    rendered = render(
        template, words(firm=evil, name=evil, what=evil, staff=evil, reason=evil, place=evil, why=why)
    )
    assert "<img" not in rendered.html
    assert "&lt;img" in rendered.html
    assert evil in rendered.text
    assert "{{ 7" in rendered.text


@pytest.mark.parametrize("template", list(MailTemplate))
@pytest.mark.parametrize("poll", [False, True])
def test_every_kind_renders_whole(template: MailTemplate, poll: bool) -> None:
    facts = words(link="https://desk.example.com/c/x", deadline="Tue 13 Jan 2026, 16:00", reason="Ill")
    rendered = render(template, replace(facts, poll=poll, slots=("Wed", "Thu")))
    assert "\n" not in rendered.subject
    assert len(rendered.subject) <= cleaning.SUBJECT_LENGTH
    assert rendered.text.startswith("Hello Ada Byron,\n\n")
    assert "\n\n\n" not in rendered.text
    assert rendered.text.endswith("\nMarlow\n")
    for tag in ("<script", "<img", "<link", "<style", "http-equiv", "src="):
        assert tag not in rendered.html
    assert '<meta name="color-scheme" content="light dark">' in rendered.html
    for word in ("!", "please", "Please", "successfully", "user", "None"):
        assert word not in rendered.text
    assert Page(rendered.html).title == rendered.subject


def test_a_huge_subject_is_cut(post: Post, session: Session, world: World) -> None:
    world.kind.name = "R" * 120
    booking.book(session, actor=world.acting(), draft=draft(world), now=NOW)
    session.commit()
    post.handle(NOW)
    assert len(post.mails()[0].subject) <= cleaning.SUBJECT_LENGTH


def test_times_are_the_recipients_and_the_firms_where_they_differ(
    post: Post, session: Session, world: World
) -> None:
    world.contact.timezone = "America/New_York"
    booking.book(session, actor=world.acting(), draft=draft(world), now=NOW)
    session.commit()
    post.handle(NOW)
    (mail,) = post.mails()
    assert mail.subject == "Confirmed: Review on Wed 14 Jan, 05:00"
    assert "When: Wed 14 Jan 2026, 05:00–05:45, New York (EST)" in mail.text_body
    assert "At Marlow: Wed 14 Jan 2026, 10:00–10:45, London (GMT)" in mail.text_body


def test_a_zone_with_the_same_clock_is_named_once() -> None:
    house = House(firm_id=1, name="Marlow", local=Local.named("Europe/London"))
    lisbon = Recipient(name="Ana", email="ana@x.example", timezone="Europe/Lisbon")
    assert letters.times(house, lisbon, NOW, NOW + LENGTH).elsewhere == ""
    assert letters.times(house, lisbon, NOW, NOW + LENGTH).zone == "Lisbon (WET)"


def test_a_zone_that_no_longer_exists_falls_back_to_the_firms() -> None:
    house = House(firm_id=1, name="Marlow", local=Local.named("Europe/London"))
    lost = Recipient(name="Ana", email="ana@x.example", timezone="Mars/Olympus")
    assert letters.times(house, lost, NOW, NOW + LENGTH).zone == "London (GMT)"


@pytest.mark.parametrize(
    ("start", "when", "zone"),
    [
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "Sun 29 Mar 2026, 00:30–02:15", "London (GMT)"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "Sun 29 Mar 2026, 02:00–02:45", "London (BST)"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Sun 25 Oct 2026, 01:30–01:15", "London (BST)"),
    ],
)
def test_mail_names_the_clock_on_the_day_it_changes(start: datetime, when: str, zone: str) -> None:
    house = House(firm_id=1, name="Marlow", local=Local.named("Europe/London"))
    said = letters.times(house, Recipient(name="Ana", email="a@x.example"), start, start + LENGTH)
    assert (said.when, said.zone) == (when, zone)


def test_what_was_rendered_goes_over_the_wire_unchanged(
    wired: Post, server: MailServer, session: Session, world: World
) -> None:
    world.contact.name, world.contact.email = "山田 太郎", "taro@client.example"
    world.firm.name = "Müller & Söhne"
    booking.book(session, actor=world.acting(), draft=draft(world, start=NOW + DAY), now=NOW)
    session.commit()
    wired.handle(NOW)
    assert wired.deliver(NOW) == 1
    (taken,) = server.messages
    (mail,) = wired.mails()
    assert taken["From"].addresses[0].display_name == "Müller & Söhne via Daybook"
    html = taken.get_body(("html",))
    assert html is not None
    bodies = wired.read(mail)
    assert html.get_content().replace("\r\n", "\n") == bodies.html
    calendar = next(part for part in taken.walk() if part.get_content_type() == "text/calendar")
    assert calendar.get_param("method") == "REQUEST"
    assert calendar.get_payload(decode=True) == (bodies.calendar or "").encode()
    assert all(len(line) <= 998 and b"\n" not in line for line in server.taken[0].split(b"\r\n"))
    assert SMTP.max_line_length


def test_a_deadline_names_the_clock_of_its_own_day(post: Post, session: Session, world: World) -> None:
    world.contact.timezone = "America/New_York"
    spring = datetime(2026, 3, 7, 12, tzinfo=UTC)
    plan = draft(world, start=spring + 2 * DAY, confirm_by=spring)
    booking.propose(session, actor=world.acting(), draft=plan, now=NOW)
    session.commit()
    post.handle(NOW)
    (mail,) = post.mails()
    assert "Answer by: Sat 7 Mar 2026, 07:00, New York (EST)" in mail.text_body
    assert "When: Mon 9 Mar 2026, 08:00–08:45, New York (EDT)" in mail.text_body


def test_long_words_do_not_widen_the_page(page: BrowserPage) -> None:
    long = "W" * 120
    page.set_viewport_size({"width": 390, "height": 700})
    facts = words(firm=long, name=long, what=long, staff=long, elsewhere=long, place=long, reason=long)
    page.set_content(render(MailTemplate.CANCELLED, facts).html)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_preview_is_of_nobody(session: Session, world: World) -> None:
    shown = preview.preview(
        session,
        firm_id=world.firm.firm_id,
        template=MailTemplate.MOVED,
        settings=SETTINGS,
        now=NOW,
    )
    assert "Ada Byron" in shown.text
    assert "https://desk.example.com/c/…" in shown.text
