"""Waits for a new letter with IDLE (RFC 2177), in a session of its own that stays open between two calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from hub.api import HubError, SettingsError, Tools

from .client import Mailbox
from .settings import ImapSettings

LONGEST_SECONDS = 9 * 60
"""A server may hang up on a client that is silent for half an hour, and a router forgets a line much sooner."""


class Watch:
    """Watches the first folder; servers tell of one folder only. Where the server has no IDLE it merely rests."""

    def __init__(self, settings: ImapSettings, token: Callable[[], str], tools: Tools) -> None:
        self._settings, self._token, self._tools = settings, token, tools
        self._mailbox: Mailbox | None = None
        self._can_idle = True
        self._begun = 0.0

    def wait(self, timeout: timedelta) -> bool:
        """Wait until a letter comes, at most so long; tell whether one did."""
        end = time.monotonic() + timeout.total_seconds()
        try:
            mailbox = self._mailbox or self._open()
            if mailbox is None:
                self._tools.clock.sleep(timeout)
                return False
            return self._ask(mailbox, end)
        except HubError:
            if self._mailbox is not None:
                self._mailbox.hang_up()
                self._mailbox = None
            raise

    def _open(self) -> Mailbox | None:
        if not self._can_idle:
            return None
        mailbox = Mailbox(self._settings, self._token)
        try:
            self._can_idle = "IDLE" in mailbox.capabilities()
            if self._can_idle:
                self._begin(mailbox)
        finally:
            if self._mailbox is None:
                mailbox.close()
        return self._mailbox

    def _begin(self, mailbox: Mailbox) -> None:
        name = self._settings.folders[0]
        folder = mailbox.find(name)
        if folder is None:
            raise SettingsError(f"there is no folder {name!r} in the mailbox.", field="folders")
        mailbox.examine(folder)
        mailbox.idle()
        self._mailbox, self._begun = mailbox, time.monotonic()

    def _ask(self, mailbox: Mailbox, end: float) -> bool:
        while True:
            is_news, is_alive = mailbox.news(max(end - time.monotonic(), 0))
            is_old = time.monotonic() - self._begun > LONGEST_SECONDS
            if is_old or not is_alive:  # a line that was cut shows when something is said on it
                is_news = mailbox.idle_done() or is_news
                mailbox.idle()
                self._begun = time.monotonic()
            if is_news or time.monotonic() >= end:
                return is_news

    def close(self) -> None:
        """Log out."""
        if self._mailbox is not None:
            with suppress(HubError):
                self._mailbox.idle_done()
            self._mailbox.close()
            self._mailbox = None
