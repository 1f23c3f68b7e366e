"""A connector for tests that plays a script: a JSON file says which batches it yields and how it misbehaves.

It is a real plugin of a distribution of its own, so that child processes find it as they find any other.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from hub import api
from hub.api import (
    API,
    Batch,
    Check,
    ConnectorSpec,
    Cursor,
    Event,
    Record,
    Reference,
    Secret,
    Settings,
    Stream,
    Tools,
    hookimpl,
)

KINDS: dict[str, Any] = {entity.kind: entity for entity in get_args(api.Entity)}


class ScriptedSettings(Settings):
    """Where the script is."""

    source: str
    """The JSON file."""
    password: Secret | None = None
    """Compared with the password of the script."""
    spelling: str = ""
    """Said in the note of everything: another spelling is another version of the plugin."""


class Scripted:
    """Plays the script. A stream with `cursor` goes on after the batch whose number its cursor tells."""

    def __init__(self, settings: ScriptedSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools

    def _script(self) -> dict[str, Any]:
        script: dict[str, Any] = msgspec.json.decode(Path(self._settings.source).read_bytes())
        if script.get("password") and (
            self._settings.password is None or self._settings.password.get_secret_value() != script["password"]
        ):
            with Path(self._settings.source + ".refused").open("a") as log:
                log.write("refused\n")
            raise api.AuthError("the password is refused.", hint="Correct it.")
        return script

    def check(self) -> Check:
        """Say nothing."""
        self._script()
        return Check()

    def streams(self) -> Sequence[Stream]:
        """Return the streams of the script."""
        return [Stream(it["name"], snapshot=it.get("snapshot", False)) for it in self._script()["streams"]]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Yield the batches of the script, those after the cursor where the stream has one."""
        script = next(it for it in self._script()["streams"] if it["name"] == stream.name)
        yield from many(**script.get("many", {"count": 0}))
        start = int(cursor["batch"]) + 1 if cursor and script.get("cursor") else 0
        for number, batch in enumerate(script["batches"]):
            if number < start:
                continue
            misbehave(batch.get("act", ""))
            if batch.get("act") == "wrong batch":
                yield {"records": []}  # type: ignore[misc]
                continue
            records = [self._record(it) for it in batch.get("records", ())]
            yield Batch(records, cursor={"batch": number} if script.get("cursor") else batch.get("cursor"),
                        present=batch.get("present", ()), complete=batch.get("complete", False))  # fmt: skip

    @staticmethod
    def _record(it: Any) -> Any:
        if not isinstance(it, dict):
            return it
        payload = b"" if it.get("deleted") else msgspec.json.encode(it["payload"])
        return Record(it["id"], payload, version=it.get("version", ""), deleted=it.get("deleted", False))

    def normalise(self, record: Record) -> Iterable[Event]:
        """Say what the payload says: `{"events": [{type, kind, id, data, time, event}]}`."""
        content = msgspec.json.decode(record.payload)
        misbehave(content.get("act", ""))
        for it in content.get("events", ()):
            if self._settings.spelling:
                it["data"]["note"] = self._settings.spelling
            yield Event(it["type"], Reference(it["kind"], it["id"]), msgspec.convert(it["data"], KINDS[it["kind"]]),
                        time=msgspec.convert(it.get("time"), _MAYBE_TIME), id=it.get("event", ""))  # fmt: skip


def misbehave(act: str) -> None:
    """Do what a bad plugin does."""
    if act == "raise":
        raise ZeroDivisionError("the plugin has a bug")
    if act == "exit":
        sys.exit(5)
    if act == "print":
        print("a plugin talks to the screen")
    if act == "unavailable":
        raise api.Unavailable("the other system is down.")
    if act == "auth":
        raise api.AuthError("the password is refused.", hint="Correct it.")
    if act == "bad":
        raise api.BadRecord("this record is broken.")
    if act == "generator exit":
        raise GeneratorExit
    if act == "leak":  # until none are left
        while True:
            LEAKED.append(os.open(os.devnull, os.O_RDONLY))
    if act == "eat":
        bytearray(1 << 44)
    if act == "hang":
        threading.Event().wait()


LEAKED: list[int] = []
"""Descriptors that a bad plugin keeps."""


def many(*, count: int, size: int = 0, noise: bool = False) -> Iterator[Batch]:
    """Yield so many clients, made as they are asked for, each with so many bytes of ballast, packable or not."""
    for start in range(0, count, 200):
        records = []
        for number in range(start, min(start + 200, count)):
            ballast = random.Random(number).randbytes(size // 2).hex() if noise else "x" * size
            events = [
                {"type": "client.observed", "kind": "client", "id": f"m{number}", "data": {"name": f"Ромашка {number}"}}
            ]
            records.append(Record(f"m{number}", msgspec.json.encode({"events": events, "ballast": ballast})))
        yield Batch(records)


_MAYBE_TIME: Any = __import__("datetime").datetime | None


@hookimpl
def register_connectors() -> list[ConnectorSpec]:
    """Announce it."""
    return [ConnectorSpec("scripted", "Script", api=API, settings=ScriptedSettings, factory="hub_scripted:Scripted")]
