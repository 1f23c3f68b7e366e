"""The connector `onec`: a first load page by page, then scans of versions that fetch only what changed.

1C has no list of changes, so every later run walks keys and versions of all objects and asks
the hub which of them it does not have. A walk that met every object proves what was deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from hub.api import Batch, Check, Cursor, Event, Record, Rejected, SettingsError, Stream, Tools

from . import resolve
from .candidates import OWN_FIELDS, SOURCES
from .client import ODataClient, ODataError, Row
from .metadata import Types, parse_metadata
from .normalise import Normaliser
from .settings import OneCSettings
from .walk import Item, Walk

REQUEST_IN_ROWS = 40
"""What one more request costs, counted in rows of a page: decides between single objects and the whole page."""
SLOW_SECONDS = 10
_UNKNOWN_NAME = frozenset({"6", "10"})


class _Place(Struct, omit_defaults=True):
    """The cursor: `sets` is what was asked of each set, `shape` what we wanted to ask, `skip` where a load stands."""

    phase: Literal["load", "scan"]
    sets: dict[str, str]
    shape: str
    set: str = ""
    skip: Annotated[int, Meta(ge=0)] = 0


class OneC:
    """Reads one 1C publication."""

    def __init__(self, settings: OneCSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._client = ODataClient(settings, tools.http, tools.log)
        self._normaliser = Normaliser(settings)
        self._types: dict[str, Types] = {}

    def check(self) -> Check:
        """Sign in, look at the composition, its fields and the rights; every gap is a finding with its fix."""
        began = time.monotonic()
        published = self._client.published()
        seconds = time.monotonic() - began
        findings: list[tuple[str, str]] = []
        if seconds > SLOW_SECONDS:
            findings.append(
                (f"1C took {seconds:.0f} s to answer.", "Normal after a pause; otherwise look at the server.")
            )
        if not published:
            findings.append(("The composition of the standard OData interface is empty.", _FILL_COMPOSITION))
            return self._check(findings)
        findings += resolve.missing_findings(published)
        sets = [name for names in resolve.published_sources(published).values() for name in names]
        findings += self._rights(sets)
        types = parse_metadata(self._client.metadata(), resolve.wanted_types(sets))
        findings += resolve.field_findings(published, types, self._settings.fields)
        return self._check(findings)

    def streams(self) -> Sequence[Stream]:
        """Return the streams whose sets are published; asks the publication once."""
        published = self._client.published()
        found = resolve.published_sources(published)
        if not found:
            raise SettingsError("1C publishes nothing that the hub reads.", field="url", hint=_FILL_COMPOSITION)
        return [Stream(name, SOURCES[name].title, snapshot=True) for name in found]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Load everything at first, later only what the hub does not have."""
        sets = resolve.published_sources(self._client.published()).get(stream.name, [])
        if not sets:
            raise Rejected(f"1C publishes no set for {stream.name}.", hint=_FILL_COMPOSITION)
        refused: ODataError | None = None
        for place in self._places(stream.name, sets, cursor):
            try:
                yield from (self._scan if place.phase == "scan" else self._load)(stream.name, sets, place)
            except ODataError as error:
                if error.code not in _UNKNOWN_NAME:
                    raise
                refused = error
            else:
                return
        assert refused is not None
        raise refused

    def normalise(self, record: Record) -> Iterable[Event]:
        """Say what a record means."""
        return self._normaliser.events(record)

    def _check(self, findings: Sequence[tuple[str, str]]) -> Check:
        return Check(
            account=self._settings.user, version="OData 3.0", server_time=self._client.server_time,
            findings=tuple(findings),
        )  # fmt: skip

    def _rights(self, sets: Sequence[str]) -> Iterator[tuple[str, str]]:
        for name in sets:
            try:
                self._client.heads(name, 0, 1)
            except ODataError as error:
                yield str(error.args[0]), error.hint or "Ask the administrator of this 1C base."

    # What to ask for

    def _places(self, name: str, sets: Sequence[str], cursor: Cursor | None) -> Iterator[_Place]:
        """Yield where to go on; each is tried when 1C did not know a name that the one before asked for."""
        source, own = SOURCES[name], self._own(name)
        shape = resolve.shape(source, own)
        kept = _place(cursor)
        if kept is not None and kept.shape == shape and any(it in kept.sets for it in sets):
            known = {it: kept.sets[it] for it in kept.sets if it in source.sets}
            new = [it for it in sets if it not in known]
            yield _Place(kept.phase, {**known, **self._selections(name, new, shown=True)}, shape, kept.set, kept.skip)
        for shown in (True, False):
            yield _Place("load", self._selections(name, sets, shown=shown), shape)

    def _selections(self, name: str, sets: Sequence[str], *, shown: bool) -> dict[str, str]:
        source = SOURCES[name]
        types: Types = {}
        if sets and resolve.needs_metadata(source):
            types = self._described()
        return {it: resolve.selection(source, it, types, self._own(name), shown=shown) for it in sets}

    def _described(self) -> Types:
        """Return the types of all sets we may read; fetched at most once in a run."""
        if "all" not in self._types:
            sets = [name for names in resolve.published_sources(self._client.published()).values() for name in names]
            self._types["all"] = parse_metadata(self._client.metadata(), resolve.wanted_types(sets))
        return self._types["all"]

    def _own(self, name: str) -> list[str]:
        return [field for target, field in self._settings.fields.items() if OWN_FIELDS[target] == name]

    # Reading

    def _load(self, name: str, sets: Sequence[str], place: _Place) -> Iterator[Batch]:
        counts = [self._client.count(it) for it in sets]
        expected = None if None in counts else sum(count or 0 for count in counts)
        done = sets.index(place.set) if place.set in sets else 0
        whole = not place.skip and not done
        for set_name in sets[done:]:
            position = max(0, place.skip - self._settings.page) if set_name == place.set else 0
            select = place.sets[set_name]
            walk = self._walk(set_name, partial(self._client.rows, set_name, select), position)
            for _, rows in walk.pages():
                here = msgspec.structs.replace(place, phase="load", set=set_name, skip=walk.position)
                yield Batch(_records(name, rows), cursor=_cursor(here), expected=expected)
            whole = whole and walk.is_whole
        yield self._last(sets, place, whole)

    def _scan(self, name: str, sets: Sequence[str], place: _Place) -> Iterator[Batch]:
        whole = True
        for set_name in sets:
            walk = self._walk(set_name, partial(self._client.heads, set_name), 0)
            for start, heads in walk.pages():
                versions = {head.key: head.version or "" for head in heads}
                stale = self._tools.stale(name, versions)
                stale |= {key for key, version in versions.items() if not version}
                rows = self._fetch(set_name, place.sets[set_name], stale, (start, len(heads))) if stale else []
                yield Batch(_records(name, rows), present=[key for key in versions if key not in stale])
            whole = whole and walk.is_whole
        yield self._last(sets, place, whole)

    def _walk(self, set_name: str, fetch: Callable[[int, int], Sequence[Item]], position: int) -> Walk[Item]:
        count = partial(self._client.count, set_name)
        return Walk(set_name, fetch, count, top=self._settings.page, position=position)

    def _fetch(self, set_name: str, select: str, stale: set[str], page: tuple[int, int]) -> list[Row]:
        """Return the stale objects of a page (its begin and length), in the cheaper of two ways."""
        rows: list[Row] = []
        groups = -(-len(stale) // self._client.group_size(set_name, select))
        if groups * REQUEST_IN_ROWS + len(stale) >= page[1]:
            rows = [row for row in self._client.rows(set_name, select, *page) if row.key in stale]
        left = stale.difference(row.key for row in rows)
        return [*rows, *self._client.objects(set_name, sorted(left), select)]

    def _last(self, sets: Sequence[str], place: _Place, whole: bool) -> Batch:
        lost = [it for it in place.sets if it not in sets]
        if lost:
            self._tools.log.warning("%s no longer published; nothing of it is marked gone", ", ".join(lost))
        end = _Place("scan", place.sets, place.shape)
        return Batch(cursor=_cursor(end), complete=whole and not lost and not self._settings.allowed_only)


_FILL_COMPOSITION = (
    "In 1C open «Настройка стандартного интерфейса OData» and add the sets that the plugin's page names."
)


def _records(stream: str, rows: Iterable[Row]) -> list[Record]:
    return [Record(row.key, row.payload, row.version, False, stream) for row in rows]


def _place(cursor: Cursor | None) -> _Place | None:
    try:
        return msgspec.convert(cursor, _Place)
    except msgspec.ValidationError:
        return None


def _cursor(place: _Place) -> Mapping[str, object]:
    made: dict[str, object] = msgspec.to_builtins(place)
    return made
