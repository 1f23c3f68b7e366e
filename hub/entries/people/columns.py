"""Which column of a list is what: by its heading, else by what stands in it, else as a person says (S002-7).

A mapping that was used can be kept under a name; it is found again by the headings, whatever the order of columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from hub.entries.acts import EntryError
from hub.entries.people.table import Row
from hub.model.values import Email, Phone, is_inn
from hub.store.meta import get_meta, set_meta
from hub.yaml_text import nearest

IGNORED = "-"
FIELDS: Mapping[str, str] = {
    "name": "full name", "surname": "surname", "given": "given name", "patronymic": "patronymic",
    "latin": "full name in Latin letters", "latin_surname": "surname in Latin letters, with MR or MRS",
    "latin_given": "given name in Latin letters", "sex": "sex", "birthday": "day of birth", "phone": "phone",
    "email": "address of mail", "organisation": "organisation", "inn": "ИНН of the organisation",
    "position": "position", "city": "city", "citizenship": "citizenship", "ticket": "number of the ticket or voucher",
    "note": "anything else", "passport": "passport: never kept", "card": "bank card: never kept", IGNORED: "left out",
}  # fmt: skip
"""What a column may be."""
NEVER_KEPT = ("passport", "card")
_HEADINGS = (
    ("card", r"карт[аы]\b|\bcard\b|cvv"),
    ("passport", r"паспорт|passport|\bсери[яи]\b|срок действ|valid|expir|кем выдан"),
    ("latin_surname", r"(фамил|surname|last name).*(лат|lat|англ|загран)|(лат|lat|англ).*(фамил|surname|last name)"),
    ("latin_given", r"(имя|given|first name).*(лат|lat|англ|загран)|(лат|lat|англ).*(имя|given|first name)"),
    ("latin", r"\b(лат|latin|англ)"),
    ("surname", r"фамил(?!.*(имя|отч))|surname|last name|family name"),
    ("patronymic", r"^отчеств|patronymic|middle name"),
    ("name", r"фамил.*(имя|отч)|^фио\b|ф и о|full name|^турист|^пассажир|контактн\w* лиц|^гость|^участник|^name$"),
    ("organisation", r"организац|учрежден|компани|^фирма|контрагент|место работы|^клиент$"),
    ("given", r"^имя|given name|first name"),
    ("sex", r"^пол\b|^sex$|gender"),
    ("birthday", r"рожд|birth|^д р$|^др$"),
    ("citizenship", r"гражданств|citizen|nationality"),
    ("ticket", r"билет|ticket|ваучер|voucher"),
    ("phone", r"тел|phone|моб|сотов"),
    ("email", r"mail|почт"),
    ("inn", r"^инн\b"),
    ("position", r"должност|position"),
    ("city", r"^город|населенн|^city$"),
    ("note", r"примеч|комментар|^note|предпочт|увлечен"),
    (IGNORED, r"^(no|n|п п|пп|номер|номер п п|)$"),
)
_SEXES = re.compile(r"(?:м|ж|муж|жен|мужской|женский|m|f|male|female)\.?", re.IGNORECASE)
_DAY = re.compile(r"\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d{2}|(?:19|20)\d{2}-\d{2}-\d{2}")
_PASSPORT = re.compile(r"\d{2}\s?(?:№\s?)?\d{7}|\d{2}\s?\d{2}\s?(?:№\s?)?\d{6}")
_CYRILLIC = re.compile(r"[А-Яа-яЁё.’'-]+(?: [А-Яа-яЁё.’'-]+){1,3}")
_LATIN = re.compile(r"[A-Za-z.’'-]+(?:[ /][A-Za-z.’'-]+){1,3}")
CARD = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")


class Columns(Struct, frozen=True):
    """The heading of each column, empty without one, and what the column is; `first` is the place of the first row."""

    headings: tuple[str, ...]
    fields: tuple[str, ...]
    first: int

    def cells(self, row: Sequence[str]) -> dict[str, list[str]]:
        """Return the texts of a row by field; a field may have several columns, such as two phones."""
        found: dict[str, list[str]] = {}
        for field, text in zip(self.fields, row, strict=False):
            if text and field != IGNORED:
                found.setdefault(field, []).append(text)
        return found


def heading_field(text: str) -> str:
    """Return the field that a heading names, or an empty text."""
    plain = " ".join(re.sub(r"[^\w ]+", " ", text.casefold().replace("ё", "е")).split())
    return next((field for field, pattern in _HEADINGS if re.search(pattern, plain)), "") if len(plain) < 60 else ""


def understand(rows: Sequence[Row], said: Mapping[str, str], area_code: str = "") -> Columns:
    """Return what each column is: as it was said (by heading or by place from 1), else by heading, else by content.

    Raises EntryError for a field or a column that is not there.
    """
    width = max(len(cells) for _, cells in rows)
    head = rows[0][1]
    named = [heading_field(text) for text in head]
    if "surname" in named:  # «Фамилия, Имя»: then a name is the given one
        named = ["given" if field == "name" else field for field in named]
    known = {text.casefold() for text in head if text}
    is_headed = any(key.casefold() in known for key in said if not key.isdecimal()) or _is_heading(head, named)
    headings = (*head, *[""] * (width - len(head))) if is_headed else ("",) * width
    body = [cells for _, cells in rows[1 if is_headed else 0 :]][:200]
    fields = [(named[place] if is_headed and place < len(named) else "") for place in range(width)]
    if not is_headed:
        fields = _by_content(body, width, area_code)
    for key, field in said.items():
        if field not in FIELDS:
            raise EntryError(f"a column can be no {field!r}.", field="columns", hint=nearest(field, list(FIELDS)))
        place = _place(key, headings, width)
        fields[place] = field
    return Columns(headings, tuple(field or IGNORED for field in fields), 1 if is_headed else 0)


def _is_heading(head: Sequence[str], named: Sequence[str]) -> bool:
    """Tell whether a row is headings: half of its texts at least name a field, and none is a value."""
    texts = [text for text in head if text]
    fields = [field for field, text in zip(named, head, strict=True) if field and text]
    if not any(field != IGNORED for field in fields) or len(fields) * 2 < len(texts):
        return False
    return not any("@" in text or sum(map(str.isdigit, text)) > 3 for text in texts)


def _place(key: str, headings: Sequence[str], width: int) -> int:
    folded = [text.casefold() for text in headings]
    if key.casefold() in folded:
        return folded.index(key.casefold())
    if key.isdecimal() and 1 <= int(key) <= width:
        return int(key) - 1
    there = ", ".join(filter(None, headings)) or f"1 to {width}"
    raise EntryError(f"there is no column {key!r}.", field="columns", hint=f"There are: {there}")


def _by_content(body: Sequence[Sequence[str]], width: int, area_code: str) -> list[str]:
    """Guess each column by what most of its cells look like."""
    if width == 1:
        return ["line"]
    checks: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("email", lambda text: Email.parse(text) is not None),
        ("birthday", lambda text: bool(_DAY.fullmatch(text))),
        ("sex", lambda text: bool(_SEXES.fullmatch(text))),
        ("card", lambda text: bool(CARD.fullmatch(text)) and luhn(text)),
        ("passport", lambda text: bool(_PASSPORT.fullmatch(text))),
        ("inn", lambda text: len(text) == 10 and is_inn(text)),
        ("phone", lambda text: len(re.sub(r"\D", "", text)) >= 10 and Phone.parse(text, area_code) is not None),
        ("name", lambda text: bool(_CYRILLIC.fullmatch(text))),
        ("latin", lambda text: bool(_LATIN.fullmatch(text))),
    )
    fields = []
    for place in range(width):
        cells = [row[place] for row in body if place < len(row) and row[place]]
        votes = {field: sum(map(check, cells)) for field, check in checks}
        best = next((field for field, _ in checks if votes[field] * 10 >= len(cells) * 6 and cells), "")
        fields.append(best if best not in fields or best in ("phone", "email") else "")
    return fields


def luhn(text: str) -> bool:
    """Tell whether digits are the number of a bank card by its check digit."""
    digits = [int(sign) for sign in text if sign.isdigit()][::-1]
    return (
        13 <= len(digits) <= 19
        and sum(digit if place % 2 == 0 else sum(divmod(digit * 2, 10)) for place, digit in enumerate(digits)) % 10 == 0
    )


def keep(connection: Connection, name: str, columns: Columns) -> None:
    """Keep a mapping under a name: by heading where there are headings, else by place."""
    said = {heading or str(place): field
            for place, (heading, field) in enumerate(zip(columns.headings, columns.fields, strict=True), 1)
            if field in FIELDS}  # fmt: skip
    set_meta(connection, f"import/columns/{name}", msgspec.json.encode(said).decode())


def kept(connection: Connection, name: str) -> dict[str, str]:
    """Return the mapping that was kept under a name, empty when there is none."""
    text = get_meta(connection, f"import/columns/{name}")
    return msgspec.json.decode(text, type=dict[str, str]) if text else {}
