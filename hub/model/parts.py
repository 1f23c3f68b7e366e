"""How facts fall into parts that have no influence on each other: one for each client, and for what has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.model.values import Phone

_NOTHING: Mapping[str, Any] = {}


def number_of(fields: Mapping[str, Any]) -> str:
    """Return the outside number of a call in E.164, as it stands if it is a number of another form, else nothing."""
    for name in ("number", "raw_number"):
        text = str(fields.get(name) or "").strip()
        if text:
            phone = Phone.parse(text)
            if phone or any(sign.isdigit() for sign in text):
                return phone.number if phone else text
    return ""


def part_of(kind: str, subject: str, client: str | None, fields: Mapping[str, Any] = _NOTHING) -> str:
    """Return the part a thing belongs to: its client, for calls of strangers their number, else itself."""
    if client:
        return client
    return f"number/{number_of(fields)}" if kind == "call" else f"{kind}/{subject}"
