"""Pieces of letters that no record names any more: what is kept once goes with the last letter that brought it.

A sync may be about to name such a piece again. It keeps what it names for its whole transaction
(`hub.store.cutting.keep`), and the transaction that forgets looks once more, when nobody can begin to name it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, Function, func, select

from hub.store import bulk
from hub.store.database import Store
from hub.store.meta import get_meta, set_meta
from hub.store.packing import CUT, digests, head_bytes
from hub.store.tables import blob, record
from hub.store.types import Content, instant_text

COLLECT_EVERY = timedelta(days=1)
"""So often it is looked for loose pieces: every record is looked at."""
MOST_AT_ONCE = 1000
"""So many are forgotten in one transaction."""
_COLLECTED = "blobs/collected"
_BEGINNING = 512
"""Bytes of a record in which up to six pieces are named."""


def collect_daily(store: Store) -> int:
    """Forget pieces without a record, once a day; return how many. Raises ValueError when a record is damaged."""
    with store.read() as connection:
        now = store.now(connection)
        last = get_meta(connection, _COLLECTED)
        if (last and now - datetime.fromisoformat(last) < COLLECT_EVERY) or not bulk.not_empty(connection, [blob]):
            return 0
    found = collect(store)
    with store.write() as connection:
        set_meta(connection, _COLLECTED, instant_text(now))
    return found


def collect(store: Store) -> int:
    """Forget every piece without a record; return how many. Raises ValueError when a record is damaged."""
    with store.read() as connection:
        loose = sorted(set(connection.execute(select(blob.c.digest)).scalars()).difference(named(connection)))
    forgotten = 0
    for start in range(0, len(loose), MOST_AT_ONCE):
        with store.write() as connection:
            forgotten += forget(connection, loose[start : start + MOST_AT_ONCE])
    return forgotten


def forget(connection: Connection, pieces: list[str]) -> int:
    """Forget those of the pieces that no record names and no sync is about to name; return how many."""
    free = select(blob.c.digest).where(blob.c.digest.in_(pieces)).with_for_update(skip_locked=True)
    loose = set(connection.execute(free).scalars()).difference(named(connection))
    bulk.delete(connection, blob, ("digest",), [(digest,) for digest in sorted(loose)])
    return len(loose)


def named(connection: Connection) -> Iterator[str]:
    """Yield the pieces that records name. Raises ValueError for a damaged record: what it names cannot be known."""
    query = select(record.c.stream_id, record.c.external_id, _first(_BEGINNING)).where(_first(1) == CUT)
    with connection.execute(query.execution_options(yield_per=1000)) as found:
        for stream_id, external_id, beginning in found:
            head, size = bytes(beginning), head_bytes(bytes(beginning))
            if size > len(head):
                its = (record.c.stream_id == stream_id, record.c.external_id == external_id)
                head = bytes(connection.execute(select(_first(size)).where(*its)).scalar_one())
            yield from digests(head)


def _first(size: int) -> Function[bytes]:
    return func.substr(record.c.payload, 1, size, type_=Content)
