"""For authors of plugins: what their tests need, from this one place. Nothing is imported before it is used.

`conformance` makes the tests of all promises from one line; a `Peer` is the system that they drive, and a `Fault` a
trouble it can make. `connection_tools` gives a connector the tools that the hub gives it, for tests of your own; their
parts are `ConnectionTools`, `HttpxClient`, `LeapingClock` and `MemoryBlobs`. Stand-ins for known systems are in
`hub.testing.peers`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # at run time the package hub.testing.conformance is itself callable
    from hub.testing.conformance import conformance as conformance
    from hub.testing.peer import Fault as Fault
    from hub.testing.peer import Peer as Peer
    from hub.testing.tools import ConnectionTools as ConnectionTools
    from hub.testing.tools import HttpxClient as HttpxClient
    from hub.testing.tools import LeapingClock as LeapingClock
    from hub.testing.tools import MemoryBlobs as MemoryBlobs
    from hub.testing.tools import connection_tools as connection_tools

_PLACES = {
    "Fault": "peer",
    "Peer": "peer",
    "ConnectionTools": "tools",
    "HttpxClient": "tools",
    "LeapingClock": "tools",
    "MemoryBlobs": "tools",
    "connection_tools": "tools",
}
__all__ = ["conformance", *_PLACES]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
