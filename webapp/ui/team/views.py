"""The team: who is in it, what they may do, and their one-time links."""

from typing import Any

from flask import Blueprint, Response, abort, flash, g, make_response, render_template, url_for
from wtforms import SelectChoice

from webapp.extensions import db
from webapp.lifecycle import team
from webapp.queries import changes
from webapp.queries import team as people
from webapp.queries.team import Person
from webapp.ui.forms import DeskForm
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.ui.team.forms import ConfirmForm, InviteForm, PersonForm
from webapp.vocabulary import Permission, Role

bp = Blueprint("team", __name__)

PERSON = "/team/<int(max=9223372036854775807):staff_user_id>"


@bp.get("/team")
@requires(Permission.MANAGE_TEAM)
def index() -> str:
    found = people.people(db.session(), firm_id=me().firm_id, now=g.now)
    return render_template("team/index.html", people=found, nav_current="team")


@bp.route("/team/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_TEAM)
def invite() -> Response:
    form = InviteForm(role=Role.STAFF.value, bookable=True)
    form.offer(me().role)
    made: dict[str, str] = {}

    def work() -> dict[str, Any]:
        person, made["token"] = team.invite(
            db.session(),
            actor=me().actor,
            name=form.name.data,
            email=form.email.data,
            role=form.chosen_role,
            bookable=form.bookable.data,
            now=g.now,
        )
        return {"staff_user_id": person.staff_user_id}

    if form.accepted() and (answer := form.attempt(work)):
        return _show_link(answer["staff_user_id"], made.get("token"), first=True)
    return _page("team/invite.html", form)


@bp.route(PERSON, methods=["GET", "POST"])
@requires(Permission.MANAGE_TEAM)
def edit(staff_user_id: int) -> Response:
    seen = changes.of_person(db.session(), firm_id=me().firm_id, staff_user_id=staff_user_id)
    person = _load(staff_user_id)
    form = PersonForm(seen=str(seen), name=person.name, role=person.role.value, bookable=person.bookable)
    form.offer(me().role)
    if not _may_touch(person) or staff_user_id == me().staff_user_id:
        form.role.choices = [SelectChoice(person.role.value, person.role.label)]
    if form.accepted() and (answer := form.attempt(lambda: _change(staff_user_id, form))):
        flash(f"Saved {answer['name']}.", "toast")
        return go("/team")
    return _page("team/person.html", form, person)


def _change(staff_user_id: int, form: PersonForm) -> dict[str, Any]:
    person = team.change(
        db.session(),
        staff_user_id,
        actor=me().actor,
        name=form.name.data,
        role=form.chosen_role,
        bookable=form.bookable.data,
        now=g.now,
        seen=form.last_seen,
    )
    return {"name": person.name}


@bp.route(f"{PERSON}/link", methods=["GET", "POST"])
@requires(Permission.MANAGE_TEAM)
def make_link(staff_user_id: int) -> Response:
    person = _load(staff_user_id)
    form = ConfirmForm()
    made: dict[str, str] = {}

    def work() -> dict[str, Any]:
        _person, made["token"] = team.make_link(db.session(), staff_user_id, actor=me().actor, now=g.now)
        return {}

    if form.accepted() and form.attempt(work) is not None:
        return _show_link(staff_user_id, made.get("token"))
    return _page("team/make_link.html", form, person)


@bp.route(f"{PERSON}/link/revocation", methods=["POST"])
@requires(Permission.MANAGE_TEAM)
def revoke_link(staff_user_id: int) -> Response:
    person = _load(staff_user_id)
    form = ConfirmForm()
    if (
        form.accepted()
        and form.attempt(lambda: team.revoke_link(db.session(), staff_user_id, actor=me().actor, now=g.now))
        is not None
    ):
        flash(f"The link for {person.name} does not work any more.", "toast")
    return go(url_for("team.edit", staff_user_id=staff_user_id))


@bp.route(f"{PERSON}/sessions/end", methods=["GET", "POST"])
@requires(Permission.MANAGE_TEAM)
def end_sessions(staff_user_id: int) -> Response:
    person = _load(staff_user_id)
    form = ConfirmForm()
    if (
        form.accepted()
        and form.attempt(lambda: team.end_sessions(db.session(), staff_user_id, actor=me().actor, now=g.now))
        is not None
    ):
        flash(f"{person.name} is signed out everywhere.", "toast")
        return go(url_for("team.edit", staff_user_id=staff_user_id))
    return _page("team/end_sessions.html", form, person)


@bp.route(f"{PERSON}/deactivation", methods=["GET", "POST"])
@requires(Permission.MANAGE_TEAM)
def deactivate(staff_user_id: int) -> Response:
    person = _load(staff_user_id)
    form = ConfirmForm()
    if (
        form.accepted()
        and form.attempt(lambda: team.deactivate(db.session(), staff_user_id, actor=me().actor, now=g.now))
        is not None
    ):
        flash(f"{person.name} is deactivated and signed out everywhere.", "toast")
        return go("/team")
    count = people.to_come(db.session(), firm_id=me().firm_id, staff_user_id=staff_user_id, now=g.now)
    return _page("team/deactivate.html", form, person, to_come=count)


@bp.route(f"{PERSON}/reactivation", methods=["POST"])
@requires(Permission.MANAGE_TEAM)
def reactivate(staff_user_id: int) -> Response:
    person = _load(staff_user_id)
    form = ConfirmForm()
    if (
        form.accepted()
        and form.attempt(lambda: team.reactivate(db.session(), staff_user_id, actor=me().actor, now=g.now))
        is not None
    ):
        flash(f"{person.name} can sign in again.", "toast")
    return go(url_for("team.edit", staff_user_id=staff_user_id))


def _load(staff_user_id: int) -> Person:
    person = people.person(db.session(), firm_id=me().firm_id, staff_user_id=staff_user_id, now=g.now)
    if person is None:
        abort(404)
    return person


def _may_touch(person: Person) -> bool:
    return person.role.rank <= me().role.rank


def _show_link(staff_user_id: int, token: str | None, *, first: bool = False) -> Response:
    """The answer kept for a repetition has no token in it: a link is shown once."""
    link = url_for("invitations.accept", token=token, _external=True) if token else None
    return make_response(
        render_template(
            "team/link.html", person=_load(staff_user_id), link=link, first=first, nav_current="team"
        )
    )


def _page(template: str, form: DeskForm, person: Person | None = None, **context: Any) -> Response:
    return make_response(
        render_template(
            template,
            form=form,
            form_errors=form.errors_list(),
            person=person,
            may_touch=person is None or _may_touch(person),
            is_me=person is not None and person.staff_user_id == me().staff_user_id,
            nav_current="team",
            **context,
        ),
        form.status,
    )
