"""The process that sends through Exchange is killed anywhere: no letter goes twice or is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from hub import outbox
from hub.engine import jobs
from hub.store import commands
from hub.store.database import Store
from hub.store.problems import open_problems
from hub.testing.peers.ews import EwsPeer

DATA = {"to": ["anna@client.example"], "subject": "Счёт № 7", "text": "Добрый день!"}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def peer():
    peer = EwsPeer()
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def server(peer):
    return peer.server


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'hub.db'}")
    store.create()
    yield store
    store.close()


class Outbox:
    def __init__(self, store: Store, peer: EwsPeer, folder: Path) -> None:
        self.store, self.peer, self.folder = store, peer, folder
        with store.write() as connection:
            outbox.add(
                connection, "mail.send", "office", DATA, title="Счёт № 7", client=None, by="ivanova",
                now=store.now(connection), approve=False, key="cmd-7",
            )  # fmt: skip

    def process(self, stop: str = "") -> subprocess.Popen[bytes]:
        paths = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
        return subprocess.Popen(
            [
                sys.executable,
                Path(__file__).with_name("exchange_child.py"),
                self.folder,
                json.dumps(self.peer.settings()),
            ],
            env={**os.environ, "HUB_TEST_STOP": stop, "PYTHONPATH": paths},
        )

    def run(self, stop: str = "") -> int:
        return self.process(stop).wait(60)

    def wait_over(self) -> None:
        """Let every lease and back-off pass."""
        with self.store.write() as connection:
            jobs.reap(connection, self.store.now(connection) + timedelta(hours=1))

    @property
    def state(self) -> str:
        with self.store.read() as connection:
            return commands.get(connection, "cmd-7").state

    @property
    def sent(self) -> int:
        return sum(b"Message-ID: <cmd-7@" in raw for raw in self.peer.server.sent)


@pytest.fixture
def letter(store, peer, tmp_path):
    return Outbox(store, peer, tmp_path)


@pytest.mark.parametrize("stop", ["sending", "sent", "answered"])
def test_killed_at_every_point_of_the_outbox(letter, stop):
    """F-05."""
    assert letter.run(stop) == -signal.SIGKILL
    letter.wait_over()
    assert letter.run() == 0
    assert letter.sent <= 1
    assert letter.state == ("done" if letter.sent else "doubtful")
    with letter.store.read() as connection:
        asks = [row.key for row in open_problems(connection)]
    assert bool(asks) == (letter.state == "doubtful")


@pytest.mark.parametrize("operation", ["GetFolder", "CreateItem", "FindItem"])
def test_killed_while_exchange_is_asked(letter, server, operation):
    """F-05."""
    victim: list[subprocess.Popen[bytes]] = []

    def kill(asked: str) -> None:
        if asked == operation and victim[0].poll() is None:
            victim[0].kill()
            victim[0].wait(10)

    server.before = kill
    victim.append(letter.process())
    assert victim[0].wait(60) == -signal.SIGKILL
    server.before = None
    letter.wait_over()
    assert letter.run() == 0
    assert letter.sent == (operation != "GetFolder")
    assert letter.state == ("done" if letter.sent else "doubtful")


def test_an_answer_that_never_comes_is_looked_up(letter, server):
    server.loses = {"CreateItem"}
    letter.run()
    assert letter.state == "sending"
    server.loses = set()
    letter.wait_over()
    assert letter.run() == 0
    assert (letter.sent, letter.state) == (1, "done")


def test_a_lost_answer_and_a_lost_copy_are_for_a_person(letter, peer, server):
    """F-33."""
    server.loses = {"CreateItem"}
    letter.run()
    peer.mailbox.items.clear()
    server.loses = set()
    letter.wait_over()
    assert letter.run() == 0
    assert (letter.sent, letter.state) == (1, "doubtful")


def test_a_busy_server_gets_the_letter_later(letter, server):
    server.busy = 1
    letter.run()
    assert (letter.sent, letter.state) == (0, "ready")
    assert letter.run() == 0
    assert (letter.sent, letter.state) == (1, "done")
