"""Calls of Asterisk and FreePBX: reads call detail records from Master.csv or from a database table."""

from __future__ import annotations

from hub.api import API, ConnectorSpec, hookimpl

from .settings import AsteriskSettings


@hookimpl
def register_connectors() -> list[ConnectorSpec]:
    """Announce the connector `asterisk`."""
    return [
        ConnectorSpec(
            "asterisk",
            "Calls (Asterisk)",
            api=API,
            settings=AsteriskSettings,
            factory="hub_asterisk.connector:Asterisk",
        )
    ]
