"""Invitations: when, where and by whom; a click on «Accept» is no letter of a person."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import Invitation, Mail, read_mail
from hub.mail.calendar import read_meeting

OUTLOOK = """BEGIN:VCALENDAR
METHOD:{method}
PRODID:Microsoft Exchange Server 2010
VERSION:2.0
BEGIN:VTIMEZONE
TZID:{zone}
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0700
TZOFFSETTO:+0700
END:STANDARD
{daylight}END:VTIMEZONE
BEGIN:VEVENT
ORGANIZER;CN="Белова, Анна":mailto:Belova@client.example
ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION:mailto:office@example.com
SUMMARY;LANGUAGE=ru-RU:Сверка за год\\, отчёт
DTSTART;TZID={zone}:20261125T100000
DTEND;TZID={zone}:20261125T110000
UID:040000008200E00074C5B7101A82E00800000000
LOCATION;LANGUAGE=ru-RU:Кабинет 5\\, ул. Ми
 ра\\, 1
STATUS:CONFIRMED
BEGIN:VALARM
DESCRIPTION:REMINDER
TRIGGER;RELATED=START:-PT15M
END:VALARM
END:VEVENT
END:VCALENDAR
"""
DAYLIGHT = "BEGIN:DAYLIGHT\nDTSTART:16010101T000000\nTZOFFSETTO:+0800\nEND:DAYLIGHT\n"
THREE = datetime(2026, 11, 25, 3, tzinfo=UTC)


def invitation(method: str = "REQUEST", zone: str = "North Asia Standard Time", daylight: str = "") -> str:
    return OUTLOOK.format(method=method, zone=zone, daylight=daylight)


def sent(calendar: str, kind: str = "text/calendar; charset=utf-8; method=REQUEST") -> Mail:
    return read_mail(f"From: belova@client.example\nSubject: x\nContent-Type: {kind}\n\n{calendar}".encode())


def test_an_invitation_says_when_where_and_by_whom():
    assert sent(invitation()).meeting == Invitation(
        method="request",
        id="040000008200E00074C5B7101A82E00800000000",
        title="Сверка за год, отчёт",
        place="Кабинет 5, ул. Мира, 1",
        organiser="belova@client.example",
        start=THREE,
        end=datetime(2026, 11, 25, 4, tzinfo=UTC),
    )


def test_an_invitation_without_words_is_told_by_its_title():
    mail = sent(invitation())
    assert mail.text == "Сверка за год, отчёт\nКабинет 5, ул. Мира, 1"
    assert [(it.name, it.type) for it in mail.files] == [("part-1.ics", "text/calendar")]
    assert not mail.is_automatic


def test_an_accepted_invitation_is_no_letter_of_a_person():
    assert sent(invitation("REPLY"), "text/calendar; charset=utf-8; method=REPLY").is_automatic


@pytest.mark.parametrize(
    ("zone", "daylight", "start"),
    [
        ("North Asia Standard Time", "", THREE),
        ("North Asia Standard Time", DAYLIGHT, THREE),
        ("Asia/Krasnoyarsk", DAYLIGHT, THREE),
        ("Customized Time Zone", "", THREE),
        ("Красноярск", "", THREE),
        ("Красноярск", DAYLIGHT, None),
        ("../../etc/passwd", DAYLIGHT, None),
        ("Nowhere/City", DAYLIGHT, None),
    ],
)
def test_a_zone_is_known_by_its_name_or_by_its_one_offset(zone, daylight, start):
    assert read_meeting(invitation(zone=zone, daylight=daylight)).start == start


@pytest.mark.parametrize(
    ("line", "start", "is_all_day"),
    [
        ("DTSTART:20261125T030000Z", THREE, False),
        ("DTSTART;VALUE=DATE:20261125", datetime(2026, 11, 25, tzinfo=UTC), True),
        ("DTSTART:20261125T100000", None, False),
        ("DTSTART:20261399T100000Z", None, False),
        ("DTSTART:00010101T000000Z", datetime(1, 1, 1, tzinfo=UTC), False),
        ("DTSTART;TZID=Asia/Krasnoyarsk:00010101T000000", None, False),
        ("DTSTART:завтра", None, True),
    ],
)
def test_times_as_they_are_written(line, start, is_all_day):
    found = read_meeting(f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{line}\nDURATION:PT90M\nEND:VEVENT\nEND:VCALENDAR")
    assert (found.start, found.is_all_day) == (start, is_all_day)
    assert found.end is None or (found.end - found.start).total_seconds() == 5400


def test_a_cancelled_meeting_is_cancelled_whatever_the_method_says():
    assert read_meeting(invitation().replace("STATUS:CONFIRMED", "STATUS:CANCELLED")).method == "cancel"
    assert read_meeting(invitation("CANCEL")).method == "cancel"


def test_a_calendar_without_a_meeting_is_a_file():
    assert sent("BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:x\nEND:VTODO\nEND:VCALENDAR").meeting is None
    assert read_meeting("") is None


@given(st.text(), st.integers(0, 900), st.integers(0, 60))
def test_damage_gives_a_meeting_or_none(text, place, cut):
    calendar = invitation()
    found = read_meeting(calendar[:place] + text + calendar[place + cut :])
    assert found is None or isinstance(found, Invitation)
