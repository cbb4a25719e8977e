"""The front door, the list of keys and the sheet of components."""

from flask import Blueprint, Response, abort, current_app, render_template

from webapp.ui.guards import requires
from webapp.ui.htmx import go
from webapp.ui.pages.forms import SampleForm
from webapp.vocabulary import Permission

bp = Blueprint("pages", __name__)


@bp.get("/")
@requires(Permission.VIEW)
def front() -> Response:
    return go("/day")


@bp.get("/shortcuts")
@requires(Permission.VIEW)
def shortcuts() -> str:
    return render_template("pages/shortcuts.html")


@bp.get("/components")
@requires(Permission.VIEW)
def components() -> str:
    """For whoever works on Daybook: a house that runs it has no use for samples."""
    if current_app.config["SETTINGS"].production:
        abort(404)
    return render_template("pages/components.html", form=SampleForm.sample())
