"""Reminders as a calendar: another program reads back what was written, whatever the words are."""

from __future__ import annotations

from datetime import UTC, datetime

import icalendar
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.calendar_feed import Shown, feed, write_feeds
from hub.cli import cli
from hub.config import load_config
from hub.reminders.calendars import Calendars
from hub.reminders.dues import Deed
from hub.reminders.evaluate import evaluate
from hub.reminders.rules import load_rules
from hub.reminders.world import World
from hub.store.database import Store

RULES = load_rules()
NAME = "КГКУ «Пример»; отдел, учёт \\ и налоги"


def reminding(world, moment, *facts, deeds=(), name=NAME, **objects):
    clients = {"c1": {"name": name, "manager": "m1", "status": "client", "phones": ["+73912940853"],
                      "last_connected_call": datetime(2026, 11, 21, 5, tzinfo=UTC)}}  # fmt: skip
    employees = {"m1": {"name": "Иванова", "role": "manager"}, "u1": {"role": "duty"}}
    whole = world(*facts, client=clients, employee=employees, **objects)
    return Shown(whole, RULES, evaluate(whole, RULES, moment, deeds).reminders, moment)


def todos(content):
    calendar = icalendar.Calendar.from_ical(content)
    return {str(each["UID"]): each for each in calendar.walk("VTODO")}


def test_a_calendar_program_reads_every_field_back(world, call, at):
    now = at("2026-11-22T10:05")
    found = reminding(world, now, call("e1", "2026-11-22T10:00"))
    content = feed(found, "m1")
    (uid, todo), *_ = [item for item in todos(content).items() if item[0].startswith("missed_call")]
    assert uid == "missed_call:c1@2026-11-22T03:00:00+00:00"
    assert str(todo["SUMMARY"]) == f"Перезвонить: {NAME}, +7 391 294-08-53"
    assert str(todo["DESCRIPTION"]).startswith("Пропущен звонок 22.11 в 10:00, попыток: 1\nТелефоны: ")
    assert todo.decoded("DUE") == at("2026-11-22T10:15")
    assert (todo["PRIORITY"], str(todo["STATUS"]), todo["SEQUENCE"]) == (1, "NEEDS-ACTION", 2)
    assert todo.decoded("DTSTAMP") == at("2026-11-22T10:00")
    (alarm,) = todo.walk("VALARM")
    assert (str(alarm["ACTION"]), alarm.decoded("TRIGGER").total_seconds()) == ("DISPLAY", 0)
    assert max(map(len, content.split(b"\r\n"))) <= 75
    assert content.endswith(b"END:VCALENDAR\r\n")


def test_what_was_done_and_what_was_seen_is_told_and_the_number_of_the_change_grows(world, call, at):
    missed, talk = call("e1", "2026-11-22T10:00"), call("e2", "2026-11-22T10:20", "connected")
    seen = Deed(rule="missed_call", key="missed_call:c1", kind="ack", at=at("2026-11-22T10:10"), by="m1")
    numbers, states = [], []
    for moment, facts, deeds in (("10:05", [missed], ()), ("10:12", [missed], [seen]), ("10:30", [missed, talk], ())):
        found = reminding(world, at(f"2026-11-22T{moment}"), *facts, deeds=deeds)
        (todo,) = [it for uid, it in todos(feed(found)).items() if uid.startswith("missed_call")]
        numbers.append(int(todo["SEQUENCE"]))
        states.append(str(todo["STATUS"]))
    assert states == ["NEEDS-ACTION", "IN-PROCESS", "COMPLETED"]
    assert numbers[0] < numbers[1]
    assert todo.decoded("COMPLETED") == at("2026-11-22T10:20")
    assert todos(feed(reminding(world, at("2026-11-22T10:05"), missed), "u1")) == {}, "each has his own list"


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=200))
def test_any_name_comes_back_as_it_was(name):
    now = datetime(2026, 11, 23, 5, tzinfo=UTC)
    clients = {"c1": {"name": name, "manager": "m1", "status": "client"}}
    whole = World({"client": clients, "employee": {"m1": {"name": name}}}, [], calendars=Calendars("Asia/Krasnoyarsk"),
                  enforce_from=now)  # fmt: skip
    content = feed(Shown(whole, RULES, evaluate(whole, RULES, now).reminders, now))
    assert max(map(len, content.split(b"\r\n"))) <= 75
    (todo,) = [it for uid, it in todos(content).items() if uid.startswith("weekly")]
    shown = "".join(sign for sign in name.replace("\r\n", "\n").replace("\r", "\n") if sign == "\n" or sign >= " ")
    assert str(todo["SUMMARY"]) == f"Еженедельный звонок: {shown.replace(chr(127), '') if name else '—'}"


def test_feeds_are_files_written_only_when_something_changed_and_the_command_writes_one(tmp_path, world, call, at):
    config = tmp_path / "hub.yaml"
    config.write_text("store: sqlite:///hub.db\nfeeds: feeds\nemployees: [{id: m1, name: Иванова}]\n", encoding="utf-8")
    found = reminding(world, at("2026-11-22T10:05"), call("e1", "2026-11-22T10:00"))
    assert write_feeds(load_config(config), found) == 1
    written = (tmp_path / "feeds" / "m1.ics").read_bytes()
    assert any(uid.startswith("missed_call:c1@") for uid in todos(written))
    later = reminding(world, at("2026-11-22T10:06"), call("e1", "2026-11-22T10:00"))
    assert write_feeds(load_config(config), later) == 0, "nothing changed in a minute"

    store = Store(f"sqlite:///{tmp_path / 'hub.db'}", synchronous="normal")
    store.create()
    store.close()
    target = tmp_path / "all.ics"
    run = CliRunner().invoke(cli, ["--config", str(config), "reminder", "export", "--ics", str(target)])
    assert run.exit_code == 0, run.output
    assert icalendar.Calendar.from_ical(target.read_bytes())["VERSION"] == "2.0"
    wrong = CliRunner().invoke(cli, ["--config", str(config), "reminder", "export", "--ics", "--employee", "m2"])
    assert wrong.exit_code == 2
