"""Objects from a file into the stand-in; fields it does not know yet get their kind from their values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from hub.model.errors import SettingsError

from .base import Infobase
from .edm import Field, Model, catalog, document, flat
from .registers import Register

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_SERVED = frozenset({"Ref_Key", "LineNumber"})
"""Columns of a tabular part that the stand-in fills by itself."""

Row = Mapping[str, Any]


def infobase(models: Iterable[Model], content: bytes = b"", registers: Iterable[Register] = ()) -> Infobase:
    """Return a base with the objects of a file. Raises SettingsError that names what is wrong in it."""
    known = {model.name: model for model in models}
    data = _read(content) if content else {}
    for name, rows in data.items():
        model = known.get(name) or _standard(name)
        fields = [_widened(it, rows) for it in model.fields]
        known[name] = replace(model, fields=flat(fields, _unknown_fields(model, rows)))
    base = Infobase(known.values(), registers)
    for name, rows in data.items():
        parts = {it.name for it in known[name].parts}
        for number, row in enumerate(rows, 1):
            values = {key: _part(value) if key in parts else value for key, value in row.items()}
            try:
                base.add(name, **values)
            except (KeyError, TypeError, ValueError) as error:
                raise SettingsError(f"{name}, object {number}: {error}.", field="data") from error
    return base


def _read(content: bytes) -> dict[str, list[dict[str, Any]]]:
    try:
        data = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SettingsError(f"the file is no JSON object: {error}.", field="data") from error
    if "value" in data and isinstance(address := data.get("odata.metadata"), str):
        data = {address.rpartition("#")[2].removesuffix("/@Element"): data["value"]}
    for name, rows in data.items():
        if not re.fullmatch(r"[A-Za-z]+_\w+", name):
            raise SettingsError(f"{name} is no name of a set.", field="data", hint="For example: Catalog_Контрагенты.")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise SettingsError(f"{name} is no list of objects.", field="data")
    return {name: [_plain(row) for row in rows] for name, rows in data.items()}


def _plain(row: Row) -> dict[str, Any]:
    """Return an object without annotations."""
    return {name: value for name, value in row.items() if "@" not in name and not name.startswith("odata.")}


def _part(value: Any) -> Any:
    return [{k: v for k, v in _plain(it).items() if k not in _SERVED} for it in value] if value else []


def _standard(name: str) -> Model:
    prefix, _, tail = name.partition("_")
    if prefix == "Document":
        return document(tail)
    return replace(catalog(tail), name=name)


def _widened(it: Field, rows: Sequence[Row]) -> Field:
    """Return a tabular part with the columns that its rows have besides."""
    lines = [line for row in rows for line in _part(row.get(it.name) if it.kind == "Part" else None)]
    if not lines:
        return it
    return replace(it, columns=flat(it.columns, _unknown_fields(Model("", it.columns), lines)))


def _unknown_fields(model: Model, rows: Sequence[Row]) -> Iterator[Field]:
    seen: dict[str, Any] = {}
    for row in rows:
        for name, value in row.items():
            if name not in seen or seen[name] in (None, "", []):
                seen[name] = value
    for name, value in seen.items():
        if model.field(name) is None and f"{name.removesuffix('_Type')}" not in seen.keys() - {name}:
            yield _field(name, value, seen, [row.get(name) for row in rows])


def _field(name: str, value: Any, seen: Mapping[str, Any], values: Sequence[Any]) -> Field:
    if f"{name}_Type" in seen:
        return Field(name, "Any")
    if isinstance(value, list):
        rows = [row for it in values if isinstance(it, list) for row in _part(it)]
        served = flat(Field("Ref_Key", "Guid"), Field("LineNumber", "Int64"))
        return Field(name, "Part", columns=flat(served, _unknown_fields(Model("", served), rows)))
    if isinstance(value, bool):
        return Field(name, "Boolean")
    if isinstance(value, int | float):
        return Field(name, "Double")
    if isinstance(value, str) and name.endswith("_Key") and _GUID.fullmatch(value):
        return Field(name, "Guid")
    return Field(name, "DateTime" if isinstance(value, str) and _DATE.fullmatch(value) else "String")
