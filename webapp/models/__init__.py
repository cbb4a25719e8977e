"""The tables. Importing this package registers every model with ``Base.metadata``."""

from webapp.models.appointment import HOLDS_SLOT_SQL, LIVE_SQL, Appointment, AppointmentType
from webapp.models.attendance import Attendance
from webapp.models.base import Base, UTCDateTime
from webapp.models.clients import Account, Contact, ContactTerm, ErasedReference
from webapp.models.connections import (
    ApiToken,
    CalendarFeed,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from webapp.models.delivery import (
    FirmSweep,
    MailMessage,
    MailSwitch,
    PersonalLink,
    SweepHold,
    SweepProblem,
    WorkerHeartbeat,
)
from webapp.models.firm import DEFAULT_HOURS, Firm, Invitation, SignInFailure, StaffUser, UserSession
from webapp.models.poll import Poll, PollInvitee, PollSlot, PollVote
from webapp.models.records import AuditEvent, OutboxEvent, Submission
from webapp.models.seals import HistoryAdoption, HistorySeal, HistoryUnsealed
from webapp.models.status_history import AppointmentStatusHistory

__all__ = [
    "DEFAULT_HOURS",
    "HOLDS_SLOT_SQL",
    "LIVE_SQL",
    "Account",
    "ApiToken",
    "Appointment",
    "AppointmentStatusHistory",
    "AppointmentType",
    "Attendance",
    "AuditEvent",
    "Base",
    "CalendarFeed",
    "Contact",
    "ContactTerm",
    "ErasedReference",
    "Firm",
    "FirmSweep",
    "HistoryAdoption",
    "HistorySeal",
    "HistoryUnsealed",
    "Invitation",
    "MailMessage",
    "MailSwitch",
    "OutboxEvent",
    "PersonalLink",
    "Poll",
    "PollInvitee",
    "PollSlot",
    "PollVote",
    "SignInFailure",
    "StaffUser",
    "Submission",
    "SweepHold",
    "SweepProblem",
    "UTCDateTime",
    "UserSession",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WorkerHeartbeat",
]
