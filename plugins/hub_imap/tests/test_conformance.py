"""The promises of every connector, held by this one: on the stand-ins, and on a real Dovecot where there is one."""

from __future__ import annotations

import pytest

from hub.testing import conformance
from hub.testing.peers.dovecot import DovecotPeer, available
from hub.testing.peers.imap import MailPeer
from hub_imap import register_connectors

TestImap = conformance(register_connectors()[0], peer=MailPeer)

_WHY_NOT = available()


@pytest.mark.peer
@pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT or "-")
class TestDovecot(conformance(register_connectors()[0], peer=DovecotPeer)):
    """The same promises on the real server."""
