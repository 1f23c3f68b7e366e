"""What one occasion, or one rule on one day, asks for each of many clients is one entry of the list of the day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
from bureau import Office
from hypothesis import given
from hypothesis import strategies as st

from hub.agenda import FEW, MANY, PRESSING, bundled
from hub.model.entities import Call, Client, Contact, ContactPoint, Reference
from hub.model.events import Event
from hub.reminders.dues import Due
from hub.reminders.rules import SEVERITIES
from hub.store.meta import set_meta

SCHOOLS = 7


@pytest.fixture
def crowded(office: Office) -> Office:
    """The Monday after День бухгалтера in an office with many schools, all of them talked with on Thursday."""
    heard = office.now - timedelta(days=4)
    with office.store.write() as connection:
        set_meta(connection, "installed", (office.now - timedelta(days=30)).isoformat())
    for number in range(SCHOOLS):
        phone, mail = f"+739120000{number:02}", f"school{number}@example.ru"
        points = (ContactPoint("phone", phone), ContactPoint("email", mail))
        whose = Reference("client", f"s{number}")
        office.says("base", f"s{number}", Client(name=f"МБОУ «Школа, класс {number}»", status="client",
                                                 manager="ivanova", points=points))  # fmt: skip
        born = date(1980, 11, 24) if number == 3 else None
        office.says("base", f"a{number}", Contact(name=f"Зуева Анна {number}", client=whose, birthday=born,
                                                  position="главный бухгалтер", points=points))  # fmt: skip
        call = Call(number=phone, direction="outbound", state="connected", started=heard, talk_seconds=300)
        office.happens("base", Event("call.connected", Reference("call", f"c{number}"), call, heard))
    return office


def test_one_occasion_for_all_clients_is_one_entry(crowded: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """S002-16, S002-19: День бухгалтера, on eighty columns."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = crowded.ok("today", "--employee", "ivanova", "--all")
    lines = shown.splitlines()
    (place,) = [i for i, line in enumerate(lines) if "Поздравить: День бухгалтера" in line]
    assert lines[place].endswith(f"Поздравить: День бухгалтера ({SCHOOLS}\xa0клиентов)")
    assert shown.count("«Школа, класс") == 3 + 1, "three of the many, and the birthday"
    assert f"и\xa0ещё\xa0{SCHOOLS - 3}" in shown
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if "hub today --rule greeting_occasion" in line]
    assert "Поздравить с днём рождения: Зуева Анна 3" in shown
    alone = crowded.ok("today", "--employee", "ivanova", "--all", "--rule", "greeting_occasion")
    assert alone.count("Поздравить: День бухгалтера, МБОУ «Школа, класс") == SCHOOLS
    assert "днём рождения" not in alone
    told = crowded.json("today", "--employee", "ivanova", "--all")
    assert [it["rule"] for it in told].count("greeting_occasion") == SCHOOLS
    assert {it["rule"] for it in crowded.json("today", "--all", "--rule", "greeting")} == {"greeting"}


def test_an_occasion_for_few_clients_stands_line_by_line(crowded: Office) -> None:
    """And what was done for one client is done for him alone."""
    left = [it["id"] for it in crowded.json("today", "--all", "--employee", "ivanova", "--rule", "greeting_occasion")]
    for number in left[3:]:
        crowded.ok("reminder", "done", str(number))
    assert crowded.ok("today", "--all").count("Поздравить: День бухгалтера, МБОУ «Школа, класс") == 3


def in_calendar(office: Office, *words: str) -> list[icalendar.cal.Component]:
    calendar = icalendar.Calendar.from_ical(office.ok("reminder", "export", "--ics", *words))
    return [it for it in calendar.walk("VTODO") if str(it["UID"]).startswith("greeting_occasion:")]


def test_a_calendar_has_one_entry_for_an_occasion(crowded: Office) -> None:
    """S002-16, S002-19: it names who is still to be greeted, and its number grows with each one who was."""
    (whole,) = in_calendar(crowded, "--employee", "ivanova")
    assert str(whole["SUMMARY"]) == f"Поздравить: День бухгалтера ({SCHOOLS}\xa0клиентов)"
    told = str(whole["DESCRIPTION"]).split("\n")
    assert {f"МБОУ «Школа, класс {number}»" for number in range(SCHOOLS)} < set(told)
    assert "Поздравляем вас! День бухгалтера: хороший повод сказать, что нам приятно с вами работать." in told
    numbers = [
        it["id"] for it in crowded.json("today", "--all", "--rule", "greeting_occasion", "--employee", "ivanova")
    ]
    crowded.ok("reminder", "done", str(numbers[0]))
    (rest,) = in_calendar(crowded, "--employee", "ivanova")
    assert str(rest["SUMMARY"]).endswith(f"({SCHOOLS - 1}\xa0клиентов)")
    assert (rest["UID"], str(rest["STATUS"])) == (whole["UID"], "NEEDS-ACTION")
    assert rest["SEQUENCE"] > whole["SEQUENCE"]
    assert str(rest["DESCRIPTION"]).count("«Школа, класс") == SCHOOLS - 1
    for number in numbers[1:]:
        crowded.ok("reminder", "done", str(number))
    assert in_calendar(crowded, "--employee", "ivanova") == []
    (over,) = in_calendar(crowded)
    assert (str(over["STATUS"]), str(over["SUMMARY"])) == ("COMPLETED", str(whole["SUMMARY"]))


NEW, MISSED = MANY + 4, MANY + 2
ZONE = ZoneInfo("Asia/Krasnoyarsk")


@pytest.fixture
def fresh(office: Office) -> Office:
    """An office on its first days: many clients whose cards hold a telephone alone and with whom nobody has talked."""
    with office.store.write() as connection:
        set_meta(connection, "installed", (office.now - timedelta(days=30)).isoformat())
    for number in range(NEW):
        points = (ContactPoint("phone", f"+739120001{number:02}"),)
        office.says("base", f"n{number}", Client(name=f"МБДОУ № {number} «Сказка»", status="client",
                                                 manager="ivanova", points=points))  # fmt: skip
        if number < MISSED:
            call = Call(number=f"+739120001{number:02}", state="missed", started=office.now - timedelta(minutes=20))
            office.happens("base", Event("call.missed", Reference("call", f"m{number}"), call, call.started))
    return office


def test_what_one_rule_asks_of_many_on_one_day_buries_nothing(fresh: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh installation on eighty columns: urgent things one by one, gaps of cards and first calls an entry each."""
    monkeypatch.setenv("COLUMNS", "80")
    told = fresh.json("today", "--employee", "ivanova", "--all")
    rules = [it["rule"] for it in told]
    assert rules.count("card_gaps") >= NEW
    shown = fresh.ok("today", "--employee", "ivanova", "--all")
    lines = shown.splitlines()
    assert f": {len(told)}\xa0дел" in lines[0]
    (gaps,) = [line for line in lines if "Дополнить карточку" in line]
    assert gaps.endswith(f"Дополнить карточку ({rules.count('card_gaps')}\xa0клиентов)")
    assert shown.count("Еженедельный звонок") == 1
    assert rules.count("missed_call") == MISSED
    assert len([line for line in lines[1:] if "СРОЧНО Перезвонить: МБДОУ" in line]) == MISSED
    assert "    · Каждый отдельно: hub today --rule card_gaps" in lines
    assert max(map(len, lines)) <= 80
    alone = fresh.ok("today", "--employee", "ivanova", "--all", "--rule", "card_gaps")
    assert alone.count("Дополнить карточку: ") == rules.count("card_gaps")


def test_what_is_cut_off_is_counted_and_can_be_seen(fresh: Office) -> None:
    entries = int([it for it in fresh.ok("today", "--employee", "ivanova", "--all").splitlines()
                   if it[:2].strip().isdigit() and it[2] == "."][-1][:2])  # fmt: skip
    cut = fresh.ok("today", "--employee", "ivanova", "--all", "--limit", "1")
    count = len(fresh.json("today", "--employee", "ivanova", "--all")) - 1
    assert f"… и ещё {count}\xa0дел" in cut
    assert f"--limit {entries}" in cut
    assert "…" not in fresh.ok("today", "--employee", "ivanova", "--all", "--limit", str(entries))


FULL = st.lists(st.tuples(st.just("a"), st.sampled_from(["urgent", "info"]), st.integers(0, 2) | st.integers(3, 40),
                          st.integers(0, 30), st.just(0)), min_size=30, max_size=60)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(SEVERITIES), st.integers(0, 5), st.integers(0, 30),
                          st.integers(0, 1)), max_size=60) | FULL)  # fmt: skip
def test_nothing_is_lost_between_entries(drawn: list[tuple[str, str, int, int, int]]) -> None:
    """Each reminder stands in one entry; what presses is put together by its occasion alone."""
    first = datetime(2026, 11, 1, tzinfo=UTC)
    dues = [Due(rule=rule, key=str(place), status="open", severity=severity, title="Дело", why="", subject_kind="x",
                subject=str(subject), client=str(client), part="", trigger="", trigger_time=first,
                count=1, due=first + timedelta(days=day), assignee="ivanova")
            for place, (rule, severity, subject, client, day) in enumerate(drawn)]  # fmt: skip
    entries = bundled(dues, ZONE)
    assert sorted(int(due.key) for group in entries for due in group) == list(range(len(dues)))
    assert [min(int(due.key) for due in group) for group in entries] == sorted(int(group[0].key) for group in entries)
    for rule, severity, subject in {(due.rule, due.severity, due.subject) for due in dues}:
        occasion = [due for due in dues if (due.rule, due.severity, due.subject) == (rule, severity, subject)]
        assert len({due.client for due in occasion}) <= FEW or occasion in entries
    for group in entries:
        if len(group) > 1:
            clients, subjects = {due.client for due in group}, {due.subject for due in group}
            assert len(clients) > (MANY if len(subjects) > 1 else FEW)
            assert len({(due.rule, due.severity) for due in group}) == 1
            assert len(subjects) == 1 or (group[0].severity not in PRESSING and len({due.due for due in group}) == 1)
