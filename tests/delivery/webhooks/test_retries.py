"""The schedule: the specification's waits with a little added, and what a Retry-After may ask for."""

from datetime import UTC, datetime, timedelta

import pytest

from webapp.delivery.webhooks import retries

NOW = datetime(2026, 1, 13, 10, tzinfo=UTC)
HOURS = (2, 5, 10, 14, 20, 24)


def test_the_waits_are_the_specifications() -> None:
    assert [wait.total_seconds() for wait in retries.WAITS] == [
        5,
        300,
        1800,
        *(hour * 3600 for hour in HOURS),
    ]
    assert retries.TRIES == 10


def test_a_wait_is_at_most_a_tenth_longer_and_spread() -> None:
    for attempts, whole in enumerate(retries.WAITS, start=1):
        waits = {retries.wait(attempts, number) for number in range(200)}
        assert all(whole <= wait <= whole * 1.1 for wait in waits)
        assert len(waits) > 190


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("99999999999999999999999", 86400),
        ("Tue, 13 Jan 2026 10:05:00 GMT", 300),
        ("Tuesday, 13-Jan-26 10:05:00 GMT", 300),
        ("Tue, 13 Jan 2026 09:00:00 GMT", 0),
        ("Tue, 13 Jan 2099 09:00:00 GMT", 86400),
        ("", 0),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("٣", 0),
        ("Tue, 99 Jan 2026 10:05:00 GMT", 0),
        ("13 Jan 99999 10:05:00 GMT", 0),
        ("Mon, 01 Jan 2024 00:00:00 +9999999999999999999", 0),
        (f"Mon, 01 Jan {'9' * 30} 00:00:00 GMT", 0),
        (f"Mon, 01 Jan 2024 {'9' * 30}:00:00 GMT", 0),
    ],
)
def test_a_retry_after_is_read_and_has_an_end(header: str, seconds: int) -> None:
    assert retries.asked(header, NOW) == timedelta(seconds=seconds)


def test_an_endpoint_rests_longer_the_longer_it_fails() -> None:
    rests = [retries.rest(NOW - timedelta(seconds=ago), NOW).total_seconds() for ago in (0, 60, 600, 86400)]
    assert rests == [5, 6, 60, 300]
