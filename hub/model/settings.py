"""Base of every connector's settings: a strict pydantic model over text scalars."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr

from hub.model.values import Email, parse_duration


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


def _one_line(value: str) -> str:
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in value):
        raise ValueError("write one line without control characters")
    return value.strip()


def _mailbox(value: str) -> str:
    parsed = Email.parse(value)
    if value and parsed is None:
        raise ValueError("write an address such as office@example.ru")
    return parsed.address if parsed else ""


def _our_names(value: tuple[str, ...]) -> tuple[str, ...]:
    names = []
    for name in value:
        bare = name.lstrip("@")
        parsed = Email.parse(bare if "@" in bare else f"x@{bare}")
        if parsed is None:
            raise ValueError(f"{name!r} is neither a domain nor an address")
        names.append(parsed.address if "@" in bare else parsed.address.removeprefix("x@"))
    return tuple(names)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine: only there may a connection go without protection."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


ZoneName = Annotated[str, AfterValidator(_zone_name)]
"""A setting such as `Asia/Krasnoyarsk`: a time zone there is."""

ServerUrl = Annotated[str, AfterValidator(_server_url)]
"""A setting such as `https://server.example.ru/path`: http or https, nothing secret in it, no slash at its end."""

_Item = TypeVar("_Item")
Listed = Annotated[tuple[_Item, ...], BeforeValidator(_listed)]
"""A setting such as `one, two`, written as a list or with commas; `Listed[int]` is a tuple of numbers."""

OneLine = Annotated[str, AfterValidator(_one_line)]
"""A setting that stands in a header or a protocol's line: no control characters, no spaces around it."""

Mailbox = Annotated[str, AfterValidator(_mailbox)]
"""A setting such as `office@example.ru`, in the hub's form; it may be empty."""

OurNames = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_our_names)]
"""A setting such as `example.ru, partner@mail.ru`: domains and addresses that are our own."""

Secret = SecretStr
"""A setting that is written as a reference (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`) and never shown."""


class Settings(BaseModel):
    """Settings of one connection. Field descriptions become the reference page; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
