"""What staff do with a poll: hold, confirm, call off, edit, remind, and the invitees' links."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, flash, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle import transaction
from webapp.lifecycle.errors import Missing, NotAllowed
from webapp.lifecycle.polls import base, drafting, holding
from webapp.localtime import zone_names
from webapp.queries.polls import PollPage, Slot
from webapp.ui.forms import DeskForm, VersionedForm
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.ui.polls import notify, page
from webapp.ui.polls.forms import EditForm, HoldForm, ReasonForm
from webapp.vocabulary import MailTemplate, Permission, PollStatus

Work = Callable[[Any], dict[str, Any] | None]


def install(bp: Blueprint) -> None:
    """Give every step its address."""
    both = ["GET", "POST"]
    for path, view, methods in (
        ("slots/<int:poll_slot_id>/holding", hold, both),
        ("confirmation", confirm, both),
        ("cancellation", cancel, both),
        ("edit", edit, both),
        ("reminder", remind, ["POST"]),
        ("links", personal_links, ["POST"]),
        ("invitees/<int:poll_invitee_id>/revocation", revoke, ["POST"]),
    ):
        bp.add_url_rule(f"/polls/<int:poll_id>/{path}", view_func=view, methods=methods)


def _once(form: DeskForm, poll_id: int, work: Work) -> dict[str, Any] | None:
    """Take the step once per form, on the poll as it is under its lock."""

    def effect() -> dict[str, Any]:
        poll = base.get(db.session(), firm_id=me().firm_id, poll_id=poll_id)
        return work(poll) or {}

    return form.attempt(effect)


def _done(poll_id: int, sentence: str) -> Response:
    flash(sentence, "toast")
    return go(page.url_of(poll_id))


def _show(template: str, form: DeskForm, found: PollPage, **more: Any) -> Response:
    errors = form.errors_list() if form.status != 200 else []
    shown = render_template(
        f"polls/{template}.html", form=form, form_errors=errors, **page.context(found), **more
    )
    return make_response(shown, form.status)


def _offer(found: PollPage, *allowed: PollStatus) -> None:
    """Refuse to show a form for a step that the poll does not have now."""
    if request.method == "GET" and found.status not in allowed:
        raise NotAllowed(base.STANDS[found.status])


@requires(Permission.BOOK)
def hold(poll_id: int, poll_slot_id: int) -> Response:
    found, local = page.load(poll_id), me().local
    _offer(found, PollStatus.OPEN, PollStatus.HELD)
    slot = _slot(found, poll_slot_id)
    offered = holding.default_confirm_by(slot.start_time, confirm_hours=found.confirm_hours, now=g.now)
    typed = {"day": local.day_of(offered).isoformat(), "time": local.time(offered)}
    form = HoldForm(data={"version": found.version, "confirm_by": typed})

    def work(poll: Any) -> None:
        holding.hold(
            db.session(),
            poll,
            poll_slot_id=poll_slot_id,
            actor=me().actor,
            now=g.now,
            confirm_by=_exact(until, offered, slot),
            reason=form.reason.data or "",
            expected_version=form.version.data,
        )

    if form.accepted():
        until = form.confirm_by.form.read(local)
        if until is None:
            form.code = 422
        elif _once(form, poll_id, work) is not None:
            return _done(
                poll_id, f"Held {local.day_time(slot.start_time)}. The invitees are asked to confirm."
            )
    return _show("hold", form, found, slot=slot, tally=found.tally(slot))


def _exact(typed: datetime | None, offered: datetime, slot: Slot) -> datetime | None:
    """The offered deadline has seconds that the field does not show; leaving it as it is keeps it."""
    if typed is not None and typed == offered.replace(second=0, microsecond=0):
        return offered
    return typed


def _slot(found: PollPage, poll_slot_id: int) -> Slot:
    slot = next((slot for slot in found.slots if slot.poll_slot_id == poll_slot_id), None)
    if slot is None:
        raise Missing("There is no such time in this poll.")
    return slot


@requires(Permission.ACT)
def confirm(poll_id: int) -> Response:
    found = page.load(poll_id)
    _offer(found, PollStatus.HELD)
    form = VersionedForm(data={"version": found.version})

    def work(poll: Any) -> None:
        holding.confirm(db.session(), poll, actor=me().actor, now=g.now, expected_version=form.version.data)

    if form.accepted() and _once(form, poll_id, work) is not None:
        return _done(poll_id, "Confirmed. The invitees are told.")
    return _show("confirm", form, found)


@requires(Permission.ACT)
def cancel(poll_id: int) -> Response:
    found = page.load(poll_id)
    _offer(found, PollStatus.OPEN, PollStatus.HELD)
    form = ReasonForm(data={"version": found.version})

    def work(poll: Any) -> None:
        was_open = poll.status is PollStatus.OPEN
        holding.cancel(
            db.session(),
            poll,
            actor=me().actor,
            reason=form.reason.data or "",
            now=g.now,
            expected_version=form.version.data,
        )
        if was_open:  # a held time's appointment tells by itself that it is cancelled
            notify.queue(poll_id, drafting.invitee_ids(db.session(), poll), MailTemplate.CANCELLED)

    if form.accepted() and _once(form, poll_id, work) is not None:
        return _done(poll_id, "The poll is called off. The invitees are told.")
    return _show("cancel", form, found)


@requires(Permission.ACT)
def edit(poll_id: int) -> Response:
    found, local = page.load(poll_id), me().local
    _offer(found, PollStatus.OPEN)
    first = found.slots[0]
    minutes = int((first.end_time - first.start_time).total_seconds() // 60)
    deadline = {"day": local.day_of(found.deadline).isoformat(), "time": local.time(found.deadline)}
    form = EditForm(data={"version": found.version, "deadline": deadline})

    def work(poll: Any, changes: drafting.Changes) -> None:
        added = drafting.edit(
            db.session(),
            poll,
            actor=me().actor,
            changes=changes,
            now=g.now,
            expected_version=form.version.data,
        )
        if added:
            notify.queue(poll_id, added, MailTemplate.POLL)

    step = request.form.get("step", "")
    aside = request.method == "POST" and form.grow(step)
    if step == "check":
        form.mark(local, minutes, page.calendar(found.staff_user_id))
    elif not aside and form.accepted():
        changes = form.changes(local, minutes)
        if changes and _once(form, poll_id, lambda poll: work(poll, changes)) is not None:
            return _done(poll_id, "The poll is changed.")
    return _show("edit", form, found, minutes=minutes, zones=sorted(zone_names()))


@requires(Permission.ACT)
def remind(poll_id: int) -> Response:
    form = DeskForm()
    only = request.form.get("invitee", type=int)

    def work(poll: Any) -> dict[str, Any]:
        silent = holding.remind(db.session(), poll, actor=me().actor, now=g.now, poll_invitee_id=only)
        ids = [one.poll_invitee_id for one in silent]
        if poll.status is PollStatus.HELD:
            notify.ask_again(poll.appointment_id, ids)
        else:
            notify.queue(poll_id, ids, MailTemplate.REMINDER)
        return {"names": ", ".join(one.name for one in silent)}

    answer = _once(form, poll_id, work)
    return _done(poll_id, f"Reminded {answer['names']}." if answer else "Nobody was reminded.")


@requires(Permission.ACT)
def personal_links(poll_id: int) -> Response:
    """Every invitee's own address, to be copied. A POST, since missing links are made."""
    settings, session = current_app.config["SETTINGS"], db.session()

    def work() -> list[tuple[str, str]]:
        poll = base.get(session, firm_id=me().firm_id, poll_id=poll_id)
        found = holding.personal_links(session, poll, actor=me().actor, secret=settings.secret_key, now=g.now)
        return [(invitee.name, f"{settings.base_url}/i/{token}") for invitee, token in found]

    found = transaction.run(session, work)
    return _show("links", DeskForm(), page.load(poll_id), addresses=found)


@requires(Permission.ACT)
def revoke(poll_id: int, poll_invitee_id: int) -> Response:
    def work(poll: Any) -> dict[str, Any]:
        name = holding.revoke_link(
            db.session(), poll, poll_invitee_id=poll_invitee_id, actor=me().actor, now=g.now
        )
        return {"name": name}

    answer = _once(DeskForm(), poll_id, work) or {"name": "The invitee"}
    return _done(poll_id, f"{answer['name']}’s link does not work any more.")
