"""Small immutable values: money, phones, e-mail addresses, tax ids, periods, instants.

Every `parse` accepts text as people and 1C write it and returns `None` for what is not such a value, so that a
caller decides whether that is an error. Formulas of check digits: Russian tax service and Bank of Russia order 515.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from operator import mul
from typing import Self

from msgspec import Struct

CENT = Decimal("0.01")
_SPACES = dict.fromkeys(map(ord, " \t\u00a0\u202f\u2009'’"))
_CURRENCIES = {
    "643": "RUB",
    "810": "RUB",
    "РУБ": "RUB",
    "РУБ.": "RUB",
    "Р": "RUB",
    "Р.": "RUB",
    "₽": "RUB",
    "RUR": "RUB",
    "840": "USD",
    "978": "EUR",
    "156": "CNY",
    "398": "KZT",
    "933": "BYN",
}


class Money(Struct, frozen=True, order=True):
    """An exact amount with its currency (ISO 4217 letters); never made from a float."""

    amount: Decimal
    currency: str = "RUB"

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        return Money(self.amount * factor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __bool__(self) -> bool:
        return self.amount != 0

    def __str__(self) -> str:
        return f"{self.amount:.2f} {self.currency}"

    def rounded(self) -> Money:
        """Return the amount rounded half up to hundredths, as Russian bookkeeping does."""
        return Money(self.amount.quantize(CENT, ROUND_HALF_UP), self.currency)

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}")
        return other.amount

    @classmethod
    def parse(cls, text: str, currency: str = "RUB") -> Self | None:
        """Read `1 234,50`, `1234.5`, `-0` or `1,234.50`; `None` for anything that is not one finite number."""
        amount = parse_decimal(text)
        return None if amount is None else cls(amount, currency_code(currency))


def parse_decimal(text: str) -> Decimal | None:
    """Read a decimal number with either separator; the last of `.` and `,` is the decimal one when both occur."""
    cleaned = text.translate(_SPACES)
    if "," in cleaned and "." in cleaned:
        thousands = "," if cleaned.rfind(",") < cleaned.rfind(".") else "."
        cleaned = cleaned.replace(thousands, "")
    cleaned = cleaned.replace(",", ".")
    if not re.fullmatch(r"[+-]?(\d{1,21}(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", cleaned, re.ASCII):
        return None
    try:
        number = Decimal(cleaned)
    except InvalidOperation:
        return None
    return abs(number) if number == 0 else number


def currency_code(text: str) -> str:
    """Return the ISO 4217 letters for a code, a numeric code or a Russian abbreviation; unknown text stays."""
    upper = text.strip().upper()
    return _CURRENCIES.get(upper, upper) or "RUB"


MOST_PHONE = 200
"""Longer texts are no phone; they would only fill the cache."""


class Phone(Struct, frozen=True):
    """A dialable number in E.164 with its extension and the text it came from."""

    number: str
    extension: str = ""
    raw: str = ""

    @classmethod
    def parse(cls, raw: str, area_code: str = "") -> Phone | None:
        """Read one phone as Russians write it; `area_code` completes six or seven digit city numbers."""
        return _parse_phone(raw, area_code) if len(raw) <= MOST_PHONE else None


_EXTENSION = re.compile(r"(?:доб|вн|ext|#|,,|x)[\s.:]*(\d{1,6})\)?\s*$", re.IGNORECASE)
_NOT_DIGIT = re.compile(r"\D+", re.ASCII)
_BARE = re.compile(r"[\d+() .\-]+", re.ASCII)
_LETTER = re.compile(r"[A-Za-zА-Яа-я@]")


@lru_cache(maxsize=4096)
def _parse_phone(raw: str, area_code: str) -> Phone | None:
    text = raw.strip()
    extension = ""
    if not _BARE.fullmatch(text):
        if found := _EXTENSION.search(text):
            extension, text = found[1], text[: found.start()]
        if _LETTER.search(text):
            return None
    digits = _NOT_DIGIT.sub("", text)
    if not 5 <= len(digits) <= 20:
        return None
    number = _russian(digits, text.lstrip("( ").startswith("+"), area_code) or _foreign(text, digits)
    return Phone(number, extension, raw) if number else None


def _russian(digits: str, international: bool, area_code: str) -> str:
    """Return E.164 for the usual Russian spellings without asking the big library, or an empty string."""
    if len(digits) == 11 and (digits[0] == "7" or (digits[0] == "8" and not international)) and digits[1] in "3489":
        return "+7" + digits[1:]
    if not international and len(digits) == 10 and digits[0] in "3489":
        return "+7" + digits
    if area_code and not international and len(digits) + len(area_code) == 10:
        return "+7" + area_code + digits
    return ""


def _foreign(text: str, digits: str) -> str:
    import phonenumbers  # 60 ms to import and 50 µs a number: only for what the fast path does not know

    if digits.startswith("00"):
        text = "+" + digits[2:]
    try:
        parsed = phonenumbers.parse(text, "RU")
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(parsed):
        return ""
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[^\s@<>,;:\"()\[\]\\_]{1,200}\.[^\s@<>,;:\"()\[\]\\.]{2,63}")


class Email(Struct, frozen=True):
    """An e-mail address, lower case, its domain in Unicode."""

    address: str

    @classmethod
    def parse(cls, text: str) -> Email | None:
        """Read one bare address, with or without `mailto:` and angle brackets."""
        cleaned = text.strip().removeprefix("mailto:").strip("<> \t.,;").lower()
        if len(cleaned) > 254 or ".." in cleaned or not cleaned.isprintable() or not _EMAIL.fullmatch(cleaned):
            return None
        local, _, domain = cleaned.rpartition("@")
        if "xn--" in domain:
            try:
                domain = domain.encode("ascii").decode("idna")
            except UnicodeError:
                return None
        return cls(f"{local}@{domain}")


class TaxId(Struct, frozen=True):
    """A Russian ИНН with right check digits, and the КПП of a branch where there is one."""

    inn: str
    kpp: str = ""

    @classmethod
    def parse(cls, inn: str, kpp: str = "") -> TaxId | None:
        """Read ИНН and КПП; a wrong ИНН gives `None`, a wrong КПП is left out."""
        inn, kpp = inn.strip(), kpp.strip()
        if not is_inn(inn):
            return None
        return cls(inn, kpp if len(inn) == 10 and is_kpp(kpp) else "")


_INN10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN11 = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN12 = (3, *_INN11)


def is_inn(text: str) -> bool:
    """Tell whether the text is an ИНН: 10 or 12 digits with right check digits, not all zero."""
    return len(text) in (10, 12) and _is_inn(text)


@lru_cache(maxsize=4096)
def _is_inn(text: str) -> bool:
    if not (text.isascii() and text.isdigit()) or not text.strip("0"):
        return False
    digits = text.encode().translate(_DIGITS)
    if len(digits) == 10:
        return _check(digits, _INN10) == digits[9]
    return len(digits) == 12 and _check(digits, _INN11) == digits[10] and _check(digits, _INN12) == digits[11]


_DIGITS = bytes(max(0, min(9, code - 48)) for code in range(256))
"""From the code of a digit to its value."""


def _check(digits: bytes, weights: tuple[int, ...]) -> int:
    total: int = sum(map(mul, digits, weights))  # the weights end where the digits to check end
    return total % 11 % 10


_KPP = re.compile(r"\d{4}[\dA-Z]{2}\d{3}", re.ASCII)


def is_kpp(text: str) -> bool:
    """Tell whether the text has the form of a КПП; it carries no check digit."""
    return _KPP.fullmatch(text) is not None


def is_ogrn(text: str) -> bool:
    """Tell whether the text is an ОГРН of 13 or an ОГРНИП of 15 digits with a right check digit."""
    if not re.fullmatch(r"\d{13}|\d{15}", text, re.ASCII):
        return False
    return int(text[:-1]) % (len(text) - 2) % 10 == int(text[-1])


def is_snils(text: str) -> bool:
    """Tell whether the text is a СНИЛС: 11 digits, spaces and hyphens aside, with a right control number."""
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"\d{11}", digits, re.ASCII):
        return False
    return sum(int(digit) * (9 - place) for place, digit in enumerate(digits[:9])) % 101 % 100 == int(digits[9:])


def is_account(account: str, bic: str) -> bool:
    """Tell whether a 20-digit client account fits the БИК by its key digit; treasury accounts have no such key."""
    if not re.fullmatch(r"\d{20}", account, re.ASCII) or not re.fullmatch(r"\d{9}", bic, re.ASCII):
        return False
    return account.startswith("0") or _account_key(bic[6:] + account)


def is_corr_account(account: str, bic: str) -> bool:
    """Tell whether a correspondent account fits the БИК by its key digit."""
    if not re.fullmatch(r"\d{20}", account, re.ASCII) or not re.fullmatch(r"\d{9}", bic, re.ASCII):
        return False
    return _account_key("0" + bic[4:6] + account)


def _account_key(digits: str) -> bool:
    return sum(int(digit) * (7, 1, 3)[place % 3] for place, digit in enumerate(digits)) % 10 == 0


class Period(Struct, frozen=True):
    """Days from `start` to `end`, both inside; an open end is `None`."""

    start: date
    end: date | None = None

    def __contains__(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day <= self.end)


def to_utc(moment: datetime) -> datetime:
    """Return the instant in UTC; a naive one is refused, because nobody knows when it was."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC)


_DURATION = re.compile(r"(\d+)(s|m|h|d|w)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: str) -> timedelta | None:
    """Read `30s`, `15m`, `2h`, `3d`, `1w` and sums such as `1h30m`."""
    cleaned = text.strip().lower()
    parts = _DURATION.findall(cleaned)
    if not parts or "".join(number + unit for number, unit in parts) != cleaned:
        return None
    try:
        return timedelta(**{_UNITS[unit]: int(number) for number, unit in parts})
    except OverflowError:
        return None
