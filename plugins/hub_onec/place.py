"""The cursor of a stream, and which way of finding changes is used for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from hub.api import Cursor

from .resolve import Found, is_document
from .settings import OneCSettings

Way = Literal["versions", "window", "exchange", "table"]

WINDOW_PAGES = 20
"""Sets of documents that need more requests than this to walk are looked through by date between two whole scans."""


class Place(Struct, omit_defaults=True):
    """Where a stream stands.

    `sets` is what was asked of each set, `shape` what we wanted to ask. A load stands in `set` behind the key `after`,
    which is row `skip`. `scanned` is when all versions were compared last, `size` how many objects there were then,
    `message` the packet of the exchange plan that is stored, `paging` tells whether rows are only to be had by number,
    `schema` is the digest of what $metadata said.
    """

    phase: Literal["load", "scan"]
    sets: dict[str, str] = {}
    shape: str = ""
    set: str = ""
    skip: Annotated[int, Meta(ge=0)] = 0
    after: str = ""
    scanned: str = ""
    size: Annotated[int, Meta(ge=0)] = 0
    message: Annotated[int, Meta(ge=0)] = 0
    paging: Literal["", "skip", "doubt"] = ""
    schema: str = ""

    def is_due(self, now: datetime, every: float) -> bool:
        """Tell whether the last whole scan is so many seconds old, or never was."""
        try:
            return (now - datetime.fromisoformat(self.scanned)).total_seconds() >= every
        except (ValueError, TypeError):
            return True


def read_place(cursor: Cursor | None) -> Place | None:
    """Return the place that a cursor tells, `None` when it tells none."""
    try:
        place = msgspec.convert(cursor, Place)
    except msgspec.ValidationError:
        return None
    return place if place.shape else None


def cursor_of(place: Place) -> Mapping[str, object]:
    """Return the place as a cursor."""
    made: dict[str, object] = msgspec.to_builtins(place)
    return made


def way_of(found: Found, settings: OneCSettings, size: int) -> Way:
    """Return how changes of a stream are found between two whole scans."""
    if found.source.table:
        return "table"
    if settings.exchange_plan:
        return "exchange"
    if all(is_document(it) for it in found.sets) and size > WINDOW_PAGES * settings.page:
        return "window"
    return "versions"


def describe_way(way: Way, settings: OneCSettings) -> str:
    """Return the way in words for people."""
    every, days = _span(settings.full_scan.total_seconds()), _span(settings.window.total_seconds())
    return {
        "versions": "versions of all objects in every run",
        "window": f"documents dated in the last {days}, versions of all every {every}",
        "exchange": f"exchange plan {settings.exchange_plan}, versions of all every {every}",
        "table": f"whole table every {_span(settings.tables_every.total_seconds())}",
    }[way]


def _span(seconds: float) -> str:
    for size, letter in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size and not seconds % size:
            return f"{seconds / size:g}{letter}"
    return f"{seconds:g}s"
