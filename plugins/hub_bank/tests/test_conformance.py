"""The promises of every connector, held by this one."""

from __future__ import annotations

from hub.testing import conformance
from hub.testing.peers.bank import BankPeer
from hub_bank import register_connectors

TestBank = conformance(register_connectors()[0], peer=BankPeer)
