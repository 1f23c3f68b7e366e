"""A walk through one entity set, page by page, that notices when rows shift under it.

The better way asks for the rows from a key on: whatever is added or removed meanwhile, nothing is jumped over, and the
last page costs as little as the first. Not every 1C may compare references in the order in which it sorts them, so each
page must begin with the last rows of the one before, in their order; at the first that does not, the walk goes on by
`$skip`. That is no snapshot: a deletion before our position would make us jump over a row. Therefore pages overlap by
one row there too, and a page that does not is read again from further back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from hub.api import Unavailable

MAX_STEPS_BACK = 20
ANCHORS = 8
"""So many rows of the page before a page from a key on begins with; that a wrong order keeps them is past belief."""


class Keyed(Protocol):
    """Anything with the key of its object."""

    key: str


Item = TypeVar("Item", bound=Keyed)


class Disordered(Exception):
    """Raised by `from_key` when 1C cannot give the rows from a key on."""


class Asks(Struct, Generic[Item]):
    """How to ask a set: a page by number of rows before it, a page from a key on, and how many rows there are.

    `from_key` raises Disordered when 1C refuses such a question; `None` means that it is known to.
    """

    page: Callable[[int, int], Sequence[Item]]
    count: Callable[[], int | None]
    from_key: Callable[[str, int], Sequence[Item]] | None = None
    has: Callable[[str], bool] = lambda _: False


class Page(Struct, Generic[Item]):
    """New rows of one page of that size; it began with row `first`, or with row number `start` when that is empty."""

    rows: list[Item]
    start: int
    size: int
    first: str


class Walk(Generic[Item]):
    """Pages of a set in the order of `Ref_Key`, without gaps.

    `position` is how many rows of the set lie behind, `after` the key of the last one, `walked` how many different ones
    were met on the way, `total` what the set itself counts at the end (`None` when it does not).
    """

    def __init__(self, name: str, asks: Asks[Item], *, top: int, position: int = 0, after: str = "") -> None:
        self._name = name
        self._asks = asks
        self._from_key = asks.from_key
        self._top = top
        self._tail: dict[str, None] = {after: None} if after else {}
        self._is_resumed = bool(position or after)
        self._steps_back = 0
        self._is_proved = False
        self.position = position
        self.after = after
        self.walked = 0
        self.total: int | None = None
        if self._is_resumed and (not after or self._from_key is None):
            self._resume_by_position()

    @property
    def is_by_key(self) -> bool:
        """Tell whether rows are asked for from a key on, as far as it is known."""
        return self._from_key is not None

    def pages(self) -> Iterator[Page[Item]]:
        """Yield those rows of each page that are new. Raises Unavailable when it cannot end."""
        asked_at = -1
        while True:
            after = self.after
            start, rows = self._next()
            fresh = [row for row in rows if row.key not in self._tail]
            if len({row.key for row in fresh}) != len(fresh):
                raise Unavailable(f"{self._name}: a page holds one object twice; the server does not keep the order.")
            self.position = start + len(rows)
            if rows:
                self._tail = {row.key: None for row in rows}
                self.after = rows[-1].key
            if fresh:
                self.walked += len(fresh)
                yield Page(fresh, start, len(rows), rows[0].key if self._is_proved else "")
            if len(rows) >= self._top:
                continue
            self.total = self._asks.count()
            if self.total is None or self.total <= self.position:
                return
            if asked_at == self.position:
                if self.is_by_key and after:  # all from the last key on was seen: the others came in behind us
                    return
                raise Unavailable(f"{self._name}: only {self.position} of {self.total} objects can be read.")
            asked_at = self.position  # the page was short, but there is more: ask once again from here

    @property
    def is_whole(self) -> bool:
        """Tell whether, after the last page, every object of the set was met."""
        return self.total is not None and self.total == self.walked

    def _next(self) -> tuple[int, Sequence[Item]]:
        if self._from_key is not None and self.after:
            rows = self._ask_from(self._from_key)
            self._is_proved = rows is not None
            if rows is not None:
                return self.position - sum(row.key in self._tail for row in rows), rows
            self._from_key = None
            if self._is_resumed and not self.walked:
                self._resume_by_position()
        return self._next_by_skip()

    def _ask_from(self, from_key: Callable[[str, int], Sequence[Item]]) -> Sequence[Item] | None:
        """Return the rows from the last ones on; `None` when they are not those."""
        anchors = list(self._tail)[-min(ANCHORS, max(1, self._top // 8)) :]
        try:
            rows = from_key(anchors[0], self._top)
        except Disordered:
            return None
        met = [row.key for row in rows if row.key in self._tail]
        lost = [key for key in anchors if key not in met]
        if met != [key for key in anchors if key in met]:
            return None  # rows from before the anchors, or in another order
        if any(self._asks.has(key) for key in lost):
            return None  # they are there, yet not where they should be
        return rows

    def _resume_by_position(self) -> None:
        self.position = max(0, self.position - self._top)
        self._tail = {}
        self.after = ""

    def _next_by_skip(self) -> tuple[int, Sequence[Item]]:
        start = max(0, self.position - 1) if self._tail else self.position
        rows = self._asks.page(start, self._top)
        if not self._tail or (rows and rows[0].key in self._tail):
            if self._tail and len(rows) >= self._top and rows[-1].key in self._tail:
                raise Unavailable(f"{self._name}: the server gives the same page again and again.")
            return start, rows
        self._steps_back += 1
        start = max(0, start - self._top)
        rows = self._asks.page(start, self._top)
        met = any(row.key in self._tail for row in rows)
        if self._steps_back > MAX_STEPS_BACK or (not met and start > 0):
            raise Unavailable(f"{self._name}: the rows move faster than they can be read.")
        return start, rows
