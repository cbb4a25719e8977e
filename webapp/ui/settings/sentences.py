"""What the settings do, in plain sentences made from their values."""

from webapp.lifecycle.firm_policies import OutcomeValues, ReachValues
from webapp.lifecycle.firm_settings import Values
from webapp.vocabulary import OutcomePolicy

NEVER_TRACKED = (
    "A meeting whose attendance nobody reports is never marked as a no-show by the system: "
    "not being seen is not being absent."
)
LATE = (
    "Joining after a no-show was marked does not undo it: "
    "the meeting is listed under Needs outcome, and a person corrects it."
)
FUSE = (
    "When far more is due than on a usual day, or the clock has jumped, the system waits "
    "until a manager has looked under Held back."
)


def span(minutes: int) -> str:
    """``45 min``, ``2 h``, ``1 day``, ``2 days 3 h``: exact, with nothing rounded away."""
    days, rest = divmod(minutes, 24 * 60)
    hours, small = divmod(rest, 60)
    parts = [_days(days)] if days else []
    parts += [f"{hours} h"] if hours else []
    parts += [f"{small} min"] if small else []
    return " ".join(parts) or "0 min"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def outcomes(values: OutcomeValues) -> list[str]:
    """What becomes of meetings that nobody entered an outcome for."""
    return [_completion(values), _no_show(values), NEVER_TRACKED, LATE, FUSE]


def _completion(values: OutcomeValues) -> str:
    when = f"ended more than {span(values.complete_after)} ago" if values.complete_after else "has ended"
    match values.completion_policy:
        case OutcomePolicy.DECIDE:
            return (
                f"A meeting that {when} without an outcome is marked completed by the system, as of its end."
            )
        case OutcomePolicy.SUGGEST:
            return (
                f"A meeting that {when} without an outcome stays confirmed; Needs outcome suggests "
                "Completed and a person decides."
            )
        case _:
            return (
                "No meeting is marked completed by the system; each that has ended waits under Needs outcome."
            )


def _no_show(values: OutcomeValues) -> str:
    missing = (
        "Where a provider reports who joined, a meeting that somebody has not joined "
        f"{span(values.no_show_after)} after its start"
    )
    match values.no_show_policy:
        case OutcomePolicy.DECIDE:
            return (
                f"{missing} is marked as a no-show by the system, of whoever is missing: the client, "
                "the staff member, or both."
            )
        case OutcomePolicy.SUGGEST:
            return (
                f"{missing} stays confirmed; Needs outcome suggests a no-show of whoever is missing "
                "and a person decides."
            )
        case _:
            return (
                "No meeting is marked as a no-show by the system; one that somebody has not joined "
                "waits under Needs outcome when it has ended."
            )


def reach(values: ReachValues) -> list[str]:
    """What clients get, and when."""
    reminder = (
        f"Clients get a reminder {span(values.reminder_hours * 60)} before a confirmed appointment, "
        "unless it was booked later than that."
        if values.reminder_hours
        else "No reminders are sent."
    )
    call = (
        f"Whoever has not answered a proposed time or a poll is asked once more, "
        f"{span(values.last_call_hours * 60)} before the deadline."
        if values.last_call_hours
        else "Nobody is asked a second time before a deadline."
    )
    links = (
        "Mail to clients carries a personal link. Behind it they see the appointment without an account, "
        "answer a proposed time, and move or cancel within the firm’s limits."
        if values.client_links
        else "Mail to clients carries no personal link, and those sent before open nothing. "
        "Clients call the firm to move or cancel. Polls are answered by link all the same."
    )
    return [reminder, call, links]


def limits(values: Values) -> list[str]:
    """What binds clients, how long an outcome can be corrected, when a proposal is given up."""
    return [
        _moving(values),
        f"A client may cancel {_until(values.cancel_notice)}.",
        "Staff may go past these limits. Where they move a booking they give a reason, "
        "which the history keeps.",
        _correcting(values.correction_days),
        f"A proposed time that nobody confirms within {values.confirm_hours} h is given up, "
        "unless another deadline is set, and the slot is free again.",
    ]


def _moving(values: Values) -> str:
    if values.reschedule_limit == 0:
        return "Clients may not move a booking."
    times = {None: "as often as they like", 1: "once"}.get(
        values.reschedule_limit, f"up to {values.reschedule_limit} times"
    )
    return f"A client may move one booking {times}, {_until(values.reschedule_notice)}."


def _until(notice: int) -> str:
    return f"until {span(notice)} before it starts" if notice else "until it starts"


def _correcting(days: int) -> str:
    if not days:
        return "Nobody may correct an outcome once it is recorded."
    return f"A manager may correct an outcome for {_days(days)} after it was recorded."
