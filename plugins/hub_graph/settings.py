"""Settings of one mailbox at Microsoft 365."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from hub.api import Duration, Listed, Mailbox, OneLine, OurNames, Secret, Settings, is_loopback

SENT = "Sent"
WELL_KNOWN = {"Inbox": "inbox", SENT: "sentitems", "Archive": "archive"}
"""Folders that have the same name in every language, by ours."""


class GraphSettings(Settings):
    """How to reach one mailbox, and what of it to read."""

    address: Mailbox
    """Address of the mailbox, also a shared one, and sender of what the hub sends."""
    tenant: str
    """Id or domain of the organisation at Microsoft."""
    client_id: str
    """Id of the application that is registered there."""
    client_secret: Secret | None = None
    """Secret of the application; with it the application's own rights count."""
    refresh_token: Secret | None = None
    """What `python -m hub_graph TENANT CLIENT_ID` gave; with it the rights of the user count who signed in."""
    sender_name: OneLine = ""
    """Name shown beside the address in what the hub sends, for example `ООО «Пример»`."""
    folders: Listed[str] = ("Inbox", SENT)
    """Folders to read, separated by commas: `Inbox`, `Sent`, `Archive`, or the name of one beside them."""
    own: OurNames = ()
    """Our own domains and addresses, separated by commas; without it the domain of the mailbox."""
    since: Duration = timedelta(days=90)
    """How far back the first load reaches."""
    max_message_bytes: Annotated[int, Field(ge=64 * 1024, le=256 * 1024 * 1024)] = 32 * 1024 * 1024
    """Of a larger message only the headers are kept."""
    url: str = "https://graph.microsoft.com/v1.0"
    """Address of Graph; another for national clouds."""
    login_url: str = "https://login.microsoftonline.com"
    """Address where tokens are given; another for national clouds."""

    @field_validator("tenant", "client_id")
    @classmethod
    def _is_word(cls, value: str) -> str:
        if not value or not all(sign.isascii() and (sign.isalnum() or sign in "-._") for sign in value):
            raise ValueError("write the id as it stands at Microsoft, without spaces and slashes")
        return value

    @field_validator("url", "login_url")
    @classmethod
    def _is_place(cls, value: str) -> str:
        parts = urlsplit(value.strip())
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise ValueError("the address must begin with https://, because tokens and letters pass there")
        return value.strip().rstrip("/")

    @field_validator("folders")
    @classmethod
    def _folders(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one folder, for example Inbox")
        known = {name.lower(): name for name in WELL_KNOWN}
        return tuple(dict.fromkeys(known.get(name.lower(), name) for name in value))

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if not self.address:
            raise ValueError("address: write the address of the mailbox")
        if not self.client_secret and not self.refresh_token:
            raise ValueError("write client_secret, or the refresh_token of a user")
        return self

    @property
    def ours(self) -> frozenset[str]:
        """Return the domains and addresses that are our own; the mailbox always is."""
        return frozenset((*(self.own or (self.address.rpartition("@")[2],)), self.address))
