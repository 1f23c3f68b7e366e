"""What attacks share: a server that lures, texts nobody should have to store, a hub in its own folder."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

LAB = Path(__file__).parents[1] / "core" / "lab"
if str(LAB) not in sys.path:
    sys.path.insert(0, str(LAB))

from lab_fixtures import forks  # noqa: E402, F401 found on the path made above

Answer = tuple[int, dict[str, str], bytes]


class Lure:
    """A web server that answers as told and keeps what it was asked."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        lure = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                lure.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                status, headers, body = answer(self.path)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def lure() -> Iterator[Callable[[Callable[[str], Answer]], Lure]]:
    """Make servers that lure; they end with the test."""
    made: list[Lure] = []

    def make(answer: Callable[[str], Answer]) -> Lure:
        made.append(Lure(answer))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def trap(lure: Callable[[Callable[[str], Answer]], Lure]) -> Lure:
    """A second server that nobody has any business with."""
    return lure(lambda _path: (200, {"Content-Type": "application/json"}, b'{"value": []}'))
