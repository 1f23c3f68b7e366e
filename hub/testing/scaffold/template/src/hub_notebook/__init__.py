"""Notebook for the hub: clients and tickets in, new tickets out."""

from __future__ import annotations

from hub.api import API, ConnectorSpec, hookimpl

from .settings import NotebookSettings


@hookimpl
def register_connectors() -> list[ConnectorSpec]:
    """Announce the connector."""
    return [
        ConnectorSpec(
            name="notebook",
            title="Notebook",
            api=API,
            settings=NotebookSettings,
            factory="hub_notebook.connector:Notebook",
        )
    ]
