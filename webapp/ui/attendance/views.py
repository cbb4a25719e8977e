"""What a video provider reports: who joined, when."""

import json
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from webapp.extensions import csrf, db
from webapp.lifecycle import attendance, callbacks, transaction
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import DomainError, Invalid, Missing
from webapp.lifecycle.text import one_line
from webapp.queries import attendance as known
from webapp.queries.attendance import Called
from webapp.ui.guards import public
from webapp.vocabulary import AttendanceSide, AttendanceSource

bp = Blueprint("attendance", __name__)

PROVIDER = "the video provider"
MAX_BODY = 64 * 1024  # bytes
TOO_LARGE = "Send at most 64 kB."
OTHER_FACTS = "A call with this webhook-id came before with other facts. Give each call an id of its own."


class Unreadable(DomainError):
    """The body is no JSON that anybody would send."""


@bp.post("/hooks/attendance/<slug>")
@public
@csrf.exempt  # another program calls; its signature is checked instead
def provider(slug: str) -> Response:
    """A provider's callback: ``{"appointment_id" or "external_ref", "side", "joined_at"}``, signed.

    200 with ``{"recorded": true}``, or false where the fact was known. Anything wrong is answered with
    problem details (RFC 9457) and nothing is written.
    """
    request.max_content_length = MAX_BODY  # also of a body that does not say how long it is
    if (request.content_length or 0) > MAX_BODY:
        return _problem(413, TOO_LARGE)
    if request.mimetype != "application/json":
        return _problem(415, "Send application/json.")
    firm = known.called(db.session(), slug=slug)
    try:
        body = request.get_data()
        message_id = callbacks.verify(dict(request.headers.items()), body, secrets=_secrets(firm), now=g.now)
        facts = _facts(body)
        recorded = transaction.run(db.session(), lambda: _record(firm.firm_id, message_id, facts))
    except RequestEntityTooLarge:
        return _problem(413, TOO_LARGE)
    except callbacks.BadSignature as refusal:
        return _problem(401, refusal.sentence)
    except Unreadable as refusal:
        return _problem(400, refusal.sentence)
    except attendance.OtherFacts:
        return _problem(409, OTHER_FACTS)
    except (Invalid, Missing) as refusal:
        return _problem(404 if isinstance(refusal, Missing) else 422, refusal.sentence)
    return _json({"recorded": recorded}, 200, "application/json")


def _secrets(firm: Called) -> list[str]:
    key = current_app.config["SECRET_KEY"]
    return callbacks.good_secrets(
        firm.firm_id, key=key, turn=firm.turn, renewed_at=firm.renewed_at, now=g.now
    )


def _facts(body: bytes) -> dict[str, Any]:
    """The callback's facts, of the right types.

    Raises:
        Unreadable: the body is not JSON.
        Invalid: with a sentence that names the member to correct.
    """
    given = _read(body)
    if not isinstance(given, dict):
        raise Invalid("Send one JSON object.")
    number, ref, side = (given.get(name) for name in ("appointment_id", "external_ref", "side"))
    if (number is None) == (ref is None):
        raise Invalid("Send either appointment_id or external_ref.")
    if number is not None and (type(number) is not int or not 0 < number < 2**63):
        raise Invalid("appointment_id must be a positive whole number.")
    if ref is not None and not isinstance(ref, str):
        raise Invalid("external_ref must be text.")
    if not isinstance(side, str) or side not in set(AttendanceSide):
        raise Invalid("side must be client or staff.")
    return {
        "appointment_id": number,
        "external_ref": one_line(ref, attendance.REF_LENGTH, "external_ref") if ref is not None else None,
        "side": AttendanceSide(side),
        "joined_at": _instant(given),
    }


def _read(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Invalid("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Unreadable(f"The body is not JSON: {error.msg}, {where}.") from None
    except (ValueError, RecursionError):
        raise Unreadable(
            "The body cannot be read: a number in it is too long, or it nests too deep."
        ) from None


def _instant(given: dict[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(given["joined_at"])
    except (KeyError, TypeError, ValueError):
        raise Invalid("joined_at must be an ISO 8601 time with an offset.") from None
    if moment.tzinfo is None:
        raise Invalid("joined_at must carry its offset, such as 2026-01-13T14:02:00Z.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid("joined_at is out of range.") from None


def _record(firm_id: int, message_id: str, facts: dict[str, Any]) -> bool:
    found = known.find_appointment(
        db.session(),
        firm_id=firm_id,
        appointment_id=facts["appointment_id"],
        external_ref=facts["external_ref"],
    )
    if found is None:
        raise Missing("The firm has no such appointment.")
    return attendance.record(
        db.session(),
        found,
        actor=Actor.system(firm_id, PROVIDER),
        side=facts["side"],
        source=AttendanceSource.PROVIDER,
        joined_at=facts["joined_at"],
        now=g.now,
        external_id=message_id,
    )


def _problem(code: int, detail: str) -> Response:
    return _json({"title": detail, "status": code, "detail": detail}, code, "application/problem+json")


def _json(content: dict[str, Any], code: int, mimetype: str) -> Response:
    return Response(json.dumps(content), code, mimetype=mimetype)
