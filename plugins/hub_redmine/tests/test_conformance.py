"""The promises every connector makes, against the stand-in."""

from hub.testing import conformance
from hub.testing.peers.redmine import RedminePeer
from hub_redmine import register_connectors

TestRedmine = conformance(register_connectors()[0], peer=RedminePeer)
