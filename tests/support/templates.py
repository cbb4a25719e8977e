"""What a template may not hold, and a gate that reads every one: ``python -m tests.support.templates``.

The policy the pages are sent with has no ``unsafe-inline`` and no ``unsafe-eval``: whatever breaks these
rules would be dead in the browser, without a word to whoever wrote it.
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError, nodes

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "webapp" / "templates"
MAX_LINES = 250

# Template → why its `|safe` cannot carry anybody's text. Nothing needs it so far.
SAFE_ALLOWED: dict[str, str] = {}

_ENVIRONMENT = Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], autoescape=True)
_JINJA = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)


def all_templates() -> list[Path]:
    return sorted(path for path in TEMPLATES.rglob("*") if path.is_file())


def faults_in(path: Path) -> list[str]:
    """Every fault of one template, as ``file:line what, and how to mend it``."""
    name = path.relative_to(TEMPLATES).as_posix()
    return [
        f"{path.relative_to(ROOT)}:{line} {what}"
        for line, what in sorted(faults(path.read_text("utf-8"), name))
    ]


def faults(source: str, name: str) -> Iterator[tuple[int, str]]:
    """Line and fault for each thing in ``source`` that may not be there."""
    try:
        tree = _ENVIRONMENT.parse(source, name)
    except TemplateSyntaxError as error:
        yield error.lineno, f"does not parse: {error.message}"
        return
    yield from _in_jinja(tree, name)
    yield from _in_markup(source)
    count = len(source.splitlines())
    if count > MAX_LINES:
        yield (
            count,
            f"has {count} lines, more than {MAX_LINES}: move a part into a macro or a partial of its own",
        )


def _in_jinja(tree: nodes.Template, name: str) -> Iterator[tuple[int, str]]:
    for node in tree.find_all(nodes.Filter):
        if node.name == "safe" and name not in SAFE_ALLOWED:
            yield (
                node.lineno,
                "`|safe` switches escaping off: build the markup in a macro, or add the template and the "
                "reason to SAFE_ALLOWED in tests/support/templates.py",
            )
    for scope in tree.find_all((nodes.ScopedEvalContextModifier, nodes.EvalContextModifier)):
        if any(option.key == "autoescape" for option in scope.options):
            yield scope.lineno, "`autoescape` is for no template to set: leave it on"
    for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        for wanted in _names(node.template):
            if not (TEMPLATES / wanted).is_file() and not getattr(node, "ignore_missing", False):
                yield node.lineno, f"asks for {wanted!r}, which does not exist"


def _names(expression: nodes.Expr) -> Iterator[str]:
    if isinstance(expression, nodes.Const) and isinstance(expression.value, str):
        yield expression.value


def _in_markup(source: str) -> Iterator[tuple[int, str]]:
    reader = _Reader()
    reader.feed(_JINJA.sub(_blank, source))
    reader.close()
    yield from reader.found


def _blank(match: re.Match[str]) -> str:
    """A stand-in for a piece of Jinja that keeps the lines where they are."""
    piece = match.group()
    return ("x" if piece.startswith("{{") else " ") + "\n" * piece.count("\n")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag == "style":
            self._say("`<style>` is refused by the policy: put the rule into static/css")
        if tag == "script" and "src" not in names:
            self._say(
                "an inline `<script>` is refused by the policy: put it into static/app.js, data into data-*"
            )
        for name, value in attrs:
            self._attribute(name, value or "")

    def _attribute(self, name: str, value: str) -> None:
        if name == "style":
            self._say(
                "an inline `style` is refused by the policy: use a class, or a data-* the style sheet reads"
            )
        elif name.startswith(("hx-on", "data-hx-on")):
            self._say(f"`{name}` needs eval: listen for the event in static/app.js")
        elif re.fullmatch(r"on[a-z]+", name):
            self._say(f"`{name}` is refused by the policy: listen for the event in static/app.js")
        elif name.removeprefix("data-").startswith("hx-trigger") and "[" in value:
            self._say("a filter in `hx-trigger` needs eval: have static/app.js send an event of its own")
        elif value.strip().lower().startswith(("javascript:", "js:")):
            self._say(f"script in `{name}` needs eval: put it into static/app.js")

    def _say(self, what: str) -> None:
        self.found.append((self.getpos()[0], what))


def main() -> int:
    found = [fault for path in all_templates() for fault in faults_in(path)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
