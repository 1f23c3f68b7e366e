"""The infobase of the stand-in: objects in memory with keys, versions and the order in which 1C sorts references."""

from __future__ import annotations

import random
import struct
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import msgspec

from .edm import EMPTY, UNDEFINED, Field, Model, sort_key
from .plans import Plan, exchange_plan
from .registers import Listing, Records, Register

encoder = msgspec.json.Encoder(decimal_format="number")


@lru_cache(maxsize=1024)
def data_version(number: int) -> str:
    """Return a version as 1C shows it: base64 of eight bytes, the counter in the first four."""
    return b64encode(struct.pack(">II", number, 0)).decode()


class Row:
    """One object; `maker` writes it on demand, so that a large base needs little memory."""

    __slots__ = ("_values", "key", "maker", "marked", "raw", "version")

    def __init__(self, key: str, values: dict[str, Any] | None, maker: Callable[[Row], bytes] | None = None) -> None:
        self.key = key
        self.version = 1
        self.marked = False
        self.maker = maker
        self.raw = b""
        self._values = values

    @property
    def values(self) -> dict[str, Any]:
        """Return the object as it stands on the wire without annotations."""
        if self._values is None:
            assert self.maker is not None
            made: dict[str, Any] = msgspec.json.decode(self.maker(self))
            return made
        return self._values

    def encoded(self) -> bytes:
        """Return the object as JSON without annotations."""
        if self.maker is not None and self._values is None:
            return self.maker(self)
        if not self.raw:
            self.raw = encoder.encode(self._values)
        return self.raw

    def write(self, changes: Mapping[str, Any]) -> None:
        """Write the object; its version grows even when nothing changes."""
        self.version += 1
        self.raw = b""
        if changes:
            self._values = {**self.values, **changes}
            self.marked = bool(self._values["DeletionMark"])
        if self._values is not None:
            self._values["DataVersion"] = data_version(self.version)


class EntitySet:
    """The objects of one set, in their two orders: sorted by reference, and as they happen to lie."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.rows: dict[str, Row] = {}
        self._sorted: list[Row] | None = None
        self._sort_keys: list[str] = []
        self._lying: list[Row] | None = None

    def put(self, row: Row) -> None:
        """Add an object."""
        self.rows[row.key] = row
        self._sorted = self._lying = None

    def load(self, rows: Iterable[Row]) -> None:
        """Add many objects."""
        self.rows |= {row.key: row for row in rows}
        self._sorted = self._lying = None

    def drop(self, key: str) -> None:
        """Delete an object for good."""
        del self.rows[key]
        self._sorted = self._lying = None

    def sorted(self) -> list[Row]:
        """Return the objects by reference."""
        if self._sorted is None:
            self._sorted = sorted(self.rows.values(), key=lambda row: sort_key(row.key))
            self._sort_keys = []
        return self._sorted

    def sorted_from(self, key: str) -> list[Row]:
        """Return the objects by reference, from that key on."""
        rows = self.sorted()
        if not self._sort_keys:
            self._sort_keys = [sort_key(row.key) for row in rows]
        return rows[bisect_left(self._sort_keys, sort_key(key)) :]

    def lying(self) -> list[Row]:
        """Return the objects in no order that a client could rely on."""
        if self._lying is None:
            self._lying = list(self.rows.values())
            random.Random(len(self._lying)).shuffle(self._lying)  # noqa: S311 - a repeatable disorder
        return self._lying


class Infobase:
    """Published sets and their objects. Not locked: a test changes it between requests, or takes care itself.

    `reference_order` says how `gt`, `ge`, `lt` and `le` compare references: not at all, by the stored bytes as
    `$orderby` does, or by their text; no source says which of them a real 1C does. `amounts_as_text` makes virtual
    tables give their amounts in quotes; `unknown_field_finds_nothing` answers a filter by a field that does not exist
    with nothing, as one author saw it, and not with 400.
    """

    def __init__(
        self, models: Iterable[Model], registers: Iterable[Register] = (), plans: Mapping[str, Collection[str]] = {}
    ) -> None:
        self.models = {model.name: model for model in (*models, *map(exchange_plan, plans))}
        self.sets = {name: EntitySet(model) for name, model in self.models.items()}
        self.registers = {it.name: Records(it) for it in registers}
        self.plans = {f"ExchangePlan_{name}": Plan(frozenset(sets)) for name, sets in plans.items()}
        self.lists: dict[str, Listing] = {}
        self.amounts_as_text = False
        self.unknown_field_finds_nothing = False
        self.composition = {*self.models, *self.registers}
        self.hidden: set[str] = set()
        self.reference_order: Literal["", "stored", "text"] = ""
        self._random = random.Random(8)  # noqa: S311 - repeatable keys

    def add(self, set_name: str, **values: Any) -> str:
        """Create an object; what is not given is empty as in 1C. Returns its key."""
        key = values.pop("Ref_Key", "") or str(UUID(int=self._random.getrandbits(128), version=4))
        model = self.models[set_name]
        row = Row(key, {})
        row.write(self._complete(model.fields, {"Ref_Key": key, "DataVersion": data_version(1), **values}, set_name))
        row.version = 1
        row.values["DataVersion"] = data_version(1)
        self.sets[set_name].put(row)
        if set_name in self.plans:
            self.plans[set_name].nodes[key] = {}
        self._register(set_name, key)
        return key

    def change(self, set_name: str, key: str, **values: Any) -> None:
        """Write an object, with or without a change."""
        whole = self._complete(self.models[set_name].fields, {"Ref_Key": key, **values}, set_name)
        self.sets[set_name].rows[key].write({name: whole[name] for name in values})
        self._register(set_name, key)

    def remove(self, set_name: str, key: str) -> None:
        """Delete an object physically."""
        self.sets[set_name].drop(key)
        self._register(set_name, key)

    def _register(self, set_name: str, key: str) -> None:
        for plan in self.plans.values():
            plan.register(set_name, key)

    def _complete(self, fields: Iterable[Field], values: Mapping[str, Any], where: str) -> dict[str, Any]:
        fields = tuple(fields)
        known = {it.name for it in fields} | {f"{it.name}_Type" for it in fields if it.kind == "Any"}
        if unknown := set(values) - known:
            raise KeyError(f"{where} has no {sorted(unknown)}")
        made: dict[str, Any] = {}
        for it in fields:
            value = values.get(it.name, [] if it.kind == "Part" else EMPTY[it.kind])
            made[it.name] = self._value(it, value, values["Ref_Key"])
            if it.kind == "Any":
                made[f"{it.name}_Type"] = values.get(f"{it.name}_Type", UNDEFINED)
        return made

    def _value(self, it: Field, value: Any, owner: str) -> Any:
        if it.kind == "Part":
            rows = ({"Ref_Key": owner, "LineNumber": number, **row} for number, row in enumerate(value, 1))
            return [self._complete(it.columns, row, it.name) for row in rows]
        if it.kind == "Fixed":
            return str(value).ljust(it.length)
        return str(value) if it.kind == "Int64" else value
