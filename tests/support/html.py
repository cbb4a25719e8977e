"""Looking at a page without a browser: enough to check what every page must have."""

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """One form: its attributes and the names of what it sends."""

    attributes: dict[str, str | None]
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return (self.attributes.get("method") or "").lower()


class Page(HTMLParser):
    """Headings, ids, forms and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.ids: Counter[str] = Counter()
        self.forms: list[Form] = []
        self.title = ""
        self._open: list[str] = []
        self._inside: Form | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._open.append(tag)
        if found.get("id"):
            self.ids[found["id"] or ""] += 1
        if tag == "h1":
            self.headings.append("")
        if tag == "form":
            self._inside = Form(found)
            self.forms.append(self._inside)
        if (
            tag in {"input", "select", "textarea", "button"}
            and self._inside is not None
            and found.get("name")
        ):
            self._inside.fields[found["name"] or ""] = found.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        if tag == "form":
            self._inside = None

    def handle_data(self, data: str) -> None:
        if "h1" in self._open and self.headings:
            self.headings[-1] += data
        if "title" in self._open and "svg" not in self._open:
            self.title += data

    def form(self, action: str) -> Form:
        """The form that is sent to this address."""
        return next(form for form in self.forms if form.attributes.get("action") == action)

    def faults(self) -> list[str]:
        """What no page may have."""
        found = [] if len(self.headings) == 1 else [f"{len(self.headings)} h1"]
        found += [f"id {name} {count} times" for name, count in self.ids.items() if count > 1]
        for form in self.forms:
            action = form.attributes.get("action")
            # A hidden form is sent by buttons elsewhere, each of which brings the address (formaction).
            if form.method not in {"get", "post"} or not (action or "hidden" in form.attributes):
                found.append(f"form without action or method: {form.attributes}")
            if form.method == "post" and not form.fields.get("csrf_token"):
                found.append(f"form without csrf_token: {action}")
        return found
