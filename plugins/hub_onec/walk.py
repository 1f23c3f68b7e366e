"""A walk through one entity set, page by page, that notices when rows shift under it.

1C pages by `$skip`, which is no snapshot: a deletion before our position would make us jump over a row. So each page
begins with the last row of the page before, and a page that does not is read again from further back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from hub.api import Unavailable

MAX_STEPS_BACK = 20


class Keyed(Protocol):
    """Anything with the key of its object."""

    key: str


Item = TypeVar("Item", bound=Keyed)


class Walk(Generic[Item]):
    """Pages of a set in the order of `Ref_Key`, without gaps.

    `position` is how many rows of the set lie behind, `walked` how many different ones were met on the way, `total`
    what the set itself counts at the end (`None` when it does not).
    """

    def __init__(
        self,
        name: str,
        fetch: Callable[[int, int], Sequence[Item]],
        count: Callable[[], int | None],
        *,
        top: int,
        position: int = 0,
    ) -> None:
        self._name = name
        self._fetch = fetch
        self._count = count
        self._top = top
        self._tail: set[str] = set()
        self._steps_back = 0
        self.position = position
        self.walked = 0
        self.total: int | None = None

    def pages(self) -> Iterator[tuple[int, list[Item]]]:
        """Yield where a page was read from and those rows of it that are new. Raises Unavailable when it cannot end."""
        asked_at = -1
        while True:
            start, rows = self._next()
            fresh = [row for row in rows if row.key not in self._tail]
            if len({row.key for row in fresh}) != len(fresh):
                raise Unavailable(f"{self._name}: a page holds one object twice; the server does not keep the order.")
            self.position = start + len(rows)
            self._tail = {row.key for row in rows} or self._tail
            if fresh:
                self.walked += len(fresh)
                yield start, fresh
            if len(rows) >= self._top:
                continue
            self.total = self._count()
            if self.total is None or self.total <= self.position:
                return
            if asked_at == self.position:
                raise Unavailable(f"{self._name}: only {self.position} of {self.total} objects can be read.")
            asked_at = self.position  # the page was short, but there is more: ask once again from here

    @property
    def is_whole(self) -> bool:
        """Tell whether, after the last page, every object of the set was met."""
        return self.total is not None and self.total == self.walked

    def _next(self) -> tuple[int, Sequence[Item]]:
        start = max(0, self.position - 1) if self._tail else self.position
        rows = self._fetch(start, self._top)
        if not self._tail or (rows and rows[0].key in self._tail):
            if self._tail and len(rows) >= self._top and rows[-1].key in self._tail:
                raise Unavailable(f"{self._name}: the server gives the same page again and again.")
            return start, rows
        self._steps_back += 1
        start = max(0, start - self._top)
        rows = self._fetch(start, self._top)
        met = any(row.key in self._tail for row in rows)
        if self._steps_back > MAX_STEPS_BACK or (not met and start > 0):
            raise Unavailable(f"{self._name}: the rows move faster than they can be read.")
        return start, rows
