"""The connector `onec`: what a publication offers, and which way each of its streams is read.

1C has no list of changes unless it keeps an exchange plan, so later runs walk keys and versions of the objects and ask
the hub which of them it does not have. A walk that met every object proves what was deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from hub.api import (
    Batch,
    Check,
    Command,
    Cursor,
    Event,
    Preview,
    Receipt,
    Record,
    Rejected,
    SettingsError,
    Stream,
    Tools,
)

from . import resolve
from .candidates import CONFIGURATIONS, guess_configuration
from .client import UNKNOWN_NAME, ODataClient, ODataError
from .exchange import Exchange
from .joins import Joins
from .metadata import Schema, Types, read_schema
from .normalise import Normaliser
from .place import Place, Way, cursor_of, describe_way, read_place, way_of
from .reader import Reader
from .resolve import Found
from .settings import OneCSettings
from .tables import read_table
from .unknown import Guesses
from .write import Writer

SLOW_SECONDS = 10
WAYS = 3
"""Of asking for the fields of an object, the fullest first."""


class OneC:
    """Reads one 1C publication, and writes to it on command."""

    def __init__(self, settings: OneCSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._client = ODataClient(settings, tools.http, tools.log)
        self._joins = Joins(self._client, tools.log)
        self._normaliser = Normaliser(settings)
        self._writer = Writer(settings, self._client, tools.clock)
        self._streams: Mapping[str, Found] | None = None
        self._known: Schema | None = None
        self._digest = ""
        self._distrusts = False
        self._exchange = Exchange(settings, self._client, tools.log) if settings.exchange_plan else None

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
            return self._check(findings, "")
        found = self._found()
        findings += resolve.missing_findings(published, self._settings)
        ways: dict[str, Way] = {}
        for name, one in found.items():
            try:
                ways[name] = way_of(one, self._settings, self._size(one))
            except ODataError as error:
                findings.append((str(error.args[0]), error.hint or "Ask the administrator of this 1C base."))
        if self._exchange is not None:
            self._exchange.node()
        guesses = Guesses(published, found, self._settings)
        schema = read_schema(self._client.metadata(), resolve.wanted_types(found), guesses.look)
        findings += guesses.findings()
        findings += resolve.field_findings(schema, published, self._settings)
        return self._check(findings, self._described_ways(ways))

    def streams(self) -> Sequence[Stream]:
        """Return the streams whose sets are published; asks the publication once."""
        found = self._found()
        if not found:
            raise SettingsError("1C publishes nothing that the hub reads.", field="url", hint=_FILL_COMPOSITION)
        return [Stream(name, one.source.title, snapshot=True) for name, one in found.items()]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Load everything at first, later only what the hub does not have."""
        found = self._found().get(stream.name)
        if found is None:
            raise Rejected(f"1C publishes no set for {stream.name}.", hint=_FILL_COMPOSITION)
        kept = read_place(cursor)
        if found.source.table:
            yield from self._table(stream.name, found, kept)
            return
        exchange = self._exchange
        if exchange is not None:
            streams = [name for name, one in self._found().items() if not one.source.table]
            exchange.prove(stream.name, kept.message if kept else 0, streams)
        follows = self._follows(found, kept)
        reader = Reader(self._settings, self._client, self._tools, self._joins, stream.name, found, follows=follows)
        refused: ODataError | None = None
        for place in self._places(stream.name, found, kept):
            try:
                yield from reader.changes(place, exchange) if place.phase == "scan" else reader.load(place)
            except ODataError as error:
                if error.code not in UNKNOWN_NAME:
                    raise
                refused = error
                if not self._distrusts:  # the configuration may have changed
                    self._known, self._distrusts = None, True
            else:
                return
        assert refused is not None
        raise refused

    def normalise(self, record: Record) -> Iterable[Event]:
        """Say what a record means."""
        return self._normaliser.events(record)

    def commands(self) -> Sequence[str]:
        """Return the kinds of commands: create, update, mark and unmark; documents are posted and unposted, too."""
        return self._writer.commands()

    def preview(self, command: Command) -> Preview:
        """Return what a command would change; nothing is written."""
        return self._writer.preview(command)

    def prepare(self, command: Command) -> Callable[[], Receipt]:
        """Look at what there is; what is returned writes, and looks at what became of it."""
        return self._writer.prepare(command)

    def execute(self, command: Command) -> Receipt:
        """Write, and look at what became of it."""
        return self.prepare(command)()

    def find(self, command: Command) -> Receipt | None:
        """Look whether a command had its effect."""
        return self._writer.find(command)

    def _found(self) -> Mapping[str, Found]:
        if self._streams is None:
            self._streams = resolve.published_sources(self._client.published(), self._settings)
        return self._streams

    def _check(self, findings: Sequence[tuple[str, str]], ways: str) -> Check:
        version = "; ".join(it for it in ("OData 3.0", ways) if it)
        return Check(
            account=self._settings.user, version=version, server_time=self._client.server_time,
            findings=tuple(findings),
        )  # fmt: skip

    def _size(self, found: Found) -> int:
        """Return how many objects there are; asks every set, which shows whether it may be read."""
        total = 0
        for name in found.sets:
            self._client.peek(name)  # of a register a record: its table would cost as much as reading it
            if resolve.is_document(name):
                total += self._client.count(name) or 0
        return total

    def _described_ways(self, ways: Mapping[str, Way]) -> str:
        """Return for people how changes of each stream are found."""
        letters = guess_configuration(self._client.published())
        words = [f"looks like {CONFIGURATIONS[letters]}"] if letters else []
        for way in dict.fromkeys(ways.values()):
            names = ", ".join(name for name, it in ways.items() if it == way)
            words.append(f"{names}: {describe_way(way, self._settings)}")
        return "; ".join(words)

    # What to ask for

    def _places(self, name: str, found: Found, kept: Place | None) -> Iterator[Place]:
        """Yield where to go on; each is tried when 1C did not know a name that the one before asked for."""
        source, own = found.source, resolve.own_fields(self._settings, name)
        shape = resolve.shape(source, own, self._client.published())
        if (
            kept is not None
            and kept.shape == shape
            and any(it in kept.sets and resolve.holds(kept.sets[it], own) for it in found.sets)
        ):
            known = {it: select for it, select in kept.sets.items() if it in found.sets or it in source.sets}
            new = [it for it in found.sets if it not in known]
            scanned = "" if new else kept.scanned
            asked = {**known, **self._selections(name, found, new, kept, way=0)}
            yield replace(kept, sets=asked, scanned=scanned, schema=self._digest or kept.schema)
        message = kept.message if kept else 0
        for way in range(WAYS):
            asked = self._selections(name, found, found.sets, kept, way=way)
            yield Place("load", asked, shape, message=message, schema=self._digest)

    def _selections(
        self, name: str, found: Found, sets: Sequence[str], kept: Place | None, *, way: int
    ) -> dict[str, str]:
        own = resolve.own_fields(self._settings, name)
        types: Types = {}
        row = found.source.row
        if resolve.shown_names(row) or (any(resolve.is_document(it) for it in sets) and not found.source.is_raw):
            types = self._schema(kept).types
            if lacking := resolve.lacks_own_fields(found.sets, types, own):
                raise Rejected(f"{name} has no field {', '.join(lacking)}.", hint="Correct `fields:` in the settings.")
        return {it: resolve.selection(found.source, it, types, own, way=way) for it in sets}

    def _follows(self, found: Found, kept: Place | None) -> str:
        """Return the reference whose object makes these objects change, where this publication has both."""
        name = found.source.follows
        if not name or not any(it in self._client.published() for it in found.source.joins[name]):
            return ""
        types = self._schema(kept).types
        return name if all(f"{name}_Key" in types.get(it, {}) for it in found.sets) else ""

    def _schema(self, kept: Place | None) -> Schema:
        """Return the types of the sets we may read: as kept of this publication, else fetched, at most once a run."""
        if self._known is None:
            wanted = resolve.wanted_types(self._found())
            mark = resolve.mark_of(self._client.published(), wanted)
            self._known = self._kept_schema(kept, mark) or read_schema(self._client.metadata(), wanted)
            self._known.mark = mark
            self._digest = self._tools.blobs.put(msgspec.json.encode(self._known, order="deterministic"))
        return self._known

    def _kept_schema(self, kept: Place | None, mark: str) -> Schema | None:
        if kept is None or not kept.schema or self._distrusts:
            return None
        try:
            schema = msgspec.json.decode(self._tools.blobs.get(kept.schema), type=Schema)
        except (KeyError, msgspec.MsgspecError):
            return None
        return schema if schema.mark == mark else None

    def _table(self, name: str, found: Found, kept: Place | None) -> Iterator[Batch]:
        now = self._tools.clock.now()
        if kept is not None and not kept.is_due(now, self._settings.tables_every.total_seconds()):
            return
        here = now.astimezone(ZoneInfo(self._settings.zone))
        period = here.replace(hour=23, minute=59, second=59, microsecond=0)
        records: list[Record] = []
        for set_name in found.sets:
            records += read_table(self._client, self._joins, self._schema(kept), found.source, set_name, name, period)
        is_choice = found.source.is_choice  # another set then says the same in other words
        lost = [] if kept is None or is_choice else [it for it in kept.sets if it not in found.sets]
        sets = dict.fromkeys([*found.sets, *lost], "")
        end = Place("scan", sets=sets, shape=found.source.table, scanned=now.isoformat(), schema=self._digest)
        page = self._settings.page
        for start in range(0, len(records), page):
            yield Batch(records[start : start + page], expected=len(records))
        yield Batch(cursor=cursor_of(end), complete=not lost and not self._settings.allowed_only)


_FILL_COMPOSITION = (
    "In 1C open «Настройка стандартного интерфейса OData» and add the sets that the plugin's page names."
)
