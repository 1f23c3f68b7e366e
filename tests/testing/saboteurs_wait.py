"""Saboteurs of waiting for news, and the honest one they are made of."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import msgspec
from hub_notebook.connector import Notebook
from hub_notebook.settings import NotebookSettings
from sabotage import HONEST, breaks

from hub.api import AuthError, Tools, Unavailable


class Waker(Notebook):
    """The honest connector with one more gift: it asks all the time whether the list of clients is another."""

    def __init__(self, settings: NotebookSettings, tools: Tools) -> None:
        super().__init__(settings, tools)
        self.seen: dict[str, str] | None = None

    def wait(self, timeout: timedelta) -> bool:
        end = time.monotonic() + timeout.total_seconds()
        self.seen = self._client.index() if self.seen is None else self.seen
        while True:
            if self.is_news():
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)

    def is_news(self) -> bool:
        before, self.seen = self.seen, self._client.index()
        return before != self.seen

    def close(self) -> None:
        return


WAKING = msgspec.structs.replace(HONEST, factory=f"{Waker.__module__}:Waker")


@breaks("wait_tells_of_news", "wait did not tell")
class SleepsThroughNews(Waker):
    def is_news(self) -> bool:
        super().is_news()
        return False


@breaks("wait_tells_of_news", "does not stop telling")
class ForgetsWhatItTold(Waker):
    def is_news(self) -> bool:
        return self.seen != self._client.index()


@breaks("wait_rests_without_news", "did not end")
class NeverEnds(Waker):
    def wait(self, timeout: timedelta) -> bool:
        return super().wait(timedelta(days=1))


@breaks("wait_rests_without_news", "where nothing is new")
class CriesWolf(Waker):
    def is_news(self) -> bool:
        return True


@breaks("wait_rests_without_news", "were over after")
class IsInAHurry(Waker):
    def wait(self, timeout: timedelta) -> bool:
        return super().wait(timedelta(0))


@breaks("wait_refused_credentials_are_tried_once", "presented 2 times")
class TriesAgain(Waker):
    def wait(self, timeout: timedelta) -> bool:
        try:
            return super().wait(timeout)
        except AuthError:
            return super().wait(timeout)


@breaks("wait_absence_is_noticed", "as if it were there")
class TakesSilenceForRest(Waker):
    def wait(self, timeout: timedelta) -> bool:
        try:
            return super().wait(timeout)
        except Unavailable:
            time.sleep(timeout.total_seconds())
            return False


@breaks("wait_closes_cleanly", "left behind")
class LeavesThread(Waker):
    def wait(self, timeout: timedelta) -> bool:
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
        return super().wait(timeout)
