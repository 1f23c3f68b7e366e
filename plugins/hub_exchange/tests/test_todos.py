"""Tasks of a mailbox: what others gave its owner and what he did; not what the hub wrote, nothing private."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.api import BadRecord, Command, Record, Task
from hub.testing.peers.ews import USER

GIVEN = {"Delegator": "Петров Пётр", "AssignedTime": "2026-11-20T03:15:00Z"}


@pytest.fixture
def todos(read):
    return lambda cursor=None, **settings: read(cursor, stream="Tasks", **settings)


@pytest.fixture
def events(connect):
    def done(record: Record, **settings: str):
        filed = Record(record.external_id, record.payload, record.version, record.deleted, "Tasks", "office")
        return connect(**settings).normalise(filed)

    return done


def test_a_task_that_was_given_is_told_with_its_day(peer, todos, events):
    peer.task("Позвонить в школу", Body="Спросить\nпро акт", DueDate="2026-11-25T00:00:00Z", **GIVEN)
    seen, given = events(todos().records[0], zone="Asia/Krasnoyarsk")
    assert (seen.type, given.type) == ("task.observed", "task.given")
    assert given.time == datetime(2026, 11, 20, 3, 15, tzinfo=UTC)
    assert seen.data == given.data == Task(
        title="Позвонить в школу", text="Спросить\nпро акт", by="Петров Пётр", employee=USER,
        given=datetime(2026, 11, 20, 3, 15, tzinfo=UTC), due=datetime(2026, 11, 25, 11, 0, tzinfo=UTC),
    )  # fmt: skip
    assert seen.key() != given.key()


def test_the_day_counts_and_not_the_hours_exchange_puts_to_it(peer, todos, events):
    peer.task(DueDate="2026-11-25T20:59:59Z")
    assert events(todos().records[0])[0].data.due == datetime(2026, 11, 25, 18, 0, tzinfo=UTC)


def test_what_its_owner_wrote_for_himself_was_given_by_nobody(peer, todos, events):
    peer.task("Купить бумагу")
    (seen,) = events(todos().records[0])
    assert (seen.type, seen.data.given, seen.data.by) == ("task.observed", None, "")


def test_a_task_that_is_done_says_when(peer, todos, events):
    item = peer.task(**GIVEN)
    first = todos()
    item.task |= {"Status": "Completed", "CompleteDate": "2026-11-24T00:00:00Z"}
    peer.mailbox.touch(item)
    (record,) = todos(first.cursor).records
    assert record.external_id == first.ids[0]
    told = events(record)
    assert [it.type for it in told] == ["task.observed", "task.given", "task.done"]
    assert told[2].time == told[0].data.done == datetime(2026, 11, 24, tzinfo=UTC)


def test_a_reminder_that_the_hub_wrote_there_never_comes_back_as_a_task(peer, connect, todos):
    """It would be written as a reminder again."""
    peer.task("Своя")
    connect().execute(Command(id="task-1", kind="task.write", data={"subject": "Позвонить"}))
    connect().execute(Command(id="task-1-done", kind="task.close", data={"task": "task-1"}))
    assert len(peer.mailbox.items) == 2
    assert len(todos().records) == 1


@pytest.mark.parametrize("sensitivity", ["Private", "Personal", "Confidential"])
def test_a_private_task_never_comes_in_and_one_made_private_goes(peer, todos, sensitivity):
    peer.task("Подарок жене", Sensitivity=sensitivity)
    item = peer.task()
    first = todos()
    assert not any("Подарок".encode() in record.payload for record in first.records)
    item.task["Sensitivity"] = sensitivity
    peer.mailbox.touch(item)
    (record,) = todos(first.cursor).records
    assert (record.external_id, record.deleted) == (item.id, True)


def test_a_deleted_task_is_gone(peer, todos):
    item = peer.task()
    cursor = todos().cursor
    peer.mailbox.remove(item)
    (record,) = todos(cursor).records
    assert (record.external_id, record.deleted) == (item.id, True)


def test_what_was_done_long_ago_is_left_out_and_what_is_open_never_is(peer, todos):
    long_ago = datetime.now(UTC) - timedelta(days=300)
    day = long_ago.strftime("%Y-%m-%dT00:00:00Z")
    old = peer.task(Status="Completed", CompleteDate=day)
    waiting = peer.task()
    waiting.received = long_ago
    found = todos(since="90d")
    assert found.ids == [waiting.id]
    assert old.id in found.batches[-1].present


@pytest.mark.parametrize("payload", [b"", b"<a/>", b"<Task/>", b'<!DOCTYPE x [<!ENTITY e "e">]><x>&e;</x>'])
def test_a_damaged_task_is_a_bad_record(events, payload):
    with pytest.raises(BadRecord):
        events(Record("1", payload))
