"""The small core inside the kit keeps the rules of the real one."""

import pytest
import sabotage
from hub_notebook.connector import Notebook
from notebook_peer import KEY, NotebookPeer

from hub.api import Batch, Record, Stream
from hub.testing.conformance.harness import Harness

SNAPSHOT = Stream("clients", snapshot=True)
STREAM = Stream("clients")


@pytest.fixture
def harness():
    peer = NotebookPeer()
    peer.start()
    made = Harness(sabotage.HONEST, peer)
    yield made
    made.close()


@pytest.fixture
def source(monkeypatch):
    """Return a list; what is put in is read, batch by batch."""
    batches = []
    monkeypatch.setattr(Notebook, "read", lambda self, stream, cursor: iter(batches))
    monkeypatch.setattr(Notebook, "normalise", lambda self, record: [])
    return batches


def record(external_id, payload=b"{}", version=""):
    return Record(external_id, payload, version)


def test_absent_records_are_gone_after_a_complete_snapshot(harness, source):
    source[:] = [Batch([record("a"), record("b"), record("c")])]
    harness.sync(SNAPSHOT)
    source[:] = [Batch([record("a")]), Batch(present={"b"}, complete=True)]

    assert harness.sync(SNAPSHOT).gone == {"c"}
    assert harness.ids(SNAPSHOT) == {"a", "b"}


@pytest.mark.parametrize(("stream", "complete"), [(SNAPSHOT, False), (STREAM, True)])
def test_absent_records_stay_otherwise(harness, source, stream, complete):
    source[:] = [Batch([record("a"), record("b")])]
    harness.sync(stream)
    source[:] = [Batch([record("a")], complete=complete)]

    assert harness.sync(stream).gone == set()
    assert harness.ids(stream) == {"a", "b"}


def test_deleted_record_is_gone_and_may_return(harness, source):
    source[:] = [Batch([record("a")])]
    harness.sync(STREAM)
    source[:] = [Batch([Record("a", deleted=True), Record("never seen", deleted=True)])]
    assert harness.sync(STREAM).gone == {"a"}
    source[:] = [Batch([record("a")])]

    assert harness.sync(STREAM).new == {"a"}


@pytest.mark.parametrize(
    ("before", "after", "is_changed"),
    [
        (record("a", b"1"), record("a", b"1"), False),
        (record("a", b"1"), record("a", b"2"), True),
        (record("a", b"1", "v1"), record("a", b"2", "v2"), True),
        (record("a", b"1", "v1"), record("a", b"2", "v1"), False),
        (record("a", b"1", "v1"), record("a", b"1", "v2"), False),
    ],
)
def test_equal_bytes_or_equal_versions_are_no_change(harness, source, before, after, is_changed):
    source[:] = [Batch([before])]
    harness.sync(STREAM)
    source[:] = [Batch([after])]

    assert harness.sync(STREAM).changed == ({"a"} if is_changed else set())


def test_stale_names_what_is_missing_gone_or_other(harness, source):
    source[:] = [
        Batch([record("same", b"1", "v1"), record("other", b"1", "v1"), record("gone", b"1", "v1"), record("mute")])
    ]
    harness.sync(STREAM)
    source[:] = [Batch([Record("gone", deleted=True)])]
    harness.sync(STREAM)

    versions = {"same": "v1", "other": "v2", "gone": "v1", "missing": "v1", "mute": ""}
    assert harness.stale("clients", versions) == {"other", "gone", "missing", "mute"}


def test_cursor_comes_back_as_json_and_none_leaves_it(harness, source):
    source[:] = [Batch(cursor={"place": (1, 2)}), Batch(cursor=None)]
    harness.sync(STREAM)

    assert harness.cursor(STREAM) == {"place": [1, 2]}


def test_stop_after_a_batch_stores_no_more(harness, source):
    source[:] = [Batch([record("a")], cursor={"at": 1}), Batch([record("b")], cursor={"at": 2})]

    assert harness.sync(STREAM, stop_after=1).batches == 1
    assert (harness.ids(STREAM), harness.cursor(STREAM)) == ({"a"}, {"at": 1})


def test_settings_are_typed_and_secrets_known(harness):
    assert harness.secrets() == [KEY]
    assert KEY not in repr(harness.settings())
