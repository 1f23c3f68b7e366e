"""Wake-ups of the daemon: read at once, end at once, one login, and silence about what the sync tells anyway."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from hub import wakeups
from hub.api import (
    API,
    AuthError,
    Batch,
    Check,
    ConnectorSpec,
    Cursor,
    Event,
    Record,
    Secret,
    Settings,
    Stream,
    Tools,
    Unavailable,
)
from hub.config import load_config
from hub.connections import Hub
from hub.daemon import Daemon, handlers_of
from hub.engine import jobs
from hub.plugins import Plugins
from hub.store.database import Store
from hub.store.problems import open_problems
from hub.tools import SystemClock


class BellSettings(Settings):
    """The other side is this process."""

    password: Secret = Secret("right")


class World:
    """What the other side knows of us."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.rings = 0
        self.reads = 0
        self.logins: list[str] = []
        self.moments: list[float] = []
        """When each of the logins was."""

        self.wrong: set[str] = set()
        self.is_away = False
        self.closed = 0

    def login(self, who: str) -> None:
        with self.lock:
            self.logins.append(who)
            self.moments.append(time.monotonic())
            self.lock.notify_all()
            if who in self.wrong:
                raise AuthError("the bell refused the password.")
            if who == "wait" and self.is_away:
                raise Unavailable("the bell is away.")

    def until(self, condition: Callable[[], bool], seconds: float = 60) -> bool:
        with self.lock:
            return self.lock.wait_for(condition, seconds)


WORLD = World()


class Bell:
    """A connection that can be rung."""

    def __init__(self, settings: BellSettings, tools: Tools) -> None:
        self._heard: int | None = None

    def check(self) -> Check:
        return Check("bell")

    def streams(self) -> Sequence[Stream]:
        return [Stream("things")]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        WORLD.login("read")
        with WORLD.lock:
            WORLD.reads += 1
            WORLD.lock.notify_all()
        yield Batch(())

    def normalise(self, record: Record) -> list[Event]:
        return []

    def wait(self, timeout: timedelta) -> bool:
        if self._heard is None:
            rings = WORLD.rings  # who rings from the login on is heard
            WORLD.login("wait")
            self._heard = rings
        with WORLD.lock:
            heard, self._heard = self._heard, WORLD.rings
            return WORLD.lock.wait_for(lambda: WORLD.rings > heard, timeout.total_seconds())

    def close(self) -> None:
        WORLD.closed += 1


SPEC = ConnectorSpec("bell", "Bell", API, BellSettings, f"{Bell.__module__}:Bell")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setitem(globals(), "WORLD", World())
    monkeypatch.setattr(wakeups, "LOOK", timedelta(seconds=0.05))
    monkeypatch.setattr(wakeups, "REST", timedelta(seconds=0.05))
    return WORLD


@pytest.fixture
def start(tmp_path: Path, store: Store, world: World) -> Iterator[Callable[[], Daemon]]:
    (tmp_path / "hub.yaml").write_text("connections:\n  bell: {connector: bell, every: 1d}\n", encoding="utf-8")
    plugins = Plugins()
    plugins.connectors["bell"] = SPEC
    hub = Hub(load_config(tmp_path / "hub.yaml"), plugins, store, SystemClock())
    handlers = {kind: handler for kind, handler in handlers_of(hub).items() if kind != "reminders"}
    made = Daemon(hub, handlers)
    thread = threading.Thread(target=made.run, daemon=True)

    def begin() -> Daemon:
        thread.start()
        return made

    yield begin
    begun = time.monotonic()
    made.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert time.monotonic() - begun < 9
    assert not [it for it in threading.enumerate() if it.name.startswith("hub-wake")]


def ring(world: World) -> None:
    with world.lock:
        world.rings += 1
        world.lock.notify_all()


def test_what_is_new_is_read_at_once_and_not_in_its_turn(start: Callable[[], Daemon], world: World) -> None:
    start()
    assert world.until(lambda: "wait" in world.logins)
    for number in (1, 2, 3):
        before = world.reads
        ring(world)
        assert world.until(lambda before=before: world.reads > before), f"ring {number} woke nobody"

    assert world.logins.count("wait") == 1, "one line to the other side for all of them"


def test_a_wrong_password_is_the_syncs_to_tell_and_costs_nothing_here(
    start: Callable[[], Daemon], store: Store, world: World
) -> None:
    world.wrong = {"read", "wait"}
    daemon = start()

    def is_told() -> bool:
        with store.read() as connection:
            return jobs.last_end(connection, "sync", "sync/bell") == "dead"

    late = time.monotonic() + 60
    while not is_told() and time.monotonic() < late:
        time.sleep(0.02)
    time.sleep(0.5)

    assert world.logins == ["read"]
    assert daemon.wakeups is not None
    with store.read() as connection:
        assert len(list(open_problems(connection))) == 1


def test_credentials_refused_to_the_waiting_alone_are_not_tried_again(
    start: Callable[[], Daemon], store: Store, world: World
) -> None:
    world.wrong = {"wait"}
    start()
    assert world.until(lambda: "wait" in world.logins)
    time.sleep(0.5)

    assert world.logins.count("wait") == 1
    with store.read() as connection:
        assert list(open_problems(connection)) == []


def test_an_absent_side_is_waited_for_with_pauses(start: Callable[[], Daemon], world: World) -> None:
    world.is_away = True
    start()
    assert world.until(lambda: "wait" in world.logins)
    world.is_away = False
    assert world.until(lambda: world.logins.count("wait") == 2)
    first, second = [at for who, at in zip(world.logins, world.moments, strict=True) if who == "wait"]
    assert second - first > 1.5, "the first pause after a failure is two seconds, give or take a fifth"
    before = world.reads
    ring(world)
    assert world.until(lambda: world.reads > before)


def test_a_read_that_waits_already_is_not_doubled(start: Callable[[], Daemon], store: Store, world: World) -> None:
    daemon = start()
    daemon.stop()
    hub = daemon.hub
    with store.write() as connection:
        now = store.now(connection)
        jobs.enqueue(connection, "sync", {"connection": "bell"}, now=now, run_at=now + timedelta(hours=1),
                     lock_key="sync/bell")  # fmt: skip

    assert not wakeups.wake(hub, "bell"), "after a failure the back-off counts, not the bell"
