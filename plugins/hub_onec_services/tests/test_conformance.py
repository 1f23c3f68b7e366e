"""The promises of every connector, held by this one."""

from __future__ import annotations

from hub.testing import conformance
from hub.testing.peers.onec_services import ServicesPeer
from hub_onec_services import register_connectors

TestServices = conformance(register_connectors()[0], peer=ServicesPeer)
