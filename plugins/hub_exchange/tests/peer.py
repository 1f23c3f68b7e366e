"""The stand-in with the official schema, where a copy of it lies beside the project."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hub.testing.peers.ews import EwsPeer

SCHEMA = Path(__file__).resolve().parents[3].parent / "shared/data/mail/ews/schema/ews-validate.xsd"


class StrictPeer(EwsPeer):
    """The stand-in held to the official schema if there is a copy, else to its own."""

    schema: ClassVar[Path | None] = SCHEMA if SCHEMA.is_file() else None
