"""What a 1C programmer publishes besides OData: SOAP web services, HTTP services, and lists saved as .xlsx."""

from __future__ import annotations

from hub.api import API, ConnectorSpec, hookimpl

from .settings import ServicesSettings
from .table_settings import TablesSettings


@hookimpl
def register_connectors() -> list[ConnectorSpec]:
    """Announce the connectors `onec_services` and `onec_tables`."""
    return [
        ConnectorSpec(
            "onec_services", "1C web and HTTP services", API, ServicesSettings, "hub_onec_services.connector:Services"
        ),
        ConnectorSpec("onec_tables", "Lists of 1C as .xlsx", API, TablesSettings, "hub_onec_services.tables:Tables"),
    ]
