"""What became of an appointment: classes that do not overlap, and the figures as sets of them.

Each appointment of a cohort is in exactly one class, so the seven statuses add up to the cohort's size, and
what a figure counts and what its list shows come from the same set.
"""

from enum import IntEnum, StrEnum

from webapp.vocabulary import Status


class Fate(IntEnum):
    """The class of one appointment as of an instant.

    ``LATE`` is inside the type's notice of cancellation; ``WITHDRAWN`` is a proposal that was called off
    before anybody had confirmed it.
    """

    REQUESTED = 1
    AWAITING = 2
    UPCOMING = 3
    UNRECORDED = 4
    COMPLETED = 5
    NO_SHOW_CLIENT = 6
    NO_SHOW_STAFF = 7
    NO_SHOW_BOTH = 8
    RESCHEDULED = 9
    CANCELLED_CLIENT = 10
    CANCELLED_STAFF = 11
    CANCELLED_SYSTEM = 12
    CANCELLED_CLIENT_LATE = 13
    CANCELLED_STAFF_LATE = 14
    CANCELLED_SYSTEM_LATE = 15
    CANCELLED_AHEAD = 16
    DECLINED = 17
    EXPIRED = 18
    TIMED_OUT = 19
    WITHDRAWN = 20


class Figure(StrEnum):
    """What a page counts and a list shows; the names that URLs carry."""

    ALL = "all"
    DUE = "due"
    WITH_OUTCOME = "with-outcome"
    COMPLETED = "completed"
    NO_SHOW = "no-show"
    NO_SHOW_CLIENT = "no-show-client"
    NO_SHOW_STAFF = "no-show-staff"
    NO_SHOW_BOTH = "no-show-both"
    CLIENT_MISSING = "client-missing"
    STAFF_MISSING = "staff-missing"
    COMPLETED_OR_CLIENT = "completed-or-client"
    CANCELLED = "cancelled"
    CANCELLED_CLIENT = "cancelled-client"
    CANCELLED_STAFF = "cancelled-staff"
    CANCELLED_SYSTEM = "cancelled-system"
    CANCELLED_LATE = "cancelled-late"
    CANCELLED_TIMELY = "cancelled-timely"
    CANCELLED_AHEAD = "cancelled-ahead"
    RESCHEDULED = "rescheduled"
    ENDED = "ended"
    UNRECORDED = "unrecorded"
    UPCOMING = "upcoming"
    REQUESTED = "requested"
    AWAITING = "awaiting"
    DECLINED = "declined"
    EXPIRED = "expired"
    TIMED_OUT = "timed-out"
    WITHDRAWN = "withdrawn"
    NOT_COMPLETED = "not-completed"


_NO_SHOWS = {Fate.NO_SHOW_CLIENT, Fate.NO_SHOW_STAFF, Fate.NO_SHOW_BOTH}
_BY_CLIENT = {Fate.CANCELLED_CLIENT, Fate.CANCELLED_CLIENT_LATE}
_BY_STAFF = {Fate.CANCELLED_STAFF, Fate.CANCELLED_STAFF_LATE}
_BY_SYSTEM = {Fate.CANCELLED_SYSTEM, Fate.CANCELLED_SYSTEM_LATE}
_CANCELLED = _BY_CLIENT | _BY_STAFF | _BY_SYSTEM
_CALLED_OFF = _CANCELLED | {
    Fate.CANCELLED_AHEAD,
    Fate.DECLINED,
    Fate.EXPIRED,
    Fate.TIMED_OUT,
    Fate.WITHDRAWN,
}

FIGURES: dict[Figure, frozenset[Fate]] = {
    Figure.ALL: frozenset(Fate),
    Figure.DUE: frozenset({Fate.COMPLETED, Fate.UNRECORDED} | _NO_SHOWS | _CANCELLED),
    Figure.WITH_OUTCOME: frozenset({Fate.COMPLETED} | _NO_SHOWS),
    Figure.COMPLETED: frozenset({Fate.COMPLETED}),
    Figure.NO_SHOW: frozenset(_NO_SHOWS),
    Figure.NO_SHOW_CLIENT: frozenset({Fate.NO_SHOW_CLIENT}),
    Figure.NO_SHOW_STAFF: frozenset({Fate.NO_SHOW_STAFF}),
    Figure.NO_SHOW_BOTH: frozenset({Fate.NO_SHOW_BOTH}),
    Figure.CLIENT_MISSING: frozenset({Fate.NO_SHOW_CLIENT, Fate.NO_SHOW_BOTH}),
    Figure.STAFF_MISSING: frozenset({Fate.NO_SHOW_STAFF, Fate.NO_SHOW_BOTH}),
    Figure.COMPLETED_OR_CLIENT: frozenset({Fate.COMPLETED, Fate.NO_SHOW_CLIENT}),
    Figure.CANCELLED: frozenset(_CANCELLED),
    Figure.CANCELLED_CLIENT: frozenset(_BY_CLIENT),
    Figure.CANCELLED_STAFF: frozenset(_BY_STAFF),
    Figure.CANCELLED_SYSTEM: frozenset(_BY_SYSTEM),
    Figure.CANCELLED_LATE: frozenset(
        {Fate.CANCELLED_CLIENT_LATE, Fate.CANCELLED_STAFF_LATE, Fate.CANCELLED_SYSTEM_LATE}
    ),
    Figure.CANCELLED_TIMELY: frozenset({Fate.CANCELLED_CLIENT, Fate.CANCELLED_STAFF, Fate.CANCELLED_SYSTEM}),
    Figure.CANCELLED_AHEAD: frozenset({Fate.CANCELLED_AHEAD}),
    Figure.RESCHEDULED: frozenset({Fate.RESCHEDULED}),
    Figure.ENDED: frozenset({Fate.COMPLETED, Fate.UNRECORDED} | _NO_SHOWS),
    Figure.UNRECORDED: frozenset({Fate.UNRECORDED}),
    Figure.UPCOMING: frozenset({Fate.UPCOMING}),
    Figure.REQUESTED: frozenset({Fate.REQUESTED}),
    Figure.AWAITING: frozenset({Fate.AWAITING}),
    Figure.DECLINED: frozenset({Fate.DECLINED}),
    Figure.EXPIRED: frozenset({Fate.EXPIRED}),
    Figure.TIMED_OUT: frozenset({Fate.TIMED_OUT}),
    Figure.WITHDRAWN: frozenset({Fate.WITHDRAWN}),
    Figure.NOT_COMPLETED: frozenset(_NO_SHOWS | _CALLED_OFF),
}

STATUSES: dict[Status, frozenset[Fate]] = {
    Status.REQUESTED: frozenset({Fate.REQUESTED}),
    Status.AWAITING_CONFIRMATION: frozenset({Fate.AWAITING}),
    Status.CONFIRMED: frozenset({Fate.UPCOMING, Fate.UNRECORDED}),
    Status.COMPLETED: frozenset({Fate.COMPLETED}),
    Status.NO_SHOW: frozenset(_NO_SHOWS),
    Status.RESCHEDULED: frozenset({Fate.RESCHEDULED}),
    Status.CANCELLED: frozenset(_CALLED_OFF),
}
"""Which classes make up each status: together they are all classes, each once."""

CLOSED = STATUSES[Status.COMPLETED] | STATUSES[Status.NO_SHOW] | STATUSES[Status.CANCELLED]
"""The last member of a chain with one of these has ended the chain."""

NEVER_CONFIRMED = (
    STATUSES[Status.REQUESTED]
    | STATUSES[Status.AWAITING_CONFIRMATION]
    | FIGURES[Figure.DECLINED]
    | FIGURES[Figure.EXPIRED]
    | FIGURES[Figure.TIMED_OUT]
    | FIGURES[Figure.WITHDRAWN]
)
"""A first booking that stands so has not been confirmed; one that was moved on to had been."""
