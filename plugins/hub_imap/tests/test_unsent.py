"""What may be tried again by itself: only where it is certain that no letter left."""

from __future__ import annotations

import pytest

from hub.api import Command, Unavailable


def letter() -> Command:
    data = {"to": ["belova@client.example"], "subject": "Счёт", "text": "Добрый день!"}
    return Command(id="command-1", kind="mail.send", data=data)


def refused(connect) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        connect().execute(letter())
    return caught.value


def test_a_server_that_is_down_got_nothing(peer, connect):
    connector = connect()
    peer.smtp.stop()
    with pytest.raises(Unavailable) as caught:
        connector.execute(letter())
    assert caught.value.unsent


def test_a_server_that_puts_us_off_took_nothing(peer, connect):
    peer.smtp.answers = {"*": "451 4.7.1 greylisted"}
    assert refused(connect).unsent
    assert peer.smtp.arrived == []


@pytest.mark.parametrize("fault", ["lost_answer", "cut"])
def test_a_connection_lost_in_the_middle_promises_nothing(peer, connect, fault):
    peer.fault(fault)
    assert not refused(connect).unsent


def test_a_server_that_falls_silent_after_the_letter_promises_nothing(peer, connect, monkeypatch):
    """It took the letter: to try again would send it twice. Only a look into the mailbox can tell."""
    monkeypatch.setattr("hub_imap.send.ANSWER_SECONDS", 0.5)
    peer.smtp.silent = True
    found = refused(connect)
    assert "did not answer in time" in str(found)
    assert not found.unsent
    assert len(peer.smtp.arrived) == 1
    assert connect().find(letter()) is None
    peer.imap.deliver(peer.smtp.arrived[0].raw, "Sent")
    assert connect().find(letter()) is not None
