"""Names of people as lists have them: cleaned, taken apart, put into Russian letters, and which sex they tell.

Going back from Latin letters is a guess: they lose the soft sign and tell й from и no more. What people read is
therefore a proposal that the preview shows; common given names come from a table (S002-8, S002-9).
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

Sex = Literal["м", "ж", ""]

_TITLES: dict[str, Sex] = {"mr": "м", "mstr": "м", "mister": "м", "mrs": "ж", "ms": "ж", "miss": "ж", "mme": "ж",
                           "г-н": "м", "господин": "м", "г-жа": "ж", "госпожа": "ж"}  # fmt: skip
_NO_SEX = ("chd", "inf", "dr", "prof")
_WRONG = re.compile(r"[^A-Za-zА-Яа-яЁё.’'\- ]+")
_LIKE = str.maketrans("ABCEHKMOPTXYaceopxyk", "АВСЕНКМОРТХУасеорхук")
_CYRILLIC, _LATIN = re.compile(r"[А-Яа-яЁё]"), re.compile(r"[A-Za-z]")
_PATRONYMIC = re.compile(r"(?:[оеё]вич|[оеё]вна|ична|инична|ьич|[лкм]ич|тич|оглы|оглу|кызы|гызы)$", re.IGNORECASE)
_SURNAME = re.compile(
    r"(?:ов|ев|ёв|ин|ын|ова|ева|ёва|ина|ына|ский|ская|цкий|цкая|ко|ук|юк|ых|их|ян|дзе|швили)$", re.IGNORECASE
)
_FEMALE = re.compile(r"(?:ова|ева|ёва|ина|ына|ая|ova|eva|ina|yna|aia|aya|skaia|skaya)$", re.IGNORECASE)
_MALE = re.compile(r"(?:ов|ев|ёв|ин|ын|ий|ый|ой|ov|ev|in|yn|ii|iy|y|skii|skiy|sky)$", re.IGNORECASE)


class Name(Struct, frozen=True):
    """A name in its parts; one that is not told apart stands whole in `surname`."""

    surname: str = ""
    given: str = ""
    patronymic: str = ""

    @property
    def full(self) -> str:
        """Return the name as it stands on a card."""
        return " ".join(filter(None, (self.surname, self.given, self.patronymic)))


def cleaned(text: str) -> str:
    """Return a name without digits and other wrong signs, one letter case, Latin look-alikes made Russian."""
    words = []
    for word in _WRONG.sub(" ", text.replace("`", "'").replace("_", " ")).split():
        if _CYRILLIC.search(word) and _LATIN.search(word):
            word = word.translate(_LIKE)
        if len(word.strip(".-'’")) == 0:
            continue
        words.append("-".join(map(_cased, word.strip("-'").split("-"))))
    return " ".join(words)


def _cased(word: str) -> str:
    if len(word) > 1 and not (word.isupper() or word.islower()):
        return word
    return word[:1].upper() + word[1:].lower() if len(word.strip(".")) > 1 else word.upper()


def without_title(text: str) -> tuple[str, Sex]:
    """Return a name without its title, and the sex that this tells: `IVANOVA MRS`, `IVANOV/IVAN MR`."""
    sex: Sex = ""
    words = []
    for word in text.replace("/", " ").split():
        plain = word.strip(".,").casefold()
        if plain in _TITLES:
            sex = _TITLES[plain]
        elif plain not in _NO_SEX:
            words.append(word)
    return " ".join(words), sex


def split_name(text: str) -> Name:
    """Take a name apart, whatever the order of its words; the patronymic, else the endings tell the surname."""
    text = cleaned(text)
    if found := re.search(r"\s*((?:[А-ЯЁA-Z]\.\s*){1,2})$", text) or re.match(r"((?:[А-ЯЁA-Z]\.\s*){1,2})\s*", text):
        initials = re.findall(r"\w", found[1])
        rest = (text[: found.start()] + " " + text[found.end() :]).strip()
        if rest:
            return Name(rest, f"{initials[0]}.", f"{initials[1]}." if len(initials) > 1 else "")
    words = text.split()
    place = next((i for i, word in enumerate(words) if i and _PATRONYMIC.search(word)), 0)
    if place and words[place].casefold() in ("оглы", "оглу", "кызы", "гызы"):
        words[place - 1 : place + 1] = [" ".join(words[place - 1 : place + 1])]
        place -= 1
    if place == 1 and len(words) > 2:  # Иван Петрович Иванов
        return Name(" ".join(words[2:]), words[0], words[1])
    if place == 1:  # Иван Петрович
        return Name("", words[0], words[1])
    if place:
        return Name(" ".join(words[: place - 1]), words[place - 1], " ".join(words[place:]))
    if len(words) == 2 and _SURNAME.search(words[1]) and not _SURNAME.search(words[0]):
        return Name(words[1], words[0])
    return Name(words[0], " ".join(words[1:])) if words else Name()


def sex_of(name: Name, latin: str = "") -> Sex:
    """Tell the sex by the patronymic, else by the ending of the surname, Russian or Latin."""
    patronymic = name.patronymic.casefold()
    if patronymic.endswith(("ич", "оглы", "оглу")):
        return "м"
    if patronymic.endswith(("вна", "ична", "кызы", "гызы")):
        return "ж"
    for surname in filter(None, (name.surname, latin.split()[0] if latin.split() else "")):
        if _FEMALE.search(surname):
            return "ж"
        if _MALE.search(surname):
            return "м"
    return ""


_GIVEN = {
    "igor": "Игорь", "olga": "Ольга", "tatiana": "Татьяна", "tatyana": "Татьяна", "natalia": "Наталья",
    "nataliia": "Наталия", "natalya": "Наталья", "ilia": "Илья", "ilya": "Илья", "liubov": "Любовь", "lyubov": "Любовь",
    "daria": "Дарья", "darya": "Дарья", "ksenia": "Ксения", "kseniia": "Ксения", "sofia": "София",
    "sofya": "Софья", "maria": "Мария", "mariia": "Мария", "mariya": "Мария", "anastasia": "Анастасия",
    "anastasiia": "Анастасия", "iuliia": "Юлия", "yulia": "Юлия", "julia": "Юлия", "evgeny": "Евгений",
    "evgenia": "Евгения", "eugene": "Евгений", "alexander": "Александр", "aleksandr": "Александр", "alexandra":
    "Александра", "alexey": "Алексей", "aleksei": "Алексей", "alexei": "Алексей", "andrey": "Андрей", "andrew":
    "Андрей", "dmitry": "Дмитрий", "dmitrii": "Дмитрий", "vitaly": "Виталий", "yury": "Юрий", "iurii": "Юрий", "yuri":
    "Юрий", "georgy": "Георгий", "petr": "Пётр", "peter": "Пётр", "fedor": "Фёдор", "semen": "Семён", "artem": "Артём",
    "matvei": "Матвей", "eduard": "Эдуард", "emma": "Эмма", "elvira": "Эльвира", "ella": "Элла", "max": "Макс",
    "michael": "Михаил", "paul": "Павел", "helen": "Елена", "catherine": "Екатерина", "lev": "Лев", "ilona": "Илона",
}  # fmt: skip
_SIGNS = (
    ("shch", "щ"), ("sch", "щ"), ("iia", "ия"), ("zh", "ж"), ("kh", "х"), ("ts", "ц"), ("ch", "ч"), ("sh", "ш"),
    ("ya", "я"), ("yu", "ю"), ("yo", "ё"), ("ye", "е"), ("iu", "ю"), ("ia", "я"), ("x", "кс"), ("q", "к"), ("w", "в"),
    ("j", "дж"), ("h", "х"), ("a", "а"), ("b", "б"), ("c", "к"), ("d", "д"), ("e", "е"), ("f", "ф"), ("g", "г"),
    ("i", "и"), ("k", "к"), ("l", "л"), ("m", "м"), ("n", "н"), ("o", "о"), ("p", "п"), ("r", "р"), ("s", "с"),
    ("t", "т"), ("u", "у"), ("v", "в"), ("y", "ы"), ("z", "з"), ("'", "ь"), ("’", "ь"),
)  # fmt: skip
_ENDS = (
    (re.compile(r"(?<=[bcdfghjklmnpqrstvwxz])(?:iy|ii|y)$"), "ий"), (re.compile(r"(?<=[aeo])[iy]$"), "й"),
    (re.compile(r"(?<=[aeo])[iy](?=[bcdfgklmnprstvz])"), "й"),
)  # fmt: skip


def russian(text: str) -> str:
    """Return a name of Latin letters in Russian ones, as a proposal; what is not Latin stays."""
    return " ".join("-".join(map(_word, word.split("-"))) for word in text.split())


def _word(word: str) -> str:
    if not _LATIN.search(word):
        return word
    low = word.casefold()
    if low in _GIVEN:
        return _GIVEN[low]
    for pattern, end in _ENDS:
        low = pattern.sub(end, low)
    made, place = [], 0
    while place < len(low):
        for latin, sign in _SIGNS:
            if low.startswith(latin, place):
                made.append(sign)
                place += len(latin)
                break
        else:
            made.append(low[place])
            place += 1
    text = "".join(made)
    return text[:1].upper() + text[1:]


def folded(name: str) -> str:
    """Return a name for comparing only: case, ё and the order of its words aside."""
    return " ".join(sorted(cleaned(name).casefold().replace("ё", "е").split()))
