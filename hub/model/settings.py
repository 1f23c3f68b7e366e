"""Base of every connector's settings: a strict pydantic model over text scalars."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr

from hub.model.values import parse_duration


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        parsed = parse_duration(value)
        if parsed is None:
            raise ValueError("write a duration such as 30s, 15m, 2h or 3d")
        return parsed
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A setting such as `15m`; a timedelta inside."""


def _zone_name(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError("write a zone such as Asia/Krasnoyarsk") from error
    return value


def _server_url(value: str) -> str:
    value = value.strip()
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets without an IPv6 address in them, or a port that is none
        is_address = False
    if not is_address:
        raise ValueError("write an address such as https://server.example.ru/path")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("write the address alone, without user, password, ? and #")
    return value.rstrip("/")


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


ZoneName = Annotated[str, AfterValidator(_zone_name)]
"""A setting such as `Asia/Krasnoyarsk`: a time zone there is."""

ServerUrl = Annotated[str, AfterValidator(_server_url)]
"""A setting such as `https://server.example.ru/path`: http or https, nothing secret in it, no slash at its end."""

_Item = TypeVar("_Item")
Listed = Annotated[tuple[_Item, ...], BeforeValidator(_listed)]
"""A setting such as `one, two`, written as a list or with commas; `Listed[int]` is a tuple of numbers."""

Secret = SecretStr
"""A setting that is written as a reference (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`) and never shown."""


class Settings(BaseModel):
    """Settings of one connection. Field descriptions become the reference page; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
