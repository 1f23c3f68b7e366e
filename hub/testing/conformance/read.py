"""Reading: everything there is, every change once, from any point, through any trouble."""

from __future__ import annotations

from hub.testing.conformance.kit import Case, expect, promise

FEW = 3
MANY = 250


@promise("bronze")
def streams_have_names(case: Case) -> None:
    """Streams have unique names, and those the peer fills are among them."""
    with case.started() as harness:
        names = [stream.name for stream in harness.connector().streams()]
        expect(names and all(names), "a stream has no name, or there is no stream")
        expect(len(names) == len(set(names)), f"stream names repeat: {names}")
        missing = set(harness.peer.streams) - set(names)
        expect(not missing, f"the peer fills {sorted(missing)}, but the connector has {names}")


@promise("bronze")
def first_read_is_whole(case: Case) -> None:
    """The first read gives exactly what the source has."""
    for harness, stream in case.each_stream():
        ids = set(harness.peer.add(stream.name, FEW))
        harness.sync(stream)
        expect(harness.ids(stream) == ids, f"{stream.name}: expected {sorted(ids)}, read {sorted(harness.ids(stream))}")


@promise("bronze")
def empty_source_is_empty(case: Case) -> None:
    """An empty source gives no records and no error."""
    for harness, stream in case.each_stream():
        harness.sync(stream)
        expect(not harness.ids(stream), f"{stream.name}: read {sorted(harness.ids(stream))} from an empty source")
