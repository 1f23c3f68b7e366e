"""Mail at Microsoft 365 over Microsoft Graph: reads folders, sends letters."""

from __future__ import annotations

from hub.api import API, ConnectorSpec, hookimpl

from .settings import GraphSettings


@hookimpl
def register_connectors() -> list[ConnectorSpec]:
    """Announce the connector `graph`."""
    return [
        ConnectorSpec(
            "graph", "Microsoft 365 (Graph)", api=API, settings=GraphSettings, factory="hub_graph.connector:Graph"
        )
    ]
