"""1C:Enterprise over its standard OData interface: clients, contracts, invoices, sales and payments."""

from __future__ import annotations

from hub.api import API, ConnectorSpec, hookimpl

from .settings import OneCSettings


@hookimpl
def register_connectors() -> list[ConnectorSpec]:
    """Announce the connector `onec`."""
    return [
        ConnectorSpec(
            "onec", "1C:Enterprise (OData)", api=API, settings=OneCSettings, factory="hub_onec.connector:OneC"
        )
    ]
