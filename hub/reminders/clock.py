"""The present instant, which remembers until when its answers hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


class Clock:
    """Answers whether a moment has come, and keeps for each part of the world the next moment that has not.

    An evaluation asks nothing else about the time. So what it says of a part stays true, as long as no fact of that
    part changes, until the moment kept in `wakes`; a part without one never changes by itself.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.part = ""
        self.wakes: dict[str, datetime] = {}

    def reached(self, moment: datetime) -> bool:
        """Tell whether the moment has come."""
        if moment <= self.now:
            return True
        self.note(moment)
        return False

    def note(self, moment: datetime) -> None:
        """Keep that at this moment, if it lies ahead, something about the part in hand may change."""
        known = self.wakes.get(self.part)
        if moment > self.now and (known is None or moment < known):
            self.wakes[self.part] = moment

    def next_of(self, moments: Iterable[datetime]) -> None:
        """Keep the first of the moments that lies ahead."""
        ahead = min((moment for moment in moments if moment > self.now), default=None)
        if ahead is not None:
            self.note(ahead)
