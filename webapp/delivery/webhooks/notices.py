"""Telling the managers of a firm that an endpoint was switched off."""

from datetime import datetime
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.config import Settings
from webapp.delivery import cleaning, letters
from webapp.delivery.letters import House, Recipient
from webapp.delivery.rendering import Words
from webapp.models import Firm, StaffUser, WebhookEndpoint
from webapp.vocabulary import PERMISSIONS, Disabled, MailTemplate, Permission

WHY = {
    Disabled.GONE: "It answered that it is gone (410)",
    Disabled.FAILING: "It failed for days",
}


def switched_off(
    session: Session, endpoint: WebhookEndpoint, why: Disabled, *, settings: Settings, now: datetime
) -> int:
    """Write a mail to each person who may enable it again; returns how many. None where the firm wants none.

    Of its address the mail has the host alone: the rest may hold a secret.
    """
    template = MailTemplate.WEBHOOK_OFF
    if letters.is_off(session, endpoint.firm_id, template):
        return 0
    house = House.of(session.get_one(Firm, endpoint.firm_id))
    host = urlsplit(endpoint.url).hostname or ""
    link = f"{settings.base_url}/settings/webhooks/{endpoint.webhook_endpoint_id}"
    return sum(
        letters.write(
            session,
            settings=settings,
            house=house,
            recipient=Recipient(name=cleaning.line(person.name), email=person.email),
            template=template,
            words=words(house, person.name, host, why, link=link, now=now),
            dedup_key=f"{template}-{endpoint.webhook_endpoint_id}-{person.staff_user_id}-{now:%Y%m%dT%H%M%S%f}",
            now=now,
        )
        for person in _managers(session, endpoint.firm_id)
    )


def words(house: House, name: str, host: str, why: Disabled, *, link: str, now: datetime) -> Words:
    """What the mail says to somebody."""
    return Words(
        firm=house.name,
        name=cleaning.line(name),
        what=cleaning.line(host),
        when=house.local.full_day_time(now),
        zone=house.local.zone_label(now),
        reason=WHY[why],
        link=link,
        for_staff=True,
    )


def _managers(session: Session, firm_id: int) -> list[StaffUser]:
    roles = [role for role, may in PERMISSIONS.items() if Permission.MANAGE_SETTINGS in may]
    return list(
        session.scalars(
            sa.select(StaffUser)
            .where(
                StaffUser.firm_id == firm_id, StaffUser.role.in_(roles), StaffUser.deactivated_at.is_(None)
            )
            .order_by(StaffUser.staff_user_id)
        )
    )
