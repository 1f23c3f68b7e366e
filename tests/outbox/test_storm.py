"""Fifty commands, a process that is killed again and again, a peer that refuses, drops answers or forgets (A-04, F-05).

The peer does what it is asked as often as it is asked. At the end each command has had at most one effect, and what
the hub cannot know is doubtful and shown to people. The same check must fail for programs that send once more.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import outbox
from hub.store import commands
from hub.store.database import Store
from hub.store.problems import open_problems

from .counting import CountingPeer

CHILD = Path(__file__).with_name("child.py")
ROOT = CHILD.parents[2]
POINTS = ("sending", "sent", "answered", "committed")
BEHAVIOURS = ("", "", "", "", "lost_answer", "lost_answer", "blind", "busy", "refuse")


class Deliverer:
    """The process beside us that delivers in forks of itself."""

    def __init__(self, store: Store, peer: CountingPeer) -> None:
        url = store.url.render_as_string(hide_password=False)
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD), url, str(peer.port)], cwd=ROOT, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def round(self, stop: str, variant: str) -> int:
        """Let it deliver once, and die at that point; return its exit status."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"stop": stop, "variant": variant}) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture
def deliverer(store: Store, peer: CountingPeer) -> Iterator[Deliverer]:
    """A process that delivers."""
    begun = Deliverer(store, peer)
    yield begun
    begun.process.communicate()


def want(store: Store, peer: CountingPeer, count: int) -> list[str]:
    """Put commands for five connections into the outbox; give each a fate at the peer."""
    ids = [f"c{number}" for number in range(count)]
    fates = [BEHAVIOURS[number % len(BEHAVIOURS)] for number in range(count)]
    random.shuffle(fates)
    peer.behaviour = {command_id: fate for command_id, fate in zip(ids, fates, strict=True) if fate}
    with store.write() as connection:
        for number, command_id in enumerate(ids):
            outbox.add(
                connection, "thing.do", f"office{number % 5}", {}, title=command_id, client=None, by="test",
                now=store.now(connection), approve=False, key=command_id,
            )  # fmt: skip
    return ids


def storm(
    store: Store, deliverer: Deliverer, *, kills: int, rounds: int = 200, most: int = 6, variant: str = ""
) -> Counter[str]:
    """Deliver until nothing is under way, with so many kills before; return how often each point killed."""
    killed: Counter[str] = Counter()
    for number in range(rounds):
        point = POINTS[number % len(POINTS)] if killed.total() < kills else ""
        status = deliverer.round(f"{point}:{random.randint(1, most)}" if point else "", variant)
        assert status in (0, -signal.SIGKILL)
        if status:
            killed[point] += 1
        with store.read() as connection:
            states = Counter(row.state for row in commands.listed(connection, limit=10_000))
        if not states["ready"] and not states["sending"]:
            return killed
    raise AssertionError(f"still under way: {states}")


def violations(store: Store, peer: CountingPeer, fates: dict[str, str]) -> list[str]:
    """Return every broken promise."""
    with store.read() as connection:
        rows = commands.listed(connection, limit=10_000)
        shown = {row.key for row in open_problems(connection)}
    found = []
    for row in rows:
        effects, fate = peer.effects.get(row.id, 0), fates.get(row.id, "")
        if effects > 1:
            found.append(f"{row.id} ({fate}) took effect {effects} times")
        if row.state == "done" and effects != 1:
            found.append(f"{row.id} is called done and took effect {effects} times")
        if row.state == "rejected" and (effects or fate != "refuse"):
            found.append(f"{row.id} ({fate}) is called rejected and took effect {effects} times")
        if row.state == "doubtful" and effects and fate != "blind":
            found.append(f"{row.id} ({fate}) could have been found")
        if (f"command/{row.id}" in shown) != (row.state in ("doubtful", "rejected")):
            found.append(f"{row.id} is {row.state} and its problem is {'open' if row.state == 'done' else 'not shown'}")
        if row.state not in ("done", "rejected", "doubtful"):
            found.append(f"{row.id} is {row.state}")
    return found


def test_fifty_commands_in_a_storm_take_effect_once_or_are_doubtful(
    store: Store, peer: CountingPeer, deliverer: Deliverer
) -> None:
    ids = want(store, peer, 50)
    fates = dict(peer.behaviour)
    killed = storm(store, deliverer, kills=16)
    assert violations(store, peer, fates) == []
    assert set(killed) >= {"sending", "sent", "answered"}, f"these points killed: {killed}"
    with store.read() as connection:
        states = Counter(row.state for row in commands.listed(connection, limit=1000))
    assert states.total() == len(ids)
    assert states["done"] >= 20


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_thousands_of_commands_in_a_storm_take_effect_once_or_are_doubtful(
    store: Store, peer: CountingPeer, deliverer: Deliverer
) -> None:
    """A-04, A-01: `HUB_TEST_COMMANDS` commands (5000 if not set) and a tenth as many kills."""
    count = int(os.environ.get("HUB_TEST_COMMANDS", "5000"))
    ids = want(store, peer, count)
    fates = dict(peer.behaviour)
    killed = storm(store, deliverer, kills=count // 10, rounds=count, most=15)
    assert violations(store, peer, fates) == []
    with store.read() as connection:
        states = Counter(row.state for row in commands.listed(connection, limit=10_000))
    assert states.total() == len(ids)
    print(f"{count} commands, {killed.total()} kills {dict(killed)}: {dict(states)}")


@pytest.mark.parametrize("variant", ["resending connector", "repeating outbox"])
def test_programs_that_send_once_more_are_caught(
    store: Store, peer: CountingPeer, deliverer: Deliverer, variant: str
) -> None:
    """The control of A-04: without the rule the very same check fails."""
    want(store, peer, 18)
    fates = dict(peer.behaviour)
    for command_id in peer.behaviour:
        if variant == "repeating outbox" and fates[command_id] == "blind":
            peer.behaviour[command_id] = "lost_answer"
    for number in range(6):  # it may repeat for ever: see what it has done after some rounds
        deliverer.round("sent:2" if number == 0 else "", variant)
    assert any("took effect 2 times" in found for found in violations(store, peer, fates))
