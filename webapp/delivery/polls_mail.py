"""Mail to the people of a poll: asked, reminded, told that it is over. Each gets a link of their own."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.config import Settings
from webapp.delivery import cleaning, letters
from webapp.delivery.letters import House, Recipient
from webapp.delivery.placeholders import placeholder
from webapp.delivery.rendering import Words
from webapp.lifecycle import links
from webapp.localtime import Local
from webapp.models import Firm, Poll, PollInvitee, PollSlot, StaffUser
from webapp.vocabulary import MailTemplate

KEEP_LINK = timedelta(days=30)


def queue(
    session: Session,
    *,
    settings: Settings,
    poll_id: int,
    invitee_ids: Sequence[int],
    template: MailTemplate,
    now: datetime,
    key: str | None = None,
    anew: bool = False,
) -> int:
    """Write one mail to each of these invitees, in the caller's transaction; returns how many.

    Args:
        poll_id: loaded by the caller within the firm; unknown invitees are left out.
        template: POLL (asked; once per invitee), LAST_CALL or REMINDER (may be repeated), CANCELLED
            (the poll is over without a time).
        key: what makes a repetition the same mail. By default POLL and CANCELLED are written once per
            invitee; another template once per invitee and ``now``.
        anew: somebody asks for it, so an invitee whose link was revoked gets a new one. What is sent by
            itself passes such an invitee by.
    """
    poll = session.get_one(Poll, poll_id)
    if letters.is_off(session, poll.firm_id, template):
        return 0
    house = House.of(session.get_one(Firm, poll.firm_id))
    once = template in {MailTemplate.POLL, MailTemplate.CANCELLED}
    key = key or (template.value if once else f"{template.value}:{now.isoformat(timespec='seconds')}")
    slots = slots_of(session, poll)
    staff = session.get_one(StaffUser, poll.staff_user_id).name
    count = 0
    for invitee in _invitees(session, poll, invitee_ids):
        recipient = recipient_of(session, poll, invitee, slots, settings=settings, now=now, anew=anew)
        if not recipient.link and template is not MailTemplate.CANCELLED:
            continue
        count += letters.write(
            session,
            settings=settings,
            house=house,
            recipient=recipient,
            template=template,
            words=_words(poll, slots, house, recipient, staff, template),
            dedup_key=f"poll:{poll_id}:{key}:{recipient.key}",
            poll_id=poll_id,
            now=now,
        )
    return count


def recipient_of(
    session: Session,
    poll: Poll,
    invitee: PollInvitee,
    slots: Sequence[tuple[datetime, datetime]],
    *,
    settings: Settings,
    now: datetime,
    anew: bool = False,
) -> Recipient:
    """An invitee with their link, which outlives the poll by a month so that it can show how it ended.

    The link is empty where it was revoked, unless it is made ``anew``.
    """
    last = max([poll.deadline, *(end for _start, end in slots)])
    find = links.opened if anew else links.standing
    link = find(
        session,
        secret=settings.secret_key,
        firm_id=poll.firm_id,
        poll_invitee_id=invitee.poll_invitee_id,
        expires_at=last + KEEP_LINK,
        now=now,
    )
    return Recipient(
        name=cleaning.line(invitee.name),
        email=invitee.email,
        timezone=invitee.timezone,
        link=f"{settings.base_url}/i/{placeholder(link)}" if link else "",
        poll_invitee_id=invitee.poll_invitee_id,
        answer=invitee.answer,
    )


def slots_of(session: Session, poll: Poll) -> list[tuple[datetime, datetime]]:
    """``(start, end)`` of the proposed times, the earliest first."""
    found = session.execute(
        sa.select(PollSlot.start_time, PollSlot.end_time)
        .where(PollSlot.firm_id == poll.firm_id, PollSlot.poll_id == poll.poll_id)
        .order_by(PollSlot.start_time)
    )
    return [(row.start_time, row.end_time) for row in found]


def _invitees(session: Session, poll: Poll, invitee_ids: Sequence[int]) -> Sequence[PollInvitee]:
    return session.scalars(
        sa.select(PollInvitee)
        .where(
            PollInvitee.firm_id == poll.firm_id,
            PollInvitee.poll_id == poll.poll_id,
            PollInvitee.poll_invitee_id.in_(invitee_ids),
        )
        .order_by(PollInvitee.poll_invitee_id)
    ).all()


def _words(
    poll: Poll,
    slots: Sequence[tuple[datetime, datetime]],
    house: House,
    recipient: Recipient,
    staff: str,
    template: MailTemplate,
) -> Words:
    local = recipient.local(house)
    over = template is MailTemplate.CANCELLED
    return Words(
        firm=house.name,
        name=recipient.name,
        what=cleaning.line(poll.title),
        staff=cleaning.line(staff),
        place=cleaning.line(poll.location),
        zone=_zone(local, [start for start, _end in slots] or [poll.deadline]),
        deadline="" if over else local.full_day_time(poll.deadline),
        deadline_zone="" if over else local.zone_label(poll.deadline),
        reason=cleaning.prose(poll.status_reason or "") if over else "",
        slots=() if over else tuple(letters.interval(local, start, end) for start, end in slots),
        link=recipient.link,
        why="poll_over" if over else "",
        poll=True,
    )


def _zone(local: Local, moments: Sequence[datetime]) -> str:
    """The clock that all these moments are written by; its letters only where they are the same for all."""
    labels = {local.zone_label(moment) for moment in moments}
    return labels.pop() if len(labels) == 1 else local.city()
