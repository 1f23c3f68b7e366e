"""What the tests of changed addresses and accounts share: a client, words of a source, a person's word."""

from __future__ import annotations

from typing import Any

from inside import NOW, Source, run
from lab import item

from hub import requisites
from hub.store.database import Store
from hub.testing.peers.onec.samples import inn


def client(*addresses: str, key: str = "1", number: int = 5, **other: Any) -> dict[str, Any]:
    points = [{"type": "email", "value": it} for it in addresses]
    return item("client", key, **{"name": "Ромашка", "inn": inn(number), "kpp": "246001001", "points": points, **other})


def hear(store: Store, *items: dict[str, Any], source: str = "accounting") -> None:
    run(store, Source(), list(items), connection=source, order=("accounting", "desk"))


def confirm(store: Store, number: int) -> str:
    with store.write() as connection:
        return requisites.confirm(connection, number, "звонила бухгалтеру", by="anna", now=NOW)
