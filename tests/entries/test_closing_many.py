"""Many reminders are closed at once only as far as somebody named or saw them: all of them or none, a row for each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from bureau import Office
from sqlalchemy import select

from hub.model.entities import Call, Client, ContactPoint, Reference
from hub.model.events import Event
from hub.store.meta import set_meta
from hub.store.tables import audit

CLIENTS = 12


@pytest.fixture
def busy(each_office: Office) -> Office:
    """Clients with gaps in their cards, and two missed calls that are urgent."""
    office = each_office
    with office.store.write() as connection:
        set_meta(connection, "installed", (office.now - timedelta(days=30)).isoformat())
    for number in range(CLIENTS):
        points = (ContactPoint("phone", f"+739120002{number:02}"),)
        client = Client(name=f"МБДОУ № {number} «Сказка»", status="client", manager="ivanova", points=points)
        office.says("base", f"n{number}", client)
    for number in range(2):
        call = Call(number=f"+739120002{number:02}", state="missed", started=office.now - timedelta(minutes=20))
        office.happens("base", Event("call.missed", Reference("call", f"m{number}"), call, call.started))
    return office


def numbers(office: Office, rule: str) -> list[int]:
    return [it["id"] for it in office.json("today", "--all", "--employee", "ivanova", "--rule", rule)]


def deeds(office: Office) -> list[tuple[str, str]]:
    with office.store.read() as connection:
        query = select(audit.c.object, audit.c.detail).where(audit.c.what == "reminder.done")
        return [(row.object, row.detail) for row in connection.execute(query.order_by(audit.c.id))]


def test_several_numbers_are_closed_together_or_not_at_all(busy: Office) -> None:
    first, second, third, *_ = numbers(busy, "card_gaps")
    assert "there is no reminder 999" in busy.refused("reminder", "done", str(first), "999")
    assert (deeds(busy), first in numbers(busy, "card_gaps")) == ([], True)
    said = busy.ok("reminder", "done", str(first), str(second), str(first), "--reason", "дозвонилась")
    assert said == "Closed: 2 of 2 reminders.\n"
    assert deeds(busy) == [(f"reminder/{first}", ""), (f"reminder/{second}", "")]
    refused = busy.refused("reminder", "done", str(third), str(first))
    assert f"reminder {first} is resolved already. Nothing was done with the others." in refused
    assert third in numbers(busy, "card_gaps")
    assert len(deeds(busy)) == 2


def test_a_rule_is_closed_after_a_question_that_says_how_many(busy: Office) -> None:
    wanted = numbers(busy, "card_gaps")
    order = ["reminder", "done", "--rule", "card_gaps", "--employee", "ivanova"]
    for answer in (b"n\n", b"\n", b""):
        busy.pasted = answer
        asked = busy.call(*order)
        assert asked.exit_code == 1
        assert f"Close {len(wanted)} reminders? [y/N]" in asked.output
        assert f"… and {len(wanted) - 10} more, see: hub today --rule card_gaps" in asked.output
        assert numbers(busy, "card_gaps") == wanted
    busy.pasted = b"y\n"
    assert f"Closed: {len(wanted)} of {len(wanted)} reminders." in busy.ok(*order, "--reason", "карточки заполнены")
    assert numbers(busy, "card_gaps") == []
    words = f"by rule card_gaps, {len(wanted)} at once"
    assert deeds(busy) == [(f"reminder/{number}", words) for number in wanted]
    assert "Nothing to close" in busy.ok(*order, "--yes")


def test_what_is_urgent_is_closed_by_its_number_alone(busy: Office) -> None:
    wanted = numbers(busy, "missed_call")
    assert len(wanted) == 2
    said = " ".join(busy.ok("reminder", "done", "--rule", "missed_call", "--yes", "--all").split())
    assert f"Urgent, closed by their numbers only (2): hub reminder done {wanted[0]} {wanted[1]}" in said
    assert numbers(busy, "missed_call") == wanted
    assert busy.ok("reminder", "done", *map(str, wanted)) == "Closed: 2 of 2 reminders.\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "give either numbers of reminders or --rule"),
        (("1", "--rule", "card_gaps"), "give either numbers of reminders or --rule"),
        (("1", "--yes"), "go with --rule"),
        (("--rule", "card_gap"), "card_gaps"),
        (("--rule", "card_gaps", "--employee", "ivanov"), "ivanova"),
        (("--rule", "card_gaps", "--result", "wrong_rule"), "give --reason"),
    ],
)
def test_what_is_unclear_is_refused(office: Office, words: tuple[str, ...], says: str) -> None:
    assert says in office.refused("reminder", "done", *words)
