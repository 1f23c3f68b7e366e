"""Days and times in Russian words: the forms people use, what is refused, and that no text breaks the reader."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.entries.recurrence import parse_recurrence
from hub.entries.when import add_months, parse_day, parse_moment
from hub.reminders.calendars import Calendars

ZONE = ZoneInfo("Asia/Krasnoyarsk")
OFFICE = Calendars("Asia/Krasnoyarsk").get("office")
SUNDAY = datetime(2026, 11, 22, 10, tzinfo=ZONE)
SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "documents" / "dates_ru.tsv"
DAYS = st.dates(date(1995, 1, 1), date(2150, 12, 31))


def test_reference_days_in_words() -> None:
    if not SAMPLES.is_file():
        pytest.skip(f"no sample data at {SAMPLES}")
    cases = list(csv.DictReader(SAMPLES.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
    assert len(cases) > 10
    for case in cases:
        now = datetime.fromisoformat(case["base"]).replace(tzinfo=ZONE)
        found = parse_moment(case["text"], now, OFFICE)
        if case["expected"].startswith("RRULE:"):
            again = parse_recurrence(case["text"], now, OFFICE)
            assert found is None
            assert again is not None
            assert f"RRULE:{again[0]}" == case["expected"]
            continue
        assert found is not None, case["text"]
        if len(case["expected"]) == 10:
            assert found == OFFICE.opening(date.fromisoformat(case["expected"])), case["text"]
            assert parse_day(case["text"], now, OFFICE) == date.fromisoformat(case["expected"])
        else:
            assert f"{found.astimezone(ZONE):%Y-%m-%dT%H:%M}" == case["expected"], case["text"]


@pytest.mark.parametrize(("text", "day"), [
    ("Завтра", "2026-11-23"), ("позавчера", "2026-11-20"), ("15.12", "2026-12-15"), ("01.02.2027", "2027-02-01"),
    ("01.02.27", "2027-02-01"), ("15 декабря", "2026-12-15"), ("«15» декабря 2026 г.", "2026-12-15"),
    ("3 мая", "2027-05-03"), ("2026-12-15", "2026-12-15"), ("в среду", "2026-11-25"), ("во вторник", "2026-11-24"),
    ("до пятницы", "2026-11-27"), ("в воскресенье", "2026-11-29"), ("прошлую пятницу", "2026-11-13"),
    ("в следующую среду", "2026-11-25"), ("через неделю", "2026-11-29"), ("через две недели", "2026-12-06"),
    ("через 3 рабочих дня", "2026-11-25"), ("3bd", "2026-11-25"), ("7d", "2026-11-29"), ("через месяц", "2026-12-22"),
    ("через полгода", "2027-05-22"), ("через 2 года", "2028-11-22"), ("2 недели назад", "2026-11-08"),
    ("на следующей неделе", "2026-11-23"), ("в конце месяца", "2026-11-30"), ("начало следующего месяца", "2026-12-01"),
    ("к 15.12", "2026-12-15"), ("22.11", "2026-11-22"), ("29.02", "2028-02-29"),
])  # fmt: skip
def test_days_ahead(text: str, day: str) -> None:
    assert parse_day(text, SUNDAY, OFFICE) == date.fromisoformat(day)


@pytest.mark.parametrize(("text", "moment"), [
    ("вчера в 15:00", "2026-11-21T15:00"), ("в пятницу в 14.30", "2026-11-20T14:30"), ("15.12", "2025-12-15T09:00"),
    ("в 9 часов", "2026-11-22T09:00"), ("9:05", "2026-11-22T09:05"), ("полчаса назад", "2026-11-22T09:30"),
    ("сегодня", "2026-11-22T10:00"), ("сейчас", "2026-11-22T10:00"), ("2 часа назад", "2026-11-22T08:00"),
    ("2026-11-20T10:15", "2026-11-20T10:15"), ("2026-11-20 10:15+03:00", "2026-11-20T14:15"),
])  # fmt: skip
def test_what_happened_lies_behind(text: str, moment: str) -> None:
    found = parse_moment(text, SUNDAY, OFFICE, past=True)
    assert found is not None
    assert f"{found.astimezone(ZONE):%Y-%m-%dT%H:%M}" == moment


@pytest.mark.parametrize("text", [
    "", " ", "бред", "31.02", "32.01", "завтра в 25:00", "в 10:60", "через 2 часа в 10:00", "когда-нибудь", "2027",
    "каждый понедельник", "через", "через 99999 лет", "0000-00-00", "29.02.2027", "неделю", "15/12",
    "мая", "завтра " * 20,
])  # fmt: skip
def test_what_is_no_day_is_refused(text: str) -> None:
    assert parse_moment(text, SUNDAY, OFFICE) is None
    assert parse_day(text, SUNDAY, OFFICE) is None


def test_time_of_day_is_no_day() -> None:
    assert parse_day("завтра в 10:00", SUNDAY, OFFICE) is None
    assert parse_day("через час", SUNDAY, OFFICE) is None


@pytest.mark.parametrize(("text", "day"), [
    ("29 февраля 2028", date(2028, 2, 29)), ("через год", date(2029, 2, 28)), ("через месяц", date(2028, 3, 29)),
    ("в среду", date(2028, 3, 1)), ("во вторник", date(2028, 3, 7)), ("1.03", date(2028, 3, 1)),
    ("28 февраля", date(2029, 2, 28)), ("конец месяца", date(2028, 2, 29)),
])  # fmt: skip
def test_days_around_the_end_of_february(text: str, day: date) -> None:
    assert parse_day(text, datetime(2028, 2, 29, 5, tzinfo=UTC), OFFICE) == day


@given(st.text(max_size=70))
def test_no_text_breaks_the_reader(text: str) -> None:
    parse_moment(text, SUNDAY, OFFICE)
    parse_day(text, SUNDAY, OFFICE, past=True)


@given(today=DAYS, day=DAYS, past=st.booleans())
def test_a_day_without_its_year_is_the_nearest(today: date, day: date, past: bool) -> None:
    now = OFFICE.at(today, datetime.min.time().replace(hour=12))
    found = parse_day(f"{day:%d.%m}", now, OFFICE, past=past)
    assert found is not None
    assert (found.month, found.day) == (day.month, day.day)
    assert found <= today if past else found >= today
    closer = (found.replace(year=found.year + step) for step in (-1, 1)) if (day.month, day.day) != (2, 29) else ()
    assert all(not (min(found, today) <= it <= max(found, today)) for it in closer if it != found)


@given(today=DAYS, day=DAYS)
def test_a_written_day_is_itself_whatever_today_is(today: date, day: date) -> None:
    now = OFFICE.at(today, datetime.min.time().replace(hour=12))
    for text in (day.isoformat(), f"{day:%d.%m.%Y}", f"до {day:%d.%m.%Y}"):
        assert parse_day(text, now, OFFICE) == day
        assert parse_moment(text, now, OFFICE) == OFFICE.opening(day)


@given(today=DAYS, number=st.integers(1, 400))
def test_spans_are_counted(today: date, number: int) -> None:
    now = OFFICE.at(today, datetime.min.time().replace(hour=12))
    assert parse_day(f"через {number} дней", now, OFFICE) == today + timedelta(days=number)
    assert parse_day(f"{number} дней назад", now, OFFICE) == today - timedelta(days=number)
    assert parse_day(f"через {number} рабочих дней", now, OFFICE) == OFFICE.shift_day(today, number)
    later = add_months(today, number)
    assert (later.year * 12 + later.month) - (today.year * 12 + today.month) == number
