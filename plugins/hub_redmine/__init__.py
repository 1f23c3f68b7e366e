"""Tickets of Redmine: reads issues with their comments over its REST interface."""

from __future__ import annotations

from hub.api import API, ConnectorSpec, hookimpl

from .settings import RedmineSettings


@hookimpl
def register_connectors() -> list[ConnectorSpec]:
    """Announce the connector `redmine`."""
    return [
        ConnectorSpec(
            "redmine", "Tickets (Redmine)", api=API, settings=RedmineSettings, factory="hub_redmine.connector:Redmine"
        )
    ]
