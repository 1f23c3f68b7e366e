"""Streaming notifications: what wakes, what does not, and what becomes of a line or a subscription that is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from hub.api import AuthError, Unavailable
from hub.testing.peers.ews import PASSWORD, EwsPeer
from hub_exchange.connector import Exchange
from hub_exchange.settings import ExchangeSettings

from .conftest import ExchangeTools

SHORT = timedelta(seconds=0.2)
LONG = timedelta(seconds=10)


@pytest.fixture
def waiting(peer: EwsPeer) -> Iterator[Callable[..., Exchange]]:
    made: list[Exchange] = []
    tools = ExchangeTools()

    def make(**settings: str) -> Exchange:
        made.append(Exchange(ExchangeSettings.model_validate({**peer.settings(), **settings}), tools))
        assert made[-1].wait(SHORT) is False
        return made[-1]

    yield make
    for one in made:
        one.close()
    tools.http.close()


def news(peer: EwsPeer, exchange: Exchange, action: Callable[[], object]) -> bool:
    later = threading.Timer(0.1, action)
    later.start()
    begun = time.monotonic()
    told = exchange.wait(LONG)
    later.join()
    assert time.monotonic() - begun < 5
    return told


def tells(exchange: Exchange) -> bool:
    """Wait again and again, over the ends of answers, until something is told."""
    late = time.monotonic() + LONG.total_seconds()
    while time.monotonic() < late:
        if exchange.wait(SHORT):
            return True
    return False


@pytest.mark.parametrize("folder", ["Inbox", "Sent", "Calendar"])
def test_whatever_happens_in_a_folder_that_is_read_wakes(peer, waiting, folder):
    exchange = waiting()

    assert news(peer, exchange, lambda: peer.meet() if folder == "Calendar" else peer.deliver(folder))


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_one_login_and_one_answer_serve_many_waits(peer, waiting, auth):
    exchange = waiting(auth=auth)
    for _ in range(3):
        assert news(peer, exchange, peer.deliver)
        assert not exchange.wait(SHORT)

    assert peer.server.operations.count("Subscribe") == peer.server.operations.count("GetStreamingEvents") == 1


def test_what_happens_elsewhere_does_not_wake(peer, waiting):
    exchange = waiting(folders="Inbox")
    peer.deliver("Sent")

    assert not exchange.wait(SHORT)


def test_a_sign_of_life_does_not_wake(peer, waiting):
    peer.server.answers.subscriptions.status_event = True
    waiting()


def test_the_end_of_an_answer_is_the_beginning_of_the_next(peer, waiting, monkeypatch):
    monkeypatch.setattr("hub_exchange.watch.SHORTEST_SECONDS", 0.0)
    peer.server.answers.subscriptions.minute_seconds = 0.05
    exchange = waiting()
    while peer.server.operations.count("GetStreamingEvents") < 3:
        assert not exchange.wait(SHORT)

    assert news(peer, exchange, peer.deliver)
    assert peer.server.operations.count("Subscribe") == 1


def test_what_came_between_two_answers_is_told_by_the_second(peer, waiting, monkeypatch):
    monkeypatch.setattr("hub_exchange.watch.SHORTEST_SECONDS", 0.0)
    peer.server.answers.subscriptions.minute_seconds = 0.02
    exchange = waiting()
    peer.deliver()

    assert tells(exchange)


def test_a_lost_subscription_wakes_because_something_may_have_been_missed(peer, waiting, monkeypatch):
    monkeypatch.setattr("hub_exchange.watch.SHORTEST_SECONDS", 0.0)
    peer.server.answers.subscriptions.minute_seconds = 0.02
    exchange = waiting()
    peer.server.answers.subscriptions.known.clear()

    assert tells(exchange)
    assert not exchange.wait(SHORT)
    assert peer.server.operations.count("Subscribe") == 2


def test_a_subscription_that_is_never_known_is_no_reason_to_read_all_the_time(peer, waiting):
    exchange = waiting()
    exchange.close()
    peer.server.codes["GetStreamingEvents"] = "ErrorSubscriptionNotFound"

    with pytest.raises(Unavailable, match="a moment ago"):
        exchange.wait(SHORT)


def test_a_busy_server_says_how_long(peer, waiting):
    exchange = waiting()
    exchange.close()
    peer.server.busy = 1

    with pytest.raises(Unavailable) as caught:
        exchange.wait(SHORT)
    assert caught.value.retry_after == timedelta(seconds=1.5)


def test_a_server_that_is_busy_with_the_answer_alone_is_unavailable(peer, waiting):
    exchange = waiting()
    exchange.close()
    peer.server.codes["GetStreamingEvents"] = "ErrorExceededConnectionCount"

    with pytest.raises(Unavailable, match="busy"):
        exchange.wait(SHORT)


def test_a_password_that_expires_is_tried_once(peer, waiting):
    exchange = waiting()
    exchange.close()
    peer.server.password = "changed in the meantime"

    with pytest.raises(AuthError):
        exchange.wait(SHORT)
    assert peer.server.refused_logins == 1
    peer.server.password = PASSWORD


@pytest.mark.parametrize("alter", [lambda body: body[:-20], lambda body: b"<html>" + body[200:]])
def test_a_damaged_notification_is_unavailable_and_not_a_hang(peer, waiting, alter, monkeypatch):
    monkeypatch.setattr("hub_exchange.watch.MOST_BYTES", 10_000)
    exchange = waiting()
    peer.server.alter = alter

    def listen() -> None:
        for _ in range(50):
            peer.deliver()
            exchange.wait(SHORT)

    with pytest.raises(Unavailable):
        listen()


def test_a_whole_line_of_news_in_one_piece_wakes_once(peer, waiting):
    exchange = waiting()
    with peer.server.lock:
        for _ in range(50):
            peer.deliver()
    while not exchange.wait(LONG):
        pass

    assert not exchange.wait(SHORT)
