"""The transitions' views: load, form, call, respond."""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, g

from webapp.extensions import db
from webapp.lifecycle import appointments as lifecycle
from webapp.lifecycle import quiet
from webapp.lifecycle.appointments import NO_SHOW_REASONS
from webapp.lifecycle.errors import Invalid
from webapp.localtime import Local, NonexistentTime, instant, parse_clock
from webapp.ui.appointments import answers, arrival, rescheduling, telling
from webapp.ui.appointments.forms import CancelForm, CorrectForm, DeclineForm, NoShowForm, StepForm
from webapp.ui.appointments.taking import form_for, load, offer, seen_version, show, take
from webapp.ui.guards import me, requires
from webapp.vocabulary import Action, CancelledBy, MailTemplate, NoShowParty, Permission, Status

DIRECT = {
    "approval": (Action.APPROVE, lifecycle.approve),
    "confirmation": (Action.CONFIRM, lifecycle.confirm),
    "completion": (Action.COMPLETE, lifecycle.complete),
}
SIDES = {CancelledBy.CLIENT: "the client", CancelledBy.STAFF: "the firm"}
OUTCOMES = {
    Status.COMPLETED.value: "It took place",
    **{party.value: words for party, words in NO_SHOW_REASONS.items()},
}


def install(bp: Blueprint) -> None:
    """Give each transition its URL."""
    ways = ["GET", "POST"]
    for path in DIRECT:
        bp.add_url_rule(f"/{path}", path, direct, defaults={"path": path}, methods=ways)
    bp.add_url_rule("/decline", view_func=decline, methods=ways)
    bp.add_url_rule("/cancellation", view_func=cancellation, methods=ways)
    bp.add_url_rule("/no-show", view_func=no_show, methods=ways)
    bp.add_url_rule("/correction", view_func=correction, methods=ways)
    bp.add_url_rule("/rescheduling", view_func=rescheduling.reschedule, methods=ways)
    bp.add_url_rule("/arrival", view_func=arrival.arrive, methods=["POST"])
    bp.add_url_rule("/slots", view_func=rescheduling.slots, methods=["GET"])


@requires(Permission.ACT)
def direct(appointment_id: int, path: str) -> Response:
    """Approve, confirm, complete: no facts are needed, so a POST acts at once; GET asks on a page."""
    action, step = DIRECT[path]
    appointment = load(appointment_id)
    offer(appointment, action)
    form = form_for(StepForm, appointment)
    if form.accepted():
        version = seen_version(form)
        answer = take(
            form,
            action,
            appointment_id,
            lambda fresh: step(db.session(), fresh, actor=me().actor, now=g.now, expected_version=version),
            attempted=f"The {path} was not saved.",
        )
        if answer is not None:
            return answers.done(appointment_id, answer["said"])
    return show("direct", form, appointment, step=answers.STEPS[action])


@requires(Permission.ACT)
def decline(appointment_id: int) -> Response:
    appointment = load(appointment_id)
    offer(appointment, Action.DECLINE)
    form = form_for(DeclineForm, appointment)

    def work(fresh: Any) -> None:
        lifecycle.decline(
            db.session(),
            fresh,
            actor=me().actor,
            reason=form.reason.data,
            now=g.now,
            expected_version=seen_version(form),
        )
        if form.is_quiet:
            quiet.leave_out_mail(db.session(), fresh, actor=me().actor, now=g.now)

    if form.accepted():
        attempted = "That you declined it was not saved."
        answer = take(form, Action.DECLINE, appointment_id, work, attempted=attempted)
        if answer is not None:
            return answers.done(appointment_id, answer["said"])
    return show("decline", form, appointment, telling=telling.of(appointment, MailTemplate.DECLINED))


@requires(Permission.ACT)
def cancellation(appointment_id: int) -> Response:
    appointment = load(appointment_id)
    offer(appointment, Action.CANCEL)
    form = form_for(CancelForm, appointment)

    def work(fresh: Any) -> None:
        lifecycle.cancel(
            db.session(),
            fresh,
            actor=me().actor,
            reason=form.reason.data,
            cancelled_by=CancelledBy(form.cancelled_by.data),
            now=g.now,
            expected_version=seen_version(form),
        )
        if form.is_quiet:
            quiet.leave_out_mail(db.session(), fresh, actor=me().actor, now=g.now)

    if form.accepted():
        attempted = f"The cancellation by {SIDES[CancelledBy(form.cancelled_by.data)]} was not saved."
        answer = take(form, Action.CANCEL, appointment_id, work, attempted=attempted)
        if answer is not None:
            return answers.done(appointment_id, answer["said"])
    return show("cancellation", form, appointment, telling=telling.of(appointment, MailTemplate.CANCELLED))


@requires(Permission.ACT)
def no_show(appointment_id: int) -> Response:
    appointment, local = load(appointment_id), me().local
    offer(appointment, Action.MARK_NO_SHOW)
    form = form_for(NoShowForm, appointment, at=_suggested_time(appointment, local))

    def work(fresh: Any) -> None:
        lifecycle.mark_no_show(
            db.session(),
            fresh,
            actor=me().actor,
            party=NoShowParty(form.party.data),
            note=form.note.data or "",
            occurred_at=_occurred_at(form.at.data or "", fresh, local),
            now=g.now,
            expected_version=seen_version(form),
        )

    if form.accepted():
        missed = NO_SHOW_REASONS[NoShowParty(form.party.data)]
        at = f", {form.at.data.strip()}" if (form.at.data or "").strip() else ""
        attempted = f"The no-show ({missed}{at}) was not saved."
        answer = take(form, Action.MARK_NO_SHOW, appointment_id, work, attempted=attempted)
        if answer is not None:
            return answers.done(appointment_id, answer["said"])
    return show("no_show", form, appointment)


def _suggested_time(appointment: Any, local: Local) -> str:
    """Now, while the meeting's day lasts; later its end."""
    if local.day_of(appointment.start_time) == local.day_of(g.now):
        return local.time(max(g.now, appointment.start_time))
    return local.time(appointment.end_time)


def _occurred_at(text: str, appointment: Any, local: Local) -> datetime | None:
    """The typed time of day on the meeting's day, or on the next one for a meeting over midnight.

    Without a time the stamp is now. Seconds are not typed, so a time within the present minute is now.
    """
    if not text.strip():
        return None
    try:
        clock = parse_clock(text)
        naive = datetime.combine(local.day_of(appointment.start_time), clock)
        if naive < local.at(appointment.start_time).replace(tzinfo=None, second=0, microsecond=0):
            late = naive + timedelta(days=1)
            crosses = local.day_of(appointment.end_time) > naive.date()
            naive = late if crosses else naive
        first, second = (instant(naive, local.zone, second=later) for later in (False, True))
        moment = first if appointment.start_time <= first else second  # where the clock shows it twice
    except NonexistentTime as error:
        nearest = f"{local.time(error.before)} or {local.time(error.after)}"
        raise Invalid(f"The clocks skip that time. Enter {nearest}.", field="at") from None
    except ValueError as error:
        raise Invalid(str(error), field="at") from None
    return min(moment, g.now) if moment - g.now < timedelta(minutes=1) else moment


@requires(Permission.CORRECT)
def correction(appointment_id: int) -> Response:
    appointment = load(appointment_id)
    offer(appointment, Action.CORRECT)
    form = form_for(CorrectForm, appointment)

    def work(fresh: Any) -> None:
        outcome = form.outcome.data
        completed = outcome == Status.COMPLETED.value
        lifecycle.correct(
            db.session(),
            fresh,
            actor=me().actor,
            to=Status.COMPLETED if completed else Status.NO_SHOW,
            party=None if completed else NoShowParty(outcome),
            reason=form.reason.data,
            now=g.now,
            expected_version=seen_version(form),
        )

    if form.accepted():
        attempted = f"The correction to “{OUTCOMES[form.outcome.data]}” was not saved."
        answer = take(form, Action.CORRECT, appointment_id, work, attempted=attempted)
        if answer is not None:
            return answers.done(appointment_id, answer["said"])
    return show("correction", form, appointment)
