"""What each kind of mail looks like, with an appointment that nobody has, or an endpoint."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from webapp.config import Settings
from webapp.delivery import letters
from webapp.delivery.letters import House, Recipient
from webapp.delivery.rendering import Rendered, Words, render
from webapp.delivery.webhooks import notices
from webapp.models import Firm
from webapp.vocabulary import Disabled, MailTemplate

LENGTH = timedelta(minutes=45)
DAY = timedelta(days=1)
ASKING = {MailTemplate.PROPOSED, MailTemplate.POLL, MailTemplate.LAST_CALL}
TELLING_WHY = {MailTemplate.DECLINED, MailTemplate.CANCELLED}


def preview(
    session: Session, *, firm_id: int, template: MailTemplate, settings: Settings, now: datetime
) -> Rendered:
    """A mail of this kind to Ada Byron, who lives in New York, about a meeting on next week's Tuesday."""
    house = House.of(session.get_one(Firm, firm_id))
    ada = Recipient(name="Ada Byron", email="ada@client.example", timezone="America/New_York")
    if template is MailTemplate.WEBHOOK_OFF:
        link = f"{settings.base_url}/settings/webhooks/…"
        failing = Disabled.FAILING
        words = notices.words(house, ada.name, "hooks.example.com", failing, link=link, now=now)
        return render(template, words)
    start = (now + (8 - now.weekday()) * DAY).replace(hour=14, minute=0, second=0, microsecond=0)
    return render(template, _words(template, house, ada, start, settings))


def _words(
    template: MailTemplate, house: House, ada: Recipient, start: datetime, settings: Settings
) -> Words:
    local, poll = ada.local(house), template is MailTemplate.POLL
    when = letters.times(house, ada, start, start + LENGTH)
    slots = [start, start + DAY, start + 2 * DAY] if poll else []
    way = "i" if poll else "c"
    return Words(
        firm=house.name,
        name=ada.name,
        what="Yearly review" if poll else "Review",
        staff="Lena Fischer",
        short="" if poll else when.short,
        when="" if poll else when.when,
        zone=when.zone,
        elsewhere="" if poll else when.elsewhere,
        old=letters.interval(local, start - DAY, start - DAY + LENGTH)
        if template is MailTemplate.MOVED
        else "",
        place="Room 2",
        reason="Lena is ill" if template in TELLING_WHY else "",
        deadline=local.full_day_time(start - DAY) if template in ASKING else "",
        deadline_zone=local.zone_label(start - DAY) if template in ASKING else "",
        link=f"{settings.base_url}/{way}/…" if house.client_links or poll else "",
        slots=tuple(letters.interval(local, slot, slot + LENGTH) for slot in slots),
        poll=poll,
    )
