"""Reading: everything there is, every change once, from any point and through any trouble."""

from __future__ import annotations

import gc
import threading
import time
import warnings
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec

from hub.model.connector import Record, Stream
from hub.model.errors import AuthError, HubError, Unavailable
from hub.testing.conformance.harness import Harness, Skipped
from hub.testing.conformance.kit import Case, describe, expect, expect_error, fail, promise
from hub.testing.peer import Fault

FEW = 3
MANY = 250
MOST_STOPS = 12
MOST_CURSOR_BYTES = 4096
MOST_ID_CHARACTERS = 1000
PATIENCE_SECONDS = 2.0


@promise("bronze")
def streams_have_names(case: Case) -> None:
    """Streams have unique names, and those the peer fills are among them."""
    harness = case.start()
    names = [stream.name for stream in harness.connector().streams()]
    expect(names and all(names), "a stream has no name, or there is no stream")
    expect(len(names) == len(set(names)), f"stream names repeat: {names}")
    missing = set(harness.peer.streams) - set(names)
    expect(not missing, f"the peer fills {sorted(missing)}, but the connector has {names}")


@promise("bronze")
def records_are_raw(case: Case) -> None:
    """A record has an id that is unique in its batch and non-empty bytes; a deleted one has no bytes."""
    for harness, stream in case.each_stream():
        harness.peer.add(stream.name, FEW)
        for batch in harness.batches(stream):
            for record in batch.records:
                _expect_raw(record)
            ids = [record.external_id for record in batch.records]
            expect(len(ids) == len(set(ids)), f"{stream.name}: a batch has an id twice: {sorted(ids)[:5]}")


def _expect_raw(record: Record) -> None:
    expect(isinstance(record, Record), f"a batch holds {type(record).__name__} instead of Record")
    expect(isinstance(record.external_id, str) and record.external_id, "a record has no external_id")
    expect(len(record.external_id) <= MOST_ID_CHARACTERS, f"the external_id has {len(record.external_id)} characters")
    expect(isinstance(record.payload, bytes), f"the payload is {type(record.payload).__name__}, not the bytes received")
    expect(isinstance(record.version, str), f"the version is {type(record.version).__name__}, not text")
    expect(bool(record.payload) != record.deleted, f"record {record.external_id}: a payload, or deleted, and not both")


@promise("bronze")
def empty_source_is_empty(case: Case) -> None:
    """An empty source gives no records and no error."""
    for harness, stream in case.each_stream():
        harness.sync(stream)
        expect(not harness.ids(stream), f"{stream.name}: read {sorted(harness.ids(stream))} from an empty source")


@promise("bronze", vital=True)
def first_read_is_whole(case: Case) -> None:
    """The first read gives exactly what the source has."""
    for harness, stream in case.each_stream():
        ids = set(harness.peer.add(stream.name, FEW))
        harness.sync(stream)
        _expect_ids(harness, stream, ids, "after the first read")


@promise("bronze")
def nothing_changed_is_nothing_new(case: Case) -> None:
    """A second read without a change brings nothing new, changed or gone, so that nothing is written."""
    for harness, stream in case.each_stream():
        harness.peer.add(stream.name, FEW)
        harness.sync(stream)
        run = harness.sync(stream)
        expect(not (run.new or run.changed or run.gone), f"{stream.name}: nothing happened, but the read brought {run}")


@promise("bronze")
def addition_appears(case: Case) -> None:
    """What is added after a read appears in the next one, even in the same second."""
    for harness, stream in case.each_stream():
        ids = set(harness.peer.add(stream.name, FEW))
        harness.sync(stream)
        added = set(harness.peer.add(stream.name, FEW))
        run = harness.sync(stream)
        expect(run.new == added, f"{stream.name}: {sorted(added)} were added, but the read brought {run}")
        _expect_ids(harness, stream, ids | added, "after an addition")


@promise("bronze")
def change_appears(case: Case) -> None:
    """When one object changes, exactly that one changes in the next read."""
    for harness, stream in case.each_stream():
        changed = harness.peer.add(stream.name, FEW)[1]
        harness.sync(stream)
        harness.change(stream, changed)
        run = harness.sync(stream)
        expect(run.changed == {changed}, f"{stream.name}: {changed} was changed, but the read brought {run}")
        expect(not run.new and not run.gone, f"{stream.name}: one change brought {run}")


@promise("bronze")
def prints_nothing(case: Case) -> None:
    """Reading prints nothing, because standard output belongs to the command line."""
    for harness, stream in case.each_stream():
        harness.peer.add(stream.name, FEW)
        printed = StringIO()
        with redirect_stdout(printed):
            harness.sync(stream)
        expect(not printed.getvalue(), f"{stream.name}: reading printed {printed.getvalue()[:60]!r}")


@promise("bronze")
def refused_credentials_stop_reading(case: Case) -> None:
    """Credentials that are refused while reading raise AuthError after one try and take nothing away."""
    case.need_fault("auth")
    for harness, stream in case.each_stream():
        harness.peer.add(stream.name, FEW)
        harness.sync(stream)
        before, logins = harness.contents(stream), harness.peer.logins()
        harness.peer.fault("auth")
        expect_error(AuthError, partial(harness.sync, stream), f"{stream.name}: reading with refused credentials")
        tries = harness.peer.logins() - logins
        expect(tries == 1, f"{stream.name}: the refused credentials were presented {tries} times")
        expect(
            harness.contents(stream) == before, f"{stream.name}: records vanished while the credentials were refused"
        )


@promise("silver")
def cursor_is_small_json(case: Case) -> None:
    """A cursor is a JSON object of at most 4 KiB that comes back from the store as it went in."""
    for harness, stream in case.each_stream():
        harness.peer.add(stream.name, MANY)
        for batch in harness.batches(stream):
            if batch.cursor is not None:
                _expect_small_json(batch.cursor, stream)


def _expect_small_json(cursor: Any, stream: Stream) -> None:
    try:
        kept = msgspec.json.encode(cursor)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{stream.name}: the cursor is no JSON: {error}") from error
    back = msgspec.json.decode(kept)
    expect(isinstance(back, dict), f"{stream.name}: the cursor is {type(cursor).__name__}, not an object")
    expect(back == cursor, f"{stream.name}: the cursor {cursor} comes back from the store as {back}")
    expect(len(kept) <= MOST_CURSOR_BYTES, f"{stream.name}: the cursor has {len(kept)} bytes, at most 4096 are allowed")


@promise("silver")
def unreadable_cursor_reads_anew(case: Case) -> None:
    """A cursor that cannot be read, such as one of an older version, means a read from the start without loss."""
    for harness, stream in case.each_stream():
        ids = set(harness.peer.add(stream.name, FEW))
        harness.sync(stream)
        known = dict(harness.cursor(stream) or {})
        spoilt = [dict.fromkeys(known, value) for value in (None, "?", -1, ["?"], {"?": 1})] if known else []
        for cursor in ({"nonsense": 1}, {}, *spoilt):
            harness.forget()
            harness.set_cursor(stream, cursor)
            try:
                harness.sync(stream)
            except Exception as error:
                raise AssertionError(f"{stream.name}: the cursor {cursor} raises {describe(error)}") from error
            _expect_ids(harness, stream, ids, f"after the unreadable cursor {cursor}")


@promise("silver")
def resumes_after_any_batch(case: Case) -> None:
    """Stopped after any batch and started anew, reading ends as if undisturbed, also with equal times at page edges."""
    for harness, stream in case.each_stream():
        ids = set(harness.peer.add(stream.name, MANY))
        batches = harness.sync(stream).batches
        _expect_ids(harness, stream, ids, f"after a read of {MANY} objects that were added at once")
        undisturbed = harness.contents(stream)
        for stop in _spread(batches):
            harness.forget()
            harness.sync(stream, stop_after=stop)
            harness.sync(stream)
            lost = set(undisturbed) - harness.ids(stream)
            expect(not lost, f"{stream.name}: stopped after batch {stop} of {batches}, {len(lost)} records were lost")
            expect(
                harness.contents(stream) == undisturbed, f"{stream.name}: stopped after batch {stop}, contents differ"
            )


@promise("silver")
def changes_while_reading_are_kept(case: Case) -> None:
    """What is added and changed between two batches is there at the latest after the next read."""
    for harness, stream in case.each_stream():
        ids = harness.peer.add(stream.name, MANY)

        def meanwhile(harness: Harness = harness, stream: Stream = stream, ids: list[str] = ids) -> None:
            ids += harness.peer.add(stream.name, FEW)
            for external_id in (ids[0], ids[len(ids) // 2]):
                _change(harness, stream, external_id)

        harness.sync(stream, between=meanwhile)
        harness.sync(stream)
        _expect_ids(harness, stream, set(ids), "after objects were added while reading")
        read = harness.contents(stream)
        harness.forget()
        harness.sync(stream)
        expect(read == harness.contents(stream), f"{stream.name}: a change that came while reading was lost")


def _change(harness: Harness, stream: Stream, external_id: str) -> None:
    try:
        harness.change(stream, external_id)
    except Skipped:
        return  # additions alone are a fair trial where nothing ever changes


@promise("silver", vital=True)
def survives_down(case: Case) -> None:
    """A system that goes down before or while reading raises Unavailable, and nothing is lost or marked gone."""
    _survive(case, "down", (Unavailable,))


@promise("silver")
def survives_cut(case: Case) -> None:
    """An answer that breaks off is an error and never a short list, and nothing is lost or marked gone."""
    _survive(case, "cut", (HubError,))


@promise("silver")
def survives_garbage(case: Case) -> None:
    """A page of noise in the place of data is one of the five errors, and nothing is lost or marked gone."""
    _survive(case, "garbage", (HubError,))


def _survive(case: Case, trouble: Fault, errors: tuple[type[HubError], ...]) -> None:
    case.need_fault(trouble)
    for harness, stream in case.each_stream():
        ids = set(harness.peer.add(stream.name, FEW))
        harness.sync(stream)
        ids |= set(harness.peer.add(stream.name, MANY))
        harness.peer.fault(trouble)
        _troubled(harness, stream, ids, errors, f"{stream.name}: {trouble!r} from the start")
        harness.peer.fault(None)
        _expect_healed(harness, stream, ids, f"after {trouble!r} from the start")
        harness.forget()
        _troubled(harness, stream, ids, errors, f"{stream.name}: {trouble!r} after the first batch", late=trouble)
        harness.peer.fault(None)
        _expect_healed(harness, stream, ids, f"after {trouble!r} in the middle")


def _troubled(
    harness: Harness,
    stream: Stream,
    ids: set[str],
    errors: tuple[type[HubError], ...],
    when: str,
    *,
    late: Fault | None = None,
) -> None:
    before = harness.ids(stream)
    try:
        harness.sync(stream, between=(lambda: harness.peer.fault(late)) if late else None)
    except errors:
        pass
    except Exception as error:
        names = " or ".join(kind.__name__ for kind in errors)
        raise AssertionError(f"{when} must raise {names}, not {describe(error)}") from error
    else:
        missing = ids - harness.ids(stream)
        expect(not missing, f"{when} raised nothing, although {len(missing)} records are missing")
    expect(before <= harness.ids(stream), f"{when} marked {len(before - harness.ids(stream))} records gone")


def _expect_healed(harness: Harness, stream: Stream, ids: set[str], when: str) -> None:
    harness.sync(stream)
    _expect_ids(harness, stream, ids, when)
    healed = harness.contents(stream)
    harness.forget()
    harness.sync(stream)
    expect(healed == harness.contents(stream), f"{stream.name}: contents differ {when}")


@promise("gold")
def removal_is_noticed(case: Case) -> None:
    """What is deleted in the source is gone after a complete read, and nothing else is."""
    for harness, stream in case.each_stream(removable=True):
        first, *others = harness.peer.add(stream.name, FEW + 1)
        harness.sync(stream)
        harness.peer.remove(stream.name, first)
        gone = harness.sync(stream).gone
        if not gone:
            harness.set_cursor(stream, None)
            gone = harness.sync(stream).gone
        expect(gone == {first}, f"{stream.name}: {first} was deleted, but gone are {sorted(gone)}")
        run = harness.sync(stream)
        expect(not (run.new or run.changed or run.gone), f"{stream.name}: after a deletion the next read brought {run}")
        _expect_ids(harness, stream, set(others), "after a deletion")


@promise("gold")
def reading_leaves_no_trace(case: Case) -> None:
    """Reading does not change the source: another reader sees the same afterwards."""
    for harness, stream in case.each_stream():
        harness.peer.add(stream.name, FEW)
        harness.sync(stream)
        first = harness.contents(stream)
        harness.forget()
        harness.sync(stream)
        expect(harness.contents(stream) == first, f"{stream.name}: reading changed what a second reader sees")


@promise("gold")
def closes_cleanly(case: Case) -> None:
    """A read that is closed after its first batch leaves no thread, no open socket and no open file."""
    for harness, stream in case.each_stream():
        harness.peer.add(stream.name, MANY)
        harness.sync(stream)
        harness.disconnect()
        gc.collect()
        threads, files = set(threading.enumerate()), open_files()
        harness.forget()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            harness.sync(stream, stop_after=1)
            gc.collect()
        harness.disconnect()
        leaks = [str(warning.message) for warning in caught if issubclass(warning.category, ResourceWarning)]
        expect(not leaks, f"{stream.name}: a closed read left open: {leaks[:2]}")
        late = time.monotonic() + PATIENCE_SECONDS
        while (left := set(threading.enumerate()) - threads or open_files() - files) and time.monotonic() < late:
            time.sleep(0.01)
        expect(not left, f"{stream.name}: a closed read left behind {left}")


def open_files() -> set[str]:
    """Return what is open in this process, where the system tells."""
    folder = Path("/proc/self/fd")
    found = set()
    for entry in folder.iterdir() if folder.exists() else ():
        try:
            found.add(f"{entry.name} {entry.readlink()}")
        except OSError:
            continue  # the handle of this very listing
    return found


def _spread(count: int) -> list[int]:
    """Return at most a dozen whole numbers from 1 to below the count, both ends among them."""
    stops = range(1, max(count, 2))
    step = max(1, -(-len(stops) // MOST_STOPS))
    return sorted({*stops[::step], stops[-1]})


def _expect_ids(harness: Harness, stream: Stream, ids: set[str], when: str) -> None:
    have = harness.ids(stream)
    if have != ids:
        missing, extra = sorted(ids - have), sorted(have - ids)
        fail(
            f"{stream.name}: {when} {len(missing)} records are missing {missing[:3]} "
            f"and {len(extra)} are not in the source {extra[:3]}"
        )
