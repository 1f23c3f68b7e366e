"""Registers of the stand-in: their records, and the virtual tables that 1C computes of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from .edm import EMPTY, EMPTY_KEY, UNDEFINED, Field, Model
from .faults import Fault

Kind = Literal["information", "accumulation", "turnover", "accounting"]
_ARGUMENT = re.compile(
    r"(?:^|,)\s*(Period|StartPeriod|EndPeriod|Condition|Dimensions|AccountCondition|ExtraDimensions)="
)
_KEY_PART = re.compile(r"(?P<name>\w+)=(?:guid|datetime)?'?(?P<value>[^',]*)'?")
_MOMENT = re.compile(r"datetime'([^']*)'")
_FIRST, _LAST = datetime(1, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001 - 1C knows no zone
TABLES: Mapping[Kind, tuple[str, ...]] = {
    "information": ("SliceFirst", "SliceLast"),
    "accumulation": ("Balance", "Turnovers"),
    "turnover": ("Turnovers",),
    "accounting": ("Balance", "Turnovers"),
}


class Register(Struct, frozen=True):
    """One register: dimensions tell records apart, resources are numbers; `recorder` is the document that writes it."""

    name: str
    kind: Kind
    dimensions: tuple[Field, ...]
    resources: tuple[Field, ...]
    recorder: str = ""

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the names of its virtual tables."""
        return TABLES[self.kind]

    @property
    def bound(self) -> str:
        """Return the set whose functions they are: the records of a register that documents write into slices."""
        return f"{self.name}_RecordType" if self.recorder and self.kind == "information" else self.name

    @property
    def records(self) -> Model:
        """Return the set of single records."""
        service = [Field("Period", "DateTime")]
        if self.recorder:
            service += [Field("Recorder", "Any"), Field("LineNumber", "Int64"), Field("Active", "Boolean")]
        if self.kind in ("accumulation", "accounting"):
            service += [Field("RecordType", "Enum", members=("Receipt", "Expense"))]
        name = f"{self.name}_RecordType" if self.recorder else self.name
        return Model(name, (*service, *self.dimensions, *self.resources), key=self._key())

    @property
    def main(self) -> Model:
        """Return the main set: record sets by recorder, or the records themselves."""
        if not self.recorder:
            return self.records
        rows = Field("RecordSet", "Part", columns=self.records.fields)
        return Model(self.name, (Field("Recorder", "Any"), rows), key=("Recorder", "Recorder_Type"))

    def _key(self) -> tuple[str, ...]:
        if self.recorder and self.kind != "information":
            return ("Recorder", "LineNumber", "Recorder_Type")
        return ("Period", *(it.name for it in self.dimensions))


class Listing:
    """A set without `Ref_Key` of its own: a constant, whose key is `SurrogateKey`, or a journal of documents."""

    def __init__(self, model: Model, rows: Sequence[dict[str, Any]]) -> None:
        self.model = model
        self.rows = rows


def constant(name: str, value: Field, held: Any) -> Listing:
    """Return the set of one constant."""
    model = Model(f"Constant_{name}", (Field("SurrogateKey", "Int16"), value), key=("SurrogateKey",))
    return Listing(model, [{"SurrogateKey": 0, value.name: held}])


def journal(name: str, rows: Sequence[tuple[str, str, str]]) -> Listing:
    """Return a journal of documents from their sets, keys and dates."""
    model = Model(f"DocumentJournal_{name}", (Field("Ref", "Any"), Field("Date", "DateTime")), key=("Ref", "Ref_Type"))
    shown = [{"Ref": key, "Ref_Type": f"StandardODATA.{kind}", "Date": day} for kind, key, day in rows]
    return Listing(model, shown)


class Records:
    """What a register holds."""

    def __init__(self, register: Register) -> None:
        self.register = register
        self.rows: list[dict[str, Any]] = []

    def replace(self, recorder: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put these records of a document in the place of those it has; each says its period itself."""
        self.rows = [row for row in self.rows if row["Recorder"] != recorder]
        service = {"Recorder", "Recorder_Type", "LineNumber"}
        for row in rows:
            values = {name: it for name, it in row.items() if name not in service}
            self.add(values.pop("Period", EMPTY["DateTime"]), recorder, **values)

    def add(self, period: str, recorder: str = EMPTY_KEY, **values: Any) -> None:
        """Write one record; an expense says `RecordType="Expense"`."""
        register = self.register
        row: dict[str, Any] = {}
        for it in register.records.fields:
            row[it.name] = EMPTY[it.kind]
            if it.kind == "Any":
                row[f"{it.name}_Type"] = UNDEFINED
        row |= {"Period": period} | ({"RecordType": "Receipt"} if "RecordType" in row else {})
        if register.recorder:
            line = sum(it["Recorder"] == recorder for it in self.rows) + 1
            row |= {"Recorder": recorder, "Recorder_Type": f"StandardODATA.{register.recorder}",
                    "LineNumber": str(line), "Active": True}  # fmt: skip
        if unknown := set(values) - set(row):
            raise KeyError(f"{register.name} has no {sorted(unknown)}")
        self.rows.append(row | values)

    def record_sets(self) -> list[dict[str, Any]]:
        """Return the records gathered by recorder."""
        sets: dict[str, dict[str, Any]] = {}
        for row in self.rows:
            head = {"Recorder": row["Recorder"], "Recorder_Type": row["Recorder_Type"], "RecordSet": []}
            sets.setdefault(row["Recorder"], head)["RecordSet"].append(row)
        return list(sets.values())

    def table(
        self, name: str, arguments: Mapping[str, str], matches: Callable[[str, Model], Any]
    ) -> tuple[Model, list[dict[str, Any]]]:
        """Return the fields and rows of a virtual table. Raises Fault 6 for one that this register does not have."""
        register = self.register
        if name not in register.tables:
            raise Fault(400, "6", name)
        condition = arguments.get("Condition", "")
        rows = self.rows
        if condition:
            test = matches(condition, Model(register.name, register.dimensions))
            rows = [row for row in rows if test(row) is True]
        if name.startswith("Slice"):
            return register.records, list(_slice(register, rows, arguments, is_last=name == "SliceLast"))
        if name == "Balance":
            until = _moment(arguments.get("Period"), _LAST)
            rows = [row for row in rows if datetime.fromisoformat(row["Period"]) <= until]
            return _balance(register, rows)
        begin, end = _moment(arguments.get("StartPeriod"), _FIRST), _moment(arguments.get("EndPeriod"), _LAST)
        rows = [row for row in rows if begin <= datetime.fromisoformat(row["Period"]) <= end]
        return _summed(register, rows, {"Turnover": lambda row: -1 if row.get("RecordType") == "Expense" else 1})


def arguments_of(call: str, options: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the name and the arguments of `Name(A=…,B=…)`, or of `Name` with its arguments in the query string."""
    name, _, inside = call.partition("(")
    if not inside:
        return name, {key: _bare(value) for key, value in options.items() if not key.startswith("$")}
    if not inside.endswith(")"):
        raise Fault(400, "6", call)
    inside = inside[:-1]
    marks = list(_ARGUMENT.finditer(inside))
    if inside and (not marks or marks[0].start() != 0):
        raise Fault(400, "12", name)
    ends = [*(it.start() for it in marks[1:]), len(inside)][: len(marks)]
    return name, {it[1]: _bare(inside[it.end() : end]) for it, end in zip(marks, ends, strict=True)}


def key_of(model: Model, key: str) -> dict[str, str]:
    """Return the fields of a key of several parts. Raises Fault 7 for one that is missing."""
    found = {it["name"]: it["value"] for it in _KEY_PART.finditer(key)}
    if missing := [name for name in model.key if name not in found]:
        raise Fault(400, "7", ",".join(missing))
    return {name: found[name] for name in model.key}


def _bare(value: str) -> str:
    """Return a text argument without its quotes; those inside are written undoubled."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == "'" else value


def _moment(text: str | None, default: datetime) -> datetime:
    if not text:
        return default
    found = _MOMENT.fullmatch(text.strip())
    try:
        return datetime.strptime(found[1] if found else "", "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 - 1C knows no zone
    except ValueError:
        raise Fault(400, "1", "Period") from None


def _slice(
    register: Register, rows: Sequence[dict[str, Any]], arguments: Mapping[str, str], *, is_last: bool
) -> Iterator[dict[str, Any]]:
    edge = _moment(arguments.get("Period"), _LAST if is_last else _FIRST)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda it: str(it["Period"]), reverse=not is_last):
        period = datetime.fromisoformat(row["Period"])
        if (period <= edge) if is_last else (period >= edge):
            found[tuple(row[it.name] for it in register.dimensions)] = row
    yield from found.values()


def _balance(register: Register, rows: Sequence[Mapping[str, Any]]) -> tuple[Model, list[dict[str, Any]]]:
    made, summed = _summed(register, rows, {"Balance": lambda row: -1 if row["RecordType"] == "Expense" else 1})
    names = [it.name for it in register.resources]
    summed = [row for row in summed if any(row[f"{name}Balance"] for name in names)]
    if register.kind != "accounting":
        return made, summed
    for row in summed:
        for name in names:
            value = row[f"{name}Balance"]
            row |= {f"{name}BalanceDr": max(value, Decimal(0)), f"{name}BalanceCr": max(-value, Decimal(0))}
    sides = [Field(f"{name}Balance{side}", "Double") for name in names for side in ("Dr", "Cr")]
    return Model(made.name, (*made.fields, *sides)), summed


def _summed(
    register: Register, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Callable[[Mapping[str, Any]], int]]
) -> tuple[Model, list[dict[str, Any]]]:
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        shown = {name: row[name] for it in register.dimensions for name in _names(it)}
        held = sums.setdefault(tuple(shown.values()), shown)
        for suffix, sign in columns.items():
            for it in register.resources:
                name = f"{it.name}{suffix}"
                held[name] = held.get(name, Decimal(0)) + Decimal(str(row[it.name])) * sign(row)
    fields = [Field(f"{it.name}{suffix}", "Double") for suffix in columns for it in register.resources]
    return Model(register.name, (*register.dimensions, *fields)), list(sums.values())


def _names(it: Field) -> tuple[str, ...]:
    return (it.name, f"{it.name}_Type") if it.kind == "Any" else (it.name,)
