"""A stand-in of 1C's standard OData interface on loopback: strict like the platform, with troubles to switch on."""

from __future__ import annotations

from .base import Infobase
from .full import ACCOUNTING_REGISTERS, FULL_ACCOUNTING, FULL_TRADE, TRADE_REGISTERS
from .load import infobase
from .peer import OneCPeer
from .samples import ACCOUNTING, TRADE, many_counterparties
from .server import OneCServer, Troubles

__all__ = [
    "ACCOUNTING",
    "ACCOUNTING_REGISTERS",
    "FULL_ACCOUNTING",
    "FULL_TRADE",
    "TRADE",
    "TRADE_REGISTERS",
    "Infobase",
    "OneCPeer",
    "OneCServer",
    "Troubles",
    "infobase",
    "many_counterparties",
]
