"""IDLE: what wakes, what does not, and servers that do it otherwise or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from hub.api import SettingsError, Unavailable
from hub.testing import connection_tools
from hub.testing.peers.imap import MailPeer
from hub_imap import idle
from hub_imap.connector import Imap
from hub_imap.settings import ImapSettings

SHORT = timedelta(seconds=0.15)
LONG = timedelta(seconds=10)


@pytest.fixture
def peer() -> Iterator[MailPeer]:
    made = MailPeer()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def waiting(peer: MailPeer) -> Iterator[Callable[..., Imap]]:
    with connection_tools() as tools:
        made: list[Imap] = []

        def make(**settings: str) -> Imap:
            made.append(Imap(ImapSettings.model_validate({**peer.settings(), **settings}), tools))
            return made[-1]

        yield make
        for one in made:
            one.close()


def test_a_letter_ends_the_wait_at_once(peer, waiting):
    imap = waiting()
    assert not imap.wait(SHORT)
    later = threading.Timer(0.1, lambda: peer.add("INBOX"))
    later.start()
    begun = time.monotonic()

    assert imap.wait(LONG)
    assert time.monotonic() - begun < 5


def test_what_comes_between_two_waits_is_told_by_the_second(peer, waiting):
    imap = waiting()
    assert not imap.wait(SHORT)
    peer.add("INBOX")

    assert imap.wait(LONG)
    assert not imap.wait(SHORT)


def test_a_deleted_letter_and_one_elsewhere_do_not_wake(peer, waiting):
    first, _ = peer.add("INBOX", 2)
    imap = waiting()
    assert not imap.wait(SHORT)
    peer.remove("INBOX", first)
    peer.imap.deliver(b"Subject: x\r\n\r\nx\r\n", "Sent")

    assert not imap.wait(SHORT)
    peer.add("INBOX")  # as many as before the deletion, and one is new
    assert imap.wait(LONG)


def test_the_line_is_renewed_before_the_server_grows_tired_of_it(peer, waiting, monkeypatch):
    monkeypatch.setattr(idle, "LONGEST_SECONDS", 0.1)
    imap = waiting()
    for _ in range(3):
        assert not imap.wait(SHORT)
    peer.add("INBOX")

    assert imap.wait(LONG)
    assert peer.imap.commands.count("IDLE") > 2
    assert peer.imap.commands.count("LOGIN") == 1


def test_a_server_without_idle_is_left_in_peace(peer, waiting):
    peer.imap.can_idle = False
    imap = waiting()
    for _ in range(3):
        assert not imap.wait(SHORT)

    assert peer.imap.commands.count("LOGIN") == peer.imap.commands.count("LOGOUT") == 1


def test_a_line_that_was_cut_is_noticed_and_opened_anew(peer, waiting):
    imap = waiting()
    assert not imap.wait(SHORT)
    peer.imap.stop()
    with pytest.raises(Unavailable):
        imap.wait(LONG)
    peer.imap.start()
    assert not imap.wait(SHORT)
    peer.add("INBOX")

    assert imap.wait(LONG)


def test_a_folder_that_is_not_there_is_a_wrong_setting_and_leaves_no_line_open(peer, waiting):
    with pytest.raises(SettingsError, match="no folder"):
        waiting(folders="Архив").wait(SHORT)

    assert peer.imap.commands[-1] == "LOGOUT"


def test_closing_says_goodbye(peer, waiting):
    imap = waiting()
    assert not imap.wait(SHORT)
    imap.close()

    assert peer.imap.commands[-1] == "LOGOUT"
