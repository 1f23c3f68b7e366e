"""Mail, meetings and tasks on an Exchange server of the firm: reads folders, sends letters."""

from __future__ import annotations

from hub.api import API, ConnectorSpec, hookimpl

from .settings import ExchangeSettings


@hookimpl
def register_connectors() -> list[ConnectorSpec]:
    """Announce the connector `exchange`."""
    return [
        ConnectorSpec(
            "exchange",
            "Microsoft Exchange",
            api=API,
            settings=ExchangeSettings,
            factory="hub_exchange.connector:Exchange",
        )
    ]
