"""What happens to mailboxes: a password that ends, a full mailbox, folders renamed, letters moved, huge files."""

from __future__ import annotations

import pytest

from hub.api import AuthError, Rejected, SettingsError, Unavailable
from hub.testing.peers.imap import key_of, letter
from hub_imap import connector as module

HUGE = 150 * 1024 * 1024


def test_a_password_that_expires_in_the_middle_is_tried_once(peer, connect, monkeypatch):
    monkeypatch.setattr(module, "MOST_MESSAGES", 2)
    peer.add("INBOX", 6)
    imap = connect()
    reading = imap.read(imap.streams()[0], None)
    place = next(reading).cursor
    peer.imap.password = "changed in the meantime"
    peer.imap.stop()
    peer.imap.start()
    with pytest.raises(Unavailable):
        list(reading)
    with pytest.raises(AuthError):
        list(connect().read(imap.streams()[0], place))

    assert peer.imap.refused_logins == 1


def test_a_sender_over_quota_is_refused_with_the_servers_words(peer, connect):
    peer.smtp.answers = {"*": "552 5.2.2 mailbox full: sending is blocked"}
    command = peer.command()
    with pytest.raises(Rejected, match="sending is blocked"):
        connect().execute(command)

    assert peer.effects(command) == 0


@pytest.mark.parametrize("how", ["renamed", "deleted"])
def test_a_folder_that_is_not_there_any_more_is_named_and_loses_nothing(peer, read, how):
    peer.imap.deliver(letter(1), "Клиенты")
    _, cursor = read("Клиенты", folders="INBOX, Клиенты")
    folder = peer.imap.folders.pop("Клиенты")
    if how == "renamed":
        peer.imap.folders["Заказчики"] = folder
    with pytest.raises(SettingsError, match="Клиенты") as caught:
        read("Клиенты", cursor, folders="INBOX, Клиенты")

    assert caught.value.field == "folders"
    if how == "renamed":  # under its new name the letter has the same key, so it is the same letter to the hub
        assert [it.external_id for it in read("Заказчики", folders="Заказчики")[0]] == [key_of(letter(1))]


def test_a_letter_moved_while_it_is_read_comes_once_from_where_it_is(peer, read):
    [key] = peer.add("INBOX")
    peer.imap.deliver(letter(7), "Клиенты")

    def move() -> None:
        folder = peer.imap.folders["INBOX"]
        for mail in list(folder.mails):
            folder.mails.remove(mail)
            peer.imap.folders["Клиенты"].add(mail.raw, mail.arrived)

    peer.imap.before_fetch = move
    records, _ = read(folders="INBOX, Клиенты")
    peer.imap.before_fetch = None
    assert records == []
    assert key in [it.external_id for it in read("Клиенты", folders="INBOX, Клиенты")[0]]


def test_of_a_letter_with_150_megabytes_only_the_headers_are_asked_for(peer, read, connect):
    uid = peer.imap.deliver(letter(1))
    peer.imap.announced = {(uid, "RFC822.SIZE"): HUGE, (uid, "BODY[]"): HUGE}
    records, _ = read()
    [event] = connect().normalise(records[0])

    assert event.data.attachments[0].size_bytes == HUGE
    assert peer.imap.commands.count("UID FETCH") == 2, "its size and its headers"
