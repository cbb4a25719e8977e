"""Personal links, feeds, tokens and sessions: each opens what it is for, and is silent when it does not."""

import pytest
import sqlalchemy as sa

from tests.attack.conftest import Installation, inside, without_tokens
from tests.support.signed_in import COOKIE
from tests.support.statements import captured
from webapp.extensions import db
from webapp.models import CalendarFeed, Invitation, PersonalLink, UserSession

LINK = "T0kenThatOpensNothing_0123456789-abcdefghij"


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("/c/{}", "client_link"),
        ("/c/{}/cancellation", "client_link"),
        ("/i/{}", "invitee_link"),
        ("/invitation/{}", "invited_link"),
        ("/feeds/{}.ics", "feed_link"),
    ],
)
def test_a_link_that_ended_looks_and_costs_as_one_that_never_was(
    here: Installation, path: str, link: str
) -> None:
    real = here.ground.ids[link]
    browser = here.browser(signed_in=False)
    assert browser.get(path.format(real)).status_code == 200
    with inside(here) as session:
        for model in (CalendarFeed, Invitation, PersonalLink):
            revoked = {"revoked_at": here.ground.world.now} if hasattr(model, "revoked_at") else {}
            session.execute(sa.update(model).values(**(revoked or {"expires_at": here.ground.world.now})))
        session.commit()
    with here.app.app_context():
        engine = db.engine
    found = []
    for token in (real, LINK, real[:-1] + ("A" if real[-1] != "A" else "B"), "x" * 200, "-" * 200):
        with captured(engine) as statements:
            answer = browser.get(path.format(token))
        found.append((answer.status_code, answer.text.replace(token, ""), len(statements)))
    assert len({status for status, _text, _count in found}) == 1
    assert len({without_tokens(text) for _status, text, _count in found}) == 1
    assert found[0][0] in {404, 410}
    assert len({count for _status, _text, count in found[:3]}) == 1


def test_a_link_or_a_token_of_one_kind_opens_nothing_of_another(here: Installation) -> None:
    ids = here.ground.ids
    tokens = [ids["client_link"], ids["invitee_link"], ids["invited_link"], ids["feed_link"]]
    tokens += [here.ground.bearer, here.ground.cookie]
    for number, path in enumerate(("/c/{}", "/i/{}", "/invitation/{}", "/feeds/{}.ics")):
        for other, token in enumerate(tokens):
            status = here.browser(signed_in=False).get(path.format(token)).status_code
            assert (status == 200) is (number == other), (path, other)
    for token in (*tokens[:4], here.ground.cookie):
        answer = here.browser(signed_in=False).get(
            "/api/v1/staff", headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 401
    browser = here.browser(signed_in=False)
    for token in tokens[:5]:
        browser.set_cookie(COOKIE, token)
        assert browser.get("/day").status_code == 303


def test_what_the_database_keeps_of_a_way_in_opens_nothing(here: Installation) -> None:
    """Hashes read from a stolen copy, sent as if they were the tokens."""
    with inside(here) as session:
        kept = [*session.scalars(sa.select(UserSession.token_hash))]
        kept += [*session.scalars(sa.select(PersonalLink.token_hash))]
        kept += [*session.scalars(sa.select(CalendarFeed.token_hash))]
        texts = {here.ground.cookie, *map(str, here.ground.ids.values())}
    assert not texts & set(kept)
    browser = here.browser(signed_in=False)
    for value in kept:
        browser.set_cookie(COOKIE, value)
        assert browser.get("/day").status_code == 303
        assert browser.get(f"/c/{value}").status_code in {404, 410}
        assert browser.get(f"/feeds/{value}.ics").status_code in {404, 410}
