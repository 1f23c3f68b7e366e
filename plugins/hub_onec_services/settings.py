"""Settings of published services: where the base is, and each stream as the programmer of the service made it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from hub.api import Duration, Listed, Secret, ServerUrl, Settings, ZoneName

from .mapping import check_fields

PLACES = ("{cursor}", "{offset}", "{page}", "{size}")


def from_text(value: Any) -> Any:
    """Return a mapping that was written as JSON in one text; anything else as it is. Raises ValueError."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.MsgspecError as error:
        raise ValueError("write a mapping, in YAML or as one text of JSON") from error


def check_mapping(kind: str, named: dict[str, str]) -> None:
    """Raise ValueError when a stream's kind and fields do not belong together."""
    if kind:
        check_fields(kind, named)
    elif named:
        raise ValueError("fields need kind, such as `kind: client`")


class _Stream(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: str = ""
    """Where the rows are in an answer, as names with points between them: `return.Row`, `data.items`."""
    columns: Listed[str] = ()
    """Names of the columns where an answer is text with one row a line; `*` when the first line names them."""
    separator: str = ";"
    """What stands between the values of such a line: `;`, `|` or `tab`."""
    key: str
    """Names, with commas between them, of what tells one row from all others."""
    changed: str = ""
    """Name of the time or number of the last change; without it every run reads everything."""
    deleted: str = ""
    """Name of the mark of rows that are deleted."""
    start: str = "0001-01-01T00:00:00"
    """What `{cursor}` is before anything was read."""
    overlap: Duration = timedelta(minutes=10)
    """How far before the last change seen the next run begins, because transactions may end late."""
    size: Annotated[int, Field(ge=2, le=100_000)] = 500
    """What `{size}` is: rows of one page."""
    kind: str = ""
    """What a row is: client, contact, contract, invoice, act, payment, order, balance, product, price, stock,
    organisation or bank_account; empty keeps rows as they are."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Field of the kind: name in the row."""
    refers_to: str = ""
    """Connection whose ids are in `client`, `contract` and `invoice`, such as the OData connection of the same base."""

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        check_mapping(self.kind, self.fields)
        if not self.keys:
            raise ValueError("key: name at least one field")
        return self

    @field_validator("separator")
    @classmethod
    def _separator(cls, value: str) -> str:
        sign = "\t" if value.casefold() == "tab" else value
        if len(sign) != 1 or sign.isalnum() or sign in '"\r\n ':
            raise ValueError("write one sign such as ; or |, or the word tab")
        return sign

    @field_validator("columns")
    @classmethod
    def _columns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value) or ("*" in value and len(value) > 1):
            raise ValueError("name each column once, or write * alone")
        return value

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the names that make the key."""
        return tuple(name.strip() for name in self.key.split(",") if name.strip())


class SoapStream(_Stream):
    """An operation of a SOAP web service."""

    type: Literal["soap"]
    """`soap`."""
    service: str
    """Path of the service below the base: `ws/Exchange.1cws`."""
    operation: str
    """Name of the operation."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Arguments by name, nested for structures; `{cursor}`, `{offset}`, `{page}` and `{size}` are filled in."""

    @field_validator("service")
    @classmethod
    def _service(cls, value: str) -> str:
        return _path(value.partition("?")[0])


class HttpStream(_Stream):
    """A resource of an HTTP service that answers with JSON."""

    type: Literal["http"]
    """`http`."""
    path: str
    """Path below the base: `hs/crm/leads`."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """Query parameters; `{cursor}`, `{offset}`, `{page}` and `{size}` are filled in."""

    @field_validator("path")
    @classmethod
    def _resource(cls, value: str) -> str:
        return _path(value)


def _path(value: str) -> str:
    cleaned = value.strip().strip("/")
    if (
        not cleaned
        or "://" in cleaned
        or ".." in cleaned.split("/")
        or set(cleaned) & set("?#\\")
        or not cleaned.isprintable()
    ):
        raise ValueError("write a path below the base such as hs/crm/leads, without host, ? and #")
    return cleaned


StreamSettings = Annotated[SoapStream | HttpStream, Field(discriminator="type")]


class ServicesSettings(Settings):
    """Where the base is published, who reads, and what."""

    url: ServerUrl
    """Address of the infobase on the web server, such as https://1c.example.ru/base."""
    user: str = ""
    """Name of an infobase user; Cyrillic is fine. Empty for services that ask for none."""
    password: Secret = SecretStr("")
    """Password of that user."""
    zone: ZoneName
    """Time zone of the 1C server, whose times carry none; the firm's zone when left out."""
    area_code: str = ""
    """City code that completes short phone numbers; the firm's one when left out."""
    session: bool = True
    """Keep one 1C session for a run instead of one per request; off when the publication dislikes it."""
    streams: Annotated[dict[str, StreamSettings], BeforeValidator(from_text), Field(min_length=1)]
    """Streams by name, each of `type: soap` or `type: http`; see the page of the plugin."""

    @field_validator("user")
    @classmethod
    def _user(cls, value: str) -> str:
        if ":" in value:
            raise ValueError("a colon cannot be part of a user's name")
        return value
