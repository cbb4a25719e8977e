"""Moving an appointment: what is booked now, that person's free times, another day or person, a reason."""

from datetime import datetime, timedelta
from typing import Any

from flask import Response, g, render_template, request
from wtforms import BooleanField, SelectChoice, SelectField, TextAreaField
from wtforms.validators import Length

from webapp.extensions import db
from webapp.lifecycle import appointments as lifecycle
from webapp.lifecycle import limits, quiet
from webapp.lifecycle import slots as free
from webapp.lifecycle.booking import REASON_LENGTH
from webapp.lifecycle.errors import LimitReached, SlotTaken
from webapp.queries import choices
from webapp.ui.appointments import answers, telling
from webapp.ui.appointments.forms import TellingForm
from webapp.ui.appointments.taking import form_for, load, offer, seen_version, show, take
from webapp.ui.guards import me, requires
from webapp.ui.when import LOOK_AHEAD, WhenFields, first_day, picker
from webapp.vocabulary import Action, MailTemplate, Permission


class RescheduleForm(WhenFields, TellingForm):
    staff_user_id = SelectField("Staff", coerce=int)
    reason = TextAreaField("Reason", [Length(max=REASON_LENGTH)], render_kw={"maxlength": REASON_LENGTH})
    double_book = BooleanField("Double-book this time on purpose")


@requires(Permission.ACT)
def reschedule(appointment_id: int) -> Response:
    """GET shows the dialog; POST moves, unless only other times were asked for (without script)."""
    user = me()
    appointment = load(appointment_id)
    offer(appointment, Action.RESCHEDULE)
    form = _form(appointment)
    gone: list[datetime] = []

    def work(fresh: Any) -> dict[str, Any]:
        start = form.moment(user.local)
        gone.append(start)
        g.attempted = f"The reschedule to {user.local.day_time(start)} was not saved."
        g.wanted = answers.Wanted(start, form.staff_user_id.data)
        successor = lifecycle.reschedule(
            db.session(),
            fresh,
            actor=user.actor,
            slot=lifecycle.NewSlot(
                start_time=start,
                end_time=start + (fresh.end_time - fresh.start_time),
                staff_user_id=form.staff_user_id.data,
                double_book=form.double_book.data,
            ),
            reason=form.reason.data or "",
            now=g.now,
            expected_version=seen_version(form),
        )
        if form.is_quiet:
            quiet.leave_out_mail(db.session(), successor, actor=user.actor, now=g.now)
        return {"opened": successor.appointment_id, "said": _said(fresh, successor)}

    if request.form.get("step") != "times" and form.accepted():
        answer = take(form, Action.RESCHEDULE, appointment_id, work)
        if answer is not None:
            return answers.done(appointment_id, answer["said"], opened=answer["opened"])
        appointment = load(appointment_id)
    taken = gone[-1] if gone and isinstance(form.refusal, SlotTaken | LimitReached) else None
    passed = limits.passed_when_rescheduling(db.session(), appointment, g.now)
    return show(
        "rescheduling",
        form,
        appointment,
        telling=telling.of(appointment, MailTemplate.MOVED),
        limit_sentences=[limits.explain(db.session(), appointment, override) for override in passed],
        may_double_book=user.can(Permission.DOUBLE_BOOK) and (taken is not None or form.double_book.data),
        **_picker(form, appointment, taken),
    )


@requires(Permission.ACT)
def slots(appointment_id: int) -> str:
    """The day and time part alone, for another day or person."""
    appointment = load(appointment_id)
    form = _form(appointment, data=request.args)
    return render_template("partials/slot_picker.html", form=form, **_picker(form, appointment, None))


def _form(appointment: Any, data: Any = None) -> RescheduleForm:
    kept = {"formdata": data} if data is not None else {}
    form: RescheduleForm = form_for(
        RescheduleForm, appointment, staff_user_id=appointment.staff_user_id, **kept
    )
    people = choices.bookable_staff(db.session(), firm_id=appointment.firm_id)
    form.staff_user_id.choices = [SelectChoice(number, name) for number, name in people]
    if form.staff_user_id.data not in {number for number, _name in people} and not form.is_submitted():
        form.staff_user_id.data = people[0][0] if people else None
    return form


def _picker(form: RescheduleForm, appointment: Any, taken: datetime | None) -> dict[str, Any]:
    """What ``partials/slot_picker.html`` needs."""
    local, firm = me().local, appointment.firm
    minutes = int((appointment.end_time - appointment.start_time) / timedelta(minutes=1))
    people = {choice.value: choice.label for choice in form.staff_user_id.choices}
    staff_user_id = form.staff_user_id.data if form.staff_user_id.data in people else 0
    today, booked = local.day_of(g.now), local.day_of(appointment.start_time)
    chosen = form.chosen_day() or (booked if booked > today else None)
    first = first_day(chosen, today)

    def offers(start: Any, days: int) -> list[free.DayOffer]:
        return free.offers(
            db.session(),
            firm=firm,
            staff_user_id=staff_user_id,
            first=start,
            days=days,
            minutes=minutes,
            now=g.now,
            ignore=appointment.appointment_id,
        )

    found = offers(first, LOOK_AHEAD)
    if chosen is not None and chosen not in {offer.day for offer in found}:
        found += offers(chosen, 1)
    zone = appointment.contact.timezone if appointment.contact else None
    client = local.elsewhere(zone) if zone and zone != firm.timezone else None
    shown = picker(form, found, local, chosen=chosen, working=firm.working_hours, client=client, gone=taken)
    return {
        "days": shown.days,
        "chosen_day": shown.chosen_day,
        "day_label": shown.day_label,
        "slots": shown.slots,
        "other": shown.other,
        "staff_name": people.get(staff_user_id, ""),
        "slots_url": f"/appointments/{appointment.appointment_id}/slots",
        "slots_include": "#staff_user_id",
        "days_legend": "New day",
        "client_zone": client.city() if client else "",
    }


def _said(original: Any, successor: Any) -> str:
    local = me().local
    old, new = local.day_time(original.start_time), local.day_time(successor.start_time)
    return f"Rescheduled {original.client_name} from {old} to {new}."
