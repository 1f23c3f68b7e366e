"""What differs between an object of 1C and what a command wants of it, field by field and row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from hub.api import Difference

from .metadata import Types
from .values import EMPTY_KEY

EMPTY: Mapping[str, Any] = {
    "Edm.String": "", "Edm.Guid": EMPTY_KEY, "Edm.DateTime": "0001-01-01T00:00:00", "Edm.Boolean": False,
    "Edm.Double": 0, "Edm.Int16": 0, "Edm.Int32": 0, "Edm.Int64": "0",
}  # fmt: skip
"""What a field holds that nobody filled."""
_ROWS = "Collection("
_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_COUNTED = frozenset({"Ref_Key", "LineNumber"})


def decode(payload: bytes) -> dict[str, Any]:
    """Return an object of 1C with exact numbers. Raises msgspec.MsgspecError."""
    made: dict[str, Any] = _decoder.decode(payload.removeprefix(b"\xef\xbb\xbf"))
    return made


def differences(types: Types, set_name: str, held: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Difference]:
    """Return where an object is not as wanted; fields that nobody wants anything of are not looked at."""
    made: list[Difference] = []
    for name, value in wanted.items():
        edm = types[set_name].get(name, "Edm.String")
        if edm.startswith(_ROWS):
            columns = types.get(f"{set_name}_{name}_RowType", {})
            made += _rows(name, columns, held.get(name) or [], value)
        elif not is_same(edm, held.get(name), value):
            made.append(Difference(name, held.get(name), value))
    return made


def _rows(
    name: str, columns: Mapping[str, str], held: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]
) -> list[Difference]:
    """Compare a tabular part, which is written whole: a column that is not given becomes empty."""
    made: list[Difference] = []
    for number in range(max(len(held), len(wanted))):
        place = f"{name}[{number + 1}]"
        if number >= len(wanted) or number >= len(held):
            made.append(Difference(place, _at(held, number), _at(wanted, number)))
            continue
        for column, edm in columns.items():
            value = wanted[number].get(column, EMPTY.get(edm))
            if column not in _COUNTED and value is not None and not is_same(edm, held[number].get(column), value):
                made.append(Difference(f"{place}.{column}", held[number].get(column), value))
    return made


def _at(rows: Sequence[Mapping[str, Any]], number: int) -> Mapping[str, Any] | None:
    return {key: it for key, it in rows[number].items() if key not in _COUNTED} if number < len(rows) else None


def is_same(edm: str, held: Any, wanted: Any) -> bool:
    """Tell whether two values of a field mean the same; blanks that pad a text mean nothing."""
    if held is None:
        return bool(wanted == EMPTY.get(edm)) and edm not in ("Edm.Boolean",)
    if edm in ("Edm.Double", "Edm.Int64", "Edm.Int16", "Edm.Int32", "Edm.Decimal"):
        try:
            return Decimal(str(held)) == Decimal(str(wanted))
        except ArithmeticError:
            return False
    if edm == "Edm.Guid":
        return str(held).lower() == str(wanted).lower()
    if isinstance(held, str) and isinstance(wanted, str):
        return held.rstrip(" ").replace("\r\n", "\n") == wanted.rstrip(" ").replace("\r\n", "\n")
    return bool(held == wanted)


def told(difference: Difference, before: Mapping[str, Any]) -> str:
    """Say what became of a field that 1C was to write, without its content: that may be about persons.

    `difference` is between what stands there now and what was wanted, `before` the object as it was.
    """
    kept, wanted = difference.before, difference.after
    if isinstance(wanted, Mapping):
        return f"{difference.field} was lost"
    if isinstance(kept, Mapping):
        return f"{difference.field} was added"
    if isinstance(kept, str) and isinstance(wanted, str) and kept.strip() and wanted.startswith(kept.rstrip(" ")):
        return f"{difference.field} was cut from {len(wanted)} to {len(kept.rstrip(' '))} characters"
    old = before.get(difference.field)
    if kept is None or kept == old or (old is None and kept in ("", 0, "0", False, EMPTY_KEY)):
        return f"{difference.field} was ignored"
    return f"{difference.field} was written differently"
