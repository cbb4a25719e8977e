"""How far the firm's history is sealed, in plain words, and the seals as a file to keep elsewhere."""

from datetime import timedelta

from flask import Blueprint, Response, g, render_template

from webapp.extensions import db
from webapp.queries import proofs, snapshots
from webapp.ui import guards, proof_files
from webapp.ui.guards import me, requires
from webapp.vocabulary import Permission

bp = Blueprint("record", __name__)

SHOWN = 20
BEHIND = timedelta(minutes=10)
"""Entries wait a minute for their seal; after ten something is wrong."""


@bp.get("/settings/record")
@requires(Permission.MANAGE_SETTINGS)
def index() -> str:
    state = proofs.state(db.session(), firm_id=me().firm_id)
    oldest = state.oldest_waiting
    return render_template(
        "record/index.html",
        state=state,
        behind=oldest is not None and oldest < g.now - BEHIND,
        seals=proofs.latest(db.session(), firm_id=me().firm_id, limit=SHOWN),
        key=proof_files.public_key_text(),
        nav_current="settings",
    )


@bp.get("/settings/record/seals.jsonl")
@requires(Permission.MANAGE_SETTINGS)
def seals() -> Response:
    """Every seal, one in each line, as the verifier reads those that were kept outside."""
    firm_id = me().firm_id
    found = snapshots.read(guards.engine(), lambda session: proofs.seals(session, firm_id=firm_id))
    return proof_files.answer((seal._asdict() for seal in found), "seals")
