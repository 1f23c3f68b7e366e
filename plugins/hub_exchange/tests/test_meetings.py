"""The calendar: meetings with clients count, put off or cancelled as they are; private ones never come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.api import BadRecord, Record
from hub.testing.peers.ews import USER


@pytest.fixture
def calendar(read):
    return lambda cursor=None, **settings: read(cursor, stream="Calendar", **settings)


@pytest.fixture
def events(connect):
    def done(record: Record):
        filed = Record(record.external_id, record.payload, record.version, record.deleted, "Calendar", "office")
        return connect().normalise(filed)

    return done


def test_a_meeting_with_a_client_is_a_contact(peer, calendar, events):
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=8)  # so that it is in the window of the calendar
    peer.meet("Приёмка работ", start=start, invited=("anna@client.example", "ivanova@example.com"))
    (record,) = calendar().records
    (event,) = events(record)
    assert (event.type, event.time) == ("message.observed", start)
    assert event.data.subject == "Приёмка работ"
    assert event.data.outside == ("anna@client.example",)
    assert event.data.keys() == ("email:anna@client.example",)
    assert (event.data.direction, event.data.sender) == ("outbound", USER)
    assert event.data.text == "Переговорная"


def test_a_meeting_that_a_client_called_came_from_there(peer, calendar, events):
    peer.meet(organiser="anna@client.example", invited=(USER,))
    (event,) = events(calendar().records[0])
    assert (event.data.direction, event.data.sender) == ("inbound", "anna@client.example")


def test_meetings_among_ourselves_and_own_notes_are_nobodys_contact(peer, calendar, events):
    peer.meet(invited=("ivanova@example.com",))
    peer.meet(invited=())
    assert [events(record) for record in calendar().records] == [[], []]


def test_a_cancelled_meeting_is_no_contact_any_more(peer, calendar, events):
    item = peer.meet()
    first = calendar()
    assert len(events(first.records[0])) == 1
    item.meeting.is_cancelled = True
    peer.mailbox.touch(item)
    (record,) = calendar(first.cursor).records
    assert events(record) == []


def test_a_meeting_put_off_is_the_same_meeting(peer, calendar, events):
    item = peer.meet()
    first = calendar()
    item.meeting.start += timedelta(days=1)
    peer.mailbox.touch(item)
    (record,) = calendar(first.cursor).records
    assert record.external_id == first.ids[0]
    assert events(record)[0].time == item.meeting.start.replace(microsecond=0)


def test_a_deleted_meeting_is_gone(peer, calendar):
    item = peer.meet()
    first = calendar()
    peer.mailbox.remove(item)
    (record,) = calendar(first.cursor).records
    assert (record.external_id, record.deleted) == (item.id, True)


@pytest.mark.parametrize("sensitivity", ["Private", "Personal", "Confidential"])
def test_a_private_meeting_never_comes_in_and_one_made_private_goes(peer, calendar, server, sensitivity):
    peer.meet("У врача", sensitivity=sensitivity)
    item = peer.meet()
    first = calendar()
    assert first.ids.count(item.id) == 1
    assert [record.deleted for record in first.records if record.external_id != item.id] == [True]
    assert not any("У врача".encode() in record.payload for record in first.records)
    item.meeting.sensitivity = sensitivity
    peer.mailbox.touch(item)
    (record,) = calendar(first.cursor).records
    assert record.deleted


def test_a_lost_state_finds_what_was_deleted_meanwhile(peer, calendar):
    kept, gone = peer.meet(), peer.meet()
    cursor = calendar().cursor
    peer.mailbox.remove(gone)
    peer.mailbox.generation += 1
    again = calendar(cursor)
    assert again.ids == [kept.id]
    assert again.batches[-1].complete


def test_an_increment_is_never_taken_for_the_whole(peer, calendar):
    peer.meet()
    cursor = calendar().cursor
    peer.meet()
    assert not any(batch.complete for batch in calendar(cursor).batches)


def test_old_meetings_are_left_out_and_not_taken_for_deleted(peer, calendar):
    old = peer.meet(start=datetime.now(UTC) - timedelta(days=200))
    read = calendar(since="90d")
    assert read.ids == []
    assert old.id in read.batches[-1].present


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"<a/>",
        b"<CalendarItem/>",
        b'<t:CalendarItem xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"/>',
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    ],
)
def test_a_damaged_item_is_a_bad_record(events, payload):
    with pytest.raises(BadRecord):
        events(Record("1", payload))


def test_an_address_of_exchange_itself_is_no_client(peer, calendar, events):
    peer.meet(organiser="/O=EXAMPLE/OU=EXCHANGE/CN=RECIPIENTS/CN=IVANOVA", invited=("anna@client.example",))
    (event,) = events(calendar().records[0])
    assert event.data.outside == ("anna@client.example",)
