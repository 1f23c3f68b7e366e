"""What comes again: the words, the times by an independent reader of RFC 5545, and tasks that are given anew."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from hub.entries.recurrence import Recurrence, parse_recurrence, read_rule
from hub.reminders.calendars import Calendars

ZONE = ZoneInfo("Asia/Krasnoyarsk")
OFFICE = Calendars("Asia/Krasnoyarsk").get("office")
SUNDAY = datetime(2026, 11, 22, 10, tzinfo=ZONE)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@pytest.mark.parametrize(("text", "rule", "first"), [
    ("каждый понедельник", "FREQ=WEEKLY;BYDAY=MO", "2026-11-23T09:00"),
    ("Каждый понедельник и четверг в 10:00", "FREQ=WEEKLY;BYDAY=MO,TH", "2026-11-23T10:00"),
    ("каждую среду, пятницу в 14.30", "FREQ=WEEKLY;BYDAY=WE,FR", "2026-11-25T14:30"),
    ("по вторникам", "FREQ=WEEKLY;BYDAY=TU", "2026-11-24T09:00"),
    ("по субботам и воскресеньям", "FREQ=WEEKLY;BYDAY=SA,SU", "2026-11-28T09:00"),
    ("каждый рабочий день", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-23T09:00"),
    ("каждый день в 8 часов", "FREQ=DAILY", "2026-11-23T08:00"),
    ("ежедневно в 11:00", "FREQ=DAILY", "2026-11-22T11:00"),
    ("каждые 2 недели", "FREQ=WEEKLY;INTERVAL=2", "2026-12-06T09:00"),
    ("каждые две недели", "FREQ=WEEKLY;INTERVAL=2", "2026-12-06T09:00"),
    ("раз в месяц", "FREQ=MONTHLY;BYMONTHDAY=22", "2026-12-22T09:00"),
    ("каждое 31-е число", "FREQ=MONTHLY;BYMONTHDAY=31", "2026-11-30T09:00"),
    ("15 числа каждого месяца", "FREQ=MONTHLY;BYMONTHDAY=15", "2026-12-15T09:00"),
    ("ежегодно", "FREQ=YEARLY", "2027-11-22T09:00"),
])  # fmt: skip
def test_words_of_what_comes_again(text: str, rule: str, first: str) -> None:
    found = parse_recurrence(text, SUNDAY, OFFICE)
    assert found is not None
    assert str(found[0]) == rule
    assert read_rule(rule) == found[0]
    assert f"{found[1].astimezone(ZONE):%Y-%m-%dT%H:%M}" == first


@pytest.mark.parametrize("text", [
    "", "каждый", "по", "каждый бред", "каждые 0 дней", "32 числа", "0 числа", "понедельник", "завтра",
    "каждый понедельник и бред", "каждый день в 25:00", "по " + "средам " * 20,
])  # fmt: skip
def test_what_does_not_come_again_is_refused(text: str) -> None:
    assert parse_recurrence(text, SUNDAY, OFFICE) is None


@pytest.mark.parametrize(
    "rule", ["", "FREQ=SECONDLY", "FREQ=WEEKLY;BYDAY=XX", "INTERVAL=2", "FREQ=DAILY;COUNT=3", "Monday"]
)
def test_a_rule_from_elsewhere_is_not_understood(rule: str) -> None:
    assert read_rule(rule) is None


@given(text=st.text(alphabet="кажыйдпонельиврг чсм0123456789:.раз", max_size=40))
def test_no_words_break_the_reader(text: str) -> None:
    parse_recurrence(text, SUNDAY, OFFICE)


@given(
    rule=st.one_of(
        st.builds(Recurrence, st.sampled_from(["DAILY", "WEEKLY", "YEARLY"]), st.integers(1, 4)),
        st.builds(Recurrence, st.just("WEEKLY"), st.integers(1, 4),
                  st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True)
                  .map(lambda days: tuple(sorted(days, key=DAYS.index)))),
        st.builds(Recurrence, st.just("MONTHLY"), st.integers(1, 4), st.just(()), st.integers(1, 28)),
    ),
    start=st.tuples(st.dates(date(2025, 1, 1), date(2027, 12, 27)), st.times())
    .map(lambda it: datetime.combine(*it)),
)  # fmt: skip
def test_times_are_those_of_an_independent_reader(rule: Recurrence, start: datetime) -> None:
    start = start.replace(second=0, microsecond=0, tzinfo=ZONE)
    theirs = rrulestr(str(rule), dtstart=start.replace(tzinfo=None))
    moment, expected = start.astimezone(UTC), start.replace(tzinfo=None)
    for _ in range(5):
        expected = theirs.after(expected)
        found = rule.after(moment, start, OFFICE)
        assert found is not None
        assert found.astimezone(ZONE).replace(tzinfo=None) == expected
        moment = found


def test_the_last_day_of_a_month_and_working_days_are_those_of_an_office() -> None:
    last, first = Recurrence("MONTHLY", month_day=31), datetime(2026, 12, 31, 9, tzinfo=ZONE)
    times = [first.astimezone(UTC)]
    for _ in range(3):
        times.append(last.after(times[-1], first, OFFICE) or times[-1])
    assert [f"{it.astimezone(ZONE):%d.%m}" for it in times] == ["31.12", "31.01", "28.02", "31.03"]

    working = Recurrence("WEEKLY", days=DAYS[:5])
    after_new_year = working.after(datetime(2026, 12, 31, 18, tzinfo=ZONE), first, OFFICE)
    assert after_new_year is not None
    assert after_new_year - first > timedelta(days=10), "the holidays of January"
