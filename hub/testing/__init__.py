"""For authors of plugins: the conformance kit and stand-in servers on loopback."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # at run time the package hub.testing.conformance is itself callable
    from hub.testing.conformance import conformance as conformance
