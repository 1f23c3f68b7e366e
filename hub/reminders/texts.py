"""Texts of rules: `Перезвонить: {client.name|'новый номер'}, {call.from:phone}`.

A placeholder is a path, or several divided by `|` of which the first with a value counts, the last may be a text in
quotes; after `:` stands a form. Paths reach into fields of facts and nothing else. What nobody says reads «—».

Forms: a pattern of strftime (`%d.%m в %H:%M`, office time), `day` (31 декабря 2026), `money`, `phone`,
three words for a counted thing (`{count:раз/раза/раз}` gives «2 раза»).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from hub.model.values import Money
from hub.reminders.conditions import FIELDS, FIGURES, Scene
from hub.reminders.world import Path, said
from hub.yaml_text import nearest

NBSP = "\u00a0"
_MONTHS = ("января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября",
    "декабря")  # fmt: skip
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Blank(Struct, frozen=True):
    """One placeholder: the paths in order of preference, the text when none has a value, the form."""

    paths: tuple[Path, ...]
    default: str
    form: str


class Template(Struct, frozen=True):
    """A text with blanks: texts and blanks in turn, and how it was written."""

    parts: tuple[str | Blank, ...]
    written: str

    def render(self, scene: Scene) -> str:
        """Return the text for one reminder."""
        return "".join([part if part.__class__ is str else _fill(part, scene) for part in self.parts])  # type: ignore[arg-type]


def parse_template(text: str, kinds: Collection[str]) -> Template:
    """Read a template whose paths begin with one of the kinds. Raises ValueError that names the wrong placeholder."""
    parts: list[str | Blank] = []
    place = 0
    for found in _PLACEHOLDER.finditer(text):
        parts += [text[place : found.start()], _blank(found[1], kinds)]
        place = found.end()
    rest = [*(part for part in parts if isinstance(part, str)), text[place:]]
    if any(sign in part for part in rest for sign in "{}"):
        raise ValueError("a brace has no partner")
    parts.append(text[place:])
    return Template(tuple(part for part in parts if part), text)


def parse_path(text: str, kinds: Collection[str]) -> Path:
    """Read `kind.field`. Raises ValueError with what is known when there is no such field."""
    kind, dot, field = text.strip().partition(".")
    if not dot:
        if kind in FIGURES:
            return "", kind
        raise ValueError(f"{text!r} is no field; write kind.field, or one of {', '.join(FIGURES)}")
    if kind not in kinds:
        raise ValueError(f"{text!r} is not known here; this rule knows {', '.join(sorted(kinds))}")
    if field not in FIELDS[kind]:
        raise ValueError(f"{kind} has no field {field!r}. {nearest(field, list(FIELDS[kind]))}")
    return kind, field


def field_type(path: Path) -> str:
    """Return the type of a field or figure."""
    kind, field = path
    return FIELDS[kind][field] if kind else FIGURES[field]


def plural(number: int, forms: str) -> str:
    """Return the number with the right one of three forms: `1 раз`, `2 раза`, `5 раз`."""
    one, few, many = forms.split("/")
    last = abs(number) % 100
    if last % 10 == 1 and last != 11:
        word = one
    else:
        word = few if last % 10 in (2, 3, 4) and last not in (12, 13, 14) else many
    return f"{number}{NBSP}{word}"


def money(value: Money | Decimal | int) -> str:
    """Return an amount as people read it: `20 000 ₽`, kopecks only when there are some."""
    figure = value.amount if isinstance(value, Money) else Decimal(value)
    sign = "₽" if not isinstance(value, Money) or value.currency == "RUB" else value.currency
    digits = f"{abs(figure):,.2f}".replace(",", NBSP).replace(".", ",").removesuffix(",00")
    return f"{'−' if figure < 0 else ''}{digits}{NBSP}{sign}"


def phone(number: str) -> str:
    """Return a number as people read it: `+7 391 294-08-53`; a hidden one in words."""
    if found := re.fullmatch(r"\+7(\d{3})(\d{3})(\d{2})(\d{2})", number):
        return f"+7 {found[1]} {found[2]}-{found[3]}-{found[4]}"
    return "номер скрыт" if number == "hidden" else number


def long_day(day: date) -> str:
    """Return a day in words: `31 декабря 2026`."""
    return f"{day.day}{NBSP}{_MONTHS[day.month - 1]} {day.year}"


def _blank(text: str, kinds: Collection[str]) -> Blank:
    names, _, form = text.partition(":")
    paths: list[Path] = []
    default = "—"
    for name in names.split("|"):
        if quoted := re.fullmatch(r"\s*'([^']*)'\s*", name):
            default = quoted[1]
        else:
            paths.append(parse_path(name, kinds))
    form = form.strip()
    if form not in ("", "day", "money", "phone") and not form.startswith("%") and form.count("/") != 2:
        raise ValueError(f"{{{text}}}: {form!r} is no form; write day, money, phone, %d.%m or one/few/many")
    return Blank(tuple(paths), default, form)


def _fill(blank: Blank, scene: Scene) -> str:
    for path in blank.paths:
        value = scene.get(path)
        if said(value):
            return str(value) if value.__class__ is str and not blank.form else _shown(value, blank.form, scene)
    return blank.default


def _shown(value: Any, form: str, scene: Scene) -> str:
    if isinstance(value, datetime):
        value = value.astimezone(scene.world.calendars.zone)
    if isinstance(value, date):
        return value.strftime(form if form.startswith("%") else "%d.%m.%Y") if form != "day" else long_day(value)
    if isinstance(value, Money) or (form == "money" and isinstance(value, (Decimal, int))):
        return money(value)
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    if form == "phone":
        return phone(str(value))
    if "/" in form and isinstance(value, int):
        return plural(value, form)
    return str(value)
