"""A gate before an HTTP peer: it passes requests on, and answers those a test chooses itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


class Gate:
    """`answer` is asked with the number of each request, from 1; where it returns nothing the peer answers."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.target = parts.netloc
        self.answer: Callable[[int], Answer | None] = lambda _number: None
        self.requests = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.gate = self
        self.url = url.replace(f":{parts.port}", f":{self._server.server_address[1]}", 1)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def open(self) -> None:
        """Pass everything on again, and count from 1."""
        self.answer, self.requests = lambda _number: None, 0

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next_answer(self) -> Answer | None:
        """Count a request; return the answer that a test chose for it."""
        with self._lock:
            self.requests += 1
            return self.answer(self.requests)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    gate: Gate


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        chosen = self.server.gate.next_answer()
        status, headers, body = self._passed() if chosen is None else chosen
        with suppress(OSError):
            self.send_response_only(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def _passed(self) -> Answer:
        connection = HTTPConnection(self.server.gate.target, timeout=30)
        try:
            connection.request("GET", self.path, headers=dict(self.headers))
            answer = connection.getresponse()
            dropped = {"content-length", "transfer-encoding", "connection"}
            return answer.status, {k: v for k, v in answer.getheaders() if k.lower() not in dropped}, answer.read()
        finally:
            connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the library names it so
        """Say nothing."""
