"""The connector `onec_services`: streams of SOAP and HTTP services, as the configuration describes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from hub.api import (
    BadRecord,
    Batch,
    Check,
    Cursor,
    Event,
    Record,
    Rejected,
    Response,
    SettingsError,
    Stream,
    Tools,
    Unavailable,
)

from .mapping import Mapper, parse_instant, parse_truth, plain_id
from .rows import Values, json_rows, text_rows, xml_rows, xml_text
from .settings import PLACES, HttpStream, ServicesSettings, SoapStream
from .soap import Service, fetch_service, open_service
from .walk import Ask, Mode, Row, walk
from .web import Web, html_words, meaning

CHUNK = 500
MOST_OPERATIONS = 900


class Place(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How far a stream is read: from which change on, where in this walk, the last change seen, and the description."""

    since: str = ""
    offset: int = 0
    last: str = ""
    high: str = ""
    wsdl: str = ""


class Services:
    """One published base and the streams that its services give."""

    def __init__(self, settings: ServicesSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._web = Web(settings, tools.http)
        self._zone = ZoneInfo(settings.zone)
        self._services: dict[str, Service] = {}
        self._mappers = {
            name: Mapper(it.kind, it.fields, area_code=settings.area_code, refers_to=it.refers_to)
            for name, it in settings.streams.items()
            if it.kind
        }

    def check(self) -> Check:
        """Fetch every description and check arguments by it; ask HTTP services for what changed just now."""
        operations: dict[str, str] = {}
        findings = []
        now = self._now().isoformat(timespec="seconds")
        for name, stream in self._settings.streams.items():
            place = Place(since=now if stream.changed and _is_time(stream.start) else stream.start)
            if isinstance(stream, SoapStream):
                service = fetch_service(self._web, stream.service, self._tools.blobs)
                service.typed(stream.operation, _filled(stream.arguments, self._values(stream, place, 0)))
                operations |= {f"{stream.service} {it}": "" for it in service.operations.values()}
            else:
                self._ask_http(name, stream, place, 0)
            if not stream.kind:
                findings.append((
                    f"The rows of {name} are stored as they are and mean nothing to the hub yet.",
                    f"Set kind and fields of the stream {name} if they are clients, contracts, invoices and the like.",
                ))  # fmt: skip
            if not stream.changed and self._mode(stream) == "page":
                findings.append((
                    f"{name} is read whole by page numbers: each page is asked for twice.",
                    "Let the service take an offset, or tell what changed.",
                ))  # fmt: skip
        account = self._settings.user or "without a user"
        version = "; ".join(operations)[:MOST_OPERATIONS]
        return Check(account=account, version=version, server_time=self._web.server_time, findings=tuple(findings))

    def streams(self) -> Sequence[Stream]:
        """Return the streams of the configuration; one that is read whole each time notices deletions."""
        return [Stream(name, name, snapshot=not it.changed) for name, it in self._settings.streams.items()]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Read what changed since the last walk, page by page; each batch's cursor is true once it is stored."""
        wanted = self._settings.streams[stream.name]
        place = _place(cursor, wanted.start)
        mode = self._mode(wanted)
        begin = place if mode != "whole" and place.last else msgspec.structs.replace(place, offset=0, last="", high="")
        high, ask = begin.high, self._asker(stream.name, wanted, begin)
        for page in walk(ask, mode, begin.offset, begin.last):
            high = max([high, *(row.changed for row in page.rows)], key=self._order)
            records = list({row.key: _record(row, stream.name) for row in page.rows}.values())
            end = Place(begin.since, page.offset, page.last, high, self._digest(wanted))
            if page.is_last:
                end = Place(self._since(high, wanted.overlap) or begin.since, wsdl=self._digest(wanted))
            for start in range(0, len(records), CHUNK):
                is_end = start + CHUNK >= len(records)
                yield Batch(
                    records[start : start + CHUNK], cursor=_cursor(end) if is_end and not page.is_last else None
                )
            if page.is_last:
                yield Batch(cursor=_cursor(end), complete=not wanted.changed and not begin.offset)

    def normalise(self, record: Record) -> Iterable[Event]:
        """Return what a row means by the configuration; a row of a stream without a kind says nothing."""
        wanted = self._settings.streams.get(record.stream)
        if wanted is None:
            raise BadRecord(f"The configuration has no stream {record.stream!r}.")
        values = Values(record.payload)
        if not _key(values, wanted.keys):
            raise BadRecord(f"A row of {record.stream} has no {wanted.key}.")
        mapper = self._mappers.get(record.stream)
        if mapper is None:
            return ()
        entity = mapper.entity(values.get)
        time = self._instant(values.get(wanted.changed) if wanted.changed else None)
        return (Event(f"{entity.kind}.observed", record.reference(entity.kind), entity, time),)

    def _instant(self, text: str | None) -> datetime | None:
        try:
            moment = parse_instant((text or "").strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None  # a number, or nothing: then nobody knows when

    def _now(self) -> datetime:
        """Return the time as the clock on the wall of the server shows it."""
        return self._tools.clock.now().astimezone(self._zone).replace(tzinfo=None)

    def _order(self, text: str) -> tuple[int, Any]:
        """Return what changes are compared by. Raises SettingsError for what is neither a time nor a number."""
        if not text:
            return (0, 0)
        try:
            if _is_number(text):
                return (1, Decimal(text))
            moment = parse_instant(text)
            return (2, moment if moment.tzinfo else moment.replace(tzinfo=self._zone))
        except (ValueError, InvalidOperation) as error:
            raise SettingsError(
                f"{text[:40]!r} in the field named by changed is neither a time nor a number.", field="streams"
            ) from error

    def _since(self, high: str, overlap: timedelta) -> str:
        """Return where the next run begins: the last change seen less the overlap, never in the future."""
        if not high or _is_number(high):
            return high
        moment = parse_instant(high)
        now = self._now().replace(tzinfo=self._zone).astimezone(moment.tzinfo) if moment.tzinfo else self._now()
        try:
            begin = min(moment, now) - overlap
        except OverflowError:
            return high
        if "." in high[:3]:
            return begin.strftime("%d.%m.%Y %H:%M:%S")
        return begin.isoformat(timespec="microseconds" if moment.microsecond else "seconds")

    def _mode(self, stream: SoapStream | HttpStream) -> Mode:
        given = str(stream.arguments if isinstance(stream, SoapStream) else stream.parameters)
        return "offset" if "{offset}" in given else "page" if "{page}" in given else "whole"

    def _asker(self, name: str, stream: SoapStream | HttpStream, place: Place) -> Ask:
        if isinstance(stream, HttpStream):
            return lambda position: self._ask_http(name, stream, place, position)
        if stream.service not in self._services:
            self._services[stream.service] = open_service(self._web, stream.service, self._tools.blobs, place.wsdl)
        return lambda position: self._ask_soap(name, stream, place, position)

    def _ask_soap(self, name: str, stream: SoapStream, place: Place, position: int) -> Sequence[Row]:
        arguments = _filled(stream.arguments, self._values(stream, place, position))
        service = self._services[stream.service]
        try:
            holder = service.call(stream.operation, arguments)
        except (Rejected, SettingsError):
            fresh = fetch_service(self._web, stream.service, self._tools.blobs)
            if fresh.digest == service.digest:
                raise
            self._services[stream.service] = fresh  # the service was changed since its description was kept
            holder = fresh.call(stream.operation, arguments)
        path, what = _path(stream.rows), f"The answer of {stream.operation}"
        if stream.columns:
            return _rows(text_rows(xml_text(holder, path, what), stream.columns, stream.separator, what), stream, name)
        return _rows(xml_rows(holder, path, what), stream, name)

    def _ask_http(self, name: str, stream: HttpStream, place: Place, position: int) -> Sequence[Row]:
        query = _filled(stream.parameters, self._values(stream, place, position))
        answer = self._web.send("GET", stream.path, query=query, headers={"Accept": "application/json"})
        if answer.status >= 400:
            raise meaning(html_words(answer.content) or f"HTTP {answer.status} without a word", stream.path)
        content, what = _utf8(answer), f"The answer of {stream.path}"
        if stream.columns:
            return _rows(text_rows(_text(content), stream.columns, stream.separator, what), stream, name)
        return _rows(json_rows(content, _path(stream.rows), what), stream, name)

    def _values(self, stream: SoapStream | HttpStream, place: Place, position: int) -> dict[str, str]:
        given = (place.since, str(position), str(position + 1), str(stream.size))
        return dict(zip(PLACES, given, strict=True))

    def _digest(self, stream: SoapStream | HttpStream) -> str:
        return self._services[stream.service].digest if isinstance(stream, SoapStream) else ""


def _rows(found: Sequence[bytes], stream: SoapStream | HttpStream, name: str) -> list[Row]:
    rows: dict[str, Row] = {}
    for payload in found:
        row = _row(payload, stream)
        if row.key in rows and rows[row.key] != row:
            raise SettingsError(
                f"Two different rows of {name} have the {stream.key} {row.key[:60]!r}.", field="streams",
                hint="Name more fields in key, so that each row has its own.",
            )  # fmt: skip
        rows[row.key] = row
    return list(rows.values())


def _row(payload: bytes, stream: SoapStream | HttpStream) -> Row:
    """Return a row with its key; one that has none gets the hash of its bytes, and is parked later."""
    try:
        values = Values(payload)
        key = _key(values, stream.keys)
    except BadRecord:
        return Row(_by_content(payload), payload)
    mark = (values.get(stream.deleted) or "" if stream.deleted else "").strip()
    try:
        is_deleted = bool(mark) and parse_truth(mark)
    except ValueError as error:
        raise SettingsError(f"The field {stream.deleted}, named by deleted, is {error}.", field="streams") from error
    changed = (values.get(stream.changed) or "" if stream.changed else "").strip()
    return Row(key or _by_content(payload), payload, changed, is_deleted)


def _by_content(payload: bytes) -> str:
    return f"without key, {hashlib.blake2b(payload, digest_size=8).hexdigest()}"


def _key(values: Values, names: Sequence[str]) -> str:
    """Return what tells the row apart, empty when any part of it is missing; identifiers of 1C in lower case."""
    parts = [(values.get(name) or "").strip() for name in names]
    return "/".join(plain_id(part) for part in parts) if all(parts) else ""


def _record(row: Row, stream: str) -> Record:
    return Record(row.key, b"" if row.is_deleted else row.payload, deleted=row.is_deleted, stream=stream)


def _filled(given: Any, values: Mapping[str, str]) -> Any:
    """Return arguments with the places filled in."""
    if isinstance(given, Mapping):
        return {name: _filled(value, values) for name, value in given.items()}
    if isinstance(given, list):
        return [_filled(value, values) for value in given]
    if isinstance(given, str):
        for place, value in values.items():
            given = given.replace(place, value)
    return given


def _utf8(answer: Response) -> bytes:
    """Return JSON in UTF-8 without a mark, whatever the service declares."""
    content = answer.content.removeprefix(b"\xef\xbb\xbf")
    charset = answer.headers.get("content-type", "").lower().partition("charset=")[2].strip(' "').split(";")[0]
    if charset in ("", "utf-8", "utf8"):
        return content
    try:
        return content.decode(charset).encode()
    except (LookupError, UnicodeDecodeError) as error:
        raise Unavailable(f"The answer is not in the encoding {charset[:20]!r} which it declares.") from error


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Unavailable("The answer is not in UTF-8, and declares nothing else.") from error


def _path(text: str) -> Sequence[str]:
    return [part for part in text.split(".") if part]


def _is_number(text: str) -> bool:
    return text.isascii() and text.replace(".", "", 1).isdigit() and text.count(".") < 2


def _is_time(text: str) -> bool:
    return not _is_number(text)


def _place(cursor: Cursor | None, start: str) -> Place:
    """Return where a cursor stands; none, or one that cannot be read, is the start."""
    try:
        place = msgspec.convert(cursor, Place)
    except msgspec.ValidationError:
        return Place(start)
    is_whole = place.offset >= 0 and bool(place.offset) == bool(place.last)
    is_known = place.since == start or _is_change(place.since)
    return place if is_whole and is_known and (not place.high or _is_change(place.high)) else Place(start)


def _is_change(text: str) -> bool:
    """Tell whether the text is a number or a time."""
    try:
        return bool(text) and (_is_number(text) or bool(parse_instant(text)))
    except ValueError:
        return False


def _cursor(place: Place) -> Mapping[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(place)
    return made
