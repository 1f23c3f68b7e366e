"""Settings of one mailbox on an Exchange server."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from hub.api import Duration, Email, Listed, Mailbox, OneLine, OurNames, Secret, Settings, ZoneName, is_loopback

ONLINE = ("outlook.office365.com", "outlook.office.com", "outlook.cn", "office365.us", "outlook.com", "outlook.de")
WHY_NOT_ONLINE = (
    "this is Exchange Online, which has switched EWS off since 1 October 2026 and removes it on 1 April 2027. "
    "Use the connector graph, or imap with OAuth2; exchange is for Exchange servers of your own"
)


class ExchangeSettings(Settings):
    """How to reach one mailbox on Exchange 2013 or later, and what of it to read."""

    endpoint: str = ""
    """Address of the service, such as `https://mail.example.ru/EWS/Exchange.asmx`; without it Autodiscover is asked."""
    autodiscover: str = ""
    """Address of Autodiscover, if it is not `https://autodiscover.DOMAIN/autodiscover/autodiscover.svc`."""
    auth: Literal["ntlm", "basic", "oauth2"] = "ntlm"
    """How to log in; ask the administrator of the server, `ntlm` is usual inside a firm."""
    user: OneLine = ""
    """Login name: `DOMAIN\\name`, or an address. Not needed for `oauth2`."""
    password: Secret | None = None
    """Password of the user."""
    oauth_url: str = ""
    """For `oauth2`: the address that gives tokens, for example `https://adfs.example.ru/adfs/oauth2/token`."""
    client_id: OneLine = ""
    """For `oauth2`: the id of the application."""
    client_secret: Secret | None = None
    """For `oauth2`: the secret of the application."""
    scope: OneLine = ""
    """For `oauth2`: the scope to ask for, if the server wants one."""
    address: Mailbox = ""
    """Address of the mailbox, also a shared one, and sender of what the hub sends; the user, if that is an address."""
    access: Literal["delegate", "impersonation"] = "delegate"
    """How a mailbox of somebody else is opened: with rights given to the user, or as a service account in its name."""
    sender_name: OneLine = ""
    """Name shown beside the address in what the hub sends, for example `ООО «Пример»`."""
    folders: Listed[str] = ("Inbox", "Sent")
    """Folders to read, separated by commas: `Inbox`, `Sent`, `Calendar`, `Tasks`, or a path such as `Inbox/Клиенты`."""
    own: OurNames = ()
    """Our own domains and addresses, separated by commas; without it the domain of the mailbox."""
    since: Duration = timedelta(days=90)
    """How far back the first load reaches."""
    max_message_bytes: Annotated[int, Field(ge=64 * 1024, le=64 * 1024 * 1024)] = 8 * 1024 * 1024
    """A larger letter is read in parts: headers, text, and its attachments one by one."""
    max_attachment_bytes: Annotated[int, Field(ge=64 * 1024, le=256 * 1024 * 1024)] = 32 * 1024 * 1024
    """Of a larger attachment the name and the size are kept, but not the content."""
    zone: ZoneName = "UTC"
    """Time zone in which a task is due at the end of its day; the firm's zone when left out."""
    ca_file: str = ""
    """File with the certificate (PEM) of the authority that signed that of the server, if it is not a public one."""

    @field_validator("endpoint", "autodiscover", "oauth_url")
    @classmethod
    def _is_place(cls, value: str) -> str:
        return place(value) if value else ""

    @field_validator("folders")
    @classmethod
    def _folders(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one folder, for example Inbox")
        known = {"inbox": "Inbox", "sent": "Sent", "calendar": "Calendar", "tasks": "Tasks"}
        return tuple(dict.fromkeys(known.get(name.lower(), name) for name in value))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.mailbox:
            raise ValueError("address: write the address of the mailbox, because the user is not one")
        if self.auth == "oauth2" and not (self.oauth_url and self.client_id and self.client_secret):
            raise ValueError("auth: oauth2 needs oauth_url, client_id and client_secret")
        if self.auth != "oauth2" and not (self.user and self.password):
            raise ValueError(f"auth: {self.auth} needs user and password")
        return self

    @property
    def mailbox(self) -> str:
        """Return the address of the mailbox."""
        parsed = Email.parse(self.address or self.user)
        return parsed.address if parsed else ""

    @property
    def ours(self) -> frozenset[str]:
        """Return the domains and addresses that are our own; the mailbox always is."""
        return frozenset((*(self.own or (self.mailbox.rpartition("@")[2],)), self.mailbox))


def place(url: str) -> str:
    """Return the address of a service if letters may go there. Raises ValueError with the reason if not."""
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").lower().rstrip(".")
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise ValueError("write an address such as https://mail.example.ru/EWS/Exchange.asmx")
    if any(host == name or host.endswith(f".{name}") for name in ONLINE):
        raise ValueError(WHY_NOT_ONLINE)
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("the address must begin with https://, because passwords and letters pass there")
    return url.strip()
