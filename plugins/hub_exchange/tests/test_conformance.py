"""The promises of every connector, held by this one on the stand-in."""

from __future__ import annotations

from hub.testing import conformance
from hub_exchange import register_connectors

from .peer import StrictPeer

TestExchange = conformance(register_connectors()[0], peer=StrictPeer)
