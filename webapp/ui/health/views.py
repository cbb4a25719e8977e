"""``/healthz``: the process answers. ``/readyz``: it can serve; what is wrong otherwise."""

from flask import Blueprint, Response, current_app, g, jsonify

from webapp.extensions import db
from webapp.queries import health
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
