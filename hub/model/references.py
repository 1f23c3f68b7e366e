"""How one thing points to another: by the system it lives in, its kind and the id it has there."""

from __future__ import annotations

from msgspec import Struct


class Reference(Struct, frozen=True, omit_defaults=True):
    """Where a thing lives: `kind` and the source's own id; an empty `connection` means the one that says it."""

    kind: str
    external_id: str
    connection: str = ""

    def __str__(self) -> str:
        return f"{self.connection}/{self.kind}/{self.external_id}"
