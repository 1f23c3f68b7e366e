"""Russian names and positions in the case a document needs.

Names are declined by the rules of petrovich, positions by a table that a firm may extend; what neither knows is said
to be unsure, so that a document can word it in a way that needs no case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Literal

import yaml
from msgspec import Struct

Case = Literal["genitive", "dative", "accusative"]
Gender = Literal["m", "f", ""]

_MALE, _FEMALE = re.compile(r"(ович|евич|ич)$"), re.compile(r"(овна|евна|ична|инична)$")
_TURKIC: Mapping[str, Gender] = {"оглы": "m", "оглу": "m", "улы": "m", "кызы": "f", "гызы": "f"}
_INITIAL = re.compile(r"[А-ЯЁ]\.(?:-?[А-ЯЁ]\.)?")
_WORD = re.compile(r"[А-ЯЁа-яё]+(?:-[А-ЯЁа-яё]+)*")
_ADJECTIVE = re.compile(r"\b\w+(?:ый|ий|ой|ая|яя)\b")
_STRANGE = re.compile(r",|-|\s(?:и|или)\s|\d\s*-")
_ACTING = re.compile(r"((?:временно )?исполняющ(?:ий|ая) обязанности)\b", re.IGNORECASE)
_SHORT = re.compile(r"(?:вр\.?\s?)?и\.\s?о\.|врио\b", re.IGNORECASE)


class Declined(Struct, frozen=True):
    """A wording and whether it can be relied on."""

    text: str
    is_certain: bool


def gender_of(name: str) -> Gender:
    """Tell the gender by the patronymic, or an empty string."""
    for word in name.split()[1:]:
        lower = word.lower()
        if lower in _TURKIC:
            return _TURKIC[lower]
        if _MALE.search(lower):
            return "m"
        if _FEMALE.search(lower):
            return "f"
    return ""


def short_name(name: str) -> str:
    """Return «Соколова А. Б.» for a full name; initials stay as they are."""
    surname, *others = name.split()[:3] if name.strip() else [""]
    if not others or not all(_WORD.fullmatch(word) for word in (surname, *others)):
        return name
    if len(others) == 2 and _is_patronymic(others[0]) and not _is_patronymic(others[1]):
        surname, others = others[1], [surname, others[0]]
    return " ".join([surname, *(f"{word[0].upper()}." for word in others)])


def _is_patronymic(word: str) -> bool:
    return bool(_MALE.search(word.lower()) or _FEMALE.search(word.lower()))


def decline_name(name: str, case: Case, gender: Gender = "") -> Declined:
    """Return the full name, surname first or last, in the case; unsure when its gender or spelling is not plain."""
    words = name.split()
    gender = gender or gender_of(name)
    if not gender or len(words) < 2:
        return Declined(name, False)
    surname_at = 2 if len(words) == 3 and _is_patronymic(words[1]) and not _is_patronymic(words[2]) else 0
    given = [place for place in range(min(len(words), 3)) if place != surname_at]
    parts = {surname_at: "LASTNAME", given[0]: "FIRSTNAME"} | ({given[1]: "MIDDLENAME"} if len(given) > 1 else {})
    is_turkic = any(word.lower() in _TURKIC for word in words)
    made, certain = [], len(words) <= (4 if is_turkic else 3)
    for place, word in enumerate(words):
        if place not in parts or _INITIAL.fullmatch(word) or (is_turkic and place > 1):
            made.append(word)
        elif not _WORD.fullmatch(word):
            made.append(word)
            certain = False
        else:
            made.append(_inflect(word, parts[place], case, gender))
    return Declined(" ".join(made), certain)


def _inflect(word: str, part: str, case: Case, gender: Gender) -> str:
    from pytrovich.enums import Case as Cases
    from pytrovich.enums import Gender as Genders
    from pytrovich.enums import NamePart

    sex = Genders.MALE if gender == "m" else Genders.FEMALE
    return str(_maker().make(NamePart[part], sex, Cases[case.upper()], word))


@lru_cache(maxsize=1)
def _maker():  # type: ignore[no-untyped-def]
    from pytrovich.maker import PetrovichDeclinationMaker  # reads its rules: only where names are declined

    return PetrovichDeclinationMaker()


def position_genitive(position: str, own: Mapping[str, str] | None = None) -> Declined:
    """Return the position in the genitive: the longest known beginning declined, the rest as it is.

    `own` overrides the table. Unsure when nothing is known or the rest may have to be declined as well.
    """
    text = " ".join(position.split())
    lower = text.lower()
    table = _table() | {key.lower(): value for key, value in (own or {}).items()}
    if lower in table:
        return Declined(_like(text, table[lower]), True)
    if _SHORT.match(text):
        return Declined(text, True)  # «и. о. директора» reads the same in every case
    if acting := _ACTING.match(text):
        return Declined(table[acting[1].lower()] + text[acting.end() :], True)  # the rest is in the genitive already
    beginnings = [known for known in table if lower.startswith(f"{known} ")]
    if not beginnings:
        return Declined(text, False)
    longest = max(beginnings, key=len)
    rest = text[len(longest) :]
    return Declined(_like(text, table[longest]) + rest, not (_ADJECTIVE.search(rest.lower()) or _STRANGE.search(rest)))


def _like(text: str, wording: str) -> str:
    return wording.upper() if text.isupper() and len(text) > 1 else wording


@lru_cache(maxsize=1)
def _table() -> dict[str, str]:
    file = resources.files(__package__).joinpath("positions.yaml")
    return {str(key): str(value) for key, value in yaml.safe_load(file.read_text(encoding="utf-8")).items()}
