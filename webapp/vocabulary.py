"""Every closed word list of the domain, once. Values are what the database, URLs and pages carry."""

from enum import StrEnum


class Status(StrEnum):
    """The seven statuses of an appointment, in the order in which pages list them."""

    REQUESTED = "requested"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"

    @property
    def is_live(self) -> bool:
        """Live appointments hold their slot; the other four statuses are terminal."""
        return self in LIVE

    @property
    def label(self) -> str:
        return STATUS_LABELS[self]


LIVE = frozenset({Status.REQUESTED, Status.AWAITING_CONFIRMATION, Status.CONFIRMED})
OUTCOMES = frozenset({Status.COMPLETED, Status.NO_SHOW})

STATUS_LABELS = {
    Status.REQUESTED: "Requested",
    Status.AWAITING_CONFIRMATION: "Awaiting confirmation",
    Status.CONFIRMED: "Confirmed",
    Status.COMPLETED: "Completed",
    Status.NO_SHOW: "No-show",
    Status.RESCHEDULED: "Rescheduled",
    Status.CANCELLED: "Cancelled",
}


class Action(StrEnum):
    """What can happen to an appointment; the name that its history row carries."""

    REQUEST = "request"
    BOOK = "book"
    PROPOSE = "propose"
    APPROVE = "approve"
    DECLINE = "decline"
    EXPIRE = "expire"
    CONFIRM = "confirm"
    TIME_OUT = "time_out"
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"
    COMPLETE = "complete"
    MARK_NO_SHOW = "mark_no_show"
    CORRECT = "correct"
    IMPORT = "import"


class NoShowParty(StrEnum):
    """Who did not come."""

    CLIENT = "client"
    STAFF = "staff"
    BOTH = "both"


class CancellationKind(StrEnum):
    """Which of the four ways led to ``cancelled``; only the first counts as a cancellation."""

    CANCELLED = "cancelled"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"


class CancelledBy(StrEnum):
    """On whose side the appointment was called off."""

    CLIENT = "client"
    STAFF = "staff"
    SYSTEM = "system"


class ActorKind(StrEnum):
    """Who acted."""

    STAFF = "staff"
    CLIENT = "client"
    SYSTEM = "system"


class Override(StrEnum):
    """A limit that staff went past on purpose; the history row names it."""

    RESCHEDULE_LIMIT = "reschedule_limit"
    RESCHEDULE_NOTICE = "reschedule_notice"
    CANCEL_NOTICE = "cancel_notice"
    DOUBLE_BOOKING = "double_booking"


class Role(StrEnum):
    """What a staff user is in the firm, weakest first."""

    VIEWER = "viewer"
    STAFF = "staff"
    MANAGER = "manager"
    OWNER = "owner"

    @property
    def label(self) -> str:
        return self.value.capitalize()

    @property
    def rank(self) -> int:
        """Position in the order viewer < staff < manager < owner, from 0."""
        return list(Role).index(self)


class Permission(StrEnum):
    """What a route or an action asks for."""

    VIEW = "view"
    BOOK = "book"
    ACT = "act"
    EDIT_CLIENTS = "edit_clients"
    DOUBLE_BOOK = "double_book"
    CORRECT = "correct"
    EXPORT = "export"
    MANAGE_SETTINGS = "manage_settings"
    MANAGE_TEAM = "manage_team"


_VIEWER = frozenset({Permission.VIEW})
_STAFF = _VIEWER | {Permission.BOOK, Permission.ACT, Permission.EDIT_CLIENTS, Permission.EXPORT}
_MANAGER = _STAFF | {
    Permission.DOUBLE_BOOK,
    Permission.CORRECT,
    Permission.MANAGE_SETTINGS,
    Permission.MANAGE_TEAM,
}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.STAFF: _STAFF,
    Role.MANAGER: _MANAGER,
    Role.OWNER: _MANAGER,
}


class Theme(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Density(StrEnum):
    COMFORTABLE = "comfortable"
    COMPACT = "compact"


class AttendanceSide(StrEnum):
    """Who joined a meeting. Any staff member of the firm counts as staff."""

    CLIENT = "client"
    STAFF = "staff"


class AttendanceSource(StrEnum):
    """Where a fact of attendance comes from."""

    FRONT_DESK = "front_desk"
    PROVIDER = "provider"
    API = "api"
    IMPORT = "import"


class OutcomePolicy(StrEnum):
    """What happens to an outcome that nobody entered: decided, only suggested, or neither."""

    DECIDE = "decide"
    SUGGEST = "suggest"
    OFF = "off"


class PollStatus(StrEnum):
    """Open for votes; a slot held, waiting for everybody's answer; confirmed; called off; out of time."""

    OPEN = "open"
    HELD = "held"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class Vote(StrEnum):
    YES = "yes"
    IF_NEED_BE = "if_need_be"
    NO = "no"


class Answer(StrEnum):
    """What somebody who was asked to confirm said."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


class MailTemplate(StrEnum):
    """Every kind of mail; a firm can switch off each."""

    REQUEST_RECEIVED = "request_received"
    APPROVED = "approved"
    DECLINED = "declined"
    CONFIRMED = "confirmed"
    PROPOSED = "proposed"
    MOVED = "moved"
    CANCELLED = "cancelled"
    POLL = "poll"
    REMINDER = "reminder"
    LAST_CALL = "last_call"
    WEBHOOK_OFF = "webhook_off"


class MailState(StrEnum):
    """``kept`` is where mail stays when no mail server is set."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    KEPT = "kept"


class SweepKind(StrEnum):
    """What a sweep does by itself."""

    COMPLETE = "complete"
    NO_SHOW = "no_show"
    EXPIRE = "expire"
    TIME_OUT = "time_out"


class Scope(StrEnum):
    """What a token of the JSON API may be used for."""

    APPOINTMENTS_READ = "appointments:read"
    APPOINTMENTS_WRITE = "appointments:write"
    APPOINTMENTS_MANAGE = "appointments:manage"
    CLIENTS_READ = "clients:read"
    CLIENTS_WRITE = "clients:write"
    ATTENDANCE_WRITE = "attendance:write"
    POLLS_READ = "polls:read"
    METRICS_READ = "metrics:read"


SCOPE_PERMISSIONS: dict[Scope, frozenset[Permission]] = {
    Scope.APPOINTMENTS_READ: frozenset({Permission.VIEW}),
    Scope.APPOINTMENTS_WRITE: frozenset({Permission.BOOK, Permission.ACT}),
    Scope.APPOINTMENTS_MANAGE: frozenset({Permission.DOUBLE_BOOK, Permission.CORRECT}),
    Scope.CLIENTS_READ: frozenset({Permission.VIEW}),
    Scope.CLIENTS_WRITE: frozenset({Permission.EDIT_CLIENTS}),
    Scope.ATTENDANCE_WRITE: frozenset({Permission.ACT}),
    Scope.POLLS_READ: frozenset({Permission.VIEW}),
    Scope.METRICS_READ: frozenset({Permission.VIEW}),
}
"""What a scope lets through of the role of the person for whom the token acts."""

SCOPE_LABELS = {
    Scope.APPOINTMENTS_READ: "Read appointments, history, staff, types and free times",
    Scope.APPOINTMENTS_WRITE: "Book, approve, decline, confirm, move, cancel and record outcomes; "
    "answers show the appointment",
    Scope.APPOINTMENTS_MANAGE: "Double-book and correct outcomes; answers show the appointment",
    Scope.CLIENTS_READ: "Read contacts and accounts",
    Scope.CLIENTS_WRITE: "Add and change contacts and accounts; answers show what was changed",
    Scope.ATTENDANCE_WRITE: "Report who joined a meeting; answers show who else did",
    Scope.POLLS_READ: "Read polls and their votes",
    Scope.METRICS_READ: "Read the figures of reports",
}


class DeliveryState(StrEnum):
    """Of one event to one webhook endpoint. ``dropped``: the endpoint was removed or switched off first."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


class Disabled(StrEnum):
    """Why an endpoint gets nothing: somebody switched it off, it answered 410, or it failed for days."""

    BY_HAND = "by_hand"
    GONE = "gone"
    FAILING = "failing"
