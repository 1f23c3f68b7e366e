"""Another system on loopback that counts how often each command took effect, and a connector to it.

The peer keeps no idempotency key: it does what it is asked as often as it is asked, like a mail server. How it
behaves towards a command is set by `behaviour`, by default it does as asked:

refuse       it understands the command and refuses it
busy         it is not ready and does nothing; the next time it does as asked
auth         it does not know us
lost_answer  it does as asked and hangs up before it answers
blind        as lost_answer, and it never finds the command again
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hub.api import AuthError, Check, Command, Receipt, Rejected, Unavailable


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    peer: CountingPeer


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        command_id = json.loads(self.rfile.read(int(self.headers["content-length"])))["id"]
        self._answer(*self.server.peer.do(command_id))

    def do_GET(self) -> None:
        self._answer(*self.server.peer.look_up(self.path.rpartition("/")[2]))

    def _answer(self, status: int, text: str) -> None:
        if not status:
            self.close_connection = True
            return
        body = text.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


class CountingPeer:
    """The other system; `effects` counts by command, `requests` every call in order."""

    def __init__(self) -> None:
        self.effects: dict[str, int] = {}
        self.behaviour: dict[str, str] = {}
        self.requests: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.peer = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def do(self, command_id: str) -> tuple[int, str]:
        """Carry a command out as its behaviour says."""
        with self._lock:
            self.requests.append(("do", command_id))
            behaviour = self.behaviour.get(command_id, "")
            if behaviour == "refuse":
                return 422, "the customer account is closed"
            if behaviour == "auth":
                return 401, "who are you"
            if behaviour == "busy":
                self.behaviour.pop(command_id)
                return 503, "not now"
            self.effects[command_id] = self.effects.get(command_id, 0) + 1
            return (0, "") if behaviour in ("lost_answer", "blind") else (200, f"no-{command_id}")

    def look_up(self, command_id: str) -> tuple[int, str]:
        """Tell whether a command took effect."""
        with self._lock:
            self.requests.append(("find", command_id))
            found = self.effects.get(command_id) and self.behaviour.get(command_id) != "blind"
            return (200, f"no-{command_id}") if found else (404, "")


class Counting:
    """The connector. It knows that nothing was done when nobody listens, or when the peer says so."""

    def __init__(self, port: int) -> None:
        self._port = port

    def check(self) -> Check:
        """Say nothing."""
        return Check()

    def commands(self) -> Sequence[str]:
        """Return the one command."""
        return ("thing.do",)

    def execute(self, command: Command) -> Receipt:
        """Do it."""
        status, text = self._call("POST", "/do", json.dumps({"id": command.id}))
        if status == 503:
            raise Unavailable(text, unsent=True)
        return Receipt(external_id=text)

    def find(self, command: Command) -> Receipt | None:
        """Look for it."""
        status, text = self._call("GET", f"/find/{command.id}", None)
        return Receipt(external_id=text) if status == 200 else None

    def _call(self, method: str, path: str, body: str | None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise Unavailable("the peer cannot be reached.", unsent=True) from error
            try:
                connection.request(method, path, body)
                answer = connection.getresponse()
                status, text = answer.status, answer.read().decode()
            except (OSError, http.client.HTTPException) as error:
                raise Unavailable("the peer broke off.") from error
        finally:
            connection.close()
        if status == 401:
            raise AuthError("the peer refused the password.")
        if status == 422:
            raise Rejected(text)
        return status, text


class Resending(Counting):
    """The saboteur: where no answer comes it sends once more, as many programs do."""

    def execute(self, command: Command) -> Receipt:
        """Do it, and do it again."""
        try:
            return super().execute(command)
        except Unavailable:
            return super().execute(command)
