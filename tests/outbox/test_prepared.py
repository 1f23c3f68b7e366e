"""A connector that asks before it acts: nothing counts as sent while it only asks (promise 3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from hub import outbox
from hub.api import Command, Receipt, Rejected, Unavailable
from hub.engine import jobs
from hub.engine.jobs import LeaseLost
from hub.store.database import Store

from .counting import Counting, CountingPeer
from .test_outbox import add, claim, get, problems, run


class Careful(Counting):
    """Calls `asked` while it prepares, with the command."""

    def __init__(self, port: int, asked: Callable[[Command], Any] = lambda _: None) -> None:
        super().__init__(port)
        self.asked = asked

    def prepare(self, command: Command) -> Callable[[], Receipt]:
        """Ask, and return what does it."""
        self.asked(command)
        return lambda: self.execute(command)


def test_while_it_asks_the_command_is_not_on_its_way(store: Store, peer: CountingPeer) -> None:
    seen = []
    add(store)
    run(store, Careful(peer.port, lambda _: seen.append(get(store).state)))
    assert (seen, get(store).state, peer.effects) == (["ready"], "done", {"c1": 1})


def test_a_process_that_ended_while_it_asked_leaves_nothing_to_look_up(store: Store, peer: CountingPeer) -> None:
    add(store)
    lease = claim(store)

    def end(_: Command) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outbox.deliver(store, "c1", Careful(peer.port, end), lease)
    assert get(store).state == "ready"
    with store.write() as connection:
        jobs.reap(connection, store.now(connection) + timedelta(hours=1))
    run(store, Careful(peer.port))
    assert (get(store).state, peer.requests, problems(store)) == ("done", [("do", "c1")], [])


def test_a_process_that_lost_its_lease_while_it_asked_sends_nothing(store: Store, peer: CountingPeer) -> None:
    """Frozen for an hour, it finds that another one has done the work: one effect, not two."""
    add(store)
    lease = claim(store)

    def freeze(_: Command) -> None:
        with store.write() as connection:
            jobs.reap(connection, store.now(connection) + timedelta(hours=1))
        run(store, Careful(peer.port))

    with pytest.raises(LeaseLost):
        outbox.deliver(store, "c1", Careful(peer.port, freeze), lease)
    assert (get(store).state, peer.effects) == ("done", {"c1": 1})


def test_a_refusal_found_while_asking_is_a_refusal(store: Store, peer: CountingPeer) -> None:
    def refuse(_: Command) -> None:
        raise Rejected("no such client.")

    add(store)
    run(store, Careful(peer.port, refuse))
    row = get(store)
    assert (row.state, peer.requests) == ("rejected", [])
    assert "no such client" in row.error
    assert problems(store) == ["command/c1"]


def test_trouble_while_asking_is_tried_again_whatever_it_promises(store: Store, peer: CountingPeer) -> None:
    def fail(_: Command) -> None:
        raise Unavailable("not now")  # without a promise: while it asks nothing can have left

    add(store)
    run(store, Careful(peer.port, fail))
    assert (get(store).state, peer.requests) == ("ready", [])
    run(store, Careful(peer.port))
    assert (get(store).state, peer.requests) == ("done", [("do", "c1")])


def test_one_that_was_on_its_way_is_looked_up_and_not_prepared_again(store: Store, peer: CountingPeer) -> None:
    peer.behaviour["c1"] = "blind"
    add(store)
    asked: list[str] = []
    run(store, Careful(peer.port, lambda command: asked.append(command.id)))
    assert get(store).state in ("sending", "doubtful")
    run(store, Careful(peer.port, lambda command: asked.append(command.id)))
    assert (get(store).state, asked, peer.effects) == ("doubtful", ["c1"], {"c1": 1})
