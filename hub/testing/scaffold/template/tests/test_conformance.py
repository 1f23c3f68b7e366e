"""Every promise of a connector, checked against the stand-in."""

from hub_notebook import register_connectors
from notebook_peer import NotebookPeer

from hub.testing import conformance

TestNotebook = conformance(register_connectors()[0], peer=NotebookPeer)
