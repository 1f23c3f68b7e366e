"""Settings of one published 1C infobase."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from hub.api import Secret, Settings

ROOT = "/odata/standard.odata"

Target = Literal["manager", "fee", "paid"]


class OneCSettings(Settings):
    """Where the publication is, who reads, and which fields of this base hold what its standard ones do not."""

    url: str
    """Address of the infobase on the web server, with or without `/odata/standard.odata/` at its end."""
    user: str
    """Name of an infobase user with a password and the right to read; Cyrillic is fine."""
    password: Secret
    """Password of that user."""
    zone: str
    """Time zone of the 1C server, whose dates carry none; the firm's zone when left out."""
    area_code: str = ""
    """City code that completes short phone numbers; the firm's one when left out."""
    page: Annotated[int, Field(ge=2, le=10_000)] = 1000
    """Rows per request; less when the base is slow or its objects are large."""
    session: bool = True
    """Keep one 1C session for a run instead of one per request; off when the publication dislikes it."""
    allowed_only: bool = False
    """Read only the rows the user may see; needed with row-level rights, and deletions are then not noticed."""
    fields: dict[Target, str] = Field(default_factory=dict)
    """Own fields: `manager` of a counterparty, monthly `fee` of a contract, amount `paid` of an invoice."""

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        value = value.strip()
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("write an address such as https://1c.example.ru/base")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("write the address alone, without user, password, ? and #")
        base = value.rstrip("/")
        return base + "/" if base.endswith(ROOT) else f"{base}{ROOT}/"

    @field_validator("user")
    @classmethod
    def _user(cls, value: str) -> str:
        if not value.strip() or ":" in value:
            raise ValueError("write the name of the infobase user; a colon cannot be part of it")
        return value

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError("write a zone such as Asia/Krasnoyarsk") from error
        return value

    @field_validator("fields")
    @classmethod
    def _fields(cls, value: dict[Target, str]) -> dict[Target, str]:
        for target, name in value.items():
            if not name.isidentifier():
                raise ValueError(f"{target}: write the name of one field as $metadata has it, for example Менеджер_Key")
        return value
