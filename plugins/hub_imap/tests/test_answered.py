"""Letters that somebody answered from another program: the mark is learnt, once, and nothing else is read again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.testing.peers.imap import key_of, letter
from hub_imap import connector as place_of

from .conftest import NOW


def told(records):
    return [(record.external_id, record.version) for record in records]


@pytest.fixture(params=["counted", "not counted"])
def server(request, peer):
    """A server with CONDSTORE, and one without."""
    peer.imap.can_count = request.param == "counted"
    return peer.imap


def test_a_mark_is_told_once_with_the_letter_as_it_was(server, peer, read, connect):
    keys = peer.add("INBOX", 4)
    records, cursor = read()
    assert told(records) == [(key, "") for key in keys]
    server.mark(2)
    [again], cursor = read(cursor=cursor)
    assert (again.external_id, again.version, again.payload) == (keys[1], "answered", letter(2))
    (event,) = connect().normalise(again)
    assert (event.type, event.data.is_answered) == ("message.received", True)
    assert read(cursor=cursor) == ([], cursor)


def test_a_letter_that_comes_answered_is_known_as_that(server, peer, read):
    keys = peer.add("INBOX", 3)
    server.mark(3)
    records, cursor = read()
    assert told(records) == [(keys[0], ""), (keys[1], ""), (keys[2], "answered")]
    if server.can_count:
        assert read(cursor=cursor) == ([], cursor)


def test_marks_and_new_letters_come_together(server, peer, read):
    keys = peer.add("INBOX", 3)
    _, cursor = read()
    server.mark(1)
    server.mark(3)
    keys += peer.add("INBOX", 1)
    records, cursor = read(cursor=cursor)
    assert told(records) == [(keys[0], "answered"), (keys[2], "answered"), (keys[3], "")]
    assert read(cursor=cursor) == ([], cursor)


def test_other_marks_are_nothing_to_us(server, peer, read):
    peer.add("INBOX", 3)
    _, cursor = read()
    server.mark(1, flag="\\Seen")
    server.mark(2, flag="\\Flagged")
    server.remove(3)
    server.commands.clear()
    assert read(cursor=cursor) == ([], cursor)
    assert "UID FETCH" not in server.commands


def test_where_nothing_was_marked_nobody_is_asked(peer, read):
    peer.add("INBOX", 3)
    _, cursor = read()
    peer.imap.commands.clear()
    assert read(cursor=cursor) == ([], cursor)
    assert "UID SEARCH" not in peer.imap.commands


def test_a_cursor_of_before_learns_the_marks_of_the_last_days(server, peer, read):
    """What an older version of the hub left goes on without reading anything twice but the marked letters."""
    old, recent = letter(1), letter(2)
    for raw, days in ((old, 20), (recent, 2)):
        server.deliver(raw, arrived=NOW - timedelta(days=days))
    keys = peer.add("INBOX", 2)
    for uid in (1, 2, 3):
        server.mark(uid)
    before = {"uidvalidity": server.folders["INBOX"].uidvalidity, "uid": 3}
    records, cursor = read(cursor=before)
    assert told(records) == [(key_of(recent), "answered"), (keys[0], "answered"), (keys[1], "")]
    assert read(cursor=cursor) == ([], cursor)


def test_a_renumbered_folder_is_read_anew_with_its_marks(server, peer, read):
    keys = peer.add("INBOX", 3)
    _, cursor = read()
    server.mark(2)
    server.new_uidvalidity()
    records, again = read(cursor=cursor)
    assert told(records) == [(keys[0], ""), (keys[1], "answered"), (keys[2], "")]
    if server.can_count:
        assert read(cursor=again) == ([], again)


def test_a_count_that_began_anew_is_noticed(peer, read):
    keys = peer.add("INBOX", 3)
    _, cursor = read()
    with peer.imap.lock:
        peer.imap.folders["INBOX"].modseq = 1
    peer.imap.mark(2)
    assert cursor["modseq"] > peer.imap.folders["INBOX"].modseq
    records, cursor = read(cursor=cursor)
    assert told(records) == [(keys[1], "answered")]
    assert read(cursor=cursor) == ([], cursor)


def test_a_server_that_learns_and_forgets_to_count(peer, read):
    keys = peer.add("INBOX", 3)
    peer.imap.can_count = False
    _, cursor = read()
    peer.imap.mark(1)
    peer.imap.can_count = True
    records, cursor = read(cursor=cursor)
    assert told(records) == [(keys[0], "answered")]
    assert read(cursor=cursor) == ([], cursor)
    peer.imap.can_count = False
    peer.imap.mark(2)
    records, cursor = read(cursor=cursor)
    assert told(records) == [(keys[0], "answered"), (keys[1], "answered")]
    assert read(cursor=cursor) == ([], cursor)


def test_a_read_that_stops_among_marks_passes_none_over(server, peer, connect, monkeypatch):
    """A-01 for marks: wherever it stops, the next read tells what is missing."""
    monkeypatch.setattr(place_of, "MOST_MESSAGES", 2)
    keys = peer.add("INBOX", 7)
    connector = connect()
    stream = connector.streams()[0]
    cursor = None
    for batch in connector.read(stream, cursor):
        cursor = batch.cursor
    for uid in range(1, 8):
        server.mark(uid)
    keys += peer.add("INBOX", 3)
    for stop in range(1, 7):
        seen, at = set(), cursor
        for number, batch in enumerate(reading := connector.read(stream, at), start=1):
            seen |= {(it.external_id, it.version) for it in batch.records}
            at = batch.cursor or at
            if number == stop:
                reading.close()
                break
        for batch in connector.read(stream, at):
            seen |= {(it.external_id, it.version) for it in batch.records}
        assert seen == {(key, "answered") for key in keys[:7]} | {(key, "") for key in keys[7:]}


def test_a_cursor_stays_small_however_many_letters_are_marked(peer, read):
    import json

    peer.imap.can_count = False
    with peer.imap.lock:
        box = peer.imap.folders["INBOX"]
        for number in range(500):
            box.next_uid = number * 9_000_000 + 1
            box.add(letter(number), NOW, {"\\Answered"})
    _, cursor = read()
    records, cursor = read(cursor=cursor)
    assert len(records) == place_of.MOST_MARKED
    assert len(json.dumps(cursor)) < 4096
    assert read(cursor=cursor) == ([], cursor)


@pytest.mark.parametrize("broken", [{"modseq": "x"}, {"marked": "x"}, {"marked": [1, "x"]}, {"marked": {}}])
def test_a_broken_part_of_a_cursor_loses_nothing(server, peer, read, broken):
    keys = peer.add("INBOX", 2)
    _, cursor = read()
    server.mark(1)
    kept = {name: value for name, value in cursor.items() if name not in ("modseq", "marked")}
    assert told(read(cursor={**kept, **broken})[0]) == [(keys[0], "answered")]
