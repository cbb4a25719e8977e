"""Reading a page as a person would: its rows, its headings, what is filled in, what a form would send."""

from html.parser import HTMLParser

from werkzeug.test import TestResponse

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "use"}


class Element:
    """One element with its attributes, its text and what is in it."""

    def __init__(self, tag: str, attrs: dict[str, str]) -> None:
        self.tag, self.attrs = tag, attrs
        self.children: list[Element | str] = []

    @property
    def text(self) -> str:
        """All text in it, with white space made single blanks."""
        parts = (child if isinstance(child, str) else child.text for child in self.children)
        return " ".join(" ".join(parts).split())

    def all(self, tag: str = "", **attrs: str) -> list["Element"]:
        """Every element below with this tag, class (``cls``), id or other attribute, in order."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.matches(tag, attrs):
                    found.append(child)
                found += child.all(tag, **attrs)
        return found

    def one(self, tag: str = "", **attrs: str) -> "Element":
        found = self.all(tag, **attrs)
        assert len(found) == 1, f"{len(found)} of {tag} {attrs}"
        return found[0]

    def matches(self, tag: str, attrs: dict[str, str]) -> bool:
        if tag and self.tag != tag:
            return False
        for name, value in attrs.items():
            have = self.attrs.get("class" if name == "cls" else name.replace("_", "-"))
            if have is None or value not in ({have, *have.split()} if name == "cls" else {have}):
                return False
        return True


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self.open) - 1, 0, -1):
            if self.open[depth].tag == tag:
                del self.open[depth:]
                return

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(response: TestResponse | str) -> Element:
    builder = _Builder()
    builder.feed(response if isinstance(response, str) else response.get_data(as_text=True))
    builder.close()
    return builder.root


def rows(page: Element) -> list[int]:
    """The references of the rows shown, in order."""
    return [int(row.attrs["id"].removeprefix("appt-")) for row in page.all("tr", cls="row")]


def groups(page: Element) -> list[str]:
    """The headings between the rows, in order."""
    return [heading.text for heading in page.all(cls="group__h")]


def toasts(page: Element) -> list[str]:
    """What the page says at once; what lies in templates is not on it."""
    kept = [id(toast) for template in page.all("template") for toast in template.all(cls="toast")]
    return [toast.one("p").text for toast in page.all(cls="toast") if id(toast) not in kept]


def notices(page: Element) -> list[str]:
    """Headings and lines of the notices that stay."""
    return [
        part.text
        for notice in page.one(id="notices").all(cls="notice")
        for part in notice.all("h2") + notice.all("li")
    ]


def assert_sound(page: Element) -> None:
    """What every page must be: one h1, no id twice, every form with an action or buttons that have one."""
    assert len(page.all("h1")) == 1
    ids = [element.attrs["id"] for element in page.all() if "id" in element.attrs]
    assert len(ids) == len(set(ids)), [name for name in ids if ids.count(name) > 1]
