"""Mail over IMAP and SMTP: reads folders, sends letters."""

from __future__ import annotations

from hub.api import API, ConnectorSpec, hookimpl

from .settings import ImapSettings


@hookimpl
def register_connectors() -> list[ConnectorSpec]:
    """Announce the connector `imap`."""
    return [
        ConnectorSpec("imap", "Mail (IMAP and SMTP)", api=API, settings=ImapSettings, factory="hub_imap.connector:Imap")
    ]
