"""The hub with a sync broken on purpose; the kill runner must notice each of them.

cursor-first   the cursor is committed before its batch
batch-first    the batch is committed before its cursor, and what was stored before is not recognised
"""

from __future__ import annotations

import os
import uuid
from datetime import datetime
from typing import Any

import msgspec

import hub.sync
from hub import ingest
from hub.cli import main
from hub.model.connector import Batch
from hub.store import streams

_whole = hub.sync.Run._store


def cursor_first(self: Any, row: Any, batch: Batch, plan: Any, *, complete: bool, is_last: bool) -> None:
    with self.store.write() as connection:
        streams.save_cursor(connection, row.id, batch.cursor, self.store.now(connection), completed=is_last)
    _whole(self, row, Batch(batch.records), plan, complete=complete, is_last=is_last)


def batch_first(self: Any, row: Any, batch: Batch, plan: Any, *, complete: bool, is_last: bool) -> None:
    if not self.stream.snapshot:
        facts = [
            msgspec.structs.replace(fact, entry=msgspec.structs.replace(fact.entry, id=uuid.uuid4().hex))
            for fact in plan.facts
        ]
        with self.store.write() as connection:
            ingest.ingest(
                connection, self.name, facts, self.sources, datetime.fromisoformat("2026-05-12T00:00:00+00:00")
            )
        plan = msgspec.structs.replace(plan, facts=[])
    _whole(self, row, batch, plan, complete=complete, is_last=is_last)


BROKEN = {"cursor-first": cursor_first, "batch-first": batch_first}
hub.sync.Run._store = BROKEN[os.environ["SABOTAGE"]]  # type: ignore[method-assign,assignment]
main()
