"""Values of a YAML file as rules need them: typed, or an error with file, line and the nearest thing that is known."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hub.model.errors import SettingsError
from hub.reminders.calendars import Span, parse_span
from hub.reminders.conditions import OPERATORS, AnyOf, Check, Condition, SubjectField, parse_operand
from hub.reminders.texts import Template, field_type, parse_path, parse_template
from hub.reminders.world import Path
from hub.yaml_text import Document, Path_, nearest


class Node:
    """A value of the document and its place; each reader gives the typed value or an error with file and line."""

    def __init__(self, document: Document, path: Path_, value: Any) -> None:
        self.document = document
        self.path = path
        self.value = value

    def error(self, message: str, hint: str = "") -> SettingsError:
        """Return an error that names the place; the caller raises it."""
        return self.document.error(self.path, message, hint=hint)

    def mapping(self, allowed: Collection[str], required: Collection[str] = ()) -> dict[str, Node]:
        """Return the values by key; other keys than these are refused."""
        if not isinstance(self.value, dict):
            raise self.error("a mapping with keys is expected here.", f"Known keys: {', '.join(allowed)}.")
        for key in self.value:
            if key not in allowed:
                raise self.document.error((*self.path, key), f"unknown key {key!r}.", hint=nearest(key, [*allowed]))
        for key in required:
            if key not in self.value:
                raise self.error(f"the key {key!r} is missing.")
        return {key: Node(self.document, (*self.path, key), value) for key, value in self.value.items()}

    def items(self) -> list[Node]:
        """Return the values of a list."""
        if not isinstance(self.value, list):
            raise self.error("a list is expected here.", "Write [one, two] or lines that begin with a dash.")
        return [Node(self.document, (*self.path, index), value) for index, value in enumerate(self.value)]

    def one_or_more(self) -> list[Node]:
        """Return the values of a list, or the value itself."""
        return self.items() if isinstance(self.value, list) else [self]

    def text(self) -> str:
        """Return a text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.error("a text is expected here.")
        return self.value.strip()

    def choice(self, known: Collection[str]) -> str:
        """Return one of these words."""
        text = self.text()
        if text not in known:
            raise self.error(f"{text!r} is not known here.", nearest(text, [*known]))
        return text

    def flag(self) -> bool:
        """Return what `true` or `false` says."""
        return self.choice(("true", "false")) == "true"

    def number(self) -> int:
        """Return a whole number."""
        text = self.text()
        if not text.isascii() or not text.isdigit() or len(text) > 4:
            raise self.error(f"{text!r} is not a whole number.")
        return int(text)

    def span(self, *, signed: bool = False) -> Span:
        """Return a duration."""
        text = self.text()
        span = parse_span(text)
        if span is None or (text[0] in "+-" and not signed):
            raise self.error(f"{text!r} is not a duration.", "Write 15m, 2h, 3d, 3bd (business days) or 4bh.")
        return span

    def field(self, kinds: Collection[str]) -> Path:
        """Return a field of one of these kinds."""
        try:
            return parse_path(self.text(), kinds)
        except ValueError as error:
            raise self.error(f"{error}.") from error

    def template(self, kinds: Collection[str]) -> Template:
        """Return a text with placeholders."""
        try:
            return parse_template(self.text(), kinds)
        except ValueError as error:
            raise self.error(f"{error}.") from error


def read_checks(node: Node, kinds: Collection[str], subject: str = "") -> tuple[Check, ...]:
    """Return the conditions of a list; `subject` is the kind whose fields a value may name, if it may."""
    return tuple(_check(item, kinds, subject) for item in node.items())


def _check(node: Node, kinds: Collection[str], subject: str) -> Check:
    if isinstance(node.value, dict) and "any" in node.value:
        inner = node.mapping(["any"])["any"]
        conditions = [_condition(item, kinds, subject) for item in inner.items()]
        if not conditions:
            raise inner.error("`any` needs at least one condition.")
        return AnyOf(tuple(conditions))
    return _condition(node, kinds, subject)


def _condition(node: Node, kinds: Collection[str], subject: str) -> Condition:
    keys = node.mapping(["field", *OPERATORS], ["field"])
    names = [name for name in keys if name != "field"]
    if len(names) != 1:
        raise node.error("a condition has one field and one operator.", f"Operators: {', '.join(OPERATORS)}.")
    path, operator = keys["field"].field(kinds), names[0]
    operand = _operand(keys[operator], operator, field_type(path), subject)
    written = keys[operator].value
    return Condition(path, operator, operand, f"{'.'.join(filter(None, path))} {operator} {_written(written)}")


def _written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, dict):
        return f"{value['subject']} of the reminder" + (f" + {value['plus']}" if "plus" in value else "")
    return str(value)


def _operand(node: Node, operator: str, kind: str, subject: str) -> Any:
    if operator in ("older", "newer"):
        if kind not in ("moment", "day"):
            raise node.error(f"{operator} needs a time or a day, this field is {kind}.")
        return node.span()
    if operator == "contains" and kind not in ("text", "list"):
        raise node.error(f"contains looks into a text, this field is {kind}.")
    if operator in ("exists", "missing"):
        return node.flag()
    if operator == "in":
        return tuple(_typed(item, kind) for item in node.items())
    if isinstance(node.value, dict) and subject:
        keys = node.mapping(["subject", "plus"], ["subject"])
        return SubjectField(
            keys["subject"].field([subject, "client"]), keys["plus"].span(signed=True) if "plus" in keys else Span()
        )
    return _typed(node, kind)


def _typed(node: Node, kind: str) -> Any:
    value = parse_operand(kind, node.text())
    if value is None:
        raise node.error(f"{node.text()!r} is no {kind}.")
    return value
