"""Letters answered from another program or mailbox: known by what Exchange notes as last done with them."""

from __future__ import annotations

import pytest


def told(found):
    return [(record.external_id, record.version) for record in found.records]


@pytest.mark.parametrize("verb", [102, 103])
def test_an_answer_is_told_once_and_stays(peer, read, tools, connect, verb):
    item, _other = peer.deliver(), peer.deliver()
    first = read()
    tools.keep(first.records)
    assert {version for _, version in told(first)} == {"1"}
    peer.mailbox.act(item, verb)
    second = read(first.cursor)
    [(key, version)] = told(second)
    assert (key in first.ids, version) == (True, "1 answered")
    (event,) = connect().normalise(second.records[0])
    assert (event.type, event.data.is_answered) == ("message.received", True)
    tools.keep(second.records)
    peer.mailbox.touch(item)
    third = read(second.cursor)
    assert third.records == []
    peer.mailbox.act(item, 104)
    assert read(third.cursor).records == [], "forwarded after it was answered"


def test_a_letter_that_was_passed_on_is_not_answered(peer, read, tools):
    item = peer.deliver()
    first = read()
    tools.keep(first.records)
    peer.mailbox.act(item, 104)
    assert read(first.cursor).records == []


def test_a_letter_that_comes_answered_is_known_as_that(peer, read):
    peer.mailbox.act(peer.deliver(), 102)
    assert [version for _, version in told(read())] == ["1 answered"]


def test_a_letter_without_a_mark_of_its_own_is_answered_too(peer, read):
    item = peer.deliver()
    item.search_key = ""
    first = read()
    peer.mailbox.act(item, 102)
    again = read(first.cursor)
    assert [(key in first.ids, version) for key, version in told(again)] == [(True, "1 answered")]
