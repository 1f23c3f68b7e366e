"""How the rows of a stream are walked: one answer, or pages that stay right while rows come, change and go.

A page by offset begins with the last row of the one before, and a page by number is asked for again once the next one
has come; when they are not what they were, rows have moved behind us and the walk begins anew. The end is a page that
brings nothing new, never a short one, because services cap pages without telling.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from hub.api import Unavailable

MOST_RESTARTS = 5

Mode: TypeAlias = Literal["whole", "offset", "page"]


class Row(Struct, frozen=True):
    """One row: its key, its bytes as received, when it changed (as the service writes it), whether it is deleted."""

    key: str
    payload: bytes
    changed: str = ""
    is_deleted: bool = False


class Page(Struct, frozen=True):
    """Rows that are new, how far the walk is with them, and by what the next page knows its place."""

    rows: Sequence[Row]
    offset: int = 0
    last: str = ""
    is_last: bool = False


Ask: TypeAlias = Callable[[int], Sequence[Row]]
"""Returns the rows from an offset, or those of a page counted from zero."""


def walk(ask: Ask, mode: Mode, offset: int = 0, last: str = "") -> Iterator[Page]:
    """Yield pages until nothing new comes. Raises Unavailable when rows keep moving."""
    if mode == "whole":
        yield Page(ask(0), is_last=True)
        return
    step = _by_offset if mode == "offset" else _by_page
    restarts = 0
    while True:
        page = step(ask, offset, last)
        if page is None:
            restarts += 1
            if restarts > MOST_RESTARTS:
                raise Unavailable("The rows keep moving while they are read: they must come in a fixed order.")
            offset, last = 0, ""
            continue
        yield page
        if page.is_last:
            return
        offset, last = page.offset, page.last


def _by_offset(ask: Ask, offset: int, last: str) -> Page | None:
    """Return the rows from an offset on, `None` when the row before it is no longer the one it was."""
    found = ask(max(offset - 1, 0))
    if offset and mark_of(found[:1]) != last:
        return None
    rows = found[1:] if offset else found
    return Page(rows, offset + len(rows), mark_of(rows[-1:]) if rows else last, is_last=not rows)


def _by_page(ask: Ask, number: int, last: str) -> Page | None:
    """Return the rows of a page, `None` when the page before it is no longer the one it was."""
    rows = ask(number)
    if number:
        before = ask(number - 1)
        if mark_of(before) != last:
            return None
        known = {row.key for row in before}
        if all(row.key in known for row in rows):  # the end, or a service that repeats its last page
            return Page((), number, last, is_last=True)
    return Page(rows, number + 1, mark_of(rows), is_last=not rows)


def mark_of(rows: Sequence[Row]) -> str:
    """Return what is another one when the rows are others, stand in another order or say something else."""
    whole = hashlib.blake2b(digest_size=12)
    for row in rows:
        whole.update(f"{row.key}\0{len(row.payload)}\0".encode(errors="surrogatepass") + row.payload)
    return whole.hexdigest()
