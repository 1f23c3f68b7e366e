"""Waits for news with streaming notifications: the server keeps an answer open and writes into it what happens.

A notification says only that something happened; what, the next sync finds out. The answer stays open between two
calls of `wait`, in a session of its own, so a mailbox costs one more login and one open line.
"""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import Any

from lxml import etree

from hub.api import HubError, SettingsError, Unavailable

from .access import Access
from .client import FolderGone, Mailbox, SubscriptionLost, session
from .settings import ExchangeSettings
from .soap import NS
from .wire import next_piece

MINUTES = 10
"""So long an answer stays open; then the server ends it and the next is asked for."""
SHORTEST_SECONDS = 5.0
MOST_BYTES = 1024 * 1024
_END = re.compile(rb"</[\w.-]{0,50}:?Envelope\s*>")
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


class Watch:
    """Watches the folders that are read."""

    def __init__(self, settings: ExchangeSettings, access: Access) -> None:
        self._settings, self._access = settings, access
        self._line = ExitStack()
        self._mailbox: Mailbox | None = None
        self._subscription = ""
        self._answer: Any = None
        self._unread = b""
        self._begun = 0.0

    def wait(self, timeout: timedelta) -> bool:
        """Wait until something happens in one of the folders, at most so long; tell whether it did."""
        end = time.monotonic() + timeout.total_seconds()
        try:
            if self._answer is not None:
                return self._listen(end)
            is_new = not self._subscription
            try:
                self._open()
                return self._listen(end)
            except SubscriptionLost:
                if is_new:
                    raise Unavailable("Exchange does not know the subscription that it gave a moment ago.") from None
                self._hang_up()
                self._subscription = ""
                return True  # what happened meanwhile was told to nobody
        except HubError:
            self.close()
            raise

    def _open(self) -> None:
        if self._mailbox is None:
            self._mailbox = self._line.enter_context(
                session(self._settings, self._access.endpoint(), self._access.token)
            )
        if not self._subscription:
            folders = []
            for name in self._settings.folders:
                with suppress(FolderGone):  # the sync tells people
                    folders.append(self._mailbox.find(name))
            if not folders:
                raise SettingsError("none of the folders is in the mailbox.", field="folders")
            self._subscription = self._mailbox.subscribe(folders)
        self._answer, self._unread = self._mailbox.stream(self._subscription, MINUTES), b""
        self._begun = time.monotonic()

    def _listen(self, end: float) -> bool:
        while self._answer is not None:
            piece = next_piece(self._answer, end - time.monotonic())
            if piece is None:
                if time.monotonic() - self._begun > (MINUTES + 1) * 60:
                    raise Unavailable("Exchange has forgotten that somebody listens.")
                return False
            if not piece or self._understood(piece):
                is_news = bool(piece)
                if not is_news:
                    self._hang_up()
                    if time.monotonic() - self._begun < SHORTEST_SECONDS:
                        raise Unavailable("Exchange ends the notifications as soon as they begin.")
                return is_news
        return False

    def _understood(self, piece: bytes) -> bool:
        """Take what has come; tell whether it speaks of anything that happened. Raises SubscriptionLost."""
        self._unread += piece
        is_news = False
        while found := _END.search(self._unread):
            document, self._unread = self._unread[: found.end()], self._unread[found.end() :]
            try:
                envelope = etree.fromstring(document.strip(), parser=_PARSER)
            except etree.XMLSyntaxError:
                raise Unavailable("Exchange sent a notification that is not XML.") from None
            assert self._mailbox is not None
            self._mailbox.check_notice(envelope)
            events = envelope.iterfind(".//m:Notifications/*/*", NS)
            is_news |= any(str(it.tag).endswith("Event") and not str(it.tag).endswith("StatusEvent") for it in events)
        if len(self._unread) > MOST_BYTES:
            raise Unavailable("Exchange sent a notification without an end.")
        return is_news

    def _hang_up(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def close(self) -> None:
        """Give the line back; the subscription ends by itself."""
        self._hang_up()
        self._line.close()
        self._mailbox, self._subscription = None, ""
