"""A row of an appointment list, ready to print: words chosen, times formatted once, steps with their URLs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from webapp.localtime import Local, duration
from webapp.queries.identity import Me
from webapp.queries.rows import Row
from webapp.vocabulary import Action, CancellationKind, NoShowParty, Permission, Status

PARTY = {
    NoShowParty.CLIENT: "Client didn’t show",
    NoShowParty.STAFF: "Staff didn’t show",
    NoShowParty.BOTH: "Both didn’t show",
}
KINDS = {
    CancellationKind.DECLINED: "Declined",
    CancellationKind.TIMED_OUT: "Not confirmed in time",
    CancellationKind.EXPIRED: "Not answered in time",
}

DECLINED = "Somebody who is required declined"


@dataclass(frozen=True, slots=True)
class Step:
    """A button: ``path`` below the appointment's URL; ``direct`` steps need no facts and act at once."""

    action: Action
    path: str
    label: str
    key: str
    direct: bool = False
    danger: bool = False


STEPS = {  # in the order in which pages show them
    step.action: step
    for step in (
        Step(Action.APPROVE, "approval", "Approve", "a", direct=True),
        Step(Action.CONFIRM, "confirmation", "Confirm", "a", direct=True),
        Step(Action.COMPLETE, "completion", "Complete", "c", direct=True),
        Step(Action.MARK_NO_SHOW, "no-show", "No-show…", "n"),
        Step(Action.RESCHEDULE, "rescheduling", "Reschedule…", "r"),
        Step(Action.CANCEL, "cancellation", "Cancel appointment…", "Delete", danger=True),
        Step(Action.DECLINE, "decline", "Decline…", "", danger=True),
        Step(Action.CORRECT, "correction", "Correct outcome…", ""),
    )
}

EXPECTED = {
    Status.REQUESTED: (Action.APPROVE, Action.DECLINE),
    Status.AWAITING_CONFIRMATION: (Action.CONFIRM, Action.CANCEL),
}
BULK = {
    Action.COMPLETE: "complete",
    Action.APPROVE: "approve",
    Action.MARK_NO_SHOW: "no-show",
    Action.CANCEL: "cancel",
}


@dataclass(frozen=True, slots=True)
class RowView:
    """What ``appointments/_row.html`` prints."""

    id: int
    version: int
    css: str
    status: str
    start_iso: str
    end_iso: str
    start: str
    end: str
    day: str
    client: str
    named: str
    flag: str
    flag_css: str
    moved: str
    type_name: str
    place: str
    staff_name: str
    steps: list[Step]
    outlined: bool
    can: str
    why: str
    at: datetime
    can_arrive: bool

    def read_only(self) -> "RowView":
        """The same row without anything that can be done."""
        return replace(self, steps=[], can="", why="", can_arrive=False)


def present(row: Row, me: Me, now: datetime, *, day_known: bool = True) -> RowView:
    """Choose the words and buttons of one row. ``day_known`` is false in lists over several days."""
    local = me.local
    due, running = row.is_due(now), row.is_running(now)
    allowed = row.can(me.role, now)
    flag, flag_css = _flag(row, local, now)
    start = local.time(row.start_time)
    css = "is-due" if due else "is-running" if running else "" if row.status.is_live else "is-closed"
    return RowView(
        id=row.appointment_id,
        version=row.version,
        css=css,
        status=row.status.value,
        start_iso=local.at(row.start_time).isoformat(timespec="minutes"),
        end_iso=local.at(row.end_time).isoformat(timespec="minutes"),
        start=start,
        end=local.time(row.end_time),
        day=local.day(local.day_of(row.start_time)),
        client=row.client,
        named=f"{row.client}, {start if day_known else local.day_time(row.start_time)}",
        flag=flag,
        flag_css=flag_css,
        moved=local.day_time(row.moved_from) if row.moved_from and not flag else "",
        type_name=row.type_name,
        place=row.location,
        staff_name=row.staff_name,
        steps=_row_steps(row, allowed, now),
        outlined=due or row.status is Status.AWAITING_CONFIRMATION,
        can=" ".join(BULK[action] for action in allowed if action in BULK),
        why=_why(row, local, now) if me.can(Permission.ACT) else "",
        at=row.start_time,
        can_arrive=me.can(Permission.ACT) and row.can_arrive(now),
    )


def present_all(rows: Iterable[Row], me: Me, now: datetime, *, day_known: bool = True) -> list[RowView]:
    return [present(row, me, now, day_known=day_known) for row in rows]


def _row_steps(row: Row, allowed: list[Action], now: datetime) -> list[Step]:
    """At most two steps: those that the status expects next."""
    wanted: tuple[Action, ...] = EXPECTED.get(row.status, ())
    if row.status is Status.CONFIRMED:
        begun = row.start_time <= now
        wanted = (Action.COMPLETE, Action.MARK_NO_SHOW) if begun else (Action.RESCHEDULE,)
    return [STEPS[action] for action in wanted if action in allowed]


def _why(row: Row, local: Local, now: datetime) -> str:
    """Why Complete and No-show are not there yet, for who presses their keys."""
    if row.status is Status.CONFIRMED and row.start_time > now:
        return f"Complete and No-show open at {local.relative(row.start_time, now)}, when it starts."
    return ""


def _flag(row: Row, local: Local, now: datetime) -> tuple[str, str]:
    """The second line and its look; empty when nothing is unusual."""
    match row.status:
        case Status.REQUESTED:
            waiting = duration(max(0, int((now - row.created_at).total_seconds() // 60)))
            late = "Start has passed, asked" if row.start_time <= now else "Asked"
            return f"{late} {_at(local, row.created_at, now)}, waiting {waiting}", "flag--due"
        case Status.AWAITING_CONFIRMATION if row.confirm_by:
            until = f"Waiting for an answer until {local.relative(row.confirm_by, now)}"
            return (DECLINED, "flag--due") if row.poll_declined else (until, "")
        case Status.CONFIRMED if row.end_time <= now:
            return f"Ended {local.relative(row.end_time, now)}, outcome not recorded", "flag--due"
        case Status.CONFIRMED if row.start_time <= now or row.client_joined_at:
            return _present(row, local, now), "flag--run"
        case Status.NO_SHOW if row.no_show_party:
            return PARTY[row.no_show_party], ""
        case Status.CANCELLED:
            return _why_cancelled(row), ""
        case Status.RESCHEDULED if row.moved_to:
            return f"Moved to {local.day_time(row.moved_to)}", ""
    return ("Double booking", "") if row.overbooked and row.status.is_live else ("", "")


def _present(row: Row, local: Local, now: datetime) -> str:
    """Who waits, or until when it lasts."""
    if row.client_joined_at is None or row.staff_joined_at is not None:
        return f"In progress, ends {local.time(row.end_time)}"
    minutes = max(0, int((now - row.client_joined_at).total_seconds() // 60))
    return f"Arrived {local.relative(row.client_joined_at, now)}, waiting {duration(minutes)}"


def _why_cancelled(row: Row) -> str:
    kind = KINDS.get(row.cancellation_kind) if row.cancellation_kind else None
    if row.cancellation_kind is CancellationKind.DECLINED:
        return f"{kind}: {row.status_reason}"
    return kind or row.status_reason or ""


def _at(local: Local, moment: datetime, now: datetime) -> str:
    """``at 08:52`` today, else ``yesterday 08:52`` or the date."""
    words = local.relative(moment, now)
    return f"at {words}" if words == local.time(moment) else words
