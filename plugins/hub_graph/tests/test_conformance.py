"""The promises every connector makes, against the stand-in."""

from hub.testing import conformance
from hub.testing.peers.graph import GraphPeer
from hub_graph import register_connectors

TestGraph = conformance(register_connectors()[0], peer=GraphPeer)
