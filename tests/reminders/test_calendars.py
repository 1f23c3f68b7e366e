from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.reminders.calendars import (
    OFFICE_HOURS,
    Calendar,
    Calendars,
    Overrides,
    Span,
    is_short,
    is_working,
    parse_hours,
    parse_span,
    parse_time,
)

ZONE = ZoneInfo("Asia/Krasnoyarsk")
CALENDARS = Calendars("Asia/Krasnoyarsk")
OFFICE = CALENDARS.get("office")
BERLIN = Calendar(ZoneInfo("Europe/Berlin"), OFFICE_HOURS)
START = datetime(2025, 1, 1, tzinfo=UTC)
moments = st.integers(0, 1000 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
lengths = st.timedeltas(timedelta(0), timedelta(days=40))


def local(text):
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def test_shared_vectors_of_working_time(shared):
    rows = [line.split("\t") for line in shared("documents/business_time.tsv").read_text().splitlines()[2:]]
    assert len(rows) == 18
    for operation, start, other, result in rows:
        if operation == "add":
            assert OFFICE.add_open(local(start), timedelta(hours=float(other))) == local(result), start
        else:
            assert OFFICE.between(local(start), local(other)) == timedelta(hours=float(result)), start


@pytest.mark.parametrize(
    ("start", "hours", "result"),
    [
        ("2026-11-20T17:00", 2, "2026-11-23T10:00"),  # over a weekend
        ("2026-11-20T12:30", 1, "2026-11-20T14:30"),  # over lunch
        ("2026-04-30T16:30", 0.5, "2026-04-30T17:00"),  # a short day closes at 17:00
        ("2026-01-09T10:00", 1, "2026-01-12T10:00"),  # a moved day off
    ],
)
def test_hours_are_added_over_lunch_weekend_and_short_day(start, hours, result):
    assert OFFICE.add_open(local(start), timedelta(hours=hours)) == local(result)


def test_official_calendar_of_2026(shared):
    for official in json.loads(shared("documents/calendar_ru_2026_2027.json").read_text()):
        year = official["year"]
        days = [date(year, 1, 1) + timedelta(days=i) for i in range(365)]
        working = [day for day in days if is_working(day)]
        by_month = {str(month): sum(day.month == month for day in working) for month in range(1, 13)}
        assert by_month == official["working_days_by_month"]
        assert [day.isoformat() for day in days if is_short(day)] == official["short_days"]
        assert [day.isoformat() for day in working if day.weekday() > 4] == official["working_weekends"]


def test_four_short_days_and_247_working_days_in_2026():
    days = [date(2026, 1, 1) + timedelta(days=i) for i in range(365)]
    assert sum(map(is_working, days)) == 247
    assert [f"{day:%d.%m}" for day in days if is_short(day)] == ["30.04", "08.05", "11.06", "03.11"]


def test_overrides_of_the_firm_win():
    overrides = Overrides(
        off=frozenset({date(2026, 11, 20)}),
        working=frozenset({date(2026, 11, 21)}),
        short=frozenset({date(2026, 11, 19)}),
    )
    office = Calendars("Asia/Krasnoyarsk", overrides=overrides).get("office")
    assert not office.is_open_day(date(2026, 11, 20))
    assert office.is_open_day(date(2026, 11, 21))
    assert office.intervals(date(2026, 11, 19)) == ((540, 780), (840, 1020))


@given(moments, lengths)
def test_between_gives_back_what_was_added(start, length):
    for calendar in (OFFICE, BERLIN, CALENDARS.get("extended"), CALENDARS.get("always")):
        end = calendar.add_open(start, length)
        assert end >= start
        assert calendar.between(start, end) == length


@given(moments, lengths, lengths, st.integers(0, 12))
def test_later_starts_and_longer_spans_end_later(start, length, more, days):
    assert OFFICE.add_open(start, length + more) >= OFFICE.add_open(start, length)
    assert OFFICE.add_open(start + more, length) >= OFFICE.add_open(start, length)
    assert OFFICE.add(start + more, Span(business_days=days)) >= OFFICE.add(start, Span(business_days=days))


@given(moments, moments)
def test_between_is_antisymmetric(one, other):
    assert OFFICE.between(one, other) == -OFFICE.between(other, one)


def test_business_days_keep_the_time_of_day():
    assert OFFICE.add(local("2026-11-19T16:30"), Span(business_days=2)) == local("2026-11-23T16:30")
    assert OFFICE.add(local("2026-11-21T03:00"), Span(business_days=1)) == local("2026-11-24T09:00")
    assert OFFICE.add(local("2026-11-02T17:40"), Span(business_days=1)) == local("2026-11-03T17:00")


def test_always_counts_real_time_also_over_a_change_of_clocks():
    """F-28."""
    start = datetime(2026, 10, 24, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert CALENDARS.get("always").add(start, Span(business_hours=24)) - start == timedelta(hours=24)


def test_office_hours_stay_local_over_a_change_of_clocks():
    """F-28."""
    friday = datetime(2026, 10, 23, 17, tzinfo=BERLIN.zone)
    assert BERLIN.add_open(friday, timedelta(hours=2)) == datetime(2026, 10, 26, 10, tzinfo=BERLIN.zone)


def test_client_calendar_uses_the_client_zone_and_an_unknown_one_is_the_office():
    vladivostok = CALENDARS.get("client", "Asia/Vladivostok")
    assert vladivostok.at(date(2026, 11, 23), time(10)) == local("2026-11-23T07:00")
    assert CALENDARS.get("client", "Марс/Кратер").zone == ZONE
    assert CALENDARS.get("client", "../etc/passwd").zone == ZONE


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("15m", Span(real=timedelta(minutes=15))),
        ("1h30m", Span(real=timedelta(minutes=90))),
        ("3d", Span(real=timedelta(days=3))),
        ("-60d", Span(real=timedelta(days=-60))),
        ("+5bd", Span(business_days=5)),
        ("-3bd", Span(business_days=-3)),
        ("4bh", Span(business_hours=4)),
        ("", None), ("3", None), ("bd", None), ("--3d", None), ("3bd4bh", None), ("1y", None), ("99999999999d", None),
        ("۳d", None),
    ],
)  # fmt: skip
def test_spans(text, span):
    assert parse_span(text) == span


@given(st.text(max_size=12))
def test_no_text_breaks_the_parsers(text):
    parse_span(text)
    parse_hours(text)
    parse_time(text)


def test_hours_must_be_in_order():
    assert parse_hours("09:00-13:00 14:00-18:00") == OFFICE_HOURS
    assert parse_hours("09:00-13:00, 12:00-18:00") is None
    assert parse_hours("18:00-09:00") is None
    assert parse_hours("09:00-25:00") is None
