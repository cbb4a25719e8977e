"""What should have happened: the contract told again in a few lines, without the application's rules."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.lifecycle.table import MAY, leads
from webapp.lifecycle.errors import DomainError, Forbidden, Invalid, LimitReached, NotAllowed, SlotTaken
from webapp.vocabulary import LIVE, Action, Status

RESCHEDULE_LIMIT = 3
CORRECTION_WINDOW = timedelta(days=7)

Refusal = type[DomainError] | None


@dataclass
class Meeting:
    """One appointment as it should be. ``decided`` is when an outcome was first recorded."""

    status: Status
    staff_user_id: int
    start: datetime
    end: datetime
    confirm_by: datetime | None = None
    moves: int = 0
    overbooked: bool = False
    decided: datetime | None = None
    steps: list[Action] = field(default_factory=list)
    edits: int = 0

    def holds(self, staff_user_id: int, start: datetime, end: datetime) -> bool:
        return (
            self.status in LIVE
            and not self.overbooked
            and self.staff_user_id == staff_user_id
            and self.start < end
            and start < self.end
        )


@dataclass
class Model:
    """Every appointment of a firm, by its number."""

    meetings: dict[int, Meeting] = field(default_factory=dict)

    def is_held(self, staff_user_id: int, start: datetime, end: datetime, *, but: int | None = None) -> bool:
        return any(
            meeting.holds(staff_user_id, start, end)
            for number, meeting in self.meetings.items()
            if number != but
        )

    def refusal_of_creating(
        self, action: Action, who: str, now: datetime, plan: Meeting, *, double_book: bool
    ) -> Refusal:
        if action is not Action.BOOK and plan.start <= now:
            return Invalid
        if MAY[action, who] == ".":
            return Forbidden
        if not self.is_held(plan.staff_user_id, plan.start, plan.end):
            return None
        if not double_book:
            return SlotTaken
        return None if who in ("manager", "owner") else Forbidden

    def refusal_of(self, action: Action, who: str, number: int, now: datetime) -> Refusal:
        """Apart from where a meeting is moved to, which is the next question."""
        meeting = self.meetings[number]
        if MAY[action, who] == ".":
            return Forbidden
        if leads(meeting.status, action) is None or not self._is_time(action, meeting, now):
            return NotAllowed
        begun = who == "client" and meeting.start <= now
        return LimitReached if action is Action.CANCEL and begun else None

    def _is_time(self, action: Action, meeting: Meeting, now: datetime) -> bool:
        match action:
            case Action.EXPIRE:
                return now > meeting.start
            case Action.TIME_OUT:
                return meeting.confirm_by is not None and now > meeting.confirm_by
            case Action.COMPLETE | Action.MARK_NO_SHOW:
                return now >= meeting.start
            case Action.CORRECT:
                return meeting.decided is not None and now < meeting.decided + CORRECTION_WINDOW
        return True

    def refusal_of_moving(
        self, who: str, number: int, now: datetime, start: datetime, *, reason: bool
    ) -> Refusal:
        meeting = self.meetings[number]
        if start <= now or start == meeting.start:
            return Invalid
        if who == "client" and meeting.start <= now:
            return LimitReached
        if meeting.moves >= RESCHEDULE_LIMIT and (who == "client" or not reason):
            return LimitReached if who == "client" else Invalid
        taken = self.is_held(meeting.staff_user_id, start, start + (meeting.end - meeting.start), but=number)
        return SlotTaken if taken else None

    def take(self, action: Action, number: int, now: datetime) -> None:
        """The step was taken."""
        meeting = self.meetings[number]
        to = leads(meeting.status, action)
        assert to is not None
        meeting.status = to
        meeting.steps.append(action)
        if to in (Status.COMPLETED, Status.NO_SHOW):
            meeting.decided = meeting.decided or now

    def move(self, number: int, successor: int, start: datetime) -> None:
        """It was moved: a new meeting of the same length stands for it."""
        old = self.meetings[number]
        self.meetings[successor] = Meeting(
            status=Status.CONFIRMED,
            staff_user_id=old.staff_user_id,
            start=start,
            end=start + (old.end - old.start),
            moves=old.moves + 1,
            steps=[Action.RESCHEDULE],
        )
