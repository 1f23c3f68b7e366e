"""How facts fall into parts that have no influence on each other: one for each client, others for what has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hub.model.values import Phone

EVERYTHING = "*"
"""Stands for every part: for what concerns all clients, and after a large load, when it is cheaper to look at all."""
_NOTHING: Mapping[str, Any] = {}


def number_of(fields: Mapping[str, Any]) -> str:
    """Return the outside number of a call in E.164, as it stands if it is a number of another form, else nothing."""
    for name in ("number", "raw_number"):
        said = fields.get(name)
        text = str(said).strip() if said else ""
        if text:
            phone = Phone.parse(text)
            if phone or any(sign.isdigit() for sign in text):
                return phone.number if phone else text
    return ""


def part_of(kind: str, subject: str, client: str | None, fields: Mapping[str, Any] = _NOTHING) -> str:
    """Return the part a thing belongs to.

    It is its client; for calls and letters of strangers their number or addresses; for what else has no client itself.
    """
    if client:
        return client
    if kind == "call":
        return f"number/{number_of(fields)}"
    return f"address/{addresses_of(fields)}" if kind == "message" else f"{kind}/{subject}"


def addresses_of(fields: Mapping[str, Any]) -> str:
    """Return the addresses of a letter outside the firm as JSON, which is how the store holds them."""
    outside = fields.get("outside")
    if isinstance(outside, str):
        return outside
    return msgspec.json.encode(outside).decode() if outside else ""
