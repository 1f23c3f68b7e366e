"""A stand-in for Notebook on a loopback socket, with the troubles a real server makes."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from hub.api import Command
from hub.testing.peer import Fault

KEY = "notebook-key-4711"
PAGE = 100


class NotebookPeer:
    """The whole server: its objects, its clock and the trouble it makes."""

    streams: ClassVar[Sequence[str]] = ("clients", "tickets")
    removable: ClassVar[Collection[str]] = ("clients", "tickets")
    faults: ClassVar[Collection[Fault]] = ("auth", "down", "cut", "garbage", "lost_answer", "refuse")

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, dict[str, Any]]] = {"clients": {}, "tickets": {}}
        self.trouble: Fault | None = None
        self.refused = 0
        self.lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._now = datetime(2026, 5, 12, 2, 0, tzinfo=UTC)
        self._port = 0
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Begin to listen, on the same port as before a break."""
        peer = self

        class Handler(_Handler):
            notebook = peer

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def settings(self) -> Mapping[str, str]:
        """Return the settings of a connection to this server."""
        return {"url": f"http://127.0.0.1:{self._port}", "key": KEY}

    def add(self, stream: str, count: int = 1) -> list[str]:
        """Create objects, all in the same second."""
        with self.lock:
            return [self.create(stream, {}) for _ in range(count)]

    def create(self, stream: str, fields: Mapping[str, object]) -> str:
        """Create one object with those fields; the caller holds the lock."""
        number = next(self._numbers)
        external_id = f"{stream[0]}-{number:06}"
        usual: dict[str, object] = {"id": external_id, "changed": self._now.isoformat(), "version": "1"}
        if stream == "clients":
            usual |= {"name": f"Школа № {number}", "inn": "2465000004", "phones": ["8 (391) 200-00-01"]}
            usual |= {"accountant": "Вымышленная Анна Петровна"}
        else:
            usual |= {"subject": f"Не печатает принтер {number}", "text": "Помогите, пожалуйста.", "client": "c-000001"}
        self.objects[stream][external_id] = usual | dict(fields)
        return external_id

    def change(self, stream: str, external_id: str) -> None:
        """Change the words of one object."""
        with self.lock:
            found = self.objects[stream][external_id]
            words = "name" if stream == "clients" else "subject"
            found |= {words: f"{found[words]}, уточнено", "version": str(int(found["version"]) + 1)}
            self._touch(found)

    def remove(self, stream: str, external_id: str) -> None:
        """Delete one object; of a ticket a mark is left among the changes."""
        with self.lock:
            if stream == "clients":
                del self.objects[stream][external_id]
            else:
                self.objects[stream][external_id] = {"id": external_id, "deleted": True}
                self._touch(self.objects[stream][external_id])

    def _touch(self, found: dict[str, Any]) -> None:
        self._now += timedelta(seconds=1)
        found["changed"] = self._now.isoformat()

    def fault(self, name: Fault | None) -> None:
        """Make that trouble from now on."""
        self.trouble = name
        if name == "down":
            self.stop()
        elif self._server is None:
            self.start()

    def logins(self) -> int:
        """Return how many times the key was refused."""
        return self.refused

    def command(self) -> Command | None:
        """Return a new ticket to create."""
        number = next(self._numbers)
        return Command(
            id=f"command-{number}", kind="ticket.create", data={"subject": "Выезд", "text": f"Заказ {number}"}
        )

    def effects(self, command: Command) -> int:
        """Return how many tickets the command made."""
        return len(self.made_for(command.id))

    def made_for(self, reference: str) -> list[dict[str, Any]]:
        """Return the tickets made for a reference."""
        with self.lock:
            return [ticket for ticket in self.objects["tickets"].values() if ticket.get("reference") == reference]

    def answer(self, path: str, query: Mapping[str, str]) -> object:
        """Return the answer to a GET, or `None` for an unknown path."""
        if path == "/account":
            return {"account": "hub", "version": "2.1", "time": self._now.isoformat()}
        if path == "/tickets/find":
            return {"tickets": [{"id": ticket["id"]} for ticket in self.made_for(query["reference"])]}
        with self.lock:
            clients, tickets = (list(self.objects[stream].values()) for stream in ("clients", "tickets"))
        if path == "/clients/index":
            return {"clients": [{"id": client["id"], "version": client["version"]} for client in clients]}
        if path == "/clients":
            return {"clients": [client for client in clients if client["id"] in query["ids"].split(",")]}
        if path == "/tickets":
            place = (query.get("since", ""), query.get("after", ""))
            later = sorted((it for it in tickets if (it["changed"], it["id"]) > place), key=_by_change)
            return {"tickets": later[:PAGE], "more": len(later) > PAGE}
        return None


def _by_change(ticket: Mapping[str, Any]) -> tuple[str, str]:
    return ticket["changed"], ticket["id"]


class _Handler(BaseHTTPRequestHandler):
    notebook: NotebookPeer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if self._is_allowed():
            found = self.notebook.answer(parts.path, dict(parse_qsl(parts.query)))
            self._send(404 if found is None else 200, found)

    def do_POST(self) -> None:
        fields = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._is_allowed():
            return
        if self.notebook.trouble == "refuse":
            self._send(422, {"error": "no tickets are taken today"})
            return
        with self.notebook.lock:
            created = self.notebook.create("tickets", fields)
        if self.notebook.trouble != "lost_answer":
            self._send(201, {"id": created})

    def _is_allowed(self) -> bool:
        if self.notebook.trouble != "auth" and self.headers["Authorization"] == f"Bearer {KEY}":
            return True
        self.notebook.refused += 1
        self._send(401, {"error": "who are you?"})
        return False

    def _send(self, status: int, found: object) -> None:
        body, kind = json.dumps(found, ensure_ascii=False).encode(), "application/json"
        if self.notebook.trouble == "garbage" and status == 200:
            body, kind = "<html><h1>Технические работы</h1></html>".encode(), "text/html"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.notebook.trouble == "cut" else body)

    def log_message(self, *args: object) -> None:
        """Keep the test output clean."""
