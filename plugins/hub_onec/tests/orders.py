"""Commands as tests write them, and what the stand-in holds of them."""

from __future__ import annotations

import itertools
from typing import Any

from hub.api import Command
from hub.testing.peers.onec import OneCServer

CLIENTS = "Catalog_Контрагенты"
INVOICES = "Document_СчетНаОплатуПокупателю"
NOBODY = "11111111-2222-3333-4444-555555555555"
_ids = itertools.count(1)


def command(kind: str, data: Any = None, /, *, id: str = "", **more: Any) -> Command:  # noqa: A002 - as the field
    return Command(id=id or f"cmd-{next(_ids):08d}", kind=kind, data={**(data or {}), **more})


def held(server: OneCServer, set_name: str, key: str) -> dict[str, Any]:
    values: dict[str, Any] = server.base.sets[set_name].rows[key].values
    return values


def changes(server: OneCServer) -> list[str]:
    return [method for method, _ in server.writing.effects]
