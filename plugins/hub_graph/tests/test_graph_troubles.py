"""What happens to mailboxes of a firm: access that ends, a full mailbox, folders renamed, letters moved, huge files."""

from __future__ import annotations

import pytest

from hub.api import AuthError, Rejected, SettingsError
from hub.testing.peers.imap import letter
from hub_graph import client

from .test_graph import connect, peer, read, tools

__all__ = ["connect", "peer", "read", "tools"]

HUGE = 150 * 1024 * 1024


def test_access_that_ends_in_the_middle_is_tried_once(peer, connect, monkeypatch):
    monkeypatch.setattr(client, "PAGE", 2)
    peer.add("Inbox", 6)
    connector = connect()
    reading = connector.read(connector.streams()[0], None)
    next(reading)
    peer.fault("auth")
    asked = len(peer.asked)
    with pytest.raises(AuthError):
        list(reading)

    assert len(peer.asked) == asked + 1


def test_a_full_mailbox_is_a_refusal_that_says_what_to_do(peer, connect):
    peer.is_full = True
    command = peer.command()
    with pytest.raises(Rejected, match="over its quota") as caught:
        connect().execute(command)

    assert "retry" in caught.value.hint
    assert peer.effects(command) == 0


@pytest.mark.parametrize("how", ["renamed", "deleted"])
def test_a_folder_that_is_not_there_any_more_is_named_and_loses_nothing(peer, read, how):
    peer.folders["AAfolder="] = "Клиенты"
    peer.deliver(letter(1), "AAfolder=")
    _, cursor = read(None, "Клиенты", folders="Inbox, Клиенты")
    if how == "renamed":
        peer.folders["AAfolder="] = "Заказчики"
    else:
        del peer.folders["AAfolder="]
    with pytest.raises(SettingsError, match=r"Клиенты|gone") as caught:
        read(cursor, "Клиенты", folders="Inbox, Клиенты")

    assert caught.value.field == "folders"
    assert read(None, "Inbox", folders="Inbox, Клиенты")[0] == []


def test_a_letter_moved_while_it_is_read_comes_once(peer, read, monkeypatch):
    [moved] = peer.add("Inbox", 1)
    whole = client.Mailbox.content

    def content(self, identifier):
        peer.touch(moved, folder="archive")
        return whole(self, identifier)

    monkeypatch.setattr(client.Mailbox, "content", content)
    assert read(None, "Inbox", folders="Inbox, Archive")[0] == [moved]


def test_of_a_letter_with_150_megabytes_the_headers_are_kept(peer, connect):
    huge = peer.deliver(letter(1) + bytes(HUGE))
    connector = connect(max_message_bytes="65536")
    [batch] = connector.read(connector.streams()[0], None)
    [event] = connector.normalise(batch.records[0])

    assert batch.records[0].external_id == huge
    assert event.data.attachments[0].size_bytes > HUGE
