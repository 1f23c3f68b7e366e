"""The query options of 1C's OData: parsed strictly, applied in its order, rendered in its formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from msgspec import Struct

from .base import Infobase, Row, data_version, encoder
from .edm import EMPTY_KEY, Model, sort_key
from .faults import Fault
from .filters import compile_filter

OPTIONS = frozenset(
    {"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$inlinecount", "$format", "$allowedOnly"}
)
SHOWN = "____Presentation"
_FROM_KEY = re.compile(r"Ref_Key ge guid'(?P<key>[0-9a-fA-F-]{36})'(?P<rest> and .*)?")
_HEADS = frozenset({"Ref_Key", "DataVersion", "DeletionMark"})
_FORMS = {
    "json": "minimalmetadata", "application/json": "minimalmetadata",
    "application/json;odata=nometadata": "nometadata", "application/json;odata=minimalmetadata": "minimalmetadata",
    "application/json;odata=fullmetadata": "fullmetadata", "atom": "atom", "application/atom+xml": "atom",
}  # fmt: skip


def parse_options(query: str) -> dict[str, str]:
    """Split a query string; `+` stays a plus. Raises Fault 0 for an option that 1C does not know."""
    options: dict[str, str] = {}
    for piece in query.split("&") if query else ():
        name, _, value = piece.partition("=")
        try:
            name, value = unquote(name, errors="strict"), unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise Fault(400, "14", "query") from None
        if name.startswith("$") and name not in OPTIONS:
            raise Fault(400, "0", name)
        options[name] = value
    return options


def form_of(options: Mapping[str, str], accept: str) -> str:
    """Return the form of the answer: Atom unless JSON is asked for. Raises Fault 3 for other formats."""
    wanted = options.get("$format")
    if wanted is None:
        wanted = accept.replace(" ", "").split(",")[0] if "application/json" in accept else "atom"
        return _FORMS.get(wanted, "minimalmetadata" if wanted != "atom" else "atom")
    if wanted not in _FORMS:
        raise Fault(406, "3", wanted)
    return _FORMS[wanted]


class Projection(Struct):
    """What `$select` and `$expand` ask for; `names` is `None` for everything."""

    names: set[str] | None = None
    columns: dict[str, set[str]] = {}
    shown: tuple[str, ...] = ()
    expanded: tuple[str, ...] = ()


def projection(model: Model, options: Mapping[str, str]) -> Projection:
    """Read `$select` and `$expand`. Raises Fault 6 with the name that the set does not have."""
    select = options.get("$select", "")
    expand = [it.strip(" ") for it in options.get("$expand", "").split(",") if it]
    for it in expand:
        if model.reference(it.split("/")[0]) is None:
            raise Fault(400, "6", it)
    if not select:
        return Projection()
    names: set[str] = set()
    whole = False
    columns: dict[str, set[str]] = {}
    shown: list[str] = []
    chosen: list[str] = []
    for item in (it.strip(" ") for it in select.split(",")):  # public clients put a space behind the comma
        first, _, rest = item.partition("/")
        if item == "*":
            whole = True
        elif item == "**":
            names |= {it.name for it in model.fields if it.kind != "Part"}
            names |= {f"{it.name}_Type" for it in model.fields if it.kind == "Any"}
        elif item == f"*{SHOWN}":
            shown += [it.navigation for it in model.fields if it.target]
        elif item.endswith(SHOWN):
            shown.append(_shown(model, item))
        elif rest:
            _choose_behind(model, first, rest, columns, chosen)
        elif model.field(item):
            names.add(item)
        elif model.reference(item):
            chosen.append(item)
        else:
            raise Fault(400, "6", item)
    return Projection(None if whole else names, columns, tuple(shown), tuple(it for it in expand if it in chosen))


def _shown(model: Model, item: str) -> str:
    name = item.removesuffix(SHOWN)
    it = model.field(name)
    if model.reference(name) is None and (it is None or it.kind not in ("Any", "Enum")):
        raise Fault(400, "6", item)
    return name


def _choose_behind(model: Model, first: str, rest: str, columns: dict[str, set[str]], chosen: list[str]) -> None:
    table = next((it for it in model.parts if it.name == first), None)
    if table is not None:
        if rest != "*" and rest not in {it.name for it in table.columns}:
            raise Fault(400, "6", rest)
        columns.setdefault(first, set()).add(rest)
    elif model.reference(first):
        chosen.append(first)
    else:
        raise Fault(400, "6", first)


class Answer(Struct):
    """The rows of a collection and what was counted."""

    rows: Sequence[Row]
    total: int
    counted: bool


def find(base: Infobase, name: str, options: Mapping[str, str], *, inlinecount_stops_paging: bool) -> Answer:
    """Apply filter, order, skip and top. Raises Fault 20 when a hidden row is hit without `allowedOnly`."""
    rows = _filtered(base, name, options)
    total = len(rows)
    allowed = options.get("allowedOnly", options.get("$allowedOnly", "false")) == "true"
    if allowed and base.hidden:
        rows = [row for row in rows if row.key not in base.hidden]
        total = len(rows)
    counted = _counts(options)
    skip, top = _number(options, "$skip", 0), _number(options, "$top", None)
    if not (counted and inlinecount_stops_paging):
        rows = rows[skip or 0 :]
        rows = rows if top is None else rows[:top]
    if base.hidden and any(row.key in base.hidden for row in rows):
        raise Fault(401, "20")
    return Answer(rows, total, counted)


def find_rows(base: Infobase, model: Model, rows: Sequence[Mapping[str, Any]], options: Mapping[str, str]) -> list[Row]:
    """Apply filter, skip and top to records of a register, which have no key of their own."""
    if source := options.get("$filter", ""):
        test = compile_filter(source, model, lambda target, key: lookup(base, target, key)).matches
        rows = [row for row in rows if test(row) is True]
    skip, top = _number(options, "$skip", 0) or 0, _number(options, "$top", None)
    rows = rows[skip:] if top is None else rows[skip : skip + top]
    return [Row(str(number), dict(row)) for number, row in enumerate(rows)]


def count(base: Infobase, name: str, options: Mapping[str, str]) -> int:
    """Return the number of rows that the filter leaves."""
    plain = {key: value for key, value in options.items() if key in ("$filter", "allowedOnly", "$allowedOnly")}
    return find(base, name, plain, inlinecount_stops_paging=True).total


def _filtered(base: Infobase, name: str, options: Mapping[str, str]) -> Sequence[Row]:
    entities = base.sets[name]
    source = options.get("$filter", "")
    rows: Sequence[Row] = entities.lying()
    from_key = _FROM_KEY.fullmatch(source) if base.reference_order == "stored" else None
    if from_key and options.get("$orderby") == "Ref_Key" and not from_key["rest"]:
        return entities.sorted_from(from_key["key"].lower())
    if source:
        try:
            compiled = compile_filter(
                source, entities.model, lambda target, key: lookup(base, target, key), base.reference_order
            )
        except Fault as fault:
            if fault.code == "6" and base.unknown_field_finds_nothing:
                return []
            raise
        if compiled.keys is not None:
            rows = [entities.rows[key] for key in dict.fromkeys(compiled.keys) if key in entities.rows]
        else:
            rows = [row for row in rows if compiled.matches(row.values) is True]
    return _ordered(base, name, rows, options.get("$orderby", "")) if "$orderby" in options else rows


def _ordered(base: Infobase, set_name: str, rows: Sequence[Row], order: str) -> Sequence[Row]:
    entities = base.sets[set_name]
    if order in ("Ref_Key", "Ref_Key asc") and len(rows) == len(entities.rows):
        return entities.sorted()
    made = list(rows)
    for item in reversed(order.split(",")):
        name, _, direction = item.strip(" ").partition(" ")
        if direction.strip(" ") not in ("", "asc", "desc"):
            raise Fault(400, "14", "$orderby")
        made.sort(key=_sorting(base, entities.model, name), reverse=direction.strip(" ") == "desc")
    return made


def _sorting(base: Infobase, model: Model, name: str) -> Callable[[Row], Any]:
    first, _, rest = name.partition("/")
    it = model.reference(first) if rest else model.field(first)
    if it is None or it.kind == "Part":
        raise Fault(400, "6", name)

    def value(row: Row) -> Any:
        held = row.values[it.name]
        if rest:
            found = lookup(base, it.target, held)
            return str(found[1].get(rest, "")) if found else ""
        return sort_key(held) if it.kind == "Guid" else (int(held) if it.kind == "Int64" else held)

    return value


def _counts(options: Mapping[str, str]) -> bool:
    wanted = options.get("$inlinecount", "none")
    if wanted not in ("allpages", "none"):
        raise Fault(400, "14", "$inlinecount")
    return wanted == "allpages"


def _number(options: Mapping[str, str], name: str, default: int | None) -> int | None:
    if name not in options:
        return default
    if not options[name].isdigit():
        raise Fault(400, "1", name)
    return int(options[name])


def lookup(base: Infobase, target: str, key: str) -> tuple[Model, Mapping[str, Any]] | None:
    """Return the object behind a reference."""
    row = base.sets[target].rows.get(key) if target in base.sets else None
    return (base.sets[target].model, row.values) if row else None


class Renderer:
    """Writes objects of one set in one form."""

    def __init__(self, base: Infobase, model: Model, wanted: Projection, form: str, root: str) -> None:
        self._base = base
        self._model = model
        self._wanted = wanted
        self._form = form
        self._root = root
        self._is_plain = wanted.names is None and not wanted.shown and not wanted.expanded and not wanted.columns
        self._is_head = wanted.names is not None and wanted.names == _HEADS and not wanted.shown

    def collection(self, answer: Answer) -> bytes:
        """Return a whole collection."""
        if self._form == "atom":
            return self._feed(answer)
        head = b"{"
        if self._form != "nometadata":
            head += b'"odata.metadata":' + encoder.encode(f"{self._root}$metadata#{self._model.name}") + b","
        if answer.counted:
            head += b'"odata.count":"%d",' % answer.total
        return head + b'"value":[' + b",".join(self._json(row) for row in answer.rows) + b"]}"

    def entity(self, row: Row) -> bytes:
        """Return a single object, whose properties come in an order of their own."""
        if self._form == "atom":
            return self.entry(row).encode()
        made = dict(sorted(self._object(row).items(), key=lambda pair: pair[0][::-1]))
        if self._form != "nometadata":
            made = {"odata.metadata": f"{self._root}$metadata#{self._model.name}/@Element", **made}
        return encoder.encode(made)

    def _json(self, row: Row) -> bytes:
        if self._form == "nometadata":
            if self._is_plain:
                return row.encoded()
            if self._is_head:
                marked = b"true" if row.marked else b"false"
                return b'{"Ref_Key":"%s","DataVersion":"%s","DeletionMark":%s}' % (
                    row.key.encode(), data_version(row.version).encode(), marked,
                )  # fmt: skip
        return encoder.encode(self._object(row))

    def _object(self, row: Row) -> dict[str, Any]:
        values, wanted = row.values, self._wanted
        made = {name: value for name, value in values.items() if wanted.names is None or name in wanted.names}
        for name, columns in wanted.columns.items():
            wanted_all = "*" in columns
            made[name] = [{key: it[key] for key in it if wanted_all or key in columns} for it in values[name]]
        for name in wanted.shown:
            made[f"{name}{SHOWN}"] = self._presentation(name, values)
        for name in wanted.expanded:
            made[name] = self._expanded(name, values)
        if self._form in ("minimalmetadata", "fullmetadata"):
            made |= self._links(row, made)
        return made

    def _presentation(self, name: str, values: Mapping[str, Any]) -> str:
        it = self._model.reference(name)
        if it is None:
            held = self._model.field(name)
            if held is not None and held.kind == "Enum":
                return str(values[name])
            target, key = values[f"{name}_Type"].removeprefix("StandardODATA."), values[name]
        else:
            target, key = it.target, values[it.name]
        found = lookup(self._base, target, key)
        if found is None:
            return ""
        shown = found[1]
        return str(shown["Description"] if "Description" in shown else f"{shown['Number'].strip()} от {shown['Date']}")

    def _expanded(self, name: str, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        it = self._model.reference(name)
        found = lookup(self._base, it.target, values[it.name]) if it else None
        return found[1] if found else None

    def _links(self, row: Row, made: Mapping[str, Any]) -> dict[str, Any]:
        place = f"{self._model.name}(guid'{row.key}')"
        links: dict[str, Any] = {
            f"{it.navigation}@navigationLinkUrl": f"{place}/{it.navigation}"
            for it in self._model.fields
            if it.target in self._base.models and it.name in made and made[it.name] != EMPTY_KEY
        }
        if self._form == "fullmetadata":
            links |= {"odata.type": f"StandardODATA.{self._model.name}", "odata.id": f"{self._root}{place}"}
        return links

    def _feed(self, answer: Answer) -> bytes:
        total = f"<m:count>{answer.total}</m:count>" if answer.counted else ""
        entries = "".join(self.entry(row) for row in answer.rows)
        title = f"<title>{self._model.name}</title>"
        return f'<?xml version="1.0" encoding="UTF-8"?><feed {SPACES}>{title}{total}{entries}</feed>'.encode()

    def entry(self, row: Row) -> str:
        """Return one object as an Atom entry."""
        properties = "".join(_property(name, value) for name, value in self._object(row).items())
        place = f"{self._root}{self._model.name}(guid'{row.key}')"
        return (
            f'<entry {SPACES}><id>{place}</id><category term="StandardODATA.{self._model.name}" scheme="{_SCHEME}"/>'
            f'<content type="application/xml"><m:properties>{properties}</m:properties></content></entry>'
        )


_SCHEME = "http://schemas.microsoft.com/ado/2007/08/dataservices/scheme"
SPACES = (
    'xmlns="http://www.w3.org/2005/Atom" xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
    ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
)


def _property(name: str, value: Any) -> str:
    if isinstance(value, list):
        rows = "".join(f"<d:element>{''.join(_property(*pair) for pair in it.items())}</d:element>" for it in value)
        return f"<d:{name}>{rows}</d:{name}>"
    if value is None:
        return f'<d:{name} m:null="true"/>'
    words = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<d:{name}>{escape(words)}</d:{name}>"


def part_rows(rows: Iterable[Row], name: str) -> list[Row]:
    """Return the rows of a tabular part as objects of their own set."""
    return [Row(f"{owner.key}/{it['LineNumber']}", dict(it)) for owner in rows for it in owner.values[name]]
