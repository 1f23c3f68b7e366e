"""Tasks written and closed by command: once, found again, and refused with words."""

from __future__ import annotations

import msgspec
import pytest

from hub.api import AuthError, Command, Rejected, SettingsError, Unavailable
from hub.testing.peers.ews import PASSWORD, SHARED, USER

DATA = {
    "subject": "Позвонить: ГБОУ Школа № 7",
    "text": "Просрочен счёт № 12.\nТел. +7 391 200-00-01",
    "due": "2026-11-25",
    "important": True,
}


def write(command_id: str = "task-1", **data: object) -> Command:
    return Command(id=command_id, kind="task.write", data={**DATA, **data})


def close(written: str = "task-1", **data: object) -> Command:
    return Command(id=f"{written}-done", kind="task.close", data={"task": written, **data})


@pytest.fixture
def there(peer):
    def found(address: str = USER) -> list[dict[str, str]]:
        return [it.task for it in peer.server.mailboxes[address].items.values() if it.tag == "Task"]

    return found


def test_a_task_stands_in_the_folder_as_it_was_asked_for(connect, there):
    receipt = connect().execute(write())
    (task,) = there()

    assert receipt.external_id == "task-1"
    assert (task["Subject"], task["Body"]) == (DATA["subject"], DATA["text"])
    assert (task["DueDate"], task["Importance"], task["Status"]) == ("2026-11-25T00:00:00Z", "High", "NotStarted")


def test_a_task_that_was_written_is_found_and_one_that_was_not_is_not(connect):
    exchange = connect()
    assert exchange.find(write()) is None
    exchange.execute(write())

    assert exchange.find(write()).external_id == "task-1"
    assert exchange.find(write("task-2")) is None


def test_a_task_is_closed_and_the_others_stay_open(connect, there):
    exchange = connect()
    exchange.execute(write())
    exchange.execute(write("task-2", subject="Другая"))
    assert exchange.find(close()) is None
    exchange.execute(close())

    assert [it["Status"] for it in there()] == ["Completed", "NotStarted"]
    assert exchange.find(close()) is not None
    exchange.execute(close())
    assert [it["Status"] for it in there()] == ["Completed", "NotStarted"]


def test_a_task_that_its_owner_deleted_is_closed_already(peer, connect):
    exchange = connect()
    exchange.execute(write())
    for item in list(peer.mailbox.items.values()):
        peer.mailbox.remove(item)

    assert exchange.execute(close()).detail == {"task": "it is not there any more"}


def test_a_task_of_somebody_else_is_put_where_the_account_has_rights(connect, there):
    exchange = connect()
    exchange.execute(write(mailbox=SHARED))
    assert there() == []
    assert len(there(SHARED)) == 1
    exchange.execute(close(mailbox=SHARED))
    assert there(SHARED)[0]["Status"] == "Completed"


def test_a_mailbox_that_is_closed_to_us_is_named(peer, connect):
    peer.server.mailboxes[SHARED].delegates.clear()
    with pytest.raises(SettingsError, match="does not open"):
        connect().execute(write(mailbox=SHARED))


def test_a_lost_answer_is_unknown_and_the_task_is_found(peer, connect, there):
    peer.fault("lost_answer")
    exchange = connect()
    with pytest.raises(Unavailable) as caught:
        exchange.execute(write())
    peer.fault(None)

    assert not caught.value.unsent
    assert exchange.find(write()) is not None
    assert len(there()) == 1


def test_down_and_busy_before_the_task_promise_that_nothing_was_written(peer, connect, there):
    exchange = connect()
    peer.server.busy = 1
    with pytest.raises(Unavailable) as caught:
        exchange.execute(write())

    assert caught.value.unsent
    assert there() == []


def test_a_refusal_keeps_its_words(peer, connect, there):
    peer.server.codes["CreateItem"] = "ErrorQuotaExceeded"
    with pytest.raises(Rejected, match="ErrorQuotaExceeded"):
        connect().execute(write())
    assert there() == []


def test_a_wrong_password_is_tried_once(peer, connect):
    peer.server.password = "changed"
    with pytest.raises(AuthError):
        connect().execute(write())
    peer.server.password = PASSWORD
    assert peer.server.refused_logins == 1


@pytest.mark.parametrize(
    "data",
    [
        {"subject": ""}, {"subject": "две\nстроки"}, {"subject": 7}, {"subject": "x" * 256}, {"due": "завтра"},
        {"mailbox": "nobody"}, {"text": ["x"]}, {"colour": "red"},
    ],
)  # fmt: skip
def test_what_cannot_be_a_task_is_rejected_before_anything_is_asked(peer, connect, data):
    with pytest.raises(Rejected):
        connect().execute(write(**data))
    assert peer.server.operations == []


def test_closing_wants_to_know_which_task(connect):
    with pytest.raises(Rejected, match="task"):
        connect().execute(msgspec.structs.replace(close(), data={}))
