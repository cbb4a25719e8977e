"""Every field there is to send something in: those of the pages, the forms, the views, the API's document."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import AnyConverter, Rule
from wtforms import FieldList, Form, FormField

import webapp.ui
from tests.attack.conftest import Installation
from tests.factories import NOW
from tests.support.api import API

MEETINGS = ("confirmed", "started", "suggested", "requested", "proposed", "completed", "missed", "cancelled")
THINGS: dict[str, tuple[str, ...]] = {
    "account_id": ("account",),
    "api_token_id": ("token",),
    "appointment_id": (*MEETINGS, "moved"),
    "appointment_type_id": ("type", "retired_type"),
    "calendar_feed_id": ("feed",),
    "contact_id": ("contact",),
    "mail_message_id": ("mail",),
    "poll_id": ("poll", "held_poll", "off_poll"),
    "poll_invitee_id": ("invitee",),
    "poll_slot_id": ("slot",),
    "slug": ("slug",),
    "staff_user_id": ("colleague", "invited", "gone"),
    "sweep_hold_id": ("hold",),
    "webhook_delivery_id": ("delivery",),
    "webhook_endpoint_id": ("endpoint", "endpoint_off"),
}
PLACEHOLDERS = {
    "account_id": "{account}",
    "appointment_type_id": "{type}",
    "contact_id": "{contact}",
    "staff_user_id": "{staff}",
}
"""What an example of the document calls by a number that there may not be."""
LINKS = {
    "client_page": "client_link",
    "feeds": "feed_link",
    "invitations": "invited_link",
    "invitees": "invitee_link",
}
WORDS = {"day": "2026-01-14", "handle": "0" * 16}
SLOW = (".pdf",)
"""Drawing paper takes a second each; what it is asked for is read by the same forms as the page's."""
ASIDE = {"static"}
COMMON = ("q", "as_of", "next", "before", "after", "page", "from", "to", "back", "since", "day", "unknown")
ARGUMENT = re.compile(r"""args(?:\.get(?:list)?\(|\[)["']([^"']+)["']""")


@dataclass(frozen=True)
class Ask:
    """One request but for what stands in ``name``. The address has ``{names}`` of the ground in it."""

    kind: str
    method: str
    path: str
    name: str
    base: tuple[tuple[str, Any], ...] = ()

    @property
    def public(self) -> bool:
        return any(f"{{{link}}}" in self.path for link in LINKS.values()) or self.path.startswith("/sign-in")


@dataclass
class Sent:
    """A form of a page: where it goes and what it would send as it stands."""

    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Forms(HTMLParser):
    """Forms and links of a page. A radio or a box that is not ticked sends nothing, but has a name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Sent] = []
        self.links: list[str] = []
        self.buttons: list[tuple[str, str]] = []
        self._form: Sent | None = None
        self._select = self._area = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        for name in ("href", "hx-get"):
            if name in have:
                self.links.append(have[name])
        if tag == "form":
            self._form = Sent(have.get("method", "get").upper(), have.get("action", ""))
            self.forms.append(self._form)
        if have.get("formaction"):
            self.buttons.append((have["formaction"], have.get("form", "")))
        if self._form is None:
            return
        if tag in {"input", "button"} and have.get("name"):
            self._input(have)
        self._open(tag, have)

    def _input(self, have: dict[str, str]) -> None:
        assert self._form is not None
        optional = have.get("type") in {"radio", "checkbox", "submit"} or "type" not in have
        sent = have.get("value", "") if not optional or "checked" in have or "type" not in have else ""
        if sent or have["name"] not in self._form.fields:
            self._form.fields[have["name"]] = sent

    def _open(self, tag: str, have: dict[str, str]) -> None:
        assert self._form is not None
        if tag == "select":
            self._select = have.get("name", "")
            self._form.fields.setdefault(self._select, "")
        if tag == "option" and self._select and ("selected" in have or not self._form.fields[self._select]):
            self._form.fields[self._select] = have.get("value", "")
        if tag == "textarea" and have.get("name"):
            self._area = have["name"]
            self._form.fields[self._area] = ""

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._area:
            self._form.fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        if tag == "textarea":
            self._area = ""
        if tag == "form":
            self._form = None


def addresses(app: Flask, rule: Rule) -> list[str]:
    """The route's addresses, one for each thing that it could be about, with names for numbers and links."""
    found = [rule.rule]
    for name, converter in rule._converters.items():
        given: tuple[str, ...]
        if isinstance(converter, AnyConverter):
            given = tuple(converter.items)[:3]
        elif name == "token":
            given = (f"{{{LINKS[rule.endpoint.partition('.')[0]]}}}",)
        elif name in THINGS:
            given = tuple(f"{{{thing}}}" for thing in THINGS[name])
        else:
            given = (WORDS[name],)
        argument = re.compile(rf"<(?:[^<>]*:)?{name}>")
        found = [argument.sub(value, path) for path in found for value in given]
    return found


def routes(app: Flask) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in ASIDE:
            yield rule


def filled(path: str, ids: dict[str, Any]) -> str:
    """The address with the ground's numbers in it."""
    return re.sub(r"\{(\w+)\}", lambda found: str(ids[found[1]]), path)


def everything(installation: Installation) -> list[Ask]:
    """Every field of every form, query and body, in an order that does not change."""
    app = installation.app
    found: dict[tuple[str, ...], Ask] = {}
    for ask in (*_of_pages(installation), *_of_the_api(app), *_of_the_callback(), *_of_addresses(app)):
        key = (ask.path, ask.method, ask.kind, ask.name)
        if key not in found or len(ask.base) > len(found[key].base):
            found[key] = ask  # the one with the most beside it gets furthest
    return [found[key] for key in sorted(found)]


def _of_pages(installation: Installation) -> Iterator[Ask]:
    app, names = installation.app, fields_of_forms()
    spelled = {
        str(value): name for name, value in installation.ground.ids.items() if len(str(value)) > 20
    }  # a link in a page is another on the other engine
    for rule in routes(app):
        methods, noun = rule.methods or set(), rule.endpoint.partition(".")[0]
        if noun == "api" or rule.rule.endswith(SLOW):
            continue
        asked = {*names.get(noun, ()), *arguments_of(noun), *COMMON}
        for path in addresses(app, rule):
            if "GET" in methods:
                yield from (Ask("query", "GET", path, name) for name in sorted(asked))
                yield from _of_page(installation, path, spelled)
            if "POST" in methods:
                yield from (
                    Ask("form", "POST", path, name) for name in sorted({*names.get(noun, ()), "unknown"})
                )


def _of_page(installation: Installation, path: str, spelled: dict[str, str]) -> Iterator[Ask]:
    """What the page at the address would send, field by field."""
    browser = installation.browser(signed_in=not path.startswith("/sign-in"))
    answer = browser.get(filled(path, installation.ground.ids))
    if answer.mimetype != "text/html":
        return
    page = Forms(answer.text)
    for form in page.forms:
        action = urlsplit(form.action or path)
        if action.netloc or action.path.endswith(SLOW) or not action.path.startswith("/"):
            continue
        where = action.path
        for text, name in spelled.items():
            where = where.replace(text, f"{{{name}}}")
        sent = {name: value for name, value in form.fields.items() if name and name != "form_token"}
        kind = "form" if form.method == "POST" else "query"
        for name in sent:
            yield Ask(kind, form.method, where, name, tuple(sorted(sent.items())) if kind == "form" else ())
    for link in page.links:
        parts = urlsplit(link)
        if (
            parts.netloc
            or not parts.path.startswith("/")
            or parts.path.endswith(SLOW)
            or "static" in parts.path
        ):
            continue
        where = parts.path
        for text, name in spelled.items():
            where = where.replace(text, f"{{{name}}}")
        base = tuple(sorted(dict(parse_qsl(parts.query)).items()))
        if len(base) < 8:
            yield from (Ask("query", "GET", where, name, base) for name, _value in base)


def fields_of_forms() -> dict[str, list[str]]:
    """The names of all fields of a noun's form classes, those in rows with the number of a row."""
    found: dict[str, list[str]] = {}
    for package in pkgutil.iter_modules(webapp.ui.__path__):
        if not package.ispkg:
            continue
        for module in pkgutil.iter_modules([str(Path(webapp.ui.__path__[0]) / package.name)]):
            loaded = importlib.import_module(f"webapp.ui.{package.name}.{module.name}")
            for each in vars(loaded).values():
                if isinstance(each, type) and issubclass(each, Form):
                    found.setdefault(package.name, []).extend(_fields(each))
    return {noun: sorted(set(names)) for noun, names in found.items()}


def _fields(form: type[Form]) -> Iterator[str]:
    for name in dir(form):
        unbound = getattr(form, name)
        if not hasattr(unbound, "field_class"):
            continue
        shown = unbound.kwargs.get("name", name)
        if issubclass(unbound.field_class, FieldList) and issubclass(unbound.args[0].field_class, FormField):
            yield from (f"{shown}-0-{inner}" for inner in _fields(unbound.args[0].args[0]))
        elif issubclass(unbound.field_class, FieldList):
            yield f"{shown}-0"
        elif issubclass(unbound.field_class, FormField):
            yield from (f"{shown}-{inner}" for inner in _fields(unbound.args[0]))
        else:
            yield shown


def arguments_of(noun: str) -> set[str]:
    """What a noun's modules read from the query by name."""
    folder = Path(webapp.ui.__path__[0]) / noun
    return {name for path in folder.glob("*.py") for name in ARGUMENT.findall(path.read_text())}


def _of_the_api(app: Flask) -> Iterator[Ask]:
    document: Any = app.test_client().get(f"{API}/openapi.json").json
    for path, item in document["paths"].items():
        for method, told in item.items():
            where = f"{API}{path}"
            for place in _places(where):
                yield Ask("api query", method.upper(), place, "unknown")
                for parameter in told["parameters"]:
                    if parameter["in"] == "query":
                        yield Ask("api query", method.upper(), place, parameter["name"])
                    if parameter["in"] == "header":
                        yield Ask("api header", method.upper(), place, parameter["name"])
                yield from _of_body(document, told, method.upper(), place)


def _places(path: str) -> list[str]:
    found = [path]
    for name, things in THINGS.items():
        found = [
            each.replace(f"{{{name}}}", f"{{{thing}}}")
            for each in found
            for thing in (things if f"{{{name}}}" in each else ("",))
        ]
    return found


def _of_body(document: Any, told: Any, method: str, place: str) -> Iterator[Ask]:
    content = told.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return
    schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    example = {
        name: value for name, value in content["example"].items() if not isinstance(value, list | dict)
    }
    base = tuple(sorted((name, PLACEHOLDERS.get(name, value)) for name, value in example.items()))
    for name in (*schema.get("properties", {}), "unknown"):
        yield Ask("json", method, place, name, base)


def _of_the_callback() -> Iterator[Ask]:
    """What a video provider signs and sends."""
    for about in ({"appointment_id": "{started}"}, {"external_ref": "A reference started"}):
        base = {**about, "side": "client", "joined_at": NOW.isoformat()}
        for name in (*base, "unknown"):
            yield Ask("hook", "POST", "/hooks/attendance/{slug}", name, tuple(sorted(base.items())))


def _of_addresses(app: Flask) -> Iterator[Ask]:
    """The words in addresses themselves."""
    for rule in routes(app):
        if rule.rule.endswith(SLOW):
            continue
        for name, converter in rule._converters.items():
            if isinstance(converter, AnyConverter) or (name in THINGS and name != "slug"):
                continue
            for path in addresses(app, rule)[:1]:
                link = LINKS.get(rule.endpoint.partition(".")[0], "")
                held = {"token": f"{{{link}}}", "slug": "{slug}"}.get(name, WORDS.get(name, ""))
                for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                    yield Ask("address", method, path, held)


def visitor(installation: Installation, ask: Ask) -> FlaskClient:
    return installation.browser(signed_in=not ask.public)
