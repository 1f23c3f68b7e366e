# ruff: noqa: E501 tables of cases read better in one line each
"""F-39: thousands of problems, failed commands and reminders at once: lists end, and each person gets one letter."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from forks import Forks, QuickOffice
from inside import Source, run
from lab import item, opened, said

from hub.config import load_config
from hub.connections import Hub
from hub.notify import MOST_LISTED, notify
from hub.plugins import Plugins
from hub.remind import refresh
from hub.store.tables import command, problem
from hub.tools import SystemClock

MANY = 10_000
REMINDERS = int(os.environ.get("HUB_TEST_REMINDERS", "1000"))
"""Ten thousand say the same and take half a minute."""
NOON = datetime(2026, 5, 12, 5, 0, tzinfo=UTC)
PEOPLE = """\
employees:
  - {id: ivanova, name: Иванова Мария, role: manager, head: petrov, mail: ivanova@example.ru}
  - {id: petrov, name: Петров Иван, role: head, mail: petrov@example.ru}
"""
MAIL = {
    "connector": "imap", "host": "127.0.0.1", "user": "office@example.ru", "password": "env:MAIL_PASSWORD", "smtp_host": "127.0.0.1",
}  # fmt: skip


@pytest.fixture
def office(forks: Forks, tmp_path: Path, made_store: Path) -> QuickOffice:
    office = QuickOffice(forks, tmp_path / "office")
    office._head = office._head.partition("employees:")[0] + PEOPLE
    office.connect({"mail": MAIL})
    shutil.copy(made_store, office.folder / "hub.db")
    return office


def test_thousands_of_reminders_are_one_letter_and_a_list_that_ends(
    office: QuickOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "x")
    missed = f"{NOON - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    records = []
    for number in range(REMINDERS):
        phone = f"+7391{number:07d}"
        records.append(item("client", f"c{number}", name=f"Ромашка {number}", status="client", manager="ivanova",
                            points=[{"type": "phone", "value": phone}]))  # fmt: skip
        call = said("call", f"k{number}", "call.missed", time=missed, number=phone, started=missed, state="missed")
        records.append({"id": f"k{number}", "payload": {"events": [call]}})
    with opened(office.store_url) as store:
        run(store, Source(), *(records[start : start + 2000] for start in range(0, len(records), 2000)), now=NOON)
        hub = Hub(load_config(office.config), Plugins(), store, SystemClock())
        seen = refresh(store, hub.config, hub.plugins, NOON)
        assert len(seen.open) >= REMINDERS
        first = notify(hub, seen)
        again = notify(hub, refresh(store, hub.config, hub.plugins, NOON + timedelta(minutes=1)))
        with store.read() as connection:
            letters = connection.execute(command.select()).all()
    assert (first, again) == (len(letters), 0)
    assert max(Counter(row.id.rpartition("-")[0].partition("-2026")[0] for row in letters).values()) == 1, (
        "one of a kind"
    )
    for row in letters:
        assert len(row.data) < 100_000
        assert row.data.count("Ромашка") <= 4 * MOST_LISTED
    rest = [re.search(r"… и ещё (\d+)\s*дел", row.data) for row in letters]
    assert any(found and int(found[1]) >= REMINDERS - MOST_LISTED for found in rest)
    now = NOON.isoformat()
    for line in (("reminder", "list"), ("today",), ("status",)):
        out = office.ok("--now", now, *line).out
        assert len(out.splitlines()) < 1000, line
    assert re.search(r"^… and \d+ more", office.ok("--now", now, "reminder", "list").out, re.M)
    assert len(office.ok("--now", now, "reminder", "list", "--json").json) >= REMINDERS


def test_ten_thousand_problems_and_failed_commands_are_lists_that_end(office: QuickOffice) -> None:
    with opened(office.store_url) as store, store.write() as connection:
        connection.execute(problem.insert(), [
            {"key": f"p{number}", "scope": "desk", "title": f"Trouble {number}", "hint": "Mend it.", "count": 1,
             "first_at": NOON, "last_at": NOON + timedelta(seconds=number)}
            for number in range(MANY)
        ])  # fmt: skip
        connection.execute(command.insert(), [
            {"id": f"c{number}", "kind": "mail.send", "connection": "mail", "title": f"Letter {number}", "state": "dead", "data": "{}",
             "receipt": "", "error": "refused", "attempt": 5, "created_by": "hub", "approved_by": "", "created_at": NOON}
            for number in range(MANY)
        ])  # fmt: skip
    said_ = office.ok("status").out
    assert len(said_.splitlines()) < 120
    assert "Trouble 9999" in said_, "the newest first"
    assert "9980 more problems" in said_
    assert len(office.ok("status", "--json").json["problems"]) == MANY
    assert len(office.ok("command", "list").out.splitlines()) < 60


def test_many_questions_are_a_list_that_ends(office: QuickOffice) -> None:
    twins = [item("client", f"c{number}", name=f"Ромашка {number // 2}", status="client") for number in range(300)]
    with opened(office.store_url) as store:
        run(store, Source(), twins, now=NOON)
    shown = office.ok("match", "list").out
    assert len(shown.splitlines()) < 160
    assert "… and 100 more." in shown
    assert len(office.ok("match", "list", "--json").json) == 150
