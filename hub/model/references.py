"""How one thing points to another: by the system it lives in, its kind and its id there, or by a mailbox."""

from __future__ import annotations

from msgspec import Struct

from hub.model.values import Email


class Reference(Struct, frozen=True, omit_defaults=True):
    """Where a thing lives: `kind` and the source's own id; an empty `connection` means the one that says it."""

    kind: str
    external_id: str
    connection: str = ""

    def __str__(self) -> str:
        return f"{self.connection}/{self.kind}/{self.external_id}"


def email_key(raw: str) -> str:
    """Return the key of an e-mail address, or an empty string when it is not one."""
    email = Email.parse(raw)
    return f"email:{email.address}" if email else ""
