"""The promises of the connector `onec`, held against the stand-in in each way in which it is read."""

from __future__ import annotations

from collections.abc import Mapping

from hub.testing import conformance
from hub.testing.peers.onec import ACCOUNTING, Infobase, OneCPeer
from hub_onec import register_connectors


class OrderedPeer(OneCPeer):
    """A base that compares references in the order in which it sorts them, so that pages are asked for by key."""

    def __init__(self) -> None:
        super().__init__()
        self.base.reference_order = "stored"


class PlannedPeer(OneCPeer):
    """A base whose exchange plan tells of changes."""

    def __init__(self) -> None:
        super().__init__()
        sets = [model.name for model in ACCOUNTING]
        self.base = self.server.base = Infobase(ACCOUNTING, (), {"Связка": sets})
        self.base.add("ExchangePlan_Связка", Code="HUB")

    def settings(self) -> Mapping[str, str]:
        """Return the settings of a connection that uses the plan."""
        return {**super().settings(), "exchange_plan": "ExchangePlan_Связка", "exchange_node": "HUB"}


(SPEC,) = register_connectors()
TestOneC = conformance(SPEC, peer=OneCPeer)
TestOneCByKey = conformance(SPEC, peer=OrderedPeer)
TestOneCByPlan = conformance(SPEC, peer=PlannedPeer)
