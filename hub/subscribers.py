"""Tell plugins what happened: after the commit, each in its own isolation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import cast

import msgspec
from sqlalchemy import select

from hub.model.events import Envelope
from hub.plugins import Plugins
from hub.store import bulk
from hub.store.database import Store
from hub.store.problems import open_problem
from hub.store.tables import event, event_data

log = logging.getLogger("hub.subscribers")


def announcer(store: Store, plugins: Plugins, clock: Callable[[], datetime]) -> Callable[[Sequence[int]], None] | None:
    """Return what calls the subscribers with events by sequence number; `None` when nobody listens."""
    wanted: dict[str, list[tuple[str, Callable[[Envelope], None]]]] = {}
    for plugin in plugins.manager.hook.register_subscribers.get_hookimpls():
        try:
            answers = cast("Mapping[str, Callable[[Envelope], None]]", plugin.function())
            for type_, call in answers.items():
                wanted.setdefault(type_, []).append((plugin.plugin_name, call))
        except Exception as error:  # noqa: BLE001 the plugin's code: only its own subscriptions may suffer
            _note(store, plugin.plugin_name, error, clock())

    def announce(numbers: Sequence[int]) -> None:
        for envelope in _envelopes(store, numbers, wanted):
            for name, call in wanted[envelope.type]:
                try:
                    call(envelope)
                except Exception as error:  # noqa: BLE001 the plugin's code
                    _note(store, name, error, clock())

    return announce if wanted else None


def _envelopes(store: Store, numbers: Sequence[int], types: Mapping[str, object]) -> list[Envelope]:
    found = []
    with store.read() as connection:
        contents = dict(bulk.select_in(connection, event_data, ("seq", "data"), "seq", numbers))
        for start in range(0, len(numbers), 500):
            query = select(event).where(event.c.seq.in_(numbers[start : start + 500]), event.c.type.in_(list(types)))
            found += list(connection.execute(query.order_by(event.c.seq)))
    return [Envelope(**{**row._mapping, "data": msgspec.json.decode(contents.get(row.seq) or "null")}) for row in found]


def _note(store: Store, plugin: str, error: Exception, now: datetime) -> None:
    log.warning("a subscriber of plugin %s failed: %s", plugin, type(error).__name__)
    with store.write() as connection:
        open_problem(
            connection,
            f"plugin/{plugin}",
            scope="plugins",
            title=f"A subscriber of the plugin {plugin} failed: {type(error).__name__}",
            hint="Update or remove it: hub plugin list",
            now=now,
        )
