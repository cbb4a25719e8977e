"""Static files: what may be kept for ever, what is asked about again, and how they are packed."""

import gzip
import hashlib
import re
import shutil
from pathlib import Path

import brotli
import pytest
from flask.testing import FlaskClient

from webapp import assets
from webapp.ui.static_files import FOR_EVER, static_url

pytestmark = pytest.mark.one_engine("sqlite")  # no database is asked
HTMX = "vendor/htmx-4.0.1.min.js"
FILES = sorted(
    path.relative_to(assets.STATIC).as_posix() for path in assets.STATIC.rglob("*.*") if path.is_file()
)


def test_each_file_has_a_name_that_can_be_kept_for_ever(client: FlaskClient) -> None:
    for path in FILES:
        content = (assets.STATIC / path).read_bytes()
        url = static_url(path)
        assert hashlib.sha256(content).hexdigest()[:12] in url
        answer = client.get(url)
        assert (answer.status_code, answer.data) == (200, content)
        assert answer.headers["Cache-Control"] == FOR_EVER == "public, max-age=31536000, immutable"
        assert [name.lower() for name in answer.vary] == ["accept-encoding"]
        assert "Set-Cookie" not in answer.headers


def test_without_a_fingerprint_it_is_asked_about_each_time(client: FlaskClient) -> None:
    answer = client.get("/static/app.js")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    again = client.get("/static/app.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "app.000000000000.js",
        "nowhere.js",
        "css",
        "",
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/%2e%2e/pyproject.toml",
    ],
)
def test_what_is_not_there_is_not_kept(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/static/{path}")
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_changed_file_has_another_url(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tmp_path / "static"
    shutil.copytree(assets.STATIC, files)
    monkeypatch.setattr(assets, "STATIC", files)
    (files / "one.css").write_text("a {}")
    first = static_url("one.css")
    assert client.get(first).data == b"a {}"
    (files / "one.css").write_text("b { }")
    second = static_url("one.css")
    assert second != first
    assert client.get(second).data == b"b { }"
    assert client.get(first).status_code == 404


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0.5, gzip", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
def test_it_is_packed_as_the_browser_likes(client: FlaskClient, accepts: str, encoding: str | None) -> None:
    answer = client.get(static_url(HTMX), headers={"Accept-Encoding": accepts})
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    content = (assets.STATIC / HTMX).read_bytes()
    assert answer.headers.get("Content-Encoding") == encoding
    assert unpack(answer.data) == content
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert (len(answer.data) < len(content) / 2) == (encoding is not None)


def test_each_encoding_has_its_own_tag(client: FlaskClient) -> None:
    tags = {
        client.get(static_url(HTMX), headers={"Accept-Encoding": accepts}).headers["ETag"]
        for accepts in ("br", "gzip", "identity")
    }
    assert len(tags) == 3


def test_head_says_what_get_would(client: FlaskClient) -> None:
    url, accepts = static_url(HTMX), {"Accept-Encoding": "br"}
    got, told = client.get(url, headers=accepts), client.head(url, headers=accepts)
    assert told.data == b""
    for name in ("Content-Length", "Content-Encoding", "Cache-Control", "ETag", "Vary", "Content-Type"):
        assert told.headers[name] == got.headers[name]


def test_a_part_is_a_part_of_the_file_itself(client: FlaskClient) -> None:
    content = (assets.STATIC / HTMX).read_bytes()
    asked = {"Range": "bytes=100-1999", "Accept-Encoding": "br, gzip"}
    answer = client.get(static_url(HTMX), headers=asked)
    assert (answer.status_code, answer.data) == (206, content[100:2000])
    assert answer.headers["Content-Range"] == f"bytes 100-1999/{len(content)}"
    assert "Content-Encoding" not in answer.headers
    beyond = client.get(static_url(HTMX), headers={"Range": f"bytes={len(content)}-"})
    assert beyond.status_code == 416


def test_a_page_names_its_files_with_their_fingerprints(client: FlaskClient) -> None:
    found = re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/sign-in").text)
    assert len(found) > 5
    assert all(assets.split(url.removeprefix("/static/"))[1] for url in found)


def test_no_sheet_refers_to_another_file() -> None:
    """It would do so by the name without a fingerprint."""
    for sheet in assets.STATIC.rglob("*.css"):
        assert not re.search(r"url\((?!['\"]?(data:|#))|@import", sheet.read_text(encoding="utf-8")), sheet
