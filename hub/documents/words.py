"""Russian wording of documents: amounts and days in words, plurals, numbers with their separators."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from hub.model.values import Money

_GROUP = "\u00a0"
_HUNDREDS = ("", "сто", "двести", "триста", "четыреста", "пятьсот", "шестьсот", "семьсот", "восемьсот", "девятьсот")
_TENS = ("", "", "двадцать", "тридцать", "сорок", "пятьдесят", "шестьдесят", "семьдесят", "восемьдесят", "девяносто")
_SMALL = ("", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять", "десять", "одиннадцать",
    "двенадцать", "тринадцать", "четырнадцать", "пятнадцать", "шестнадцать", "семнадцать", "восемнадцать",
    "девятнадцать")  # fmt: skip
_FEMININE = {"один": "одна", "два": "две"}
_SCALES = (
    ("триллион", "триллиона", "триллионов"),
    ("миллиард", "миллиарда", "миллиардов"),
    ("миллион", "миллиона", "миллионов"),
    ("тысяча", "тысячи", "тысяч"),
)
_LIMIT = 1000 ** (len(_SCALES) + 1)
_MONTHS = ("января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября",
    "декабря")  # fmt: skip
_MONTH_NAMES = ("январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь",
    "декабрь")  # fmt: skip


def plural(number: int, one: str, few: str, many: str) -> str:
    """Choose the form that follows the number: 1 рубль, 2 рубля, 5 рублей."""
    tens, units = divmod(abs(number) % 100, 10)
    if tens == 1 or units == 0 or units > 4:
        return many
    return one if units == 1 else few


def number_in_words(number: int, *, feminine: bool = False) -> str:
    """Spell an integer in the nominative, lower case; `feminine` agrees the last word with тысяча, копейка, штука."""
    if abs(number) >= _LIMIT:
        raise ValueError("a number of more than 15 digits has no wording here")
    if number == 0:
        return "ноль"
    words = ["минус"] if number < 0 else []
    rest, unit = abs(number), _LIMIT // 1000
    for scale in _SCALES:
        group, rest = divmod(rest, unit)
        unit //= 1000
        if group:
            words += [*_group_words(group, feminine=scale[0] == "тысяча"), plural(group, *scale)]
    return " ".join([*words, *_group_words(rest, feminine=feminine)])


def _group_words(group: int, *, feminine: bool) -> list[str]:
    hundreds, rest = divmod(group, 100)
    tens, units = (0, rest) if rest < 20 else divmod(rest, 10)
    last = _SMALL[units]
    words = (_HUNDREDS[hundreds], _TENS[tens], _FEMININE.get(last, last) if feminine else last)
    return [word for word in words if word]


def amount_in_words(amount: Money) -> str:
    """Spell an amount as Russian documents do: «Один рубль 00 копеек»; other currencies as number and code."""
    value = amount.rounded().amount
    if amount.currency != "RUB":
        return f"{format_number(value)} {amount.currency}"
    kopecks = int(abs(value) * 100)
    roubles, kopecks = divmod(kopecks, 100)
    text = number_in_words(-roubles if value < 0 else roubles)
    if value < 0 and roubles == 0:
        text = f"минус {text}"
    rouble, kopeck = plural(roubles, "рубль", "рубля", "рублей"), plural(kopecks, "копейка", "копейки", "копеек")
    return f"{text[0].upper()}{text[1:]} {rouble} {kopecks:02d} {kopeck}"


def day_in_words(day: date) -> str:
    """Write a day as «22 ноября 2026 г.»."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year} г."


def format_number(number: Decimal, places: int = 2) -> str:
    """Write `67 800,50`: groups by a non-breaking space, a comma, rounded half up."""
    rounded = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return f"{abs(rounded) if rounded == 0 else rounded:,f}".replace(",", _GROUP).replace(".", ",")


def format_quantity(number: Decimal) -> str:
    """Write a quantity without idle zeros: `1`, `2,5`, `1 000`."""
    fraction = f"{number:f}".partition(".")[2].rstrip("0")
    return format_number(number, len(fraction))


def day_quoted(day: date) -> str:
    """Write a day as «22» ноября 2026 г., the way contracts do."""
    return f"«{day.day:02d}» {_MONTHS[day.month - 1]} {day.year} г."


def short_day(day: date | None) -> str:
    """Write a day as 22.11.2026; no day is an empty text."""
    return f"{day:%d.%m.%Y}" if day else ""


def month_in_words(day: date) -> str:
    """Write the month of a day as «ноябрь 2026 г.»."""
    return f"{_MONTH_NAMES[day.month - 1]} {day.year} г."


def count_in_words(number: int, one: str, few: str, many: str) -> str:
    """Write a count the way contracts do: «12 (двенадцать) месяцев»."""
    feminine = one.endswith(("а", "я"))
    return f"{number} ({number_in_words(number, feminine=feminine)}) {plural(number, one, few, many)}"
