"""One command at a time: every state, and what people may do in it, on both databases."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub import outbox
from hub.api import AuthError, Command, HubError, Receipt, SettingsError, Unavailable
from hub.engine import jobs
from hub.engine.jobs import Lease, LeaseLost
from hub.engine.runner import Runner
from hub.store import commands
from hub.store.commands import Outgoing
from hub.store.database import Store
from hub.store.problems import open_problems
from hub.store.tables import audit

from .counting import Counting, CountingPeer


def add(store: Store, key: str = "c1", *, approve: bool = False, title: str = "Счёт № 7") -> str:
    with store.write() as connection:
        return outbox.add(
            connection, "thing.do", "office", {"to": "belova@client.example"}, title=title, client="k1", by="ivanova",
            now=store.now(connection), approve=approve, key=key,
        )  # fmt: skip


def get(store: Store, command_id: str = "c1") -> Outgoing:
    with store.read() as connection:
        found = commands.get(connection, command_id)
    assert found is not None
    return found


def run(store: Store, connector: Any, **options: Any) -> Runner:
    """Do all that is due, with waits left out."""
    with store.write() as connection:
        for row in jobs.listed(connection, state="ready"):
            jobs.retry(connection, row.id, store.now(connection))
    runner = Runner(
        store,
        {outbox.KIND: lambda job, lease: outbox.deliver(store, job.payload["command"], connector, lease, **options)},
    )
    runner.drain()
    runner.stop()
    return runner


def claim(store: Store) -> Lease:
    claimed = jobs.claim(store, "worker")
    assert claimed is not None
    return claimed[1]


def problems(store: Store) -> list[str]:
    with store.read() as connection:
        return [row.key for row in open_problems(connection)]


def job_states(store: Store) -> list[str]:
    with store.read() as connection:
        return [row.state for row in jobs.listed(connection)]


def test_a_command_is_done_once_with_its_receipt(store: Store, peer: CountingPeer) -> None:
    add(store)
    run(store, Counting(peer.port))
    row = get(store)
    assert (row.state, row.attempt, row.receipt) == ("done", 1, Receipt(external_id="no-c1"))
    assert row.sent_at is not None
    assert row.finished_at is not None
    run(store, Counting(peer.port))
    assert peer.requests == [("do", "c1")]
    assert (problems(store), job_states(store)) == ([], ["done"])


def test_wanting_the_same_thing_twice_sends_it_once(store: Store, peer: CountingPeer) -> None:
    assert add(store, "invoice/17/mail") == add(store, "invoice/17/mail")
    run(store, Counting(peer.port))
    assert peer.effects == {"invoice/17/mail": 1}


def test_nothing_leaves_when_the_transaction_that_wanted_it_fails(store: Store, peer: CountingPeer) -> None:
    with suppress(RuntimeError), store.write() as connection:
        outbox.add(
            connection,
            "thing.do",
            "office",
            {},
            title="x",
            client=None,
            by="",
            now=store.now(connection),
            approve=False,
        )
        raise RuntimeError
    run(store, Counting(peer.port))
    assert peer.requests == []


def test_what_waits_for_approval_does_not_leave_before(store: Store, peer: CountingPeer) -> None:
    add(store, approve=True)
    run(store, Counting(peer.port))
    assert (get(store).state, peer.requests) == ("waiting", [])
    outbox.approve(store, "c1", "petrov")
    with pytest.raises(HubError, match="only a waiting one"):
        outbox.approve(store, "c1", "petrov")
    run(store, Counting(peer.port))
    assert (get(store).state, get(store).approved_by, peer.effects) == ("done", "petrov", {"c1": 1})


def test_a_refusal_keeps_its_words_and_waits_for_a_person(store: Store, peer: CountingPeer) -> None:
    add(store)
    peer.behaviour["c1"] = "refuse"
    run(store, Counting(peer.port))
    run(store, Counting(peer.port))
    assert (get(store).state, get(store).error) == ("rejected", "the customer account is closed")
    assert (peer.requests, problems(store)) == ([("do", "c1")], ["command/c1"])
    peer.behaviour.clear()
    outbox.retry(store, "c1", "petrov")
    assert problems(store) == []
    run(store, Counting(peer.port))
    assert (get(store).state, get(store).attempt, peer.effects) == ("done", 2, {"c1": 1})


def test_what_was_certainly_not_sent_is_tried_again_by_itself(store: Store, peer: CountingPeer) -> None:
    add(store)
    peer.behaviour["c1"] = "busy"
    assert run(store, Counting(peer.port)).failed == 1
    assert (get(store).state, get(store).error, job_states(store)) == ("ready", "not now", ["ready"])
    run(store, Counting(peer.port))
    assert (get(store).state, get(store).error, peer.effects) == ("done", "", {"c1": 1})


def test_a_system_that_is_down_parks_nothing(store: Store, peer: CountingPeer) -> None:
    add(store)
    peer.stop()
    for _ in range(6):
        run(store, Counting(peer.port))
    assert get(store).state == "ready"
    assert problems(store) == ["command/c1"]
    assert job_states(store) == ["ready"]
    back = CountingPeer()
    run(store, Counting(back.port))
    back.stop()
    assert (get(store).state, back.effects, problems(store)) == ("done", {"c1": 1}, [])


def test_a_lost_answer_is_looked_up_and_not_repeated(store: Store, peer: CountingPeer) -> None:
    """F-33."""
    add(store)
    peer.behaviour["c1"] = "lost_answer"
    run(store, Counting(peer.port))
    assert get(store).state == "sending"
    run(store, Counting(peer.port))
    assert (get(store).state, get(store).receipt, get(store).attempt) == ("done", Receipt(external_id="no-c1"), 1)
    assert (peer.effects, peer.requests) == ({"c1": 1}, [("do", "c1"), ("find", "c1")])


def test_what_cannot_be_found_is_doubtful_until_a_person_decides(store: Store, peer: CountingPeer) -> None:
    add(store)
    peer.behaviour["c1"] = "blind"
    for _ in range(4):
        run(store, Counting(peer.port))
    assert (get(store).state, peer.requests) == ("doubtful", [("do", "c1"), ("find", "c1")])
    assert (problems(store), job_states(store)) == (["command/c1"], ["done"])
    peer.behaviour.clear()
    outbox.retry(store, "c1", "petrov")
    run(store, Counting(peer.port))
    assert (get(store).state, get(store).attempt, peer.effects) == ("done", 2, {"c1": 2})
    assert problems(store) == []


def test_an_error_nobody_foresaw_counts_as_sent(store: Store, peer: CountingPeer) -> None:
    class Broken(Counting):
        def execute(self, command: Command) -> Receipt:
            super().execute(command)
            raise ZeroDivisionError

    add(store)
    run(store, Broken(peer.port))
    assert get(store).state == "sending"
    run(store, Broken(peer.port))
    assert (get(store).state, peer.effects) == ("done", {"c1": 1})


def test_a_connection_that_only_reads_refuses(store: Store) -> None:
    add(store)
    run(store, object())
    assert get(store).state == "rejected"
    assert "only reads" in get(store).error


@pytest.mark.parametrize("error", [AuthError("the password was refused."), SettingsError("no server is set.")])
def test_what_a_person_must_mend_leaves_the_command_ready(store: Store, peer: CountingPeer, error: Exception) -> None:
    class Refused(Counting):
        def execute(self, command: Command) -> Receipt:
            raise error

    add(store)
    lease = claim(store)
    with pytest.raises(type(error)):
        outbox.deliver(store, "c1", Refused(peer.port), lease)
    assert (get(store).state, get(store).attempt) == ("ready", 1)
    with store.read() as connection:
        assert jobs.is_held(connection, lease)  # how long to wait is the daemon's decision


def test_a_plugin_that_answers_takes_the_place_of_the_connector(store: Store, peer: CountingPeer) -> None:
    add(store, "c1")
    add(store, "c2")
    answers = {"c1": Receipt(external_id="dry run")}
    run(store, Counting(peer.port), ask_plugins=lambda command: answers.get(command.id))
    assert [get(store, it).receipt for it in ("c1", "c2")] == [
        Receipt(external_id="dry run"),
        Receipt(external_id="no-c2"),
    ]
    assert peer.effects == {"c2": 1}


def test_a_worker_that_lost_its_lease_before_sending_sends_nothing(store: Store, peer: CountingPeer) -> None:
    add(store)
    stale = claim(store)
    with store.write() as connection:
        jobs.reap(connection, store.now(connection) + timedelta(hours=1))
    with pytest.raises(LeaseLost):
        outbox.deliver(store, "c1", Counting(peer.port), stale)
    assert (peer.requests, get(store).state) == ([], "ready")


def test_a_late_answer_is_still_the_truth(store: Store, peer: CountingPeer) -> None:
    """The lease ends while the letter is on its way; another worker finds nothing and parks it; then it is answered."""

    class Slow(Counting):
        def execute(self, command: Command) -> Receipt:
            with store.write() as connection:
                jobs.reap(connection, store.now(connection) + timedelta(hours=1))
            run(store, Counting(peer.port))
            assert get(store).state == "doubtful"
            return super().execute(command)

    add(store)
    outbox.deliver(store, "c1", Slow(peer.port), claim(store))
    assert (get(store).state, peer.effects, problems(store)) == ("done", {"c1": 1}, [])


def test_a_late_answer_to_an_older_try_changes_nothing(store: Store, peer: CountingPeer) -> None:
    class Slow(Counting):
        def execute(self, command: Command) -> Receipt:
            with store.write() as connection:
                jobs.reap(connection, store.now(connection) + timedelta(hours=1))
            run(store, Counting(peer.port))
            outbox.retry(store, "c1", "petrov")
            peer.behaviour["c1"] = "blind"
            run(store, Counting(peer.port))
            run(store, Counting(peer.port))
            return Receipt(external_id="of the first try")

    add(store)
    outbox.deliver(store, "c1", Slow(peer.port), claim(store))
    assert (get(store).state, get(store).attempt, get(store).receipt) == ("doubtful", 2, None)


@pytest.mark.parametrize(("state", "fate"), [("ready", "dead"), ("sending", "doubtful")])
def test_a_command_whose_worker_dies_each_time_is_shown(
    store: Store, peer: CountingPeer, state: str, fate: str
) -> None:
    add(store)
    if state == "sending":
        peer.behaviour["c1"] = "blind"
        run(store, Counting(peer.port))
    with store.write() as connection:
        now = store.now(connection)
        assert outbox.settle(connection, now) == 0
        [job] = jobs.listed(connection)
        jobs.cancel(connection, job.id, now)
        assert outbox.settle(connection, now) == 1
    assert (get(store).state, problems(store)) == (fate, ["command/c1"])
    peer.behaviour.clear()
    outbox.retry(store, "c1", "petrov")
    run(store, Counting(peer.port))
    assert get(store).state == "done"


def test_cancelled_commands_do_not_leave(store: Store, peer: CountingPeer) -> None:
    add(store, "c1")
    add(store, "c2", approve=True)
    for command_id in ("c1", "c2"):
        outbox.cancel(store, command_id, "petrov")
    run(store, Counting(peer.port))
    assert ([get(store, it).state for it in ("c1", "c2")], peer.requests) == (["cancelled", "cancelled"], [])
    for act in (outbox.approve, outbox.retry, outbox.cancel):
        with pytest.raises(HubError, match="cancelled"):
            act(store, "c1", "petrov")


def test_a_command_that_is_being_sent_cannot_be_called_back(store: Store) -> None:
    add(store)
    lease = claim(store)
    with pytest.raises(HubError, match="being sent at this moment"):
        outbox.cancel(store, "c1", "petrov")
    with store.write() as connection:
        jobs.release(connection, lease, store.now(connection))
    outbox.cancel(store, "c1", "petrov")
    assert (get(store).state, job_states(store)) == ("cancelled", ["cancelled"])


def test_what_is_done_is_never_repeated(store: Store, peer: CountingPeer) -> None:
    add(store)
    run(store, Counting(peer.port))
    with pytest.raises(HubError, match="done"):
        outbox.retry(store, "c1", "petrov")
    assert peer.effects == {"c1": 1}


def test_each_decision_of_a_person_leaves_one_audit_row(store: Store) -> None:
    """S-33."""
    add(store, "c1", approve=True)
    outbox.approve(store, "c1", "petrov")
    outbox.retry(store, "c1", "sidorov")
    outbox.cancel(store, "c1", "petrov")
    with store.read() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.id)).all()
    assert [(row.who, row.what, row.object) for row in rows] == [
        ("petrov", "command.approve", "command/c1"),
        ("sidorov", "command.retry", "command/c1"),
        ("petrov", "command.cancel", "command/c1"),
    ]


def test_an_unknown_command_is_named(store: Store) -> None:
    with pytest.raises(HubError, match="no command 'c9'"):
        outbox.retry(store, "c9", "petrov")


def test_a_connector_that_sent_nothing_is_believed_only_if_it_says_so(store: Store, peer: CountingPeer) -> None:
    class Silent(Counting):
        def execute(self, command: Command) -> Receipt:
            raise Unavailable("something went wrong")

    add(store)
    run(store, Silent(peer.port))
    run(store, Silent(peer.port))
    assert get(store).state == "doubtful"


class Halving:
    """Takes one recipient at a time, as a server does that wants the others later."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def check(self) -> None:
        return

    def commands(self) -> tuple[str, ...]:
        return ("thing.do",)

    def execute(self, command: Command) -> Receipt:
        first, *rest = command.data["to"]
        self.done.append(first)
        return Receipt(external_id=command.id, rest={"to": rest} if rest else None)

    def find(self, command: Command) -> Receipt | None:
        return None


def test_what_is_taken_only_later_is_a_command_of_its_own_and_nothing_is_done_twice(store: Store) -> None:
    with store.write() as connection:
        outbox.add(connection, "thing.do", "office", {"to": ["a", "b", "c"]}, title="Счёт № 7", client="k1",
                   by="ivanova", now=store.now(connection), approve=False, key="c1")  # fmt: skip
    halving = Halving()
    for _ in range(4):
        run(store, halving)

    assert halving.done == ["a", "b", "c"]
    assert [get(store, it).state for it in ("c1", "c1.r", "c1.r.r")] == ["done", "done", "done"]
    assert get(store, "c1.r").client == "k1"


def test_the_rest_is_there_before_anybody_can_stop_it_and_waits_a_while(store: Store) -> None:
    with store.write() as connection:
        now = store.now(connection)
        outbox.add(connection, "thing.do", "office", {"to": ["a", "b"]}, title="Счёт № 7", client="k1",
                   by="ivanova", now=now, approve=False, key="c1")  # fmt: skip
    lease = claim(store)
    outbox.deliver(store, "c1", Halving(), lease)

    assert (get(store, "c1").state, get(store, "c1.r").state) == ("done", "ready")
    with store.read() as connection:
        [waiting] = jobs.listed(connection, state="ready")
    assert waiting.run_at >= now + outbox.REST_LATER
