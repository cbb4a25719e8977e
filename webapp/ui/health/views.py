"""``/healthz``: the process answers. ``/readyz``: it can serve; what is wrong otherwise.

``/metrics``: figures, for Prometheus.
"""

import hmac

from flask import Blueprint, Response, abort, current_app, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from webapp.extensions import db
from webapp.queries import health, operation
from webapp.ui.guards import anonymous

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@anonymous
def live() -> Response:
    """200 as long as the process answers; asks nothing of the database."""
    return Response("ok", mimetype="text/plain")


@bp.get("/readyz")
@anonymous
def ready() -> Response:
    """Each check by name; 503 when the database or its schema is not in order."""
    found = health.readiness(db.session(), migrations=current_app.extensions["migrate"].directory, now=g.now)
    answer = jsonify(
        ready=found.ready,
        checks={
            "database": {"ok": found.database},
            "migrations": {"ok": found.migrations},
            "worker": {"ok": found.worker, "seconds_since_sweep": found.sweep_age},
        },
    )
    answer.status_code = 200 if found.ready else 503
    return answer


@bp.get("/metrics")
@anonymous
def metrics() -> Response:
    """Figures for whoever has the token of the settings; for everybody else there is nothing here."""
    token: str = current_app.config["SETTINGS"].metrics_token
    given = request.headers.get("Authorization", "").encode()
    if not token or not hmac.compare_digest(given, f"Bearer {token}".encode()):
        abort(404)
    found = operation.now_of(db.session(), now=g.now)
    return Response(current_app.extensions["figures"].text(found), content_type=CONTENT_TYPE_LATEST)
