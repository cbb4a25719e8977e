"""A number of another firm in a form, a body, a query or a callback is the number of nothing there too."""

import base64
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook
from werkzeug.test import TestResponse

from tests.factories import NOW
from tests.support.api import API
from tests.tenancy.asking import BROWSERS, OURS, Ask, address, seen
from tests.tenancy.conftest import FORM_COOKIE, Installation
from tests.tenancy.ground import ABSENT
from tests.tenancy.table import ROWS
from webapp.api.operations import OPERATIONS, Operation
from webapp.lifecycle import callbacks
from webapp.vocabulary import Role

MANAGER = next(asker for asker in BROWSERS if asker.role is Role.MANAGER)
STAFF = {"staff": "staff"}
DONE_BY = {"by": "staff", "staff": "staff"}
CHOSEN = {"ref": "confirmed"}
PEOPLE_AND_TYPES = {"staff": "staff", "type": "type"}
FILTERS = PEOPLE_AND_TYPES | {"account": "account"}
TIMES = {"staff_user_id": "staff", "appointment_type_id": "type", "contact_id": "contact"}

ASKED: dict[str, dict[str, str]] = {
    **dict.fromkeys(("listing.appointments", "listing.as_file"), PEOPLE_AND_TYPES),
    **dict.fromkeys(("reports.report", "reports.as_file", "reports.appointments"), FILTERS),
    **dict.fromkeys(("reports.appointments_as_file", "prints.show", "prints.as_csv"), FILTERS),
    **dict.fromkeys(("board.show", "board.as_file", "board.changes"), STAFF),
    **dict.fromkeys(("activity.show", "activity.as_file", "activity.news"), DONE_BY),
    "booking.new": FILTERS | {"contact": "contact", "again": "confirmed"},
    "booking.slots": {"staff_user_id": "staff", "appointment_type_id": "type"},
    "appointments.slots": {"staff_user_id": "staff"},
    "contacts.index": {"before": "contact", "after": "contact"},
    "contacts.options": {"chosen": "contact", "contact_id": "contact"},
    "accounts.index": {"before": "account", "after": "account"},
    "accounts.show": {"before": "contact", "after": "contact"},
    "accounts.options": {"chosen": "account", "account_id": "account"},
    "contacts.show": {"before": "confirmed", "after": "confirmed"},
    "outbox.index": {"before": "mail", "after": "mail"},
    "polls.index": {"before": "poll"},
    "webhooks.show": {"before": "delivery", "after": "delivery"},
}
"""Numbers that a page takes from the query: the name, and what of a firm it means."""

SENT: dict[str, dict[str, str]] = {
    "booking.new": TIMES | {"account_id": "account"},
    "appointments.edit_details": {"contact_id": "contact"},
    "appointments.reschedule": {"staff_user_id": "staff"},
    "polls.new": {"staff_user_id": "staff", "appointment_type_id": "type"},
    "polls.remind": {"invitee": "invitee"},
    "contacts.new": {"account_id": "account"},
    "contacts.edit": {"account_id": "account"},
    "feeds.new": {"staff_user_id": "staff", "appointment_type_id": "type"},
    "tokens.new": {"staff_user_id": "staff"},
    "invitees.reply": {"vote-{}": "slot"},
    "client_page.cancel": {"booking": "confirmed"},
    "client_page.move": {"booking": "confirmed"},
    **dict.fromkeys(("bulk.ask", "bulk.at_once", "bulk.with_facts"), CHOSEN),
}
"""Numbers that a form takes."""

ALSO: dict[tuple[str, str], dict[str, str]] = {
    ("booking.new", "account_id"): {"who": "account"},
    ("invitees.reply", "vote-{}"): {"step": "vote"},
}
"""What else a form says where it is asked for this number."""

KEYS = {
    "staff_user_id": "staff",
    "appointment_type_id": "type",
    "contact_id": "contact",
    "account_id": "account",
    "cursor": "contact",
}
"""Every number that a query or a body of the API takes."""


FORM_TOKEN = re.compile(rb'name="form_token"[^>]*value="[^"]*"')


def ask_of(installation: Installation, endpoint: str, method: str) -> Ask:
    (rule,) = [rule for rule in installation.app.url_map.iter_rules(endpoint) if not rule.defaults][:1]
    return Ask(rule, method, MANAGER, (OURS,) * len(ROWS[endpoint].fill), 0)


def get(installation: Installation, endpoint: str, name: str, number: int) -> TestResponse:
    here = address(installation.app, ask_of(installation, endpoint, "GET"), installation)
    joint = "&" if "?" in here else "?"
    return installation.visitor(Role.MANAGER).get(f"{here}{joint}{name}={number}")


def post(installation: Installation, endpoint: str, name: str, number: int) -> TestResponse:
    body = ROWS[endpoint].body(installation.ours) | ALSO.get((endpoint, name), {})
    value = f"{number}.2" if name == "ref" else number
    body = {each: said for each, said in body.items() if not each.startswith("vote-")}
    body |= {name.format(number): "yes" if "{}" in name else value}
    here = address(installation.app, ask_of(installation, endpoint, "POST"), installation)
    return installation.visitor(Role.MANAGER).post(here, data=body)


def told(found: TestResponse, number: int) -> Any:
    """What there is to see, whichever number it was."""
    status, headers, data = seen(found)
    mine = str(number)
    shown = FORM_TOKEN.sub(rb"", data.replace(mine.encode(), b""))
    return status, [(name, _opened(value).replace(mine, "")) for name, value in headers], shown


def _opened(header: str) -> str:
    """A header; of the cookie that carries what the next page says, what it holds."""
    found = re.match(rf"{FORM_COOKIE}=\.([\w-]+)\.", header)
    if found is None:
        return header
    return zlib.decompress(base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))).decode()


def compare(installation: Installation, whole: dict[str, dict[str, str]], send: Any) -> list[str]:
    faults = []
    for endpoint, names in whole.items():
        for name, thing in names.items():
            theirs = installation.theirs.ids[thing]
            found = send(installation, endpoint, name, theirs)
            nothing = send(installation, endpoint, name, ABSENT)
            if told(found, theirs) != told(nothing, ABSENT):
                faults.append(f"{endpoint}, {name}: {found.status_code}, {nothing.status_code}")
            if found.status_code >= 500 or installation.theirs.mark in found.text:
                faults.append(f"{endpoint}, {name}: {found.status_code}")
    return faults


def test_a_number_in_a_query(both: Installation) -> None:
    both.as_it_was()
    before = both.dump()
    faults = compare(both, ASKED, get)
    assert not faults, "\n".join(faults)
    assert both.dump() == before


def test_a_number_in_a_form(both: Installation) -> None:
    both.as_it_was()
    before = both.dump()
    faults = compare(both, SENT, post)
    assert not faults, "\n".join(faults)
    after = both.dump()
    written = {name for name, rows in after.items() if rows != before[name]}
    assert written <= {"poll_vote", "poll_invitee", "submission"}, written  # a vote for no time at all


SHOWN_ALIKE = {
    ("board.changes", "staff"),  # the day's counts, whoever is looked at
    ("booking.slots", "appointment_type_id"),  # without a type a meeting is as long as the first one's
}


@pytest.mark.parametrize("endpoint", dict.fromkeys([*ASKED, *SENT]))
def test_the_names_are_those_that_the_page_knows(one: Installation, endpoint: str) -> None:
    """A name that no page reads would prove nothing: with our own number the answer is another one."""
    for whole, send in ((ASKED, get), (SENT, post)):
        for name, thing in whole.get(endpoint, {}).items():
            if (endpoint, name) in SHOWN_ALIKE or name in {"before", "after"}:
                continue
            one.as_it_was()
            ours, nothing = one.ours.ids[thing], ABSENT
            own = told(send(one, endpoint, name, ours), ours)
            one.as_it_was()
            assert own != told(send(one, endpoint, name, nothing), nothing), name


def _numbers(operation: Operation) -> Iterator[tuple[str, str]]:
    """Which numbers an operation takes, and where."""
    for place in ("query", "body"):
        model = getattr(operation, place)
        for name, schema in model.model_json_schema()["properties"].items() if model is not None else ():
            if '"maximum": 9223372036854775807' in json.dumps(schema):
                yield place, name


def test_a_number_in_what_a_program_sends(both: Installation) -> None:
    both.as_it_was()
    before, faults, tried = both.dump(), [], 0
    for operation in OPERATIONS:
        for place, name in _numbers(operation):
            answers = []
            for number in (both.theirs.ids[KEYS[name]], ABSENT):
                answers.append(told(_call(both, operation, place, name, number), number))
            tried += 1
            if answers[0] != answers[1] or answers[0][0] >= 500 or both.theirs.mark.encode() in answers[0][2]:
                faults.append(f"{operation.name}, {name}: {answers[0]}, {answers[1]}")
    assert tried > 15
    assert not faults, "\n".join(faults)
    assert both.dump() == before


def _call(
    installation: Installation, operation: Operation, place: str, name: str, number: int
) -> TestResponse:
    endpoint = f"api.{operation.name}"
    here = address(installation.app, ask_of(installation, endpoint, operation.method), installation)
    more: dict[str, Any] = {}
    body = ROWS[endpoint].body(installation.ours)
    if place == "query":
        path, _, query = here.partition("?")
        kept = [pair for pair in query.split("&") if pair and not pair.startswith(f"{name}=")]
        here = f"{path}?{'&'.join([*kept, f'{name}={number}'])}"
    elif name == "account_id" and "contact_id" in body:
        del body["contact_id"]
    if operation.method != "GET":
        more = {"json": body | ({name: number} if place == "body" else {})}
    token = installation.ours.bearers["every scope"]
    assert here.startswith(API)
    return installation.app.test_client().open(
        here, method=operation.method, headers={"Authorization": f"Bearer {token}"}, **more
    )


def test_a_callback_signed_by_one_firm_is_nothing_to_another(both: Installation) -> None:
    both.as_it_was()
    before = both.dump()
    key = both.app.config["SECRET_KEY"]
    ours = callbacks.secret_of(both.ours.ids["firm_id"], key=key)

    def reported(slug: str, number: int) -> Any:
        body = json.dumps({"appointment_id": number, "side": "client", "joined_at": "2026-01-13T09:58:00Z"})
        headers = {
            "webhook-id": "call-1",
            "webhook-timestamp": str(int(NOW.timestamp())),
            "webhook-signature": Webhook(ours).sign("call-1", NOW, body),
            "Content-Type": "application/json",
        }
        return seen(both.app.test_client().post(f"/hooks/attendance/{slug}", data=body, headers=headers))

    here, there = both.ours.ids["slug"], both.theirs.ids["slug"]
    assert reported(here, both.theirs.ids["started"]) == reported(here, ABSENT)
    assert reported(there, both.theirs.ids["started"]) == reported("no-such-firm", ABSENT)
    assert both.dump() == before
    assert reported(here, both.ours.ids["started"])[0] == 200
