"""What a 1C programmer publishes besides OData: SOAP web services, HTTP services, and lists saved as .xlsx."""

from __future__ import annotations

from hub.api import API, ConnectorSpec, hookimpl

from .settings import ServicesSettings


@hookimpl
def register_connectors() -> list[ConnectorSpec]:
    """Announce the connector `onec_services`."""
    return [
        ConnectorSpec(
            "onec_services", "1C web and HTTP services", API, ServicesSettings, "hub_onec_services.connector:Services"
        )
    ]
