"""A stand-in for what a 1C base publishes besides OData: SOAP by its description, and JSON under `hs/`."""

from __future__ import annotations

from .peer import ServicesPeer
from .server import Fault, Refusal, ServicesServer, WebService
from .wsdl import EXCHANGE, EXCHANGE_SPACE, ROWS_SPACE

__all__ = [
    "EXCHANGE",
    "EXCHANGE_SPACE",
    "ROWS_SPACE",
    "Fault",
    "Refusal",
    "ServicesPeer",
    "ServicesServer",
    "WebService",
]
