"""One row of a list as a person: names put together, days and phones read, what is never kept left out (S002-5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct

from hub.entries.people.columns import CARD, luhn
from hub.entries.people.names import Name, Sex, cleaned, folded, russian, sex_of, split_name, without_title
from hub.model.entities import ContactPoint
from hub.model.values import Email, Phone, is_inn

_SEX: Mapping[str, Sex] = {"м": "м", "муж": "м", "мужской": "м", "m": "м", "male": "м", "ж": "ж", "жен": "ж",
                           "женский": "ж", "f": "ж", "female": "ж"}  # fmt: skip
_NOTED = {"latin": "Латиницей", "sex": "Пол", "citizenship": "Гражданство", "city": "Город", "ticket": "Билет"}
_DAY = re.compile(r"\b(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})\b|\b(\d{4})-(\d{2})-(\d{2})\b")
_MAIL = re.compile(r"[^\s,;<>()]+@[^\s,;<>()]+")
_PHONE = re.compile(r"(?:\+|\b[78])[\d ()-]{9,18}\d")


class Person(Struct, frozen=True, kw_only=True):
    """A person of a list; `wrong` says what keeps the row from being loaded, `guessed` what was worked out."""

    row: int
    name: str = ""
    birthday: date | None = None
    points: tuple[ContactPoint, ...] = ()
    organisation: str = ""
    inn: str = ""
    position: str = ""
    note: str = ""
    wrong: str = ""
    guessed: str = ""

    @property
    def folded(self) -> str:
        """Return the name for comparing."""
        return folded(self.name)


def person_of(row: int, cells: Mapping[str, Sequence[str]], *, today: date, area_code: str) -> Person:
    """Return the person of a row. What cannot be understood is said in `wrong`; nothing is made up."""
    if "line" in cells:
        cells = _parted(" ".join(cells["line"]))
    text = {field: " ".join(texts) for field, texts in cells.items()}
    name, latin, sex, guessed = _named(text)
    wrong = "" if name.full else "there is no name"
    birthday = None
    if text.get("birthday"):
        birthday = _birthday(text["birthday"], today)
        wrong = wrong or ("" if birthday else f"{text['birthday']!r} is no day of birth")
    points, bad = _points(cells, area_code)
    wrong = wrong or bad
    inn = re.sub(r"\D", "", text.get("inn", ""))
    if text.get("inn") and not is_inn(inn):
        wrong = wrong or f"{text['inn']!r} is no ИНН"
    told = {**{field: text.get(field, "") for field in _NOTED}, "latin": latin, "sex": sex}
    noted = [f"{words}: {told[field]}" for field, words in _NOTED.items() if told[field]]
    return Person(
        row=row, name=name.full, birthday=birthday, points=points, organisation=text.get("organisation", ""), inn=inn,
        position=text.get("position", ""), note=without_cards(". ".join(filter(None, (*noted, text.get("note", ""))))),
        wrong=wrong, guessed=guessed,
    )  # fmt: skip


def _named(text: Mapping[str, str]) -> tuple[Name, str, Sex, str]:
    """Return the Russian name, the Latin one, the sex, and what of it is a guess."""
    titles: list[Sex] = []

    def untitled(field: str) -> str:
        plain, sex = without_title(text.get(field, ""))
        titles.append(sex)
        return plain

    name = split_name(untitled("name"))
    said = [cleaned(untitled(part)) for part in ("surname", "given", "patronymic")]
    if any(said):
        first = split_name(said[0]) if said[0] and not any(said[1:]) else Name(*said)
        name = Name(first.surname or name.surname, first.given or name.given, first.patronymic or name.patronymic)
    latin = cleaned(untitled("latin") or f"{untitled('latin_surname')} {untitled('latin_given')}").upper()
    if re.fullmatch(r"[A-Za-z .’'-]+", name.full) and not latin:
        latin, name = name.full.upper(), Name()
    guessed = ""
    if latin and not name.full:
        words = cleaned(latin).split()
        name = Name(russian(words[0]), russian(" ".join(words[1:])))
        guessed = f"{name.full} from {latin}"
    sex = _SEX.get(text.get("sex", "").strip(". ").casefold(), "") or next(filter(None, titles), "")
    return name, latin, sex or (sex_of(name, latin) if name.given or latin else ""), guessed


def _birthday(text: str, today: date) -> date | None:
    found = _DAY.fullmatch(text.strip().removesuffix("г.").strip())
    if not found:
        return None
    try:
        if found[4]:
            day = date(int(found[4]), int(found[5]), int(found[6]))
        else:
            year = int(found[3])
            if len(found[3]) == 2:
                year += 1900 if year + 2000 > today.year else 2000
            day = date(year, int(found[2]), int(found[1]))
    except ValueError:
        return None
    return day if date(today.year - 120, 1, 1) <= day <= today else None


def _points(cells: Mapping[str, Sequence[str]], area_code: str) -> tuple[tuple[ContactPoint, ...], str]:
    points: dict[str, ContactPoint] = {}
    wrong = ""
    for text in (part.strip() for cell in cells.get("phone", ()) for part in re.split(r"[,;]", cell)):
        phone = Phone.parse(text, area_code) if text else None
        if phone:
            points[phone.number] = ContactPoint("phone", phone.number, text)
        elif text:
            wrong = wrong or f"{text!r} is no phone"
    for text in (part.strip() for cell in cells.get("email", ()) for part in re.split(r"[,;\s]+", cell)):
        email = Email.parse(text) if text else None
        if email:
            points[email.address] = ContactPoint("email", email.address, text)
        elif text:
            wrong = wrong or f"{text!r} is no address of mail"
    return tuple(points.values()), wrong


def _parted(line: str) -> dict[str, list[str]]:
    """Take a line of free text apart: address of mail, phone, day of birth, and the name before them."""
    line = without_cards(line)
    found: dict[str, list[str]] = {}
    for field, pattern in (("email", _MAIL), ("birthday", _DAY), ("phone", _PHONE)):
        found[field] = [match[0] for match in pattern.finditer(line)]
        line = pattern.sub(";", line)
    found["birthday"] = found["birthday"][:1]
    head = re.split(r"[,;:(]|\s[–—-]\s", line.strip(" ,;"))[0]
    found["name"] = [" ".join(head.split()[:4])]
    return {field: texts for field, texts in found.items() if texts and texts[0]}


def without_cards(text: str) -> str:
    """Return a text without the numbers of bank cards."""
    return CARD.sub(lambda found: "" if luhn(found[0]) else found[0], text).strip()
