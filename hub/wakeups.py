"""Wake-ups: a connection that learns when something may be new is read at once, besides in its turn.

A wake-up is a hint and nothing depends on it: it reads nothing, opens no problem and keeps no state. What fails here
fails in the next sync as well, which tells people.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

from hub.connections import Hub, credentials_mark, open_connection
from hub.engine import jobs
from hub.model.connector import Wakes
from hub.model.errors import AuthError, HubError, SettingsError, Unavailable
from hub.plugins import capabilities, factory_of

log = logging.getLogger("hub.wakeups")

SLICE = timedelta(seconds=1)
"""A thread that waits looks so often whether it shall end."""
GRACE_SECONDS = 1.0
REST = timedelta(seconds=1)
"""Pause after each wake-up, so that a hundred letters in a minute are not a hundred reads."""
LOOK = timedelta(seconds=5)
LONGEST_REST = timedelta(minutes=5)


class Wakeups:
    """The threads of a daemon that wait, one for each connection that can."""

    def __init__(self, hub: Hub) -> None:
        self._watches = [Watch(hub, name) for name, it in hub.config.model.connections.items() if it.enabled]
        self._told = 0.0

    def start(self) -> None:
        """Begin to wait."""
        self._watches = [watch for watch in self._watches if watch.can_wait()]
        for watch in self._watches:
            watch.start()

    def tell_to_end(self) -> None:
        """Ask every thread to end."""
        self._told = time.monotonic()
        for watch in self._watches:
            watch.tell_to_end()

    def join(self) -> None:
        """Wait until the threads have ended; one that signs in at this moment is left behind with the process."""
        for watch in self._watches:
            watch.join(self._told + SLICE.total_seconds() + GRACE_SECONDS - time.monotonic())


class Watch:
    """Waits for one connection, in a thread.

    It signs in only while the last sync of the connection was good, and never twice with credentials that were refused
    to it: a wrong password costs one try of the sync, one that is changed meanwhile at most one more here.
    """

    def __init__(self, hub: Hub, name: str) -> None:
        self._hub, self._name = hub, name
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"hub-wake-{name}", daemon=True)
        self._refused = ""
        self._failures = 0

    def can_wait(self) -> bool:
        """Tell whether the connector of the connection can; one that cannot even be loaded is the sync's to tell."""
        try:
            spec = self._hub.plugins.spec(self._hub.config.connection(self._name).connector)
            return "wakes" in capabilities(factory_of(spec))
        except SettingsError:
            return False

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def tell_to_end(self) -> None:
        """Ask the thread to end; it does within a slice."""
        self._end.set()

    def join(self, seconds: float) -> None:
        """Wait for the thread, at most so long."""
        if self._thread.is_alive():
            self._thread.join(max(seconds, 0))

    def _run(self) -> None:
        rest = LOOK
        while not self._end.wait(rest.total_seconds()):
            rest = LOOK
            try:
                if self._is_well():
                    rest = self._watch()
            except Exception as error:  # noqa: BLE001 the connector's code: it stops only its own wake-ups
                rest = self._rest_after(error)

    def _is_well(self) -> bool:
        with self._hub.store.read() as connection:
            return jobs.last_end(connection, "sync", sync_key(self._name)) == "done"

    def _watch(self) -> timedelta:
        """Wait until the daemon ends; return how long to rest where the credentials are those that were refused."""
        with open_connection(self._hub, self._name) as opened:
            mark = credentials_mark(opened.settings)
            if mark == self._refused:
                return LONGEST_REST
            assert isinstance(opened.connector, Wakes)
            try:
                while not self._end.is_set():
                    is_news = opened.connector.wait(SLICE)
                    self._failures = 0
                    if is_news:
                        wake(self._hub, self._name)
                        self._end.wait(REST.total_seconds())
            except AuthError:
                self._refused = mark
                raise
        return LOOK

    def _rest_after(self, error: Exception) -> timedelta:
        if self._failures == 0:
            reason = str(error) if isinstance(error, HubError) else f"unexpected {type(error).__name__}"
            log.info("%s is read in its turn only, because it cannot be waited for now: %s", self._name, reason)
        self._failures += 1
        wish = (error.retry_after if isinstance(error, Unavailable) else None) or timedelta(0)
        return min(max(jobs.back_off(self._failures), wish, LOOK), LONGEST_REST)


def wake(hub: Hub, name: str) -> bool:
    """Have a connection read at once, unless a read of it waits already; tell whether one was added."""
    with hub.store.write() as connection:
        if jobs.is_waiting(connection, sync_key(name)):
            return False
        now = hub.store.now(connection)
        jobs.enqueue(connection, "sync", {"connection": name}, now=now, lock_key=sync_key(name), priority=1)
    return True


def sync_key(name: str) -> str:
    """Return under which key the syncs of a connection run one after the other."""
    return f"sync/{name}"
