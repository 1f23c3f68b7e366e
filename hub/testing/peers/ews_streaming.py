"""Streaming notifications of the EWS stand-in: subscriptions, and an answer into which the server goes on writing.

The schema declares `t:Notification` inside of `m:Notifications`, real servers write `m:Notification`; so does this one.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from lxml import etree
from lxml.builder import ElementMaker
from msgspec import Struct

from hub.testing.peers.ews_schema import MESSAGES, TYPES
from hub.testing.peers.ews_store import Mailbox, new_id

M = ElementMaker(namespace=MESSAGES, nsmap={"m": MESSAGES, "t": TYPES})
T = ElementMaker(namespace=TYPES, nsmap={"t": TYPES})
NS = {"m": MESSAGES, "t": TYPES}
LOOK_SECONDS = 0.02


class Subscription(Struct):
    """What one client wants to hear of; `known` is the number of the last change it was told."""

    mailbox: Mailbox
    folders: frozenset[str]
    kinds: frozenset[str]
    known: int


class Subscriptions:
    """Those of a server. `minute_seconds` lets the minutes of an open answer pass faster."""

    def __init__(self) -> None:
        self.known: dict[str, Subscription] = {}
        self.minute_seconds = 60.0
        self.status_event = False
        """Begin each answer with an event that says only that the line is there, as real servers do now and then."""

    def add(self, mailbox: Mailbox, folders: set[str], kinds: set[str]) -> str:
        """Add a subscription to what happens from now on; return its id."""
        identifier = new_id("subscription")
        self.known[identifier] = Subscription(mailbox, frozenset(folders), frozenset(kinds), mailbox.last)
        return identifier

    def notice(self, identifier: str) -> etree._Element | None:
        """Return the message about what happened since the last, `None` when nothing did."""
        it = self.known[identifier]
        found = [event for event in it.mailbox.events(it.folders, it.known) if event[0] in it.kinds]
        it.known = it.mailbox.last
        events = [
            T(kind, T.TimeStamp(_now()), T.ItemId(Id=item, ChangeKey="1"), T.ParentFolderId(Id=folder, ChangeKey="1"))
            for kind, item, folder in found
        ]
        return self.message(identifier, events) if events else None

    def message(self, identifier: str, events: list[etree._Element], status: str = "") -> etree._Element:
        """Return a message with these events, or with the state of the line."""
        parts = []
        if events:
            head = [T.SubscriptionId(identifier), T.MoreEvents("false")]
            parts.append(M.Notifications(M.Notification(*head, *events)))
        parts += [M.ConnectionStatus(status)] if status else []
        one = M.GetStreamingEventsResponseMessage(M.ResponseCode("NoError"), *parts, ResponseClass="Success")
        return M.GetStreamingEventsResponse(M.ResponseMessages(one))


class Stream(Struct):
    """An answer that stays open."""

    identifier: str
    minutes: int


def messages(
    connection: socket.socket, stream: Stream, subscriptions: Subscriptions, lock: AbstractContextManager[Any]
) -> Iterator[etree._Element]:
    """Yield what is written into an open answer, until its minutes are over or the client is gone."""
    first = [T.StatusEvent()] if subscriptions.status_event else []
    yield subscriptions.message(stream.identifier, first, "OK")
    end = time.monotonic() + stream.minutes * subscriptions.minute_seconds
    while time.monotonic() < end and stream.identifier in subscriptions.known:
        with lock:
            notice = subscriptions.notice(stream.identifier)
        if notice is not None:
            yield notice
        if select.select([connection], [], [], LOOK_SECONDS)[0]:
            return  # the client hangs up: it has nothing to say while it listens
    yield subscriptions.message(stream.identifier, [], "Closed")


def as_the_schema_says(answer: etree._Element) -> etree._Element:
    """Return a copy of a message with the one name that servers write otherwise."""
    copy = deepcopy(answer)
    for notification in copy.iterfind(".//m:Notification", NS):
        notification.tag = f"{{{TYPES}}}Notification"
    return copy


def written(envelopes: Iterator[bytes], send: Callable[[bytes], None], headers: Mapping[str, str]) -> None:
    """Write an answer in chunks."""
    head = ["HTTP/1.1 200 -", "Transfer-Encoding: chunked", *(f"{name}: {value}" for name, value in headers.items())]
    send("\r\n".join([*head, "", ""]).encode())
    for envelope in envelopes:
        send(f"{len(envelope):x}\r\n".encode() + envelope + b"\r\n")
    send(b"0\r\n\r\n")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
