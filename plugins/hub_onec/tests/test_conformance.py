"""The promises of the connector `onec`, held against the stand-in."""

from hub.testing import conformance
from hub.testing.peers.onec import OneCPeer
from hub_onec import register_connectors

TestOneC = conformance(register_connectors()[0], peer=OneCPeer)
