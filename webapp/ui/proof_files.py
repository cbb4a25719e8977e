"""What proves the history, as files of JSON lines, and the key that checks them."""

import json
from collections.abc import Iterable
from typing import Any

from flask import Response, current_app

from webapp.extensions import db
from webapp.lifecycle.seal_keys import public_key, signing_key
from webapp.queries import export
from webapp.ui.guards import me


def answer(lines: Iterable[dict[str, Any]], stem: str) -> Response:
    """A download, written while it is read."""
    name = f"{export.firm_slug(db.session(), firm_id=me().firm_id)}-{stem}.jsonl"
    told = (json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    response = Response(told, mimetype="application/jsonl")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def public_key_text() -> str:
    """The key that checks the seals, as people pass it on: 64 hexadecimal digits."""
    settings = current_app.config["SETTINGS"]
    return public_key(signing_key(settings.seal_key, secret_key=settings.secret_key)).hex()
