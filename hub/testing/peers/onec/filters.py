"""The `$filter` of 1C: exactly its grammar and functions, and refusal of everything else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from msgspec import Struct

from .edm import UNDEFINED, Field, Model, sort_key
from .faults import Fault

_TOKEN = re.compile(
    r"(?P<guid>guid'[0-9a-fA-F-]{36}')|(?P<date>datetime'[^']*')|(?P<string>'(?:[^']|'')*')"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<name>\w+)|(?P<sign>[(),/:-])|(?P<space>[ ]+)"
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
}  # fmt: skip
_UNSUPPORTED = frozenset(
    {
        "length",
        "indexof",
        "replace",
        "tolower",
        "toupper",
        "trim",
        "floor",
        "ceiling",
        "years",
        "days",
        "hours",
        "seconds",
    }
)
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}

Value = Any
Evaluate = Callable[[Mapping[str, Any]], Value]
Lookup = Callable[[str, str], tuple[Model, Mapping[str, Any]] | None]


class Guid(str):
    """A reference in an expression, which is not equal to the same text."""

    __slots__ = ()


class Typed(Struct, frozen=True):
    """A value of a composite type."""

    value: str
    type: str


class Filter(Struct, frozen=True):
    """A compiled expression; `keys` is set when it only asks for objects by `Ref_Key`."""

    matches: Evaluate
    keys: tuple[str, ...] | None = None


def compile_filter(source: str, model: Model, lookup: Lookup, reference_order: str = "") -> Filter:
    """Read an expression. Raises Fault 400/14 for bad grammar, 21 for functions 1C lacks, 6 for unknown fields."""
    if keys := _only_keys(source):
        return Filter(lambda values: values["Ref_Key"] in keys, keys)
    parser = _Parser(_tokens(source), model, lookup, reference_order)
    matches = parser.either()
    if parser.peek():
        raise Fault(400, "14", "$filter")
    return Filter(matches)


_KEYS = re.compile(r"Ref_Key eq guid'([0-9a-fA-F-]{36})'(?: or Ref_Key eq guid'[0-9a-fA-F-]{36}')*")


def _only_keys(source: str) -> tuple[str, ...] | None:
    if not _KEYS.fullmatch(source):
        return None
    return tuple(key.lower() for key in re.findall(r"guid'([^']+)'", source))


def _tokens(source: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise Fault(400, "14", "$filter")
        if match.lastgroup != "space":
            found.append((match.lastgroup or "", match[0]))
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: Sequence[tuple[str, str]], model: Model, lookup: Lookup, reference_order: str) -> None:
        self._order = reference_order
        self._tokens = tokens
        self._at = 0
        self._model = model
        self._lookup = lookup
        self._variables: dict[str, Model] = {}

    def peek(self) -> str:
        """Return the next token, empty at the end."""
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, expected: str = "") -> tuple[str, str]:
        if self._at >= len(self._tokens) or (expected and self.peek() != expected):
            raise Fault(400, "14", "$filter")
        self._at += 1
        return self._tokens[self._at - 1]

    def either(self) -> Evaluate:
        """Read alternatives."""
        parts = [self._both()]
        while self.peek() == "or":
            self._take()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda it: any(_truth(part(it)) for part in parts)

    def _both(self) -> Evaluate:
        parts = [self._negation()]
        while self.peek() == "and":
            self._take()
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda it: all(_truth(part(it)) for part in parts)

    def _negation(self) -> Evaluate:
        if self.peek() == "not":
            self._take()
            inner = self._negation()
            return lambda it: not _truth(inner(it))
        left = self._sum()
        if self.peek() in _COMPARE:
            operator = self._take()[1]
            right = self._sum()
            return lambda it: _compare(operator, left(it), right(it), self._order)
        return left

    def _sum(self) -> Evaluate:
        left = self._product()
        while self.peek() in ("add", "sub"):
            left = _arithmetic(self._take()[1], left, self._product())
        return left

    def _product(self) -> Evaluate:
        left = self._unary()
        while self.peek() in ("mul", "div"):
            left = _arithmetic(self._take()[1], left, self._unary())
        return left

    def _unary(self) -> Evaluate:
        if self.peek() == "-":
            self._take()
            inner = self._unary()
            return lambda it: -_number(inner(it))
        return self._primary()

    def _primary(self) -> Evaluate:
        kind, word = self._take()
        if word == "(":
            inner = self.either()
            self._take(")")
            return inner
        if kind in ("guid", "date", "string", "number"):
            value = _literal(kind, word)
            return lambda _: value
        if kind != "name":
            raise Fault(400, "14", "$filter")
        if word in ("true", "false"):
            return lambda _: word == "true"
        if self.peek() == "(":
            return self._call(word)
        return self._path(word)

    def _call(self, name: str) -> Evaluate:
        if name in _UNSUPPORTED:
            raise Fault(400, "21", name)
        if name not in _FUNCTIONS:
            raise Fault(400, "14", name)
        self._take("(")
        arguments = [self._sum()]
        while self.peek() == ",":
            self._take()
            arguments.append(self._sum())
        self._take(")")
        few, many, function = _FUNCTIONS[name]
        if not few <= len(arguments) <= many:
            raise Fault(400, "21", name)
        result: Evaluate = lambda it: function(*(argument(it) for argument in arguments))  # noqa: E731
        while name == "cast" and self.peek() == "/":
            self._take()
            result = self._behind(result, self._take()[1])
        return result

    def _behind(self, before: Evaluate, name: str) -> Evaluate:
        """Return a field of the object that a composite value refers to."""

        def get(it: Mapping[str, Any]) -> Value:
            value = before(it)
            if not isinstance(value, Typed):
                return ""
            found = self._lookup(value.type.removeprefix("StandardODATA."), value.value)
            return "" if found is None else _field_value(_known(found[0], name), found[1])

        return get

    def _path(self, name: str) -> Evaluate:
        if name in self._variables:
            self._take("/")
            column = _known(self._variables[name], self._take()[1])
            return lambda it: _field_value(column, it[f"${name}"])
        part = next((it for it in self._model.parts if it.name == name), None)
        if part is not None:
            return self._lambda(part)
        if self.peek() == "/":
            reference = self._model.reference(name)
            if reference is None:
                raise Fault(400, "6", name)
            return self._through(reference)
        it = _known(self._model, name)
        if it.name != name:  # the `_Type` half of a composite field
            return lambda values: values[name]
        return lambda values: _field_value(it, values)

    def _through(self, reference: Field) -> Evaluate:
        self._take("/")
        name = self._take()[1]

        def get(values: Mapping[str, Any]) -> Value:
            found = self._lookup(reference.target, values[reference.name])
            return "" if found is None else _field_value(_known(found[0], name), found[1])

        return get

    def _lambda(self, part: Field) -> Evaluate:
        self._take("/")
        quantifier = self._take()[1]
        if quantifier not in ("any", "all"):
            raise Fault(400, "6", quantifier)
        self._take("(")
        if quantifier == "any" and self.peek() == ")":
            self._take()
            return lambda it: bool(it[part.name])
        variable = self._take()[1]
        self._take(":")
        self._variables[variable] = self._model.rows_of(part)
        inner = self.either()
        del self._variables[variable]
        self._take(")")
        gather = any if quantifier == "any" else all
        return lambda it: gather(_truth(inner({**it, f"${variable}": row})) for row in it[part.name])


def _known(model: Model, name: str) -> Field:
    found = model.field(name)
    if found is None:
        raise Fault(400, "6", name)
    return found


def _field_value(it: Field, values: Mapping[str, Any]) -> Value:
    value = values[it.name]
    if it.kind == "Any":
        return Typed(value, values[f"{it.name}_Type"])
    if it.kind == "Guid":
        return Guid(value)
    if it.kind == "DateTime":
        return datetime.fromisoformat(value)
    if it.kind in ("Int64", "Int16", "Double"):
        return Decimal(str(value))
    return value.rstrip() if it.kind == "Fixed" else value


def _literal(kind: str, word: str) -> Value:
    if kind == "guid":
        return Guid(word[5:-1].lower())
    if kind == "string":
        return word[1:-1].replace("''", "'")
    if kind == "number":
        return Decimal(word)
    try:
        return datetime.strptime(word[9:-1], "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 - dates of 1C carry no zone
    except ValueError:
        raise Fault(400, "1", "$filter") from None


def _compare(operator: str, left: Value, right: Value, reference_order: str) -> bool:
    if isinstance(left, Typed) != isinstance(right, Typed):
        return False  # a composite field equals nothing that does not say its type
    if _sort(left) != _sort(right):
        raise Fault(400, "4", "$filter")
    if isinstance(left, Guid) and reference_order and operator not in ("eq", "ne"):
        made = sort_key if reference_order == "stored" else str
        return _COMPARE[operator](made(left), made(right))
    if isinstance(left, Typed | Guid | bool) and operator not in ("eq", "ne"):
        raise Fault(400, "4", "$filter")
    return _COMPARE[operator](left, right)


def _sort(value: Value) -> str:
    if isinstance(value, Guid | Typed | bool | datetime | Decimal):
        return type(value).__name__
    return "str"


def _truth(value: Value) -> bool:
    if not isinstance(value, bool):
        raise Fault(400, "14", "$filter")
    return value


def _number(value: Value) -> Decimal:
    if not isinstance(value, Decimal):
        raise Fault(400, "4", "$filter")
    return value


def _arithmetic(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    def calculate(it: Mapping[str, Any]) -> Decimal:
        first, second = _number(left(it)), _number(right(it))
        if operator == "div" and not second:
            raise Fault(400, "4", "$filter")
        results = {"add": lambda: first + second, "sub": lambda: first - second, "mul": lambda: first * second}
        return results.get(operator, lambda: first / second)()

    return calculate


def _words(value: Value) -> str:
    if not isinstance(value, str) or isinstance(value, Guid):
        raise Fault(400, "21")
    return value


def _date(value: Value) -> datetime:
    if not isinstance(value, datetime):
        raise Fault(400, "21")
    return value


def _like(value: Value, template: Value) -> bool:
    pattern = ""
    for piece in re.findall(r"\[\^?[^\]]*\]|.", _words(template), re.DOTALL):
        pattern += {"%": ".*", "_": "."}.get(piece, piece if piece.startswith("[") else re.escape(piece))
    return re.fullmatch(pattern, _words(value), re.DOTALL) is not None


def _substring(value: Value, start: Value, length: Value = None) -> str:
    begin = int(_number(start)) - 1  # positions are counted from one
    text = _words(value)[begin:]
    return text if length is None else text[: int(_number(length))]


def _dateadd(moment: Value, unit: Value, number: Value) -> datetime:
    count = int(_number(number))
    if unit in _UNITS:
        return _date(moment) + timedelta(seconds=_UNITS[unit] * count)
    months = {"month": 1, "quarter": 3, "year": 12}.get(unit)
    if months is None:
        raise Fault(400, "21", "dateadd")
    date = _date(moment)
    years, month = divmod(date.month - 1 + months * count, 12)
    for day in range(date.day, 0, -1):
        try:
            return date.replace(year=date.year + years, month=month + 1, day=day)
        except ValueError:
            continue
    raise Fault(400, "4", "dateadd")


def _difference(first: Value, second: Value, unit: Value) -> Decimal:
    early, late = _date(first), _date(second)
    if unit in ("month", "year"):
        months = (late.year - early.year) * 12 + late.month - early.month
        return Decimal(months if unit == "month" else late.year - early.year)
    if unit not in _UNITS:
        raise Fault(400, "21", "datedifference")
    return Decimal(int((late - early).total_seconds()) // _UNITS[unit])


def _cast(value: Value, type_name: Value) -> Typed:
    wanted = f"StandardODATA.{_words(type_name).removeprefix('StandardODATA.')}"
    if isinstance(value, Guid):
        return Typed(str(value), wanted)
    if isinstance(value, Typed):
        return value if value.type == wanted else Typed("", UNDEFINED)
    raise Fault(400, "21", "cast")


def _isof(value: Value, type_name: Value) -> bool:
    return isinstance(value, Typed) and _cast(value, type_name) == value


_FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Value]]] = {
    "concat": (2, 2, lambda a, b: _words(a) + _words(b)),
    "endswith": (2, 2, lambda a, b: _words(a).endswith(_words(b))),
    "startswith": (2, 2, lambda a, b: _words(a).startswith(_words(b))),
    "substringof": (2, 2, lambda needle, text: _words(needle) in _words(text)),
    "substring": (2, 3, _substring),
    "like": (2, 2, _like),
    "year": (1, 1, lambda it: Decimal(_date(it).year)),
    "quarter": (1, 1, lambda it: Decimal((_date(it).month + 2) // 3)),
    "month": (1, 1, lambda it: Decimal(_date(it).month)),
    "day": (1, 1, lambda it: Decimal(_date(it).day)),
    "hour": (1, 1, lambda it: Decimal(_date(it).hour)),
    "minute": (1, 1, lambda it: Decimal(_date(it).minute)),
    "second": (1, 1, lambda it: Decimal(_date(it).second)),
    "dayofweek": (1, 1, lambda it: Decimal(_date(it).isoweekday())),
    "dayofyear": (1, 1, lambda it: Decimal(_date(it).timetuple().tm_yday)),
    "dateadd": (3, 3, _dateadd),
    "datedifference": (3, 3, _difference),
    "round": (1, 1, lambda it: _number(it).quantize(Decimal(1), ROUND_HALF_UP)),
    "cast": (2, 2, _cast),
    "isof": (2, 2, _isof),
}
