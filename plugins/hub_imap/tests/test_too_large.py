"""S-05: a server that announces gigabytes gets nobody to make room for them, and holds up no other letter."""

from __future__ import annotations

import pytest

from hub.api import BadRecord
from hub.testing.peers.imap import letter
from hub_imap.client import MOST_BESIDE, TooLarge, session
from hub_imap.settings import ImapSettings

HUGE = 4 * 1024**3


@pytest.fixture
def letters(peer):
    return [peer.imap.deliver(letter(number)) for number in range(1, 5)]


def test_of_a_letter_that_grows_while_it_is_fetched_the_headers_are_kept(peer, letters, read):
    peer.imap.announced[letters[1], "BODY[]"] = HUGE
    records, cursor = read()
    whole = [record.payload for record in records if record.payload in map(letter, range(1, 5))]
    assert whole == [letter(1), letter(3), letter(4)]
    (stub,) = [record.payload for record in records if record.payload not in whole]
    assert b"letter-2@client.example" in stub
    assert b"X-Svyazka-Omitted-Bytes" in stub
    assert cursor["uid"] == letters[-1]


def test_a_letter_without_readable_headers_is_parked_and_the_others_come(peer, letters, read, connect):
    peer.imap.announced[letters[1], "BODY[]"] = HUGE
    peer.imap.announced[letters[1], "BODY[HEADER]"] = HUGE
    records, cursor = read()
    parked = [record for record in records if record.payload not in map(letter, range(1, 5))]
    assert (len(records), len(parked)) == (4, 1)
    with pytest.raises(BadRecord, match=f"announced {HUGE} bytes"):
        connect().normalise(parked[0])
    assert cursor["uid"] == letters[-1]
    again, _ = read()
    assert {it.external_id for it in again} == {it.external_id for it in records}


def test_letters_that_are_larger_than_was_said_are_asked_for_one_by_one(peer, read):
    sizes = {1: 100, 2: 700_000, 3: 700_000, 4: 3_000_000}
    for number, more in sizes.items():
        uid = peer.imap.deliver(letter(number) + b"x" * more)
        peer.imap.announced[uid, "RFC822.SIZE"] = 200
    records, _ = read(max_message_bytes="65536")
    assert [b"X-Svyazka-Omitted-Bytes" in it.payload for it in records] == [False, False, False, True]
    assert [len(it.payload) > 700_000 for it in records] == [False, True, True, False]


def test_a_size_that_was_not_quite_true_is_no_lie(peer, read):
    """Exchange estimates RFC822.SIZE."""
    uid = peer.imap.deliver(letter(1) + b"x" * 200_000)
    peer.imap.announced[uid, "RFC822.SIZE"] = 60_000
    records, _ = read(max_message_bytes="65536")
    assert [it.payload for it in records] == [letter(1) + b"x" * 200_000]
    assert peer.imap.commands.count("LOGIN") == 1


def test_an_announcement_in_another_answer_makes_no_room_either(peer, connect):
    """A literal is only expected of letters; elsewhere a name may be one."""
    with session(ImapSettings.model_validate(peer.settings())) as mailbox:
        assert mailbox.folders()
        with pytest.raises(TooLarge):
            mailbox._room._limited(MOST_BESIDE + 1)
