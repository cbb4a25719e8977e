"""What other systems are let in by, and where they are told: tokens, webhook endpoints, calendar feeds."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, BigId, UTCDateTime, in_firm, one_of, words
from webapp.vocabulary import DeliveryState, Disabled


class ApiToken(Base):
    """A way into the JSON API. It acts for one person of the firm, as far as its scopes and their role go.

    It is revoked when whoever made it is deactivated (``created_by_id``; ``created_by`` is how they were
    called). The database keeps the SHA-256 of the token and its first characters, to tell it by.
    ``window_start`` and ``window_count`` are the requests of the present minute.
    """

    __tablename__ = "api_token"

    api_token_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(BigId)
    staff_user_id: Mapped[int] = mapped_column(BigId)
    created_by_id: Mapped[int] = mapped_column(BigId)
    name: Mapped[str] = mapped_column(sa.String(60))
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    hint: Mapped[str] = mapped_column(sa.String(16))
    scopes: Mapped[str] = mapped_column(sa.String(400))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_by: Mapped[str] = mapped_column(sa.String(160))
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_by: Mapped[str | None] = mapped_column(sa.String(160))
    window_start: Mapped[datetime | None] = mapped_column(UTCDateTime)
    window_count: Mapped[int] = mapped_column(default=0, server_default="0")

    __table_args__ = (
        in_firm("staff_user", "staff_user_id", "staff_user_id"),
        in_firm("staff_user", "created_by_id", "staff_user_id", name="fk_api_token_maker"),
        sa.Index("ix_api_token_firm", "firm_id", "api_token_id"),
        {"sqlite_autoincrement": True},
    )


class WebhookEndpoint(Base):
    """Where a firm wants to be told. Its secret is made from the installation's key and ``turn``.

    ``event_types`` holds the types asked for, each between blanks; empty stands for all. ``with_text`` says
    whether reasons go along. ``failing_since`` is the first failure after the last success;
    ``rests_until`` is when it is tried again after one.
    """

    __tablename__ = "webhook_endpoint"

    webhook_endpoint_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"))
    url: Mapped[str] = mapped_column(sa.String(2000))
    description: Mapped[str] = mapped_column(sa.String(120))
    event_types: Mapped[str] = mapped_column(sa.String(400))
    with_text: Mapped[bool] = mapped_column(default=False)
    turn: Mapped[int] = mapped_column(default=0)
    turned_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    disabled: Mapped[Disabled | None] = mapped_column(words(Disabled))
    disabled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    failing_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    rests_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    leased_by: Mapped[str | None] = mapped_column(sa.String(60))

    __table_args__ = (
        sa.UniqueConstraint("firm_id", "webhook_endpoint_id"),
        one_of("disabled", Disabled),
        sa.CheckConstraint("turn >= 0", name="turn"),
        sa.CheckConstraint("(disabled IS NULL) = (disabled_at IS NULL)", name="disabled_at"),
        {"sqlite_autoincrement": True},
    )


class WebhookDelivery(Base):
    """One event to one endpoint, written in the transaction of the transition that it tells of.

    ``outbox_event_id`` is None for a test ping; a replay is a row of its own, with the event's id and
    ``replay`` counting from 1.
    """

    __tablename__ = "webhook_delivery"

    webhook_delivery_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(BigId)
    webhook_endpoint_id: Mapped[int] = mapped_column(BigId)
    outbox_event_id: Mapped[int | None] = mapped_column(BigId)
    replay: Mapped[int] = mapped_column(default=0, server_default="0")
    appointment_id: Mapped[int | None] = mapped_column(BigId)
    sequence: Mapped[int | None] = mapped_column()
    event_type: Mapped[str] = mapped_column(sa.String(60))
    with_text: Mapped[bool] = mapped_column()
    state: Mapped[DeliveryState] = mapped_column(words(DeliveryState))
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_status: Mapped[int | None] = mapped_column()
    last_error: Mapped[str | None] = mapped_column(sa.String(300))

    __table_args__ = (
        in_firm("webhook_endpoint", "webhook_endpoint_id", "webhook_endpoint_id"),
        sa.UniqueConstraint("firm_id", "webhook_delivery_id"),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_id", "sequence"],
            ["outbox_event.firm_id", "outbox_event.appointment_id", "outbox_event.sequence"],
            name="fk_webhook_delivery_event",
        ),
        sa.UniqueConstraint("webhook_endpoint_id", "outbox_event_id", "replay"),
        sa.Index("ix_webhook_delivery_event", "firm_id", "appointment_id", "sequence"),
        one_of("state", DeliveryState),
        sa.CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name="ended"),
        sa.Index("ix_webhook_delivery_list", "firm_id", "webhook_endpoint_id", "webhook_delivery_id"),
        sa.Index(
            "ix_webhook_delivery_state", "firm_id", "webhook_endpoint_id", "state", "webhook_delivery_id"
        ),
        sa.Index(
            "ix_webhook_delivery_waiting",
            "webhook_endpoint_id",
            "due_at",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
        sa.Index(  # what has served its time
            "ix_webhook_delivery_ended",
            "ended_at",
            sqlite_where=sa.text("ended_at IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NOT NULL"),
        ),
        sa.Index(  # what has to go out before, of the same appointment
            "ix_webhook_delivery_order",
            "webhook_endpoint_id",
            "appointment_id",
            "webhook_delivery_id",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
        {"sqlite_autoincrement": True},
    )


class WebhookAttempt(Base):
    """One try of a delivery: what was sent, what came back (at most so many characters), how long it took."""

    __tablename__ = "webhook_attempt"

    webhook_attempt_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(BigId)
    webhook_delivery_id: Mapped[int] = mapped_column(BigId)
    attempted_at: Mapped[datetime] = mapped_column(UTCDateTime)
    took: Mapped[int] = mapped_column()  # milliseconds
    request_headers: Mapped[str] = mapped_column(sa.Text)
    request_body: Mapped[str] = mapped_column(sa.Text)
    status: Mapped[int | None] = mapped_column()
    response_headers: Mapped[str] = mapped_column(sa.Text)
    response_body: Mapped[str] = mapped_column(sa.Text)
    error: Mapped[str | None] = mapped_column(sa.String(300))

    __table_args__ = (
        in_firm("webhook_delivery", "webhook_delivery_id", "webhook_delivery_id", ondelete="CASCADE"),
        sa.Index("ix_webhook_attempt_delivery", "firm_id", "webhook_delivery_id", "webhook_attempt_id"),
        sa.Index("ix_webhook_attempt_at", "attempted_at"),
        {"sqlite_autoincrement": True},
    )


class CalendarFeed(Base):
    """A calendar that a program can subscribe to, by a secret address.

    The token is made from ``nonce`` with the installation's key, so that it can be shown again; the database
    alone holds only its SHA-256. Filters that are unset let everything through; ``statuses`` holds words
    between blanks.
    """

    __tablename__ = "calendar_feed"

    calendar_feed_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(BigId)
    owner_id: Mapped[int] = mapped_column(BigId)
    name: Mapped[str] = mapped_column(sa.String(60))
    nonce: Mapped[str] = mapped_column(sa.String(64))
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    staff_user_id: Mapped[int | None] = mapped_column(BigId)
    appointment_type_id: Mapped[int | None] = mapped_column(BigId)
    statuses: Mapped[str] = mapped_column(sa.String(120))
    with_names: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_read_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    __table_args__ = (
        in_firm("staff_user", "owner_id", "staff_user_id", name="fk_calendar_feed_owner"),
        in_firm("staff_user", "staff_user_id", "staff_user_id", name="fk_calendar_feed_staff"),
        in_firm("appointment_type", "appointment_type_id", "appointment_type_id"),
        sa.Index("ix_calendar_feed_owner", "firm_id", "owner_id"),
        {"sqlite_autoincrement": True},
    )
