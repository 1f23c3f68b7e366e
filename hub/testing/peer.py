"""What the conformance kit asks of a peer: a real server or a stand-in on loopback that a test can drive."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Literal, Protocol

from hub.model.connector import Command

Fault = Literal["auth", "down", "cut", "garbage", "lost_answer", "refuse"]
"""Troubles a peer can make, until `fault(None)`:

auth         the credentials are refused, as after a changed password
down         nobody listens, or the file is not there
cut          an answer breaks off in the middle of the data
garbage      an HTML page (or noise) stands where data should be
lost_answer  a command takes effect and the connection dies before the answer
refuse       a command is understood and refused
"""


class Peer(Protocol):
    """One running other system.

    `streams` are those the peer can fill; `removable` those whose deletions the connector must notice; `faults` those
    troubles that exist for this kind of system. `add`, `change` and `remove` act on the system as its users would.
    """

    streams: ClassVar[Sequence[str]]
    removable: ClassVar[Collection[str]]
    faults: ClassVar[Collection[Fault]]

    def start(self) -> None:
        """Start with an empty system; returns when it answers."""
        ...

    def stop(self) -> None:
        """Stop it and free what it holds."""
        ...

    def settings(self) -> Mapping[str, str]:
        """Return the settings of a connection to it, as a person would write them."""
        ...

    def add(self, stream: str, count: int = 1) -> list[str]:
        """Create objects; return the external ids under which the connector must report them."""
        ...

    def change(self, stream: str, external_id: str) -> None:
        """Change the content of one object."""
        ...

    def remove(self, stream: str, external_id: str) -> None:
        """Delete one object for good."""
        ...

    def fault(self, name: Fault | None) -> None:
        """Make the trouble named, or none from now on."""
        ...

    def logins(self) -> int:
        """Return how many times credentials were presented and refused since the start."""
        ...

    def command(self) -> Command | None:
        """Return a fresh, valid command for this system, or `None` when the connector does not write."""
        ...

    def effects(self, command: Command) -> int:
        """Return how many times the command took effect in the system."""
        ...
