"""What only a real server can show: its own folder names, numbering and flags."""

from __future__ import annotations

import pytest

from hub.testing.peers.dovecot import DovecotPeer, available
from hub.testing.peers.imap import key_of, letter
from hub_imap.connector import Imap
from hub_imap.settings import ImapSettings

_WHY_NOT = available()
pytestmark = [pytest.mark.peer, pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT or "-")]

NAME = "Входящие/Клиенты & Ко"
ENCODED = '"&BBIERQQ+BDQETwRJBDgENQ-/&BBoEOwQ4BDUEPQRCBEs- &- &BBoEPg-"'


@pytest.fixture
def peer():
    peer = DovecotPeer()
    peer.start()
    yield peer
    peer.stop()


def test_renumbering_a_cyrillic_folder_doubles_nothing_and_reads_nothing_aloud(peer, tools):
    connector = Imap(ImapSettings.model_validate({**peer.settings(), "folders": f"INBOX, {NAME}"}), tools)
    stream = connector.streams()[1]

    def fill(*numbers: int) -> None:
        with peer.dovecot.session() as client:
            client.delete(ENCODED)
            assert client.create(ENCODED)[0] == "OK"
            for number in numbers:
                assert client.append(ENCODED, "", "", letter(number))[0] == "OK"

    fill(1, 2, 3)
    [first] = connector.read(stream, None)
    assert [record.external_id for record in first.records] == [key_of(letter(number)) for number in (1, 2, 3)]
    assert list(connector.read(stream, first.cursor)) == []
    fill(1, 3, 4)
    [second] = connector.read(stream, first.cursor)
    assert second.cursor["uidvalidity"] != first.cursor["uidvalidity"]
    assert [record.external_id for record in second.records] == [key_of(letter(number)) for number in (1, 3, 4)]
    assert first.records[0] == second.records[0]
    with peer.dovecot.session() as client:
        client.select(ENCODED)
        assert client.search(None, "UNSEEN")[1] == [b"1 2 3"]


def test_an_answer_from_another_program_is_learnt_by_its_mark(peer, tools):
    """CONDSTORE as Dovecot counts: once, whatever else changes, and wherever the letter is moved."""
    connector = Imap(ImapSettings.model_validate({**peer.settings(), "folders": "INBOX, Archive"}), tools)
    inbox, archive = connector.streams()
    keys = [key_of(letter(number)) for number in (1, 2, 3)]

    def told(stream, cursor):
        batches = list(connector.read(stream, cursor))
        found = [(record.external_id, record.version) for batch in batches for record in batch.records]
        return found, next((batch.cursor for batch in reversed(batches) if batch.cursor), cursor)

    with peer.dovecot.session() as client:
        client.create("Archive")
        for number in (1, 2, 3):
            client.append("INBOX", "", "", letter(number))
    found, cursor = told(inbox, None)
    assert found == [(key, "") for key in keys]
    assert cursor["modseq"] > 0
    with peer.dovecot.session() as client:
        client.select("INBOX")
        client.uid("STORE", "1:3", "+FLAGS", "(\\Seen)")
        client.uid("STORE", "2", "+FLAGS", "(\\Answered)")
    found, cursor = told(inbox, cursor)
    assert found == [(keys[1], "answered")]
    assert told(inbox, cursor) == ([], cursor)
    with peer.dovecot.session() as client:
        client.select("INBOX")
        client.uid("STORE", "3", "+FLAGS", "(\\Answered)")
        client.uid("COPY", "3", "Archive")
        client.uid("STORE", "1,3", "+FLAGS", "(\\Deleted)")
        client.expunge()
        client.append("INBOX", "", "", letter(4))
    assert told(archive, None)[0] == [(keys[2], "answered")]
    assert told(inbox, cursor)[0] == [(key_of(letter(4)), "")]
