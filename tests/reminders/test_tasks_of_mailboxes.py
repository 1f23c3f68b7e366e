"""A task that was read from a mailbox is reminded of to the employee whose mailbox it is (S004-7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.reminders.calendars import Calendars
from hub.reminders.evaluate import evaluate
from hub.reminders.rules import load_rules
from hub.reminders.world import World

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize("written", ["ivanova", "ivanova@example.com", "IVANOVA@example.com"])
def test_a_task_goes_to_whom_the_mailbox_belongs(written: str) -> None:
    task = {"title": "Позвонить", "given": NOW, "due": NOW + timedelta(hours=1), "by": "Петров", "employee": written}
    people = {"ivanova": {"mail": "Ivanova@example.com", "role": "manager"}, "orlov": {"mail": "", "role": "head"}}
    world = World({"task": {"ta1": task}, "employee": people}, (), calendars=Calendars("Asia/Krasnoyarsk"))
    found = evaluate(world, [rule for rule in load_rules() if rule.id == "task_due"], NOW + timedelta(minutes=1))
    assert [(due.assignee, due.title) for due in found.open] == [("ivanova", "Поручение: Позвонить")]
