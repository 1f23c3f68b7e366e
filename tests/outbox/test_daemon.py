"""The daemon over a configuration: one try with a wrong password, what holds up waits, plugins in isolation."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from hub import outbox
from hub.api import (
    API,
    AuthError,
    Batch,
    ConnectorSpec,
    Cursor,
    Event,
    Record,
    Secret,
    Settings,
    Stream,
    Tools,
    hookimpl,
)
from hub.cli import cli
from hub.config import load_config
from hub.connections import Hub
from hub.daemon import Daemon, handlers_of
from hub.engine import jobs
from hub.plugins import Plugins
from hub.store import commands
from hub.store.database import Store
from hub.store.problems import open_problems
from hub.store.tables import job
from hub.tools import SystemClock

from .counting import Counting, CountingPeer

ROOT = Path(__file__).parents[2]


class OfficeSettings(Settings):
    """Where the peer is."""

    port: int
    password: Secret


class Office(Counting):
    """A connection that reads and writes; both present the password."""

    presented: list[str] = []  # noqa: RUF012 of one test run
    right = "right"

    def __init__(self, settings: OfficeSettings, tools: Tools) -> None:
        super().__init__(settings.port)
        self._password = settings.password.get_secret_value()

    def _call(self, method: str, path: str, body: str | None) -> tuple[int, str]:
        self._present("write")
        return super()._call(method, path, body)

    def _present(self, what: str) -> None:
        self.presented.append(what)
        if self._password != self.right:
            raise AuthError("office refused the password.")

    def streams(self) -> Sequence[Stream]:
        return [Stream("things")]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        self._present("read")
        yield Batch(())

    def normalise(self, record: Record) -> list[Event]:
        return []


SPEC = ConnectorSpec("office", "Office", API, OfficeSettings, f"{Office.__module__}:Office")


@pytest.fixture
def folder(tmp_path: Path, peer: CountingPeer, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Office, "presented", [])
    monkeypatch.setenv("OFFICE_PASSWORD", "right")
    (tmp_path / "hub.yaml").write_text(
        "connections:\n"
        f"  office: {{connector: office, port: {peer.port}, password: 'env:OFFICE_PASSWORD', every: 1h}}\n",
        encoding="utf-8",
    )
    return tmp_path


@pytest.fixture
def run(folder: Path, store: Store) -> Callable[..., Daemon]:
    """Run the daemon once with everything due, as if all waits were over, and if wanted in the next slot."""

    def begin(plugin: Any = None, *, next_slot: bool = False) -> Daemon:
        plugins = Plugins()
        plugins.connectors["office"] = SPEC
        if plugin is not None:
            plugins.manager.register(plugin, name="extra")
        hub = Hub(load_config(folder / "hub.yaml"), plugins, store, SystemClock())
        with store.write() as connection:
            connection.execute(update(job).where(job.c.state == "ready").values(run_at=store.now(connection)))
            if next_slot:
                connection.execute(update(job).where(job.c.kind == "sync").values(dedup=None))
        handlers = {kind: handler for kind, handler in handlers_of(hub).items() if kind != "reminders"}
        daemon = Daemon(hub, handlers)
        daemon.run_once()
        return daemon

    return begin


def add(store: Store, key: str = "c1", connection_name: str = "office", *, approve: bool = False) -> None:
    with store.write() as connection:
        outbox.add(
            connection, "thing.do", connection_name, {}, title=f"Счёт {key}", client=None, by="ivanova",
            now=store.now(connection), approve=approve, key=key,
        )  # fmt: skip


def state(store: Store, command_id: str = "c1") -> str:
    with store.read() as connection:
        found = commands.get(connection, command_id)
    assert found is not None
    return found.state


def problems(store: Store) -> set[str]:
    with store.read() as connection:
        return {row.key for row in open_problems(connection)}


def test_what_is_due_is_read_and_sent(store: Store, peer: CountingPeer, run: Callable[..., Daemon]) -> None:
    add(store)
    assert run().runner.failed == 0
    assert (state(store), peer.effects) == ("done", {"c1": 1})
    assert sorted(Office.presented) == ["read", "write"]
    run()
    assert sorted(Office.presented) == ["read", "write"]  # the slot is served, the command done


def test_a_refused_password_is_presented_once_until_it_changes(
    store: Store, peer: CountingPeer, run: Callable[..., Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFICE_PASSWORD", "wrong")
    run()
    add(store, "c1")
    add(store, "c2")
    for _ in range(3):
        run(next_slot=True)
    assert Office.presented == ["read"]
    assert problems(store) == {"connection/office", "commands/office"}
    assert (state(store, "c1"), state(store, "c2")) == ("ready", "ready")
    monkeypatch.setenv("OFFICE_PASSWORD", "right")
    run()
    assert (state(store, "c1"), state(store, "c2"), peer.effects) == ("done", "done", {"c1": 1, "c2": 1})
    assert problems(store) == set()


def test_a_password_refused_when_sending_does_not_stop_reading(
    store: Store, peer: CountingPeer, run: Callable[..., Daemon]
) -> None:
    peer.behaviour = {"c1": "auth", "c2": "auth"}
    add(store, "c1")
    add(store, "c2")
    for _ in range(3):
        run()
    assert sorted(Office.presented) == ["read", "write"]
    assert (state(store, "c1"), state(store, "c2"), problems(store)) == ("ready", "ready", {"commands/office"})
    peer.behaviour.clear()
    outbox.retry(store, "c2", "petrov")  # a person lifts the pause
    run()
    assert (peer.effects, problems(store)) == ({"c1": 1, "c2": 1}, set())


def test_a_command_for_a_connection_that_is_gone_waits_and_is_shown(store: Store, run: Callable[..., Daemon]) -> None:
    add(store, "c1", "former")
    add(store, "c2")
    run()
    assert (state(store, "c1"), state(store, "c2"), problems(store)) == ("ready", "done", {"commands/former"})


def test_a_plugin_that_fails_at_start_stops_nothing_else(store: Store, run: Callable[..., Daemon]) -> None:
    class Broken:
        @hookimpl
        def startup(self, hub: Any) -> None:
            raise ZeroDivisionError

    add(store)
    run(Broken())
    assert (state(store), problems(store)) == ("done", {"plugin/extra"})


def test_a_worker_schedules_nothing(store: Store, folder: Path) -> None:
    plugins = Plugins()
    plugins.connectors["office"] = SPEC
    hub = Hub(load_config(folder / "hub.yaml"), plugins, store, SystemClock())
    Daemon(hub, handlers_of(hub), with_schedules=False).run_once()
    with store.read() as connection:
        assert jobs.listed(connection) == []


@pytest.fixture
def config(tmp_path: Path, store: Store) -> Path:
    """A configuration without connections over the store of the test."""
    path = tmp_path / "cli.yaml"
    path.write_text(f"store: {store.url.render_as_string(hide_password=False)}\n", encoding="utf-8")
    return path


def hub_cli(config: Path, *arguments: str) -> Any:
    result = CliRunner().invoke(cli, ["--config", str(config), *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout) if "--json" in arguments else result.output


def test_people_see_and_decide_on_the_command_line(store: Store, config: Path) -> None:
    assert "No commands." in hub_cli(config, "command", "list")
    add(store, "c1", approve=True)
    add(store, "c2")
    assert {it["id"]: it["state"] for it in hub_cli(config, "command", "list", "--json")} == {
        "c1": "waiting",
        "c2": "ready",
    }
    [approved] = hub_cli(config, "command", "approve", "c1", "--by", "petrov", "--json")
    assert (approved["state"], approved["approved_by"]) == ("ready", "petrov")
    [dropped] = hub_cli(config, "command", "cancel", "c2", "--json")
    assert dropped["state"] == "cancelled"
    shown = hub_cli(config, "command", "show", "c1", "--json")
    assert (shown["data"], shown["receipt"], shown["title"]) == ({}, None, "Счёт c1")
    assert [it["id"] for it in hub_cli(config, "command", "list", "--state", "cancelled", "--json")] == ["c2"]
    found = hub_cli(config, "job", "list", "--json")
    assert {it["payload"]["command"]: it["state"] for it in found} == {"c1": "ready", "c2": "cancelled"}
    with store.write() as connection:
        outbox.add(
            connection, "thing.do", "accounting", {}, title="Письмо с закрывающими документами за ноябрь", client=None,
            by="", now=store.now(connection), approve=False,
        )  # fmt: skip
    for words in ("command list", "command show c1", "job list"):
        assert max(map(len, hub_cli(config, *words.split()).splitlines())) <= 80


def test_running_once_ends_by_itself(store: Store, config: Path) -> None:
    hub_cli(config, "run", "--once")
    found = hub_cli(config, "job", "list", "--json")
    assert [(it["kind"], it["state"]) for it in found] == [("reminders", "done")]


@pytest.mark.parametrize("command", ["run", "worker"])
def test_the_daemon_ends_in_order_when_told_to(store: Store, config: Path, command: str) -> None:
    """F-07."""
    with store.write() as connection:
        jobs.enqueue(connection, "reminders", {}, now=store.now(connection))
    process = subprocess.Popen(
        [sys.executable, "-c", "from hub.cli import main; main()", "--config", str(config), command], cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with store.read() as connection:
            if any(row.state == "done" for row in jobs.listed(connection)):
                break
        time.sleep(0.05)
    told = time.monotonic()
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=15)
    assert (process.returncode, output) == (0, b""), errors.decode()
    assert time.monotonic() - told < 10
    with store.read() as connection:
        assert {row.state for row in jobs.listed(connection)} <= {"done", "ready"}
