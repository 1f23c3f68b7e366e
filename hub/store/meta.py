"""Small facts about the store itself, by name."""

from __future__ import annotations

from sqlalchemy import Connection, select

from hub.store import bulk
from hub.store.tables import meta


def get_meta(connection: Connection, name: str) -> str:
    """Return the value, empty when there is none."""
    return connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar() or ""


def set_meta(connection: Connection, name: str, value: str) -> None:
    """Keep the value."""
    bulk.upsert(connection, meta, ("name", "value"), ("name",), [(name, value)])
