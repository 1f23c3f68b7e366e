"""Measure what a large publication costs the connector: `python -m hub_onec.tests.measure --documents 1000000`.

The stand-in runs in a process of its own. Prints one JSON object: size of `$metadata`, seconds of processor time for
parsing it, and the peak of the memory (MB) at the start, after `$metadata`, after the first tenth and at the end.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hub.api import Batch, Cursor, Stream
from hub.testing.conformance.harness import ConnectionTools, HttpxClient, LeapingClock, MemoryBlobs
from hub_onec import resolve
from hub_onec.connector import OneC
from hub_onec.metadata import read_schema
from hub_onec.settings import OneCSettings


def peak() -> float:
    """Return the most memory this process ever held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage counts what the process held that started us as well
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
        if found:
            return round(int(found[1]) / 1024, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


@contextmanager
def serving(*arguments: str) -> Iterator[list[str]]:
    """Run the stand-in beside us; give its address, user and password."""
    command = [sys.executable, "-m", "hub.testing.peers.onec", "--counterparties", "10", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        yield [url, *process.stdout.readline().split()]
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def measure(documents: int, filler: int, page: int) -> dict[str, Any]:
    """Return the figures of one publication."""
    arguments = ["--documents", str(documents), "--filler", str(filler), "--compares-references"]
    with serving(*arguments) as (url, user, password):
        http = HttpxClient(LeapingClock())
        try:
            given = {"url": url, "user": user, "password": password, "zone": "Asia/Krasnoyarsk", "page": str(page)}
            return _figures(OneCSettings.model_validate(given), http, documents)
        finally:
            http.close()


def _figures(settings: OneCSettings, http: HttpxClient, documents: int) -> dict[str, Any]:
    figures: dict[str, Any] = {"start": peak()}
    tools = ConnectionTools("x", http=http, blobs=MemoryBlobs(), clock=LeapingClock(), stale=_nothing_known)
    connector = OneC(settings, tools)
    streams = {it.name for it in connector.streams()}
    content = connector._client.metadata()
    began = time.process_time()
    read_schema(content, resolve.wanted_types(connector._found()))
    figures |= {"metadata_bytes": len(content), "sets": len(connector._client.published()), "streams": len(streams),
                "metadata_cpu_seconds": round(time.process_time() - began, 2), "after_metadata": peak()}  # fmt: skip
    del content
    began = time.process_time()
    cursor: Cursor | None = None
    read = 0
    for batch in _batches(connector, cursor):
        read += len(batch.records)
        for record in batch.records:
            list(connector.normalise(record))
        if read >= documents // 10 and "after_tenth" not in figures:
            figures["after_tenth"] = peak()
    return {**figures, "documents": read, "cpu_seconds": round(time.process_time() - began, 1), "end": peak()}


def _batches(connector: OneC, cursor: Cursor | None) -> Iterator[Batch]:
    return connector.read(Stream("invoices"), cursor)


def _nothing_known(_: str, versions: Mapping[str, str]) -> set[str]:
    return set(versions)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m hub_onec.tests.measure")
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--filler", type=int, default=5000)
    parser.add_argument("--page", type=int, default=1000)
    given = parser.parse_args()
    print(json.dumps(measure(given.documents, given.filler, given.page)))


if __name__ == "__main__":
    main()
