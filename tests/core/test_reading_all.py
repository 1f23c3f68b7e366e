"""What reads all clients at once takes a time that grows with what there is, and gives what the parts give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from lab import HEAD
from sqlalchemy import insert

from hub import passes
from hub.cli import cli
from hub.config import Config, load_config
from hub.facts import load_world
from hub.ingest import ingest
from hub.model.entities import Call, Client, ContactPoint, Reference
from hub.model.events import Event
from hub.normalise import Fact, fact_of
from hub.plugins import Plugins
from hub.projection import Sources
from hub.remind import open_by, refresh, rules_of
from hub.reminders.rules import Rule
from hub.store.database import Store
from hub.store.tables import run

NOW = datetime(2026, 5, 12, 2, 30, tzinfo=UTC)


def firm(folder: Path, store: Store, more: str = "") -> Config:
    path = folder / "hub.yaml"
    path.write_text(HEAD.format(store=store.url.render_as_string(hide_password=False)) + more, encoding="utf-8")
    return load_config(path)


def busy(store: Store, clients: int, calls: int) -> None:
    """Let so many clients have so many calls each, the last of them missed."""
    said: list[Fact] = []
    for number in range(clients):
        phone = f"+7391{number:07}"
        who = Client(name=f"Школа {number}", status="client", manager="ivanova", points=(ContactPoint("phone", phone),))
        said.append(fact_of(Event("client.observed", Reference("client", str(number)), who, NOW), ""))
        for place in range(calls):
            moment, is_last = NOW - timedelta(days=calls - place), place == calls - 1
            call = Call(number=phone, started=moment, talk_seconds=0 if is_last else 90, direction="inbound")
            subject = Reference("call", f"{number}-{place}")
            said.append(fact_of(Event(f"call.{'missed' if is_last else 'connected'}", subject, call, moment), ""))
    with store.write() as connection:
        ingest(connection, "base", said, Sources(["base"]), NOW)


def steps(store: Store, config: Config) -> int:
    """Return how many thousand steps SQLite takes to read all that rules look at."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    with store.read() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(count, 1000)
        try:
            load_world(connection, config, NOW)
        finally:
            driver.set_progress_handler(None, 0)
    return taken


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_twice_as_much_takes_twice_as_long_to_read(store: Store, tmp_path: Path) -> None:
    """Seen: for each event SQLite went through all calls of its source, so that a day became minutes."""
    config = firm(tmp_path, store)
    busy(store, 10, 20)
    few = steps(store, config)
    busy(store, 10, 80)
    many = steps(store, config)
    assert many < 5 * few, f"four times as many calls, and {few} became {many} thousand steps"


def rule(config: Config, plugins: Plugins, name: str) -> Rule:
    return next(it for it in rules_of(config, plugins) if it.id == name)


def test_what_a_rule_would_touch_is_what_it_touches(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read a few clients at a time; also what belongs to none of them, once."""
    config, plugins = firm(tmp_path, store, "connections: {desk: {connector: scripted}}\n"), Plugins()
    busy(store, 5, 2)
    stranger = Event("call.missed", Reference("call", "x"), Call(number="+79990000000", started=NOW), NOW)
    with store.write() as connection:
        ingest(connection, "base", [fact_of(stranger, "")], Sources(["base"]), NOW)
        begun = {"connection": "desk", "stream": "calls", "started_at": NOW, "error": ""}
        counts = dict.fromkeys(("read", "new", "changed", "unchanged", "deleted", "bad"), 0)
        connection.execute(insert(run).values(**begun, **counts))
    monkeypatch.setattr(passes, "CHUNK", 2)
    now = NOW + timedelta(days=9)
    open_now = refresh(store, config, plugins, now).open
    found = {}
    for name in ("missed_call", "weekly_call", "connection_silent"):
        with store.read() as connection:
            dues = open_by(connection, config, rule(config, plugins, name), now)
        found[name] = sorted((due.key, due.title, due.part) for due in dues)
        assert found[name] == sorted((due.key, due.title, due.part) for due in open_now if due.rule == name)
    assert [len(keys) for keys in found.values()] == [6, 5, 1]


def test_the_list_of_what_a_rule_would_touch_names_the_clients(store: Store, tmp_path: Path) -> None:
    """On eighty columns the name of the client is there, and nothing is kept."""
    firm(tmp_path, store)
    busy(store, 3, 2)
    given = ["--config", str(tmp_path / "hub.yaml"), "--now", (NOW + timedelta(days=9)).isoformat()]
    done = CliRunner().invoke(cli, [*given, "rule", "preview", "weekly_call"], env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    assert [name in done.stdout for name in ("Школа 0", "Школа 1", "Школа 2")] == [True] * 3, done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
