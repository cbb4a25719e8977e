"""What a client's personal link opens: the booking that it was made for, or what that was moved to."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from webapp.lifecycle import links
from webapp.localtime import Local
from webapp.models import Appointment, Firm, PersonalLink, tenancy


@dataclass(frozen=True, slots=True)
class Opened:
    """The link, and the booking at the end of its chain with the people and things around it."""

    link: PersonalLink
    appointment: Appointment

    @property
    def moved(self) -> bool:
        """Whether the booking that the link was made for has been moved since."""
        return self.link.appointment_id != self.appointment.appointment_id

    @property
    def firm(self) -> Firm:
        return self.appointment.firm

    @property
    def firm_local(self) -> Local:
        return Local.named(
            self.firm.timezone, twelve_hour=self.firm.twelve_hour, month_first=self.firm.month_first
        )

    @property
    def local(self) -> Local:
        """The client's own clock; the firm's where no zone of theirs is known."""
        contact = self.appointment.contact
        return self.firm_local.elsewhere((contact.timezone if contact else None) or self.firm.timezone)

    @property
    def elsewhere(self) -> bool:
        """Whether the client's clock is not the firm's."""
        return self.local.zone.key != self.firm.timezone


def open_link(session: Session, *, token: str, now: datetime) -> Opened | None:
    """What a token opens, fresh; None for any that opens nothing, whatever the reason.

    One statement by the token's hash for those that open nothing, two for the others. The session works
    for the link's firm from then on.
    """
    with tenancy.every_firm(session):
        found = session.execute(
            sa.select(PersonalLink, sa.func.coalesce(Appointment.chain_root_id, Appointment.appointment_id))
            .join(
                Appointment,
                sa.and_(
                    Appointment.firm_id == PersonalLink.firm_id,
                    Appointment.appointment_id == PersonalLink.appointment_id,
                ),
            )
            .join(Firm, Firm.firm_id == PersonalLink.firm_id)
            .where(
                PersonalLink.token_hash == links.hashed(token),
                PersonalLink.revoked_at.is_(None),
                PersonalLink.expires_at > now,
                Firm.client_links,
            )
        ).one_or_none()
        if found is None:
            return None
        link, root = found
        tenancy.enter(session, link.firm_id)
    appointment = _last(session, link.firm_id, root)
    return Opened(link, appointment) if appointment.contact_id == link.contact_id else None


def _last(session: Session, firm_id: int, root: int) -> Appointment:
    return session.scalars(
        sa.select(Appointment)
        .where(
            Appointment.firm_id == firm_id,
            sa.or_(Appointment.appointment_id == root, Appointment.chain_root_id == root),
        )
        .options(
            joinedload(Appointment.firm),
            joinedload(Appointment.appointment_type),
            joinedload(Appointment.staff_user),
            joinedload(Appointment.account),
            joinedload(Appointment.contact),
        )
        .order_by(Appointment.chain_position.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).one()
