"""Waiting for news: an honest hint, no hurry without one, one line to the other side."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from hub.model.errors import AuthError, HubError, Unavailable
from hub.testing.conformance.harness import Harness
from hub.testing.conformance.kit import Case, describe, expect, expect_error, fail, promise
from hub.testing.conformance.read import PATIENCE_SECONDS, open_files

SHORT = timedelta(seconds=0.3)
LATE_SECONDS = 3.0
NEWS_SECONDS = 10.0
ABSENCE_SECONDS = 30.0


@contextmanager
def _waiting(harness: Harness) -> Iterator[Any]:
    connector = harness.connector()
    try:
        yield connector
    finally:
        connector.close()


def _wait(connector: Any) -> bool:
    """Wait shortly; a call that does not end in time fails the check and leaves its thread behind."""
    told: list[Any] = []

    def ask() -> None:
        try:
            told.append(connector.wait(SHORT))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread of the check
            told.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(SHORT.total_seconds() + LATE_SECONDS)
    if not told:
        fail(f"wait did not end {LATE_SECONDS:.0f} s after its time was over")
    if isinstance(told[0], BaseException):
        raise told[0]
    expect(isinstance(told[0], bool), f"wait must return True or False, not {told[0]!r}")
    return bool(told[0])


@promise("gold", vital=True)
def tells_of_news(case: Case) -> None:
    """Where something new comes while a connection waits, it says so before the time is over, and once."""
    for harness, stream in _first_stream(case):
        with _waiting(harness) as connector:
            _wait(connector)
            harness.peer.add(stream)
            late = time.monotonic() + NEWS_SECONDS
            while not _wait(connector):
                expect(time.monotonic() < late, f"{stream}: something new came, and wait did not tell")
            late = time.monotonic() + NEWS_SECONDS
            while _wait(connector):
                expect(time.monotonic() < late, f"{stream}: wait does not stop telling of one thing")


@promise("gold")
def rests_without_news(case: Case) -> None:
    """With nothing new a wait lasts about as long as it may, and tells of nothing, not of what was there before."""
    for harness, stream in _first_stream(case):
        harness.peer.add(stream)
        with _waiting(harness) as connector:
            _wait(connector)
            begun = time.monotonic()
            told = [_wait(connector) for _ in range(4)]
            passed = time.monotonic() - begun
        expect(not any(told), f"{stream}: wait tells of news where nothing is new")
        expect(passed > 2 * SHORT.total_seconds(), f"{stream}: four waits of 0.3 s were over after {passed:.2f} s")


@promise("gold")
def refused_credentials_are_tried_once(case: Case) -> None:
    """A wait with refused credentials raises AuthError after one try."""
    case.need_fault("auth")
    harness = case.start()
    harness.peer.fault("auth")
    with _waiting(harness) as connector:
        expect_error(AuthError, lambda: _wait(connector), "wait with refused credentials")
    expect(harness.peer.logins() == 1, f"the refused credentials were presented {harness.peer.logins()} times")


@promise("gold")
def absence_is_noticed(case: Case) -> None:
    """A wait whose other side goes down raises Unavailable, and the same object waits again when it is back."""
    case.need_fault("down")
    for harness, stream in _first_stream(case):
        with _waiting(harness) as connector:
            _wait(connector)
            harness.peer.fault("down")
            late = time.monotonic() + ABSENCE_SECONDS
            try:
                while not _wait(connector):
                    expect(time.monotonic() < late, "the system is down, and wait goes on as if it were there")
            except Unavailable:
                pass
            except HubError as error:
                raise AssertionError(f"wait on a system that is down raises {describe(error)}") from error
            else:
                fail("the system is down, and wait tells of news")
            harness.peer.fault(None)
            _wait(connector)
            harness.peer.add(stream)
            late = time.monotonic() + NEWS_SECONDS
            while not _wait(connector):
                expect(time.monotonic() < late, f"{stream}: after the system was back, wait did not tell of news")


@promise("gold")
def closes_cleanly(case: Case) -> None:
    """A connector that has waited leaves no thread, no open socket and no open file once it is closed."""
    for harness, _ in _first_stream(case):
        with _waiting(harness) as connector:  # so that what is made once for all is there
            _wait(connector)
        harness.disconnect()
        gc.collect()
        threads, files = set(threading.enumerate()), open_files()
        with _waiting(harness) as connector:
            _wait(connector)
        harness.disconnect()
        del connector
        gc.collect()
        late = time.monotonic() + PATIENCE_SECONDS
        while (left := set(threading.enumerate()) - threads or open_files() - files) and time.monotonic() < late:
            time.sleep(0.01)
        expect(not left, f"a closed connector left behind {left}")


def _first_stream(case: Case) -> Iterator[tuple[Harness, str]]:
    for harness, stream in case.each_stream():
        yield harness, stream.name
        return
