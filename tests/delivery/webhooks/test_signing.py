"""Signatures: the specification's own example, the public library, two secrets for a day."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from webapp.delivery.webhooks import signing
from webapp.lifecycle import callbacks, webhook_secrets

KEY = "a key for tests, long enough and known to everyone"
NOW = datetime(2026, 1, 13, 10, tzinfo=UTC)
TURNED = NOW - timedelta(hours=1)


def secrets_at(now: datetime) -> list[str]:
    return webhook_secrets.signing_secrets(7, key=KEY, turn=3, turned_at=TURNED, now=now)


def test_the_specifications_example_verifies() -> None:
    made = signing.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        moment=datetime.fromtimestamp(1614265330, UTC),
    )
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(body=st.text(st.characters(exclude_categories=["Cs"])), name=st.text("abc_0123", min_size=1))
def test_the_public_library_verifies_whatever_we_sign(body: str, name: str) -> None:
    now = datetime.now(UTC)  # the library looks at the clock itself
    for secret in secrets_at(NOW):
        made = signing.headers(name, body.encode(), secrets=secrets_at(NOW), moment=now)
        assert Webhook(secret).verify(body.encode(), made, json_parse=False) is None


def test_the_public_library_refuses_another_body_and_another_secret() -> None:
    made = signing.headers("evt_1", b"{}", secrets=secrets_at(NOW), moment=datetime.now(UTC))
    for secret, body in ((secrets_at(NOW)[0], b"[]"), (callbacks.secret_of(7, key=KEY), b"{}")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, made)


def test_for_a_day_after_a_rotation_both_secrets_sign() -> None:
    old = webhook_secrets.secret_of(7, key=KEY, turn=2)
    new = webhook_secrets.secret_of(7, key=KEY, turn=3)
    assert secrets_at(NOW) == [new, old]
    assert secrets_at(TURNED + timedelta(hours=24) - timedelta(seconds=1)) == [new, old]
    assert secrets_at(TURNED + timedelta(hours=24)) == [new]
    assert webhook_secrets.signing_secrets(7, key=KEY, turn=0, turned_at=None, now=NOW) == [
        webhook_secrets.secret_of(7, key=KEY, turn=0)
    ]
    marks = signing.headers("evt_1", b"{}", secrets=secrets_at(NOW), moment=NOW)["webhook-signature"]
    assert [mark.split(",")[0] for mark in marks.split(" ")] == ["v1", "v1"]


def test_every_endpoint_turn_and_installation_has_a_secret_of_its_own() -> None:
    made = {
        webhook_secrets.secret_of(number, key=key, turn=turn)
        for number in (1, 11, 2)
        for turn in (0, 1, 10)
        for key in (KEY, KEY + "x")
    }
    assert len(made) == 18
    assert not made & {
        callbacks.secret_of(number, key=KEY, turn=turn) for number in (1, 2) for turn in (0, 1)
    }
