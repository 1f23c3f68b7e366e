"""A stand-in of 1C's standard OData interface on loopback: strict like the platform, with troubles to switch on."""

from __future__ import annotations

from .base import Infobase
from .peer import OneCPeer
from .samples import ACCOUNTING, TRADE, many_counterparties
from .server import OneCServer, Troubles

__all__ = ["ACCOUNTING", "TRADE", "Infobase", "OneCPeer", "OneCServer", "Troubles", "many_counterparties"]
