"""Accessibility of a page in the browser, by axe-core."""

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS = {
    "runOnly": {"type": "tag", "values": WCAG_22_AA},
    "rules": {"target-size": {"enabled": True}},  # part of 2.2 AA, and off unless it is asked for
    "resultTypes": ["violations"],
}


@cache
def _axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def assert_no_violations(page: Page, *, within: str | None = None) -> None:
    """Fail with every WCAG 2.2 AA violation on the page as it stands, or in the part that ``within`` selects.

    The script goes in through the browser's own protocol: the page's policy would refuse a script tag.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    found = page.evaluate("([within, options]) => axe.run(within || document, options)", [within, OPTIONS])
    violations: list[dict[str, Any]] = found["violations"]
    assert not violations, f"{page.url} has {len(violations)} violations:\n" + "\n".join(
        map(_told, violations)
    )


def _told(violation: dict[str, Any]) -> str:
    places = "\n".join(f"    {node['target']} {node['html'][:160]}" for node in violation["nodes"])
    return f"  {violation['id']} ({violation['impact']}): {violation['help']}\n{places}"
