"""What references lead to, put into the objects that hold them: `$expand` neither reaches parts nor single objects.

Objects are kept for a run, so a bank or a product is asked for once, however many accounts and documents name it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from logging import Logger
from typing import Any, TypeVar

import msgspec

from hub.api import BadRecord

from .candidates import NAMED, SHOWN_BEHIND, SOURCES, Source
from .client import HEADS, ODataClient, ODataError, Row
from .rows import CLIENT, LINES, NAMES, POINTS
from .values import EMPTY_KEY

MOST_SINGLE = 200
"""For more keys than these the whole set is asked for, a page at a time."""
PAGE = 1000
T = TypeVar("T")


class _Named(msgspec.Struct):
    name: str | None = msgspec.field(name="Description", default=None)


_PARTS = (*LINES, POINTS)
_Parts = msgspec.defstruct("_Parts", [(f"p{at}", Any, None) for at in range(len(_PARTS))],
                           rename={f"p{at}": name for at, name in enumerate(_PARTS)})  # fmt: skip
_named = msgspec.json.Decoder(_Named)
_rows = msgspec.json.Decoder(dict[str, Any])
_parts = msgspec.json.Decoder(_Parts)


class Joins:
    """The objects behind references of one publication, during one run."""

    def __init__(self, client: ODataClient, log: Logger) -> None:
        self._client = client
        self._log = log
        self._objects: dict[str, dict[str, Row | None]] = {}
        self._versions: dict[str, dict[str, str | None]] = {}
        self._names: dict[str, dict[str, str | None]] = {}

    def complete(self, source: Source, rows: Sequence[Row]) -> Sequence[Row]:
        """Return the objects with what their references lead to, as far as it may be read."""
        payloads = self.with_objects(source.joins, [row.payload for row in rows])
        if source.has_names:
            payloads = self._with_names(payloads)
        if source.owner_of:
            payloads = self._with_clients(source.owner_of, payloads)
        versions = self.versions(source, rows) if source.follows else {row.key: row.version for row in rows}
        return [Row(row.key, versions[row.key], payload) for row, payload in zip(rows, payloads, strict=True)]

    def versions(self, source: Source, rows: Sequence[Row]) -> dict[str, str]:
        """Return the versions of the objects, each with that of the object which it follows."""
        targets = self._published(source.joins[source.follows])
        if not targets:
            return {row.key: row.version for row in rows}
        keys = [_key_in(row.payload, f"{source.follows}_Key") for row in rows]
        found = self._found(self._versions, targets, keys, HEADS, lambda row: row.version)
        return {row.key: f"{row.version}+{found[key]}" if key in found else row.version
                for row, key in zip(rows, keys, strict=True)}  # fmt: skip

    def with_objects(self, joins: Mapping[str, tuple[str, ...]], payloads: Sequence[bytes]) -> Sequence[bytes]:
        """Return the rows with the objects of these references as properties of that name."""
        for name, leads_to in joins.items():
            targets = self._published(leads_to)
            if not targets:
                continue
            keys = [_key_in(it, f"{name}_Key") for it in payloads]
            found = self._found(self._objects, targets, keys, "", lambda row: row)
            payloads = [_added(it, name, found[key].payload) if key in found else it
                        for it, key in zip(payloads, keys, strict=True)]  # fmt: skip
        return payloads

    def _with_names(self, payloads: Sequence[bytes]) -> Sequence[bytes]:
        named = {column: targets for column, leads_to in NAMED.items() if (targets := self._published(leads_to))}
        if not named:
            return payloads
        wanted = [_references(it, named) for it in payloads]
        called: dict[str, str] = {}
        for column, targets in named.items():
            keys = [key for one in wanted for key in one.get(column, ())]
            called |= self._found(self._names, targets, keys, f"{HEADS},Description", _name_of)
        made = []
        for payload, one in zip(payloads, wanted, strict=True):
            names = {key: called[key] for keys in one.values() for key in keys if key in called}
            made.append(_added(payload, NAMES, msgspec.json.encode(names)) if names else payload)
        return made

    def _with_clients(self, name: str, payloads: Sequence[bytes]) -> Sequence[bytes]:
        """Return the objects with the one counterparty that has the same owner; of several none is meant."""
        owners = [_key_in(it, "Owner_Key") for it in payloads]
        field, clients = f"{name}_Key", SOURCES["counterparties"].sets
        held: dict[str, set[str]] = {}
        for target in self._published(clients):
            wanted = [it for it in dict.fromkeys(owners) if it and it != EMPTY_KEY]
            try:
                for row in self._rows(target, wanted, f"{HEADS},{field}", by=field):
                    if not row_of(row.payload).get("DeletionMark"):
                        held.setdefault(_key_in(row.payload, field), set()).add(row.key)
            except ODataError as error:
                self._log.warning("%s cannot be asked for %s (code %s)", target, field, error.code)
        sole = {owner: keys.pop() for owner, keys in held.items() if len(keys) == 1}
        return [_added(it, CLIENT, msgspec.json.encode(sole[owner])) if owner in sole else it
                for it, owner in zip(payloads, owners, strict=True)]  # fmt: skip

    def _published(self, targets: Iterable[str]) -> list[str]:
        published = self._client.published()
        return [it for it in targets if it in published]

    def _found(
        self, kept: dict[str, dict[str, T | None]], targets: Sequence[str], keys: Iterable[str], select: str,
        take: Callable[[Row], T],
    ) -> dict[str, T]:  # fmt: skip
        """Return what the keys lead to; a reference may lead into one catalogue or another, by configuration."""
        left = [it for it in dict.fromkeys(keys) if it and it != EMPTY_KEY]
        found: dict[str, T] = {}
        for target in targets:
            if left:
                known = kept.setdefault(target, {})
                new = [it for it in left if it not in known]
                for asked in dict.fromkeys((select or SHOWN_BEHIND.get(target, ""), select)):
                    try:
                        known |= {row.key: take(row) for row in self._rows(target, new, asked)}
                        break
                    except ODataError as error:  # no right to read it: what names it is read all the same
                        self._log.warning("%s cannot be read (code %s)", target, error.code)
                known |= {it: None for it in new if it not in known}
                found |= {it: value for it in left if (value := known[it]) is not None}
                left = [it for it in left if it not in found]
        return found

    def _rows(self, target: str, keys: Sequence[str], select: str, *, by: str = "Ref_Key") -> Iterator[Row]:
        """Yield objects by their keys: a few one after another, many with the pages of the whole set."""
        met: set[str] = set()
        is_more, number = len(keys) > MOST_SINGLE, 0
        while is_more:
            page = self._client.rows(target, select, number, PAGE)
            met |= {row.key if by == "Ref_Key" else _key_in(row.payload, by) for row in page}
            yield from page
            number += len(page)
            is_more = len(page) == PAGE
        yield from self._client.objects(target, [it for it in keys if it not in met], select, by=by)  # rows may move


def _name_of(row: Row) -> str:
    return (_named.decode(row.payload).name or "").strip()


def _added(payload: bytes, name: str, value: bytes) -> bytes:
    return payload.rstrip()[:-1] + f',"{name}":'.encode() + value + b"}"


def _key_in(payload: bytes, name: str) -> str:
    """Return a reference of an object; of nothing else in it a value is made. Raises BadRecord."""
    found = _decoded(payload, _reader_of(name)).key
    return found.lower() if isinstance(found, str) else ""


@cache
def _reader_of(name: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(msgspec.defstruct("_Key", [("key", Any, None)], rename={"key": name}))


def _references(payload: bytes, columns: Collection[str]) -> dict[str, list[str]]:
    """Return the keys in these columns of the parts; whether they lead anywhere is not known yet. Raises BadRecord."""
    found: dict[str, list[str]] = {}
    for rows in msgspec.structs.astuple(_decoded(payload, _parts)):
        for row in rows if isinstance(rows, list) else ():
            for column in columns:
                key = row.get(f"{column}_Key", row.get(column)) if isinstance(row, dict) else None
                if isinstance(key, str) and len(key) == len(EMPTY_KEY):
                    found.setdefault(column, []).append(key.lower())
    return found


def row_of(payload: bytes) -> dict[str, Any]:
    """Return an object or a row decoded. Raises BadRecord."""
    found: dict[str, Any] = _decoded(payload, _rows)
    return found


def _decoded(payload: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRecord("A row is no object.") from error
