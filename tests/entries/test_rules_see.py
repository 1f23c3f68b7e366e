"""What people enter raises and ends reminders at once, by the rules that ship."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from bureau import Office

from hub.entries.kinds import KINDS
from hub.model.entities import Client, Contact, Reference
from hub.reminders.conditions import EVENTS
from hub.store.meta import set_meta


@pytest.fixture
def watched(office: Office) -> Office:
    """The office, in use for a month."""
    with office.store.write() as connection:
        set_meta(connection, "installed", (office.now - timedelta(days=30)).isoformat())
    return office


def reminders(office: Office) -> set[str]:
    return {it["rule"] for it in office.json("reminder", "list")}


def test_complaint_is_open_until_the_client_is_content(watched: Office) -> None:
    """S003-27."""
    watched.ok("complaint", "new", "--client", "Школа", "--department", "поддержка", "--text", "не перезвонили")
    assert "complaint" in reminders(watched)
    for verb in (["ack"], ["correct", "Школа", "--action", "заменён специалист"], ["confirm"]):
        watched.now += timedelta(minutes=10)
        watched.ok("complaint", verb[0], *(verb[1:] or ["Школа"]))
    assert "complaint" not in reminders(watched)


def test_critic_is_called_and_his_reason_is_learnt(watched: Office) -> None:
    """S002-23: taken back as a mistake the answer raises nothing."""
    watched.ok("survey", "new", "--client", "Школа", "--score", "3")
    assert "critic_followup" in reminders(watched)
    watched.ok("survey", "remove", watched.json("survey", "list")[0]["id"])
    assert "critic_followup" not in reminders(watched)


def test_client_who_waits_is_not_asked_again(watched: Office) -> None:
    """S000-6."""
    assert "promise_to_wait" in reminders(watched)
    watched.ok("promise", "new", "--ticket", "512", "--until", "завтра в 12:00")
    assert "promise_to_wait" not in reminders(watched)
    watched.now += timedelta(days=1, hours=1, minutes=30)
    assert "promise_to_wait" not in reminders(watched)


def test_prospect_is_called_on_his_day_and_then_on_the_next(watched: Office) -> None:
    """S001-14, S000-17, S000-18."""
    watched.ok("prospect", "new", "--name", "Архив", "--city", "-", "--contact", "-", "--phone", "-",
               "--next-contact", "завтра")  # fmt: skip
    watched.now += timedelta(days=1)
    assert "referral_next_contact" in reminders(watched)
    watched.ok("referral", "move", "Архив", "--stage", "free_ticket", "--next-contact", "через неделю")
    assert reminders(watched) & {"referral_next_contact", "referral_offer"} == set()
    for _ in range(3):
        watched.now += timedelta(minutes=5)
        watched.ok("referral", "ticket", "Архив")
    assert "referral_offer" in reminders(watched)
    watched.now += timedelta(hours=1)
    watched.ok("referral", "move", "Архив", "--next-contact", "через 3 рабочих дня")
    assert "referral_offer" not in reminders(watched)


def test_task_is_due_until_it_is_done(watched: Office) -> None:
    """S004-7."""
    watched.ok("task", "new", "--title", "Забрать акт", "--employee", "ivanova", "--due", "сегодня в 12:00")
    assert "task_due" in reminders(watched)
    watched.ok("task", "done", watched.json("task", "list")[0]["id"])
    assert "task_due" not in reminders(watched)


def test_own_word_on_the_manager_decides_who_is_reminded(watched: Office) -> None:
    watched.says("base", "1", Client(name="МБОУ «Школа № 5»", status="client", manager="petrov", inn="2465000007",
                                     kpp="246501001"))  # fmt: skip
    watched.ok("client", "set", "Школа № 5", "manager=ivanova")
    watched.ok("survey", "new", "--client", "Школа", "--score", "3")
    assert {it["assignee"] for it in watched.json("reminder", "list") if it["rule"] == "critic_followup"} == {"ivanova"}


def test_a_rule_can_name_all_that_a_person_can_do() -> None:
    """A misspelt or unknown type of event would be refused in a rule, so each word of an entry must be known there."""
    said = {f"{kind.name}.{action.verb}" for kind in KINDS.values() for action in kind.actions}
    assert len(said) > 50
    assert said - EVENTS == set()


def test_person_whom_two_sources_know_is_greeted_once(watched: Office) -> None:
    """S002-16: decision 0016. A namesake is another person, and so is who only shares the day."""
    born, school = date(1980, 11, 24), Reference("client", "1", "base")
    for source, key, name in (
        ("operator", "by-hand", "Анна Ивановна Зуева"), ("base", "k9", "Зуева Анна Ивановна"),
        ("base", "k10", "Зуева Алла Ивановна"), ("base", "k11", "Котов Пётр Ильич"),
    ):  # fmt: skip
        watched.says(source, key, Contact(name=name, client=school, birthday=born))
    titles = [it["title"] for it in watched.json("reminder", "list") if it["rule"] == "greeting"]
    people = sorted(title.partition(": ")[2].partition(",")[0] for title in titles)
    assert people == ["Анна Ивановна Зуева", "Зуева Алла Ивановна", "Котов Пётр Ильич"]
