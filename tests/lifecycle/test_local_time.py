"""The bridge between UTC and the clock on the wall, where it skips, repeats, or is written in another way."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.localtime import (
    AmbiguousTime,
    Local,
    NonexistentTime,
    day_bounds,
    day_start,
    duration,
    instant,
    parse_clock,
    parse_date,
    zone_choices,
    zone_names,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LONDON = ZoneInfo("Europe/London")
ZONES = st.sampled_from(sorted(zone_names())).map(ZoneInfo)


@st.composite
def moments(draw: st.DrawFn) -> tuple[datetime, ZoneInfo]:
    """An instant and a zone; if the zone changes its clocks in that year, within hours of a change."""
    zone = draw(ZONES)
    new_year = datetime(draw(st.integers(1990, 2100)), 1, 1, 12, tzinfo=UTC)
    days = [new_year + timedelta(days=day) for day in range(364)]
    changes = [
        day for day in days if day.astimezone(zone).utcoffset() != (day + DAY).astimezone(zone).utcoffset()
    ]
    day = draw(st.sampled_from(changes or days))
    return day + draw(st.integers(-180, 24 * 60 + 180)) * MINUTE, zone


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(moments())
def test_every_instant_comes_back_from_the_wall_clock(drawn: tuple[datetime, ZoneInfo]) -> None:
    moment, zone = drawn
    seen = moment.astimezone(zone)
    assert instant(seen.replace(tzinfo=None, fold=0), zone, second=bool(seen.fold)) == moment


@given(moments(), st.integers(-180, 180))
def test_every_wall_clock_time_exists_or_lies_between_the_two_that_are_offered(
    drawn: tuple[datetime, ZoneInfo], shift: int
) -> None:
    moment, zone = drawn
    local = moment.astimezone(zone).replace(tzinfo=None, fold=0) + shift * MINUTE

    def on_the_wall(found: datetime) -> datetime:
        return found.astimezone(zone).replace(tzinfo=None, fold=0)

    match outcome(local, zone):
        case AmbiguousTime(first=first, second=second):
            assert first < second
            assert on_the_wall(first) == on_the_wall(second) == local
        case NonexistentTime(before=before, after=after):
            assert after - before == MINUTE
            assert on_the_wall(before) < local < on_the_wall(after)
        case found:
            assert on_the_wall(found) == local


def outcome(local: datetime, zone: ZoneInfo) -> datetime | AmbiguousTime | NonexistentTime:
    try:
        return instant(local, zone)
    except (AmbiguousTime, NonexistentTime) as refusal:
        return refusal


@given(moments())
def test_a_day_starts_when_the_date_changes(drawn: tuple[datetime, ZoneInfo]) -> None:
    moment, zone = drawn
    day = moment.astimezone(zone).date()
    start = day_start(day, zone)
    assert start.astimezone(zone).date() >= day
    assert (start - timedelta(seconds=1)).astimezone(zone).date() < day


@pytest.mark.parametrize("clock", ["01:00", "01:30", "01:59"])
def test_a_skipped_time_is_refused_with_the_nearest_on_both_sides(clock: str) -> None:
    with pytest.raises(NonexistentTime) as never:
        instant(datetime.fromisoformat(f"2026-03-29 {clock}"), LONDON)
    assert (never.value.before, never.value.after) == (utc("2026-03-29 00:59"), utc("2026-03-29 01:00"))


@pytest.mark.parametrize(
    ("zone", "local", "before", "after"),
    [
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 09:59", "2011-12-30 10:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:29", "2026-10-03 15:30"),
        ("America/Sao_Paulo", "2018-11-04 00:30", "2018-11-04 02:59", "2018-11-04 03:00"),
    ],
)
def test_gaps_of_a_day_of_half_an_hour_and_at_midnight(
    zone: str, local: str, before: str, after: str
) -> None:
    with pytest.raises(NonexistentTime) as never:
        instant(datetime.fromisoformat(local), ZoneInfo(zone), second=True)
    assert (never.value.before, never.value.after) == (utc(before), utc(after))


def test_a_repeated_time_asks_which_and_both_can_be_had() -> None:
    local = datetime(2026, 10, 25, 1, 30)  # noqa: DTZ001 - a time on the wall
    with pytest.raises(AmbiguousTime) as twice:
        instant(local, LONDON)
    both = (utc("2026-10-25 00:30"), utc("2026-10-25 01:30"))
    assert (twice.value.first, twice.value.second) == both
    assert (instant(local, LONDON, second=False), instant(local, LONDON, second=True)) == both


@pytest.mark.parametrize("second", [None, False, True])
def test_an_ordinary_time_is_not_asked_about(second: bool | None) -> None:
    local = datetime(2026, 7, 1, 10, 0)  # noqa: DTZ001 - a time on the wall
    assert instant(local, LONDON, second=second) == utc("2026-07-01 09:00")


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/London", "2026-01-13", 24),
        ("Europe/London", "2026-03-29", 23),
        ("Europe/London", "2026-10-25", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("America/Havana", "2026-03-08", 23),  # midnight itself is skipped
        ("America/Havana", "2026-11-01", 25),  # midnight comes twice
        ("Pacific/Apia", "2011-12-30", 0),  # the whole day is skipped
    ],
)
def test_the_length_of_a_day(zone: str, day: str, hours: float) -> None:
    start, end = day_bounds(date.fromisoformat(day), ZoneInfo(zone))
    assert (end - start) == timedelta(hours=hours)


def test_a_day_without_midnight_starts_at_one() -> None:
    start = day_start(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo"))
    assert start.astimezone(ZoneInfo("America/Sao_Paulo")).time() == time(1, 0)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("9", "09:00"),
        ("9:45", "09:45"),
        ("09.45", "09:45"),
        ("945", "09:45"),
        ("0945", "09:45"),
        ("14:30", "14:30"),
        (" 2.30 PM ", "14:30"),
        ("2pm", "14:00"),
        ("230pm", "14:30"),
        ("12am", "00:00"),
        ("12:05 pm", "12:05"),
        ("0", "00:00"),
        ("23:59", "23:59"),
    ],
)
def test_times_as_people_type_them(typed: str, meant: str) -> None:
    assert parse_clock(typed) == time.fromisoformat(meant)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "24:00",
        "9:60",
        "9:5",
        "0am",
        "13pm",
        "25",
        "nine",
        "-9",
        "9:4\uff15",
        "\u0669",
        "9:45:00",
        "12345",
        "9" * 9999,
    ],
)
def test_what_is_no_time_gets_a_sentence(typed: str) -> None:
    with pytest.raises(ValueError, match=r"^Enter a time such as 14:30\.$"):
        parse_clock(typed)


@given(st.text(max_size=12), st.sampled_from([parse_clock, parse_date]))
def test_no_text_breaks_a_parser(text: str, parse: Callable[[str], object]) -> None:
    try:
        parse(text)
    except ValueError as error:
        problem = str(error)
    else:
        return
    assert problem.startswith("Enter a ")


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("2026-02-29", "year-month-day"),
        ("13/01/2026", "year-month-day"),
        ("", "year-month-day"),
        ("1989-12-31", "between 1990 and 2100"),
        ("2101-01-01", "between 1990 and 2100"),
        ("0001-01-01", "between 1990 and 2100"),
        ("99999-01-01", "year-month-day"),
    ],
)
def test_what_is_no_date_gets_a_sentence(typed: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_date(typed)


def test_a_date_is_read() -> None:
    assert parse_date(" 2028-02-29 ") == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, "0 min"),
        (45, "45 min"),
        (120, "2 h"),
        (148, "2 h 28 min"),
        (1439, "23 h 59 min"),
        (1440, "1 day"),
        (1511, "1 day 1 h"),
        (4320, "3 days"),
    ],
)
def test_a_duration_is_said(minutes: int, said: str) -> None:
    assert duration(minutes) == said


def test_the_firm_writes_times_its_own_way() -> None:
    start, end = utc("2026-01-13 14:00"), utc("2026-01-13 14:45")
    plain = Local.named("Europe/London")
    american = Local.named("America/New_York", twelve_hour=True, month_first=True)
    assert (plain.day_time(start), plain.range(start, end)) == ("Tue 13 Jan, 14:00", "14:00–14:45")
    assert american.full_day_time(start) == "Tue Jan 13 2026, 9:00 am"
    assert american.long_day(date(2026, 1, 13)) == "Tuesday January 13"
    assert [american.time(utc(f"2026-01-13 {hour}:05")) for hour in ("05", "17", "04", "16")] == [
        "12:05 am",
        "12:05 pm",
        "11:05 pm",
        "11:05 am",
    ]


def test_a_range_over_midnight_names_the_second_day() -> None:
    assert (
        Local.named("Europe/London").range(utc("2026-01-13 23:30"), utc("2026-01-14 00:15"))
        == "23:30–00:15 Wed 14 Jan"
    )


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-01-13 08:00", "08:00"),
        ("2026-01-12 23:59", "yesterday 23:59"),
        ("2026-01-14 00:00", "Wed 14 Jan, 00:00"),
        ("2025-12-31 10:00", "Wed 31 Dec 2025, 10:00"),
    ],
)
def test_a_moment_is_said_as_seen_from_now(moment: str, said: str) -> None:
    assert Local.named("Europe/London").relative(utc(moment), utc("2026-01-13 10:00")) == said


@pytest.mark.parametrize(
    ("zone", "label"),
    [("Europe/London", "London (GMT)"), ("America/Sao_Paulo", "Sao Paulo (UTC-03)"), ("UTC", "UTC (UTC)")],
)
def test_a_zone_is_named_by_its_city(zone: str, label: str) -> None:
    assert Local.named(zone).zone_label(utc("2026-01-13 10:00")) == label


def test_zones_are_offered_once_by_region_with_their_offset_of_that_day() -> None:
    winter, summer = (zone_choices(datetime(2026, month, 13, 10, tzinfo=UTC)) for month in (1, 7))
    assert sorted(name for zones in winter.values() for name, _label in zones) == sorted(zone_names())
    assert dict(winter["Europe"])["Europe/London"] == "London (UTC+00:00)"
    assert dict(summer["Europe"])["Europe/London"] == "London (UTC+01:00)"
    assert dict(winter["America"])["America/Argentina/Buenos_Aires"] == "Buenos Aires, Argentina (UTC-03:00)"
    assert dict(winter["Other"])["UTC"] == "UTC (UTC+00:00)"
