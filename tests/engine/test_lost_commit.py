"""The answer to COMMIT gets lost: the work is done although it looks failed, and is not done again (D13, A-13)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import make_url

from hub.engine import jobs
from hub.engine.jobs import Job, Lease
from hub.engine.runner import Runner
from hub.store.database import Store
from hub.store.meta import get_meta, set_meta


class Proxy:
    """Stands before PostgreSQL on loopback; while `drops` is positive it swallows the answer to COMMIT and hangs up."""

    def __init__(self, target: Path) -> None:
        self.drops = 0
        self.dropped = 0
        self._target = target
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self._listener.close()
        for end in self._ends:
            _hang_up(end)
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._target))
            self._ends += [client, server]
            committing = threading.Event()
            for source, sink, is_answer in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._carry, args=(source, sink, committing, is_answer), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, committing: threading.Event, is_answer: bool) -> None:
        try:
            while data := source.recv(65536):
                if is_answer and committing.is_set() and b"COMMIT\0" in data:
                    self.dropped += 1
                    break
                if not is_answer and self.drops > 0 and b"COMMIT\0" in data:
                    self.drops -= 1
                    committing.set()
                sink.sendall(data)
        except OSError:
            return
        finally:
            _hang_up(source)
            _hang_up(sink)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxied(postgres_url: str) -> Iterator[tuple[Store, Store, Proxy]]:
    """The same store twice: straight, and through a proxy that can drop answers."""
    straight = Store(postgres_url)
    straight.create()
    folder = make_url(postgres_url).query.get("host", "")
    if not isinstance(folder, str) or not folder.startswith("/"):
        pytest.skip("the PostgreSQL of this run does not listen on a Unix socket")
    proxy = Proxy(Path(folder) / ".s.PGSQL.5432")
    url = make_url(postgres_url).set(
        host="127.0.0.1", port=proxy.port, query={"sslmode": "disable", "gssencmode": "disable"}
    )
    through = Store(url.render_as_string(hide_password=False))
    yield straight, through, proxy
    proxy.stop()
    through.close()
    straight.close()


def test_what_was_committed_without_an_answer_is_not_done_again(proxied: tuple[Store, Store, Proxy]) -> None:
    straight, through, proxy = proxied
    with straight.write() as connection:
        for number in range(10):
            jobs.enqueue(connection, "work", {"number": number}, now=straight.now(connection))

    def handler(job: Job, lease: Lease) -> None:
        proxy.drops = 1
        with through.write() as connection:
            now = through.now(connection)
            jobs.hold(connection, lease, now)
            name = f"effect/{job.payload['number']}"
            set_meta(connection, name, str(int(get_meta(connection, name) or 0) + 1))
            jobs.finish(connection, lease, now)

    runner = Runner(through, {"work": handler}, workers=1)
    runner.drain()
    runner.stop()
    assert proxy.dropped == 10
    with straight.read() as connection:
        assert [get_meta(connection, f"effect/{number}") for number in range(10)] == ["1"] * 10
        assert {row.state for row in jobs.listed(connection)} == {"done"}
    assert (runner.done, runner.failed) == (0, 0)
