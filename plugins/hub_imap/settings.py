"""Settings of one mailbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from hub.api import Duration, Email, Listed, Mailbox, OneLine, OurNames, Secret, Settings, is_loopback

PUBLIC_DOMAINS = frozenset(
    {"yandex.ru", "ya.ru", "yandex.com", "yandex.by", "yandex.kz", "narod.ru", "mail.ru", "inbox.ru", "bk.ru",
     "list.ru", "internet.ru", "xmail.ru", "rambler.ru", "lenta.ru", "ro.ru", "gmail.com", "googlemail.com",
     "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com", "me.com", "proton.me", "protonmail.com"}
)  # fmt: skip
"""Domains where anybody has a mailbox: the domain of ours says nothing about who else is ours."""

PROVIDERS = {
    "yandex": {
        "host": "imap.yandex.ru", "smtp_host": "smtp.yandex.ru", "oauth_url": "https://oauth.yandex.ru/token",
    },
    "mail.ru": {"host": "imap.mail.ru", "smtp_host": "smtp.mail.ru"},
    "gmail": {
        "host": "imap.gmail.com", "smtp_host": "smtp.gmail.com", "oauth_url": "https://oauth2.googleapis.com/token",
    },
    "microsoft365": {
        "host": "outlook.office365.com", "smtp_host": "smtp.office365.com", "smtp_tls": "starttls", "auth": "oauth2",
        "scope": "https://outlook.office365.com/.default",
    },
}  # fmt: skip
"""Settings that follow from who keeps the mailbox; what the configuration says itself goes before."""
Port = Annotated[int, Field(ge=1, le=65535)]


class ImapSettings(Settings):
    """How to reach one mailbox, and what of it to read."""

    provider: Literal["", "yandex", "mail.ru", "gmail", "microsoft365"] = ""
    """Who keeps the mailbox: gives the addresses of both servers. Without it write `host`."""
    host: OneLine = ""
    """IMAP server, for example `imap.example.ru`."""
    port: Port | None = None
    """Port of the IMAP server; 993 for `imaps`, else 143."""
    tls: Literal["imaps", "starttls", "none"] = "imaps"
    """How the connection is protected; `none` only for a server on this machine."""
    user: OneLine
    """Login name, mostly the address of the mailbox."""
    password: Secret | None = None
    """Password; Yandex, Mail.ru and Gmail want one made for this program."""
    auth: Literal["password", "oauth2"] = "password"
    """How to log in; Exchange Online takes `oauth2` only."""
    oauth_url: str = ""
    """For `oauth2`: the address that gives tokens."""
    client_id: OneLine = ""
    """For `oauth2`: the id of the application."""
    client_secret: Secret | None = None
    """For `oauth2`: the secret of the application, if it has one."""
    refresh_token: Secret | None = None
    """For `oauth2`: what the provider gave when the mailbox was opened to the application, if it acts for a user."""
    scope: OneLine = ""
    """For `oauth2`: the scope to ask for, if the provider wants one."""
    address: Mailbox = ""
    """Address of the mailbox and sender of what the hub sends; the user, if that is an address."""
    sender_name: OneLine = ""
    """Name shown beside the address in what the hub sends, for example `ООО «Пример»`."""
    folders: Listed[str] = ("INBOX", "Sent")
    """Folders to read, separated by commas. `Sent` is the folder of sent mail, whatever the server calls it."""
    own: OurNames = ()
    """Our own domains and addresses, separated by commas; without it the domain of the mailbox, if it is not public."""
    since: Duration = timedelta(days=90)
    """How far back the first load reaches."""
    max_message_bytes: Annotated[int, Field(ge=64 * 1024, le=256 * 1024 * 1024)] = 32 * 1024 * 1024
    """Of a larger message only the headers are kept."""
    smtp_host: OneLine = ""
    """SMTP server, for example `smtp.yandex.ru`; without it the connection does not send."""
    smtp_port: Port | None = None
    """Port of the SMTP server; 465 for `smtps`, else 587."""
    smtp_tls: Literal["smtps", "starttls", "none"] = "smtps"
    """How the connection for sending is protected; `none` only for a server on this machine."""
    smtp_user: OneLine = ""
    """Login name for sending, if it is another."""
    smtp_password: Secret | None = None
    """Password for sending, if it is another."""
    ca_file: str = ""
    """File with the certificate (PEM) of the authority that signed those of the servers, if it is not a public one."""

    @model_validator(mode="before")
    @classmethod
    def _of_provider(cls, given: Any) -> Any:
        known = PROVIDERS.get(given.get("provider", "")) if isinstance(given, dict) else None
        return {**known, **given} if known else given

    @field_validator("folders")
    @classmethod
    def _folders(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one folder, for example INBOX")
        return tuple(dict.fromkeys("INBOX" if name.upper() == "INBOX" else name for name in value))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.host:
            raise ValueError("host: write the IMAP server, or name the provider")
        if self.auth == "password" and self.password is None:
            raise ValueError("password: write a reference to the password")
        if self.auth == "oauth2":
            self._check_oauth()
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError("tls: none is only for a server on this machine; write imaps or starttls")
        if self.smtp_host and self.smtp_tls == "none" and not is_loopback(self.smtp_host):
            raise ValueError("smtp_tls: none is only for a server on this machine; write smtps or starttls")
        if not self.mailbox:
            raise ValueError("address: write the address of the mailbox, because the user is not one")
        return self

    def _check_oauth(self) -> None:
        if not self.client_id or not (self.client_secret or self.refresh_token):
            raise ValueError("oauth2 needs client_id, and client_secret or refresh_token")
        scheme, _, place = self.oauth_url.partition("://")
        host = place.partition("/")[0].rpartition("@")[2].partition(":")[0]
        if scheme != "https" and not (scheme == "http" and is_loopback(host)):
            raise ValueError("oauth_url: write the address that gives tokens; it begins with https://")

    @property
    def mailbox(self) -> str:
        """Return the address of the mailbox."""
        parsed = Email.parse(self.address or self.user)
        return parsed.address if parsed else ""

    @property
    def ours(self) -> frozenset[str]:
        """Return the domains and addresses that are our own; the mailbox always is."""
        domain = self.mailbox.rpartition("@")[2]
        names = self.own or (() if domain in PUBLIC_DOMAINS else (domain,))
        return frozenset((*names, self.mailbox))
