"""Conditions, roles and steps of a rule in words that a manager understands; `hub reminder why` prints them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hub.reminders.explain import Tested

_OPERATORS = {
    "eq": "is", "ne": "is not", "in": "is one of", "contains": "contains", "gt": "is more than", "ge": "is at least",
    "lt": "is less than", "le": "is at most", "older": "is longer ago than", "newer": "is not longer ago than",
}  # fmt: skip
_CONDITION = re.compile(r"(?:(?P<kind>\w+)\.)?(?P<field>\w+) (?P<operator>\w+) (?P<operand>.*)", re.DOTALL)
_UNLESS = {"not_acked": "if nobody has said that he saw it", "not_resolved": "if it is not over"}
_SPAN = re.compile(r"(\d+)(bd|bh|d|h|m|s)\b")
_FLAGS = {"True": "yes", "False": "no"}
_UNITS = {"bd": "working day", "bh": "working hour", "d": "day", "h": "hour", "m": "minute", "s": "second"}


def condition_in_words(tested: Tested) -> str:
    """Return a condition and what its fields are now: «the priority of the ticket is one of urgent, important»."""
    values = {name: _FLAGS.get(value, value) or "nothing" for name, value in tested.values.items()}
    parts = [_part(text, values) for text in tested.condition.split(" or ")]
    told = [value if len(values) == 1 else f"{_field(name)}: {value}" for name, value in values.items()]
    return f"{' or '.join(parts)} (now: {'; '.join(told)})"


def _part(text: str, values: Mapping[str, str]) -> str:
    found = _CONDITION.fullmatch(text)
    path = f"{found['kind'] or ''}.{found['field']}".strip(".") if found else ""
    if found is None or path not in values:
        return text
    field, operator, operand = found["field"], found["operator"], found["operand"]
    is_so = (operator in ("eq", "exists")) == (operand == "true")
    if field.startswith(("is_", "has_")) and operator in ("eq", "ne") and operand in ("true", "false"):
        verb, _, rest = field.partition("_")
        return f"the {_spaced(found['kind'] or '')} {verb} {'' if is_so else 'not '}{_spaced(rest)}"
    if operator in ("exists", "missing"):
        verb = "are" if field.endswith("s") and not field.endswith(("ss", "us")) else "is"
        return f"the {_field(path)} {verb} {'known' if is_so else 'not known'}"
    return f"the {_field(path)} {_OPERATORS.get(operator, operator)} {_operand(operator, operand)}"


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _operand(operator: str, text: str) -> str:
    plain = text.strip("[]") if operator == "in" else text
    return _SPAN.sub(_span, plain) if operator in ("older", "newer") else plain


def _span(found: re.Match[str]) -> str:
    number, unit = int(found[1]), _UNITS[found[2]]
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _field(path: str) -> str:
    kind, _, field = path.rpartition(".")
    return f"{_spaced(field)} of the {_spaced(kind)}" if kind else _spaced(field)


def person_in_words(employee: str, names: Mapping[str, str]) -> str:
    """Return name and id of an employee."""
    return f"{names[employee]} ({employee})" if employee in names else employee or "nobody"


def assigned_in_words(how: str) -> str:
    """Return why it is his: `client.manager` is «manager of the client»."""
    if how.startswith("role:"):
        return f"as {_spaced(how.removeprefix('role:'))}"
    return f"as {_field(how)}" if "." in how and " " not in how else how


def step_in_words(to: Sequence[str], unless: str, names: Mapping[str, str]) -> str:
    """Return to whom a reminder goes up, and on what condition."""
    whom = [f"the {_spaced(it.removeprefix('role:'))}" if it.startswith("role:") else
            person_in_words(it, names) for it in to]  # fmt: skip
    return f"to {' and '.join(whom)}, {_UNLESS.get(unless, unless)}"
