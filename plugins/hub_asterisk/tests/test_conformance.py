"""The promises every connector makes, against the file and against the table."""

from hub.testing import conformance
from hub.testing.peers.asterisk import AsteriskPeer, AsteriskTablePeer
from hub_asterisk import register_connectors

TestAsteriskFile = conformance(register_connectors()[0], peer=AsteriskPeer)
TestAsteriskTable = conformance(register_connectors()[0], peer=AsteriskTablePeer)
