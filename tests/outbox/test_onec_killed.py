"""The process that writes to 1C is killed between any two steps: one object in 1C, or a command that a person sees."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from hub import outbox
from hub.store import commands
from hub.store.database import Store
from hub.store.problems import open_problems
from hub.testing.peers.onec import OneCPeer

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = int(os.environ.get("HUB_TEST_ONEC_KILLS", "20"))
CLIENTS, INVOICES = "Catalog_Контрагенты", "Document_СчетНаОплатуПокупателю"


class Killer:
    """Delivers in processes that it kills at a step: a point of the outbox, or a request of which 1C hears."""

    def __init__(self, folder: Path, store: Store, peer: OneCPeer) -> None:
        self.store, self.peer, self.folder = store, peer, folder
        paths = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("onec_child.py"), folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
        self.child = 0
        self.has_begun = threading.Event()
        self.heard = 0
        self.target = 0

    def add(self, kind: str, data: dict[str, object], name: str) -> None:
        with self.store.write() as connection:
            outbox.add(
                connection, kind, "base", data, title=name, client=None, by="ivanova", now=self.store.now(connection),
                approve=False, key=name,
            )  # fmt: skip

    def run(self, *, stop: str = "", request: int = 0, moment: str = "") -> int:
        """Deliver what waits; `request` counts what 1C hears, `moment` says on which side of its effect to kill."""
        self.heard, self.target = 0, request
        self.has_begun.clear()
        server = self.peer.server
        server.requests = Heard(self, moment == "heard")
        server.writing.before = self.kill if moment == "before" else None
        server.writing.after = self.kill if moment == "after" else None
        self.process.stdin.write(json.dumps({"stop": stop, "settings": dict(self.peer.settings())}) + "\n")
        self.process.stdin.flush()
        self.child = int(self.process.stdout.readline())
        self.has_begun.set()
        return int(self.process.stdout.readline())

    def kill(self, *_: object) -> None:
        assert self.has_begun.wait(10)
        os.kill(self.child, signal.SIGKILL)

    def state(self, name: str) -> str:
        with self.store.read() as connection:
            return commands.get(connection, name).state

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Heard:
    """Counts the requests of 1C and kills at the chosen one."""

    def __init__(self, killer: Killer, is_armed: bool) -> None:
        self.killer, self.is_armed = killer, is_armed

    def append(self, _path: str) -> None:
        self.killer.heard += 1
        if self.is_armed and self.killer.heard == self.killer.target:
            self.killer.kill()


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'hub.db'}")
    store.create()
    yield store
    store.close()


@pytest.fixture
def peer():
    peer = OneCPeer()
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def killer(tmp_path, store, peer):
    killer = Killer(tmp_path, store, peer)
    yield killer
    killer.close()


def made(peer: OneCPeer, name: str) -> int:
    return sum(
        f"[hub+{name}]" in row.values["Комментарий"]
        for set_name in (CLIENTS, INVOICES)
        for row in peer.base.sets[set_name].rows.values()
    )


def expect_one_or_parked(killer: Killer, name: str) -> str:
    """Deliver what is left, and hold against 1C what the outbox says."""
    while killer.state(name) in ("ready", "sending"):
        assert killer.run() == 0
    count, state = made(killer.peer, name), killer.state(name)
    assert (count, state) in ((1, "done"), (0, "doubtful"), (1, "doubtful")), (name, count, state)
    with killer.store.read() as connection:
        asked = {row.key for row in open_problems(connection)}
    assert (f"command/{name}" in asked) == (state == "doubtful")
    return f"{count} {state}"


DATA = {"name": "Василек ООО", "inn": "2460000002", "comment": "Из заявки"}


@pytest.mark.parametrize("stop", ["sending", "sent", "answered"])
def test_killed_at_every_point_of_the_outbox(killer, stop):
    """F-05."""
    killer.add("counterparty.create", DATA, "cmd-0000001")
    assert killer.run(stop=stop) == -signal.SIGKILL
    assert expect_one_or_parked(killer, "cmd-0000001") == ("0 doubtful" if stop == "sending" else "1 done")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_around_the_change(killer, moment):
    killer.add("counterparty.create", DATA, "cmd-0000002")
    assert killer.run(moment=moment) == -signal.SIGKILL
    assert expect_one_or_parked(killer, "cmd-0000002") == "1 done"


@pytest.mark.parametrize("request_number", [1, 2, 3])
def test_a_command_killed_while_it_only_asked_is_done_and_no_person_is_asked(killer, peer, request_number):
    """Promise 3: parked is only what may have left."""
    killer.add("counterparty.create", DATA, "cmd-0000004")
    assert killer.run(request=request_number, moment="heard") == -signal.SIGKILL
    assert killer.state("cmd-0000004") == "ready"
    assert made(peer, "cmd-0000004") == 0
    assert expect_one_or_parked(killer, "cmd-0000004") == "1 done"


def test_a_person_who_repeats_a_doubtful_command_makes_no_second_object(killer, store, peer):
    killer.add("counterparty.create", DATA, "cmd-0000003")
    assert killer.run(moment="after") == -signal.SIGKILL
    (row,) = peer.base.sets[CLIENTS].rows.values()
    peer.base.hidden.add(row.key)  # for a while nobody may see it
    killer.run()
    peer.base.hidden.clear()
    with store.write() as connection:
        commands.change(connection, "cmd-0000003", ("sending",), state="doubtful")
    outbox.retry(store, "cmd-0000003", "ivanova")
    assert expect_one_or_parked(killer, "cmd-0000003") == "1 done"


def test_killed_anywhere(killer, peer):
    """F-05: One object or a parked command, never two: `HUB_TEST_ONEC_KILLS` says how often it is tried."""
    chance = random.Random(os.environ.get("HUB_TEST_SEED", "1"))
    client = peer.add("counterparties")[0]
    lines = [{"name": "Сопровождение", "quantity": "1", "price": "4500.00"}]
    outcomes: Counter[str] = Counter()
    for number in range(ROUNDS):
        name = f"cmd-kill-{number:04d}"
        if number % 2:
            killer.add("invoice.create", {"client": client, "lines": lines}, name)
        else:
            killer.add("counterparty.create", DATA, name)
        for _ in range(chance.choice((1, 1, 2))):
            step = chance.choice(["request"] * 6 + ["before", "after", "sending", "sent", "answered"])
            if step == "request":
                killer.run(request=chance.randint(1, 8), moment="heard")
            elif step in ("before", "after"):
                killer.run(moment=step)
            else:
                killer.run(stop=step)
        outcomes[expect_one_or_parked(killer, name)] += 1
    assert outcomes["1 done"], outcomes
    assert not outcomes["1 doubtful"], outcomes
    print(dict(outcomes))
