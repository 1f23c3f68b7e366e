"""Reading of sets: a first load page by page, then what changed, found in the way that suits the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from hub.api import Batch, Record, Tools

from .client import HEADS, Head, ODataClient, Row
from .exchange import Exchange
from .joins import Joins
from .place import Place, cursor_of, way_of
from .resolve import Found
from .settings import OneCSettings
from .walk import Asks, Item, Page, Walk

REQUEST_IN_ROWS = 40
"""What one more request costs, counted in rows of a page: decides between single objects and the whole page."""
MOST_SINGLE = 3000
"""With more changes than this in a packet, walking the versions is the cheaper way to find them."""


class Reader:
    """Reads one stream whose objects have keys and versions."""

    def __init__(
        self, settings: OneCSettings, client: ODataClient, tools: Tools, joins: Joins, name: str, found: Found,
        *, follows: str,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._client = client
        self._tools = tools
        self._joins = joins
        self._name = name
        self._found = found
        self._follows = follows

    def load(self, place: Place) -> Iterator[Batch]:
        """Read everything from the place on."""
        sets = self._found.sets
        counts = [self._client.count(it) for it in sets]
        expected = None if None in counts else sum(count or 0 for count in counts)
        done = sets.index(place.set) if place.set in sets else 0
        whole = not place.skip and not place.after and not done
        began = self._tools.clock.now().isoformat()
        for set_name in sets[done:]:
            here = place if set_name == place.set else replace(place, skip=0, after="")
            select = place.sets[set_name]
            walk = self._walk(
                set_name, partial(self._client.rows, set_name, select),
                partial(self._client.rows_from, set_name, select), here,
            )  # fmt: skip
            for page in walk.pages():
                after = walk.after if walk.is_by_key else ""
                stands = replace(
                    place, phase="load", set=set_name, skip=walk.position, after=after,
                    paging="" if walk.is_by_key else place.paging or "skip",
                )  # fmt: skip
                yield Batch(self._records(page.rows), cursor=cursor_of(stands), expected=expected)
            place = replace(place, paging=self._paging(walk, place))
            whole = self._is_whole(walk, set_name) and whole
        yield self._last(replace(place, size=expected or 0), whole, began if whole else "")

    def changes(self, place: Place, exchange: Exchange | None) -> Iterator[Batch]:
        """Read what changed since the place."""
        now = self._tools.clock.now()
        way = way_of(self._found, self._settings, place.size)
        is_due = place.is_due(now, self._settings.full_scan.total_seconds())
        if exchange is not None:
            mine = [it for it in exchange.changes(place.message, now) if it.set in self._found.sets]
            place = replace(place, message=exchange.message)
            gone = [it.key for it in mine if it.deleted]
            is_due = is_due or exchange.is_too_large or len(mine) > MOST_SINGLE
            if is_due and gone:
                yield Batch([Record(key, b"", "", True, self._name) for key in gone])
            if not is_due:
                versions = {(it.set, it.key): it.version for it in mine if not it.deleted}
                yield from self._exchange(place, versions, gone)
                return
        if way == "window" and not is_due:
            since = now.astimezone(ZoneInfo(self._settings.zone)) - self._settings.window
            yield from self._scan(place, f"Date ge datetime'{since:%Y-%m-%dT00:00:00}'")
            return
        yield from self._scan(place, "")

    def _scan(self, place: Place, where: str) -> Iterator[Batch]:
        whole, total = True, 0
        began = self._tools.clock.now().isoformat()
        for set_name in self._found.sets:
            page_at, page_from = self._heads(set_name, where)
            walk = self._walk(set_name, page_at, page_from, replace(place, skip=0, after=""), where)
            for page in walk.pages():
                versions = self._versions(page.rows)
                stale = self._tools.stale(self._name, versions)
                stale |= {key for key, version in versions.items() if not version}
                rows = self._fetch(set_name, place.sets[set_name], stale, None if where else page) if stale else []
                yield Batch(self._records(rows), present=[key for key in versions if key not in stale])
            place = replace(place, paging=self._paging(walk, place))
            total += walk.total or walk.walked
            whole = self._is_whole(walk, set_name) and whole
        if where:
            yield Batch(cursor=cursor_of(place))
        else:
            yield self._last(replace(place, size=total), whole, began)

    def _exchange(self, place: Place, versions: dict[tuple[str, str], str], gone: Sequence[str]) -> Iterator[Batch]:
        stale = self._tools.stale(self._name, {key: version for (_, key), version in versions.items()})
        stale |= {key for (_, key), version in versions.items() if not version}
        records = [Record(key, b"", "", True, self._name) for key in gone]
        for set_name in self._found.sets:
            keys = sorted(key for name, key in versions if name == set_name and key in stale)
            records += self._records(self._client.objects(set_name, keys, place.sets[set_name]))
            if len(records) >= self._settings.page:
                yield Batch(records)
                records = []
        yield Batch(records, cursor=cursor_of(place))

    def _heads(
        self, set_name: str, where: str
    ) -> tuple[Callable[[int, int], Sequence[Head | Row]], Callable[[str, int], Sequence[Head | Row]]]:
        """Return how to ask for keys and versions, and for the reference that is followed."""
        if not self._follows:
            return partial(self._client.heads, set_name, where), partial(self._client.heads_from, set_name, where)
        select = f"{HEADS},{self._follows}_Key"
        return partial(self._client.rows, set_name, select), partial(self._client.rows_from, set_name, select)

    def _versions(self, rows: Sequence[Head | Row]) -> dict[str, str]:
        if self._follows:
            return self._joins.versions(self._found.source, [it for it in rows if isinstance(it, Row)])
        return {it.key: it.version or "" for it in rows}

    def _walk(
        self, set_name: str, page: Callable[[int, int], Sequence[Item]],
        from_key: Callable[[str, int], Sequence[Item]], place: Place, where: str = "",
    ) -> Walk[Item]:  # fmt: skip
        asks = Asks(
            page, partial(self._client.count, set_name, where), None if place.paging else from_key,
            partial(self._client.has, set_name),
        )  # fmt: skip
        return Walk(set_name, asks, top=self._settings.page, position=place.skip, after=place.after)

    def _paging(self, walk: Walk[Item], place: Place) -> Literal["", "skip", "doubt"]:
        """Return how to page next time: after rows that were not met by number, which shows whether the order holds."""
        if place.paging == "doubt":
            return ""
        if not walk.is_by_key:
            return "skip"
        return "doubt" if (walk.total or 0) > walk.position else ""

    def _is_whole(self, walk: Walk[Item], set_name: str) -> bool:
        if (walk.total or 0) > walk.position:
            missed = (walk.total or 0) - walk.position
            self._tools.log.warning("%s: %d objects were not met; they come next time", set_name, missed)
        return walk.is_whole

    def _fetch(self, set_name: str, select: str, stale: set[str], page: Page[Item] | None) -> list[Row]:
        """Return the stale objects of a page in the cheaper of two ways."""
        rows: list[Row] = []
        groups = -(-len(stale) // self._client.group_size(set_name, select))
        if page is not None and groups * REQUEST_IN_ROWS + len(stale) >= page.size:
            rows = [row for row in self._again(set_name, select, page) if row.key in stale]
        left = stale.difference(row.key for row in rows)
        return [*rows, *self._client.objects(set_name, sorted(left), select)]

    def _again(self, set_name: str, select: str, page: Page[Item]) -> list[Row]:
        if page.first:
            return self._client.rows_from(set_name, select, page.first, page.size)
        return self._client.rows(set_name, select, page.start, page.size)

    def _last(self, place: Place, whole: bool, scanned: str) -> Batch:
        lost = [it for it in place.sets if it not in self._found.sets]
        if lost:
            self._tools.log.warning("%s no longer published; nothing of it is marked gone", ", ".join(lost))
        if way_of(self._found, self._settings, place.size) == "versions":
            scanned = ""  # every run compares all: when it was done last decides nothing, and the cursor stays as it is
        end = replace(place, phase="scan", set="", skip=0, after="", scanned=scanned)
        return Batch(cursor=cursor_of(end), complete=whole and not lost and not self._settings.allowed_only)

    def _records(self, rows: Iterable[Row]) -> list[Record]:
        name, source = self._name, self._found.source
        return [
            Record(row.key, row.payload, row.version, False, name) for row in self._joins.complete(source, list(rows))
        ]
