"""A page as a PDF file: our own HTML and style sheets from our own disk, and nothing from anywhere else."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any
from urllib.parse import unquote, urlsplit

from webapp import assets

STATIC = assets.STATIC
ORIGIN = "http://daybook.invalid"
"""Where a page's addresses begin while it is printed; there is no such host (RFC 6761)."""
PREFIX = "/static/"
CHARTS = STATIC / "css" / "paper-charts.css"
TYPES = {".css": "text/css", ".svg": "image/svg+xml"}
SIZES = ("A4", "Letter")
MISSING = (
    "This installation cannot make PDF files: the extra “pdf” or one of its system libraries is missing. "
    "Print the page instead; browsers can save a print as PDF."
)
BUSY = (
    "Other PDF files are being made just now. Try again in half a minute, or print the page instead; "
    "browsers can save a print as PDF."
)
WAIT = 10
"""Seconds for the one before to be ready."""
ROOM = BoundedSemaphore(2)
"""Threads of this process that may be here: one file is made, one waits; the others serve pages."""
PRESS = Lock()
SYMBOL = re.compile(r'<symbol id="i-([\w-]+)" viewBox="([\d ]+)">(.*?)</symbol>')
SPRITE = re.compile(r'<svg class="sprite".*?</svg>', re.DOTALL)
ICON = re.compile(r'<svg class="icon[^"]*"[^>]*><use href="#i-([\w-]+)"/></svg>')
LINK = re.compile(r'(<a\b[^>]*?) href="[^"]*"')
SHEET = re.compile(r'<link rel="stylesheet" href="([^"]+)">')
CHART = re.compile(r'<svg class="(?:chart|key)"[^>]*>')


class Unable(Exception):
    """PDF files cannot be made here; the message is a sentence for the person who asked for one."""

    def __init__(self) -> None:
        super().__init__(MISSING)


class Busy(Exception):
    """This process makes as many PDF files as it can; the message is a sentence."""

    def __init__(self) -> None:
        super().__init__(BUSY)


def pdf(html: str, *, size: str = "A4") -> bytes:
    """A whole page as a tagged PDF.

    Args:
        html: with links to style sheets below ``/static/``; whatever else it points to is not fetched.
        size: one of ``SIZES``.

    Raises:
        Unable: the package or a library that it needs is not installed.
        Busy: one is being made and another waits, or that took longer than ``WAIT``.
    """
    weasyprint = _package()
    page = weasyprint.CSS(string=f"@page {{ size: {size} !important; }}")
    document = weasyprint.HTML(string=_drawn(html), base_url=f"{ORIGIN}/", url_fetcher=_fetcher(weasyprint))
    with _turn():
        made: bytes = document.write_pdf(stylesheets=[page], pdf_tags=True)
    return made


@contextmanager
def _turn() -> Iterator[None]:
    """Making a file takes a processor for itself, so two at once would each take twice as long."""
    if not ROOM.acquire(blocking=False):
        raise Busy
    try:
        if not PRESS.acquire(timeout=WAIT):
            raise Busy
        try:
            yield
        finally:
            PRESS.release()
    finally:
        ROOM.release()


def alone(html: str) -> str:
    """The same page as one file that can be put anywhere: its style sheets inside, no links."""

    def sheet(found: re.Match[str]) -> str:
        return f"<style>\n{static_file(ORIGIN + found[1]).read_text(encoding='utf-8')}</style>"

    return LINK.sub(r"\1", SHEET.sub(sheet, html))


def _package() -> Any:
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise Unable from error
    return weasyprint


def static_file(url: str) -> Path:
    """The file of ours that an address means.

    Raises:
        ValueError: it is none of ours.
    """
    parts = urlsplit(url)
    if f"{parts.scheme}://{parts.netloc}" == ORIGIN and parts.path.startswith(PREFIX):
        found = (STATIC / assets.split(unquote(parts.path.removeprefix(PREFIX)))[0]).resolve()
        if found.is_relative_to(STATIC.resolve()) and found.suffix in TYPES and found.is_file():
            return found
    raise ValueError(f"Not one of our static files: {url}")


def _fetcher(weasyprint: Any) -> Any:
    class OwnFiles(weasyprint.urls.URLFetcher):
        def fetch(self, url: str, headers: Any = None) -> Any:
            found = static_file(url)
            head = {"Content-Type": TYPES[found.suffix]}
            return weasyprint.urls.URLFetcherResponse(url, found.read_bytes(), head)

    return OwnFiles(allowed_protocols=(), allow_redirects=False)


def _drawn(html: str) -> str:
    """The page without links, each drawing complete in itself: here an SVG sees neither sprite nor sheets."""
    symbols = {name: (box, shapes) for name, box, shapes in SYMBOL.findall(html)}

    def icon(found: re.Match[str]) -> str:
        box, shapes = symbols[found[1]]
        return (
            f'<svg class="icon" viewBox="{box}" width="16" height="16"><g fill="none" stroke="#14191b" '
            f'stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round">{shapes}</g></svg>'
        )

    charts = f"<style>{_chart_style()}</style>"
    html = LINK.sub(r"\1", ICON.sub(icon, SPRITE.sub("", html)))
    return CHART.sub(lambda found: found[0] + charts, html)


@lru_cache(maxsize=1)
def _chart_style() -> str:
    return CHARTS.read_text(encoding="utf-8")
