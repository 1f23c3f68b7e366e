"""Reminders as tasks: written once for whoever has to act, closed when they are over, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub import outbox
from hub.config import load_config
from hub.connections import Hub
from hub.daemon import deliver
from hub.engine.runner import Runner
from hub.plugins import Plugins
from hub.store import commands, reminders
from hub.store.database import Store
from hub.store.reminders import Kept
from hub.tasks import keep_tasks
from hub.testing.peers.ews import SHARED, EwsPeer
from hub.tools import SystemClock

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


@pytest.fixture
def peer() -> Iterator[EwsPeer]:
    made = EwsPeer()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def configured(tmp_path: Path, store: Store, peer: EwsPeer) -> Callable[..., Hub]:
    """Make the hub; Ivanova has her tasks in a mailbox on the server, Petrov has none."""

    def made(tasks: str = "office") -> Hub:
        given = "".join(f", {key}: '{value}'" for key, value in peer.settings().items() if key != "password")
        secret = tmp_path / "secret"
        secret.write_text(peer.settings()["password"])
        secret.chmod(0o600)
        (tmp_path / "hub.yaml").write_text(
            "zone: Asia/Krasnoyarsk\nconnections:\n"
            f"  office: {{connector: exchange, password: 'file:{secret}'{given}}}\n"
            f"employees:\n  - {{id: ivanova, name: И, mail: {SHARED}, tasks: '{tasks}'}}\n"
            "  - {id: petrov, name: П, mail: petrov@example.com}\n",
            encoding="utf-8",
        )
        return Hub(load_config(tmp_path / "hub.yaml"), Plugins(), store, SystemClock())

    return made


def remind(store: Store, key: str = "invoice-7", **changed: Any) -> Kept:
    """Store a reminder, or change the one of that key."""
    with store.write() as connection:
        known = next(iter(reminders.stored(connection, [("unpaid", key)])), None)
        usual: dict[str, Any] = {
            "rule": "unpaid", "key": key, "instance": "1", "client": None, "part": key, "assignee": "ivanova",
            "severity": "urgent", "state": "open", "title": f"Просрочен счёт {key}", "why": "Срок был 17.11.2026.",
            "count": 1,
            "due": NOW, "triggered_at": NOW, "opened_at": NOW,
        }  # fmt: skip
        row = Kept(**{**usual, **changed}, id=known.id if known else 0)
        reminders.save(connection, [row])
    return row


def send(hub: Hub) -> None:
    with hub.store.write() as connection:  # due by the clock of the store as well
        connection.exec_driver_sql("UPDATE job SET run_at = '2000-01-01 00:00:00' WHERE state = 'ready'")
    runner = Runner(hub.store, {outbox.KIND: lambda job, lease: deliver(hub, str(job.payload["command"]), lease)})
    runner.drain()
    runner.stop()
    with hub.store.read() as connection:
        assert [(row.id, row.state, row.error) for row in commands.listed(connection) if row.state != "done"] == []


def tasks(peer: EwsPeer) -> list[tuple[str, str]]:
    items = peer.server.mailboxes[SHARED].items.values()
    return [(it.task["Subject"], it.task["Status"]) for it in items if it.task]


def test_a_reminder_is_a_task_until_it_is_over(configured: Callable[..., Hub], store: Store, peer: EwsPeer) -> None:
    hub = configured()
    remind(store)
    remind(store, "invoice-8", assignee="petrov")
    assert [keep_tasks(hub, NOW), keep_tasks(hub, NOW)] == [1, 0]
    send(hub)
    assert tasks(peer) == [("Просрочен счёт invoice-7", "NotStarted")]
    [item] = [it for it in peer.server.mailboxes[SHARED].items.values() if it.task]
    assert (item.task["DueDate"], item.task["Importance"]) == ("2026-11-20T00:00:00Z", "High")
    assert item.task["Body"] == "Срок был 17.11.2026."

    remind(store, state="closed", closed_by="payment", closed_at=NOW)
    assert [keep_tasks(hub, NOW), keep_tasks(hub, NOW)] == [1, 0]
    send(hub)
    assert tasks(peer) == [("Просрочен счёт invoice-7", "Completed")]


def test_who_has_to_act_no_longer_has_no_task(configured: Callable[..., Hub], store: Store, peer: EwsPeer) -> None:
    hub = configured()
    remind(store)
    keep_tasks(hub, NOW)
    remind(store, assignee="petrov")
    keep_tasks(hub, NOW)
    send(hub)

    assert tasks(peer) == [("Просрочен счёт invoice-7", "Completed")]


def test_tasks_that_are_no_longer_wanted_are_closed(
    configured: Callable[..., Hub], store: Store, peer: EwsPeer
) -> None:
    remind(store)
    keep_tasks(configured(), NOW)
    hub = configured(tasks="")
    assert [keep_tasks(hub, NOW), keep_tasks(hub, NOW)] == [1, 0]
    send(hub)

    assert tasks(peer) == [("Просрочен счёт invoice-7", "Completed")]


def test_without_the_setting_nothing_is_written(configured: Callable[..., Hub], store: Store) -> None:
    remind(store)

    assert keep_tasks(configured(tasks=""), NOW) == 0
