"""Writing to the stand-in: what 1C takes, refuses, silently cuts and ignores when objects are changed through OData."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from .base import Row
from .edm import EMPTY, EMPTY_DATE, UNDEFINED, Field, Model
from .faults import Fault
from .query import Projection, Renderer, form_of, parse_options
from .registers import Records, key_of

if TYPE_CHECKING:
    from .server import OneCServer

_TARGET = re.compile(r"(?P<set>[^/()]+)(?:\((?P<key>[^)]*)\))?(?:/(?P<verb>\w+))?")
_KEY = re.compile(r"(?:Ref_Key=)?guid'([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})'")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_BOUND = re.compile(r"(?P<set>[^/()]+)\(guid'(?P<key>[^']*)'\)")
_OWN = frozenset({"Ref_Key", "DataVersion", "Posted", "Predefined", "PredefinedDataName"})
"""Fields that 1C sets itself; whatever a client sends for them is ignored."""
_JSON = "application/json"


class Refusal(Fault):
    """The application says no: HTTP 500, code -1 and its own words."""

    def __init__(self, words: str) -> None:
        super().__init__(500, "-1", words)

    def words(self, language: str) -> str:  # noqa: ARG002 - modules speak the language they were written in
        """Return what the module said."""
        return self.name


class Request(Struct, frozen=True):
    """One request that wants to change something; the path is decoded and begins behind the service root."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Made(Struct, frozen=True):
    """The answer to a change."""

    status: int
    kind: str = "text/plain"
    body: bytes = b""
    location: str = ""
    cut: str = ""


class Writing:
    """The changes of one base, one after another, and the troubles with them until they are set back.

    `module` is the object module: it gets the set and the values about to be written, may change them, and refuses
    with `Refusal`. `poster` may refuse `Post`. Sets in `read_only` give 401 with code 20, objects in `locked` are being
    edited by somebody. `before` and `after` are called with method and path around each effect. `ends` is how the
    answer to a change that took effect ends: not at all, in the middle, or with a page of a proxy.
    With `heeds_if_match` another `DataVersion` gives 412 as documented; published probes say that it has no effect.
    """

    def __init__(self, server: OneCServer) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self.heeds_if_match = False
        self.has_load_mode = True
        self.module: Callable[[str, dict[str, Any]], None] | None = None
        self.poster: Callable[[Mapping[str, Any]], None] | None = None
        self.read_only: set[str] = set()
        self.locked: set[str] = set()
        self.before: Callable[[str, str], None] | None = None
        self.after: Callable[[str, str], None] | None = None
        self.ends: Literal["", "lost", "cut", "proxy"] = ""
        self.effects: list[tuple[str, str]] = []

    def take(self, request: Request) -> Made | None:
        """Carry out a change and return its answer, `None` when the connection ends without one. Raises Fault."""
        if self.before is not None:
            self.before(request.method, request.path)
        with self._lock:
            made = self._carry_out(request)
            self.effects.append((request.method, request.path))
        if self.after is not None:
            self.after(request.method, request.path)
        if self.ends == "lost" or (self.ends == "cut" and not made.body):
            return None
        if self.ends == "proxy":
            return Made(502, "text/html", b"<html>Bad Gateway</html>")
        return Made(made.status, made.kind, made.body, made.location, "connection") if self.ends == "cut" else made

    def _carry_out(self, request: Request) -> Made:
        form = form_of(parse_options(request.query), request.headers.get("accept", ""))
        found = _TARGET.fullmatch(request.path)
        if found is None:
            raise Fault(400, "6", request.path)
        name, key, verb = found["set"], found["key"], found["verb"]
        if name.removesuffix("_RecordType") in self._server.base.registers:
            return self._record(name, key, request, form)
        model = self._model(name)
        if key is None:
            if request.method != "POST" or verb:
                raise Fault(405, "19", request.method)
            return self._create(model, self._values(model, request), form)
        row = self._row(name, key)
        if request.method == "POST":
            return self._call(model, row, verb or "", request)
        if verb or request.method not in ("PATCH", "PUT", "DELETE"):
            raise Fault(405, "19", request.method)
        self._compare(row, request)
        if request.method == "DELETE":
            self._server.base.remove(name, row.key)
            return Made(204)
        return self._change(model, row, self._values(model, request), form)

    def _model(self, name: str) -> Model:
        base = self._server.base
        if name in base.models and name in base.composition:
            if name in self.read_only:
                raise Fault(401, "20")
            return base.models[name]
        for owner in base.composition & base.models.keys():
            if any(name == f"{owner}_{it.name}" for it in base.models[owner].parts):
                raise Fault(400, "13", name)
        raise Fault(404, "8", name)

    def _row(self, name: str, key: str) -> Row:
        base = self._server.base
        named = _KEY.fullmatch(key)
        if named is None:
            raise Fault(400, "1", key)
        row = base.sets[name].rows.get(named[1].lower())
        if row is None:
            raise Fault(404, "9")
        if row.key in base.hidden:
            raise Fault(401, "20")
        if row.key in self.locked:
            raise Refusal("Не удалось заблокировать запись. Объект уже заблокирован другим пользователем.")
        return row

    def _compare(self, row: Row, request: Request) -> None:
        asked = request.headers.get("if-match", "").strip('"')
        if self.heeds_if_match and asked not in ("", "*", row.values["DataVersion"]):
            raise Fault(412, "4", "If-Match")

    def _create(self, model: Model, values: dict[str, Any], form: str) -> Made:
        is_document = model.name.startswith("Document_")
        if is_document and values.get("Date", EMPTY_DATE) == EMPTY_DATE:
            raise Fault(400, "5", "Date")
        for it in model.fields:  # numbers and codes are given by the platform
            if (it.name == "Number" or (it.name == "Code" and not is_document)) and not values.get(it.name):
                self._numbers[model.name] = self._numbers.get(model.name, 0) + 1
                values[it.name] = f"HB{self._numbers[model.name]:07d}"
        if self.module is not None:
            self.module(model.name, values)
        key = self._server.base.add(model.name, **values)
        row = self._server.base.sets[model.name].rows[key]
        place = f"{self._server.url}{model.name}(guid'{key}')"
        status, kind, body = self._shown(201, model, row, form)
        return Made(status, kind, body, place)

    def _change(self, model: Model, row: Row, values: dict[str, Any], form: str) -> Made:
        if values.get("DeletionMark") and row.values.get("Posted"):
            raise Refusal("Помеченный на удаление документ не может быть проведен.")
        if self.module is not None:
            self.module(model.name, values)
        self._server.base.change(model.name, row.key, **values)
        return Made(*self._shown(200, model, row, form))

    def _call(self, model: Model, row: Row, verb: str, request: Request) -> Made:
        if not model.name.startswith("Document_") or verb not in ("Post", "Unpost"):
            raise Fault(400, "6", verb)
        mode = parse_options(request.query).get("PostingModeOperational", "false")
        if mode not in ("true", "false"):
            raise Fault(400, "4", "PostingModeOperational")
        if verb == "Post" and row.values["DeletionMark"]:
            raise Refusal("Помеченный на удаление документ не может быть проведен.")
        if verb == "Post" and self.poster is not None:
            self.poster(row.values)
        self._server.base.change(model.name, row.key, Posted=verb == "Post")
        return Made(200)

    def _record(self, name: str, key: str | None, request: Request, form: str) -> Made:
        """Write or delete one record of a register that no document writes, or all records of one document at once."""
        records = self._server.base.registers.get(name)
        if records is None or name not in self._server.base.composition:
            raise Fault(405, "19", request.method)
        if name in self.read_only:
            raise Fault(401, "20")
        if records.register.recorder:
            return self._record_set(records, key, request, form)
        model = records.register.records
        rows = records.rows
        if key is None and request.method == "POST":
            sent = self._values(model, request)
            if missing := [it for it in model.key if it not in sent]:
                raise Fault(400, "5", missing[0])
            if any(all(row[it] == sent[it] for it in model.key) for row in rows):
                raise Fault(400, "15")
            rows.append({**{it.name: EMPTY[it.kind] for it in model.fields}, **sent})
            return Made(*self._shown(200, model, Row("", rows[-1]), form))
        if key is None or request.method not in ("PATCH", "DELETE"):
            raise Fault(405, "19", request.method)
        wanted = key_of(model, key)
        row = next((it for it in rows if all(it[part] == value for part, value in wanted.items())), None)
        if row is None:
            raise Fault(404, "9")
        if request.method == "DELETE":
            rows.remove(row)
            return Made(204)
        row.update(self._values(model, request))
        return Made(*self._shown(200, model, Row("", row), form))

    def _record_set(self, records: Records, key: str | None, request: Request, form: str) -> Made:
        """Replace the records of one document; they are neither made without it nor deleted by themselves."""
        if key is None or request.method not in ("PATCH", "PUT"):
            raise Fault(405, "19", request.method)
        model = records.register.main
        wanted = key_of(model, key)
        if not any(all(row[it] == value for it, value in wanted.items()) for row in records.rows):
            raise Fault(404, "9")
        sent = self._values(model, request)
        if "RecordSet" in sent:
            records.replace(wanted["Recorder"], sent["RecordSet"])
        held = next((it for it in records.record_sets() if it["Recorder"] == wanted["Recorder"]), None)
        return Made(*self._shown(200, model, Row("", held or {**wanted, "RecordSet": []}), form))

    def _shown(self, status: int, model: Model, row: Row, form: str) -> tuple[int, str, bytes]:
        kind = "application/atom+xml" if form == "atom" else f"{_JSON};odata={form}"
        return status, f"{kind};charset=utf-8", Renderer(
            self._server.base, model, Projection(), form, self._server.url
        ).entity(row)  # fmt: skip

    # What a body says

    def _values(self, model: Model, request: Request) -> dict[str, Any]:
        if request.headers.get("1c_odata-dataloadmode", "").lower() == "true" and not self.has_load_mode:
            raise Fault(400, "17")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
            raise Fault(415, "2")
        try:
            sent = json.loads(request.body.decode(), parse_float=Decimal, object_pairs_hook=_once)
        except ValueError:
            raise Fault(400, "2") from None
        if not isinstance(sent, dict):
            raise Fault(400, "2")
        values = _known(model.fields, self._bound(model, sent))
        if request.method == "PUT":
            for it in model.fields:
                if it.name not in values and it.name not in _OWN:
                    raise Fault(400, "5", it.navigation or it.name)
        return values

    def _bound(self, model: Model, sent: dict[str, Any]) -> dict[str, Any]:
        """Replace `Имя@odata.bind` by the reference that it is."""
        made: dict[str, Any] = {}
        for name, value in sent.items():
            it = model.reference(name.removesuffix("@odata.bind")) if name.endswith("@odata.bind") else None
            if it is None:
                made[name] = value
                continue
            found = _BOUND.fullmatch(str(value).rpartition("/")[2])
            if found is None or found["set"] != it.target:
                raise Fault(400, "4", name)
            made[it.name] = found["key"]
        return made


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Fault(400, "18")
    return made


def _known(fields: tuple[Field, ...], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the fields there are; others are ignored, as 1C does with a misspelt name."""
    made: dict[str, Any] = {}
    for it in fields:
        if it.name in _OWN or it.name not in sent:
            continue
        made[it.name] = _rows(it, sent[it.name]) if it.kind == "Part" else _taken(it, sent[it.name])
        if it.kind == "Any":
            type_name = sent.get(f"{it.name}_Type")
            if not isinstance(type_name, str) or not type_name.startswith("StandardODATA."):
                raise Fault(400, "4", f"{it.name}_Type")
            made[f"{it.name}_Type"] = type_name
            if type_name == UNDEFINED:
                made[it.name] = ""
    return made


def _rows(it: Field, sent: Any) -> list[dict[str, Any]]:
    """Return the rows of a tabular part, which takes the place of the one there is."""
    if not isinstance(sent, list) or not all(isinstance(row, dict) for row in sent):
        raise Fault(400, "1", it.name)
    for number, row in enumerate(sent, start=1):
        if "LineNumber" not in row:
            raise Fault(500, "-1", "LineNumber")
        if row["LineNumber"] != str(number):
            raise Fault(400, "4", "LineNumber")
    return [_known(tuple(column for column in it.columns if column.name != "LineNumber"), row) for row in sent]


def _taken(it: Field, value: Any) -> Any:
    """Return the value as 1C keeps it. Raises Fault for what cannot be parsed."""
    if it.kind == "Guid":
        if not isinstance(value, str) or not _GUID.fullmatch(value):
            raise Fault(400, "1", it.name)
        return value.lower()
    if it.kind == "Boolean":
        if not isinstance(value, bool):
            raise Fault(400, "1", it.name)
        return value
    if it.kind in ("Double", "Int16"):
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise Fault(400, "1", it.name)
        return value
    if not isinstance(value, str):
        raise Fault(400, "1", it.name)
    if it.kind == "Int64":
        return value if re.fullmatch(r"-?\d{1,18}", value) else EMPTY["Int64"]
    if it.kind == "DateTime" and not _DATE.fullmatch(value):
        raise Fault(400, "1", it.name)
    if it.kind == "Enum" and value and it.members and value not in it.members:
        raise Fault(400, "4", it.name)
    return value[: it.length] if it.length else value
