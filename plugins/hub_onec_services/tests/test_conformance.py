"""The promises of every connector, held by these."""

from __future__ import annotations

from hub.testing import conformance
from hub.testing.peers.onec_services import ServicesPeer
from hub.testing.peers.onec_tables import TablesPeer
from hub_onec_services import register_connectors

TestServices = conformance(register_connectors()[0], peer=ServicesPeer)
TestTables = conformance(register_connectors()[1], peer=TablesPeer)
