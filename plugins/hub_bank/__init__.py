"""Bank exchange files in the form of 1C: payments from statements, payment orders into a folder."""

from __future__ import annotations

from hub.api import API, ConnectorSpec, hookimpl

from .settings import BankSettings


@hookimpl
def register_connectors() -> list[ConnectorSpec]:
    """Announce the connector `bank`."""
    return [
        ConnectorSpec(
            "bank", "Bank statements (1CClientBankExchange)", API, BankSettings, "hub_bank.connector:BankFiles"
        )
    ]
