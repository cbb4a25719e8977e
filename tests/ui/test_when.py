"""A day and a time as people choose them: what is meant, and what is asked back."""

from datetime import UTC, date, datetime

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Form

from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.slots import DayOffer
from webapp.localtime import Local, NonexistentTime, instant
from webapp.ui.when import WhenFields, first_day, picker, value_of

LONDON = Local.named("Europe/London")
HOURS = [[[540, 1080]]] * 5 + [[], []]


class Chosen(WhenFields, Form):
    """The fields alone."""


def chosen(**fields: str) -> Chosen:
    return Chosen(MultiDict(fields))


def refusal(form: Chosen) -> Invalid:
    with pytest.raises(Invalid) as refused:
        form.moment(LONDON)
    return refused.value


def test_a_radio_is_an_instant() -> None:
    assert chosen(day="2026-01-14", start="2026-01-14T09:30Z").moment(LONDON) == datetime(
        2026, 1, 14, 9, 30, tzinfo=UTC
    )


def test_a_typed_time_is_on_the_firms_wall_clock() -> None:
    form = chosen(day="2026-07-14", start="typed", time="2.30pm")
    assert form.moment(LONDON) == datetime(2026, 7, 14, 13, 30, tzinfo=UTC)


def test_another_day_goes_before_the_row_of_days() -> None:
    form = chosen(day="2026-01-14", other="2026-02-02", time="9")
    assert form.moment(LONDON) == datetime(2026, 2, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "start"),
        ({"day": "2026-01-14"}, "start"),
        ({"day": "2026-01-14", "start": "typed"}, "time"),
        ({"day": "2026-01-14", "time": "late"}, "time"),
        ({"day": "2026-01-14", "time": "25:00"}, "time"),
        ({"time": "10:00"}, "day"),
        ({"day": "soon", "time": "10:00"}, "day"),
        ({"day": "2026-01-14", "other": "0002-01-01", "time": "10:00"}, "other"),
        ({"day": "2026-01-14", "start": "'; DROP"}, "start"),
        ({"day": "2026-01-14", "start": "9999-99-99T99:99Z"}, "start"),
        ({"day": "2026-01-14", "start": "2026-01-14T09:30Z", "time": "10:00"}, "time"),
        ({"day": "2026-01-15", "start": "2026-01-14T09:30Z"}, "start"),
    ],
)
def test_it_asks_back_instead_of_guessing(fields: dict[str, str], field: str) -> None:
    assert refusal(chosen(**fields)).field == field


def test_a_typed_time_that_says_the_same_as_the_radio_is_fine() -> None:
    form = chosen(day="2026-01-14", start="2026-01-14T09:30Z", time="9:30")
    assert form.moment(LONDON) == datetime(2026, 1, 14, 9, 30, tzinfo=UTC)


def test_a_skipped_time_offers_the_two_nearest() -> None:
    form = chosen(day="2026-03-29", time="01:30")
    assert refusal(form).field == "which"
    assert form.which_choices is not None
    with pytest.raises(NonexistentTime) as gap:
        instant(datetime.fromisoformat("2026-03-29 01:30"), LONDON.zone)
    nearest = (gap.value.before, gap.value.after)
    assert [choice["label"] for choice in form.which_choices] == [LONDON.time(moment) for moment in nearest]
    before = chosen(day="2026-03-29", time="01:30", which="first").moment(LONDON)
    after = chosen(day="2026-03-29", time="01:30", which="second").moment(LONDON)
    assert (before, after) == nearest
    assert after == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_repeated_time_asks_which_and_both_can_be_had() -> None:
    form = chosen(day="2026-10-25", time="01:30")
    assert refusal(form).field == "which"
    assert form.which_choices is not None
    assert [choice["detail"] for choice in form.which_choices] == ["BST, UTC+01:00", "GMT, UTC+00:00"]
    moments = [
        chosen(day="2026-10-25", time="01:30", which=word).moment(LONDON) for word in ("first", "second")
    ]
    assert moments == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ]


def offers(first: date, days: int) -> list[DayOffer]:
    nine = [datetime(2026, 1, 13 + n, 9, tzinfo=UTC) for n in range(days)]
    return [DayOffer(start.date(), (start,)) for start in nine if start.date() >= first]


def test_the_row_has_six_days_on_which_the_firm_works() -> None:
    found = picker(
        chosen(), offers(date(2026, 1, 13), 14), LONDON, chosen=None, working=HOURS, client=None, gone=None
    )
    assert [day["label"] for day in found.days] == [
        "Tue 13 Jan",
        "Wed 14 Jan",
        "Thu 15 Jan",
        "Fri 16 Jan",
        "Mon 19 Jan",
        "Tue 20 Jan",
    ]
    assert (found.chosen_day, found.other) == (date(2026, 1, 13), "")


def test_a_chosen_day_off_the_row_stands_in_the_date_field() -> None:
    found = picker(chosen(), offers(date(2026, 1, 13), 14), LONDON, chosen=date(2026, 1, 17), working=HOURS)
    assert found.other == "2026-01-17"
    assert len(found.slots) == 1


def test_a_time_just_taken_is_shown_and_cannot_be_chosen() -> None:
    gone = datetime(2026, 1, 13, 9, 45, tzinfo=UTC)
    form = chosen(day="2026-01-13", start=value_of(gone))
    found = picker(
        form, offers(date(2026, 1, 13), 14), LONDON, chosen=date(2026, 1, 13), working=HOURS, gone=gone
    )
    assert [(slot["label"], slot["gone"], slot["checked"]) for slot in found.slots] == [
        ("09:00", False, False),
        ("09:45", True, False),
    ]


def test_the_row_begins_at_a_chosen_day_that_lies_ahead() -> None:
    today = date(2026, 1, 13)
    assert first_day(date(2026, 3, 2), today) == date(2026, 3, 2)
    assert first_day(date(2026, 1, 15), today) == today
    assert first_day(date(2025, 1, 15), today) == today
    assert first_day(None, today) == today
