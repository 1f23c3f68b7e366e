"""Values of 1C as ours: dates without a zone, references, amounts; every refusal names the field."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from hub.api import BadRecord, Money, Reference, currency_code

EMPTY_KEY = "00000000-0000-0000-0000-000000000000"
EMPTY_YEAR = 1
MAX_EXPONENT = 20
MARK = re.compile(r"\[hub([+:])([0-9A-Za-z._-]+)\] ?")
"""The id of a command in a comment: `[hub+ID]` made the object, `[hub:ID]` changed it last."""
KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def text_of(value: str | None) -> str:
    """Return a text without the blanks that pad it."""
    return value.strip() if value else ""


def note_of(value: str | None) -> str:
    """Return a comment as people wrote it, without the ids of our commands."""
    text = text_of(value)
    return MARK.sub("", text) if "[hub" in text else text


@lru_cache(maxsize=4096)
def _parse_day(text: str) -> date | None:
    """Return the day of a date as 1C writes it, `None` for the empty one. Raises ValueError for anything else."""
    day = datetime.fromisoformat(text).date() if text.isascii() else date.fromisoformat(text)
    return None if day.year == EMPTY_YEAR else day


def day_of(value: str | None, name: str) -> date | None:
    """Return a day, `None` for the empty date."""
    if not value:
        return None
    try:
        return _parse_day(value.strip())
    except ValueError:
        raise BadRecord(f"{name} is not a date.") from None


def instant_of(value: str | None, name: str, zone: ZoneInfo) -> datetime | None:
    """Return an instant; what 1C writes is the clock on the wall of its server."""
    if day_of(value, name) is None or value is None:
        return None
    moment = datetime.fromisoformat(value.strip())
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise BadRecord(f"{name} is not a date.") from None


def key_of(value: str | None, name: str) -> str:
    """Return a reference as lower-case guid, empty for the empty one."""
    if not value or value == EMPTY_KEY:
        return ""
    key = value if KEY.fullmatch(value) else value.strip().removeprefix("guid'").strip("{}'").lower()
    if not KEY.fullmatch(key):
        raise BadRecord(f"{name} is not a reference.")
    return "" if key == EMPTY_KEY else key


def reference_of(kind: str, value: str | None, name: str) -> Reference | None:
    """Return the thing that a reference leads to, `None` for the empty one."""
    key = key_of(value, name)
    return Reference(kind, key) if key else None


def money_of(amount: Decimal | None, name: str, currency: str = "") -> Money | None:
    """Return an amount of money in the currency that 1C names, roubles when it names none."""
    if amount is None:
        return None
    if not amount.is_finite() or amount.adjusted() > MAX_EXPONENT or amount.adjusted() < -MAX_EXPONENT:
        raise BadRecord(f"{name} is not an amount of money.")
    return Money(amount, currency_code(currency))
