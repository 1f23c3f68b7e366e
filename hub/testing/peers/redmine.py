"""A stand-in for Redmine 5.0.4 on loopback: what its REST interface was seen to do, its oddities included.

A wrong key is answered with the anonymous view except at `/users/current.json`; `limit` is capped at 100 in silence;
closed issues are left out unless `status_id=*`; times are shown in whole seconds, sorted by microseconds and filtered
only in UTC with `Z`; editing a comment does not touch the issue; a deleted issue leaves no trace; an unknown status is
ignored with 204.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from hub.model.connector import Command
from hub.testing.peer import Fault

AGENT_KEY = "1111111111222222222233333333334444444444"
ADMIN_KEY = "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"
STATUSES = {1: ("New", False), 2: ("In Progress", False), 3: ("Resolved", False), 4: ("Feedback", False),
            5: ("Closed", True), 6: ("Rejected", True)}  # fmt: skip
PRIORITIES = {1: "Low", 2: "Normal", 3: "High", 4: "Urgent", 5: "Immediate"}
CUSTOM_FIELDS = {1: "Клиент ИНН", 2: "Ссылка 1С"}
USERS = {
    1: ("admin", "Админ", "Системный", ADMIN_KEY),
    5: ("agent", "Анна", "Менеджер", AGENT_KEY),
    6: ("client", "Пётр", "Бухгалтер", ""),
}
PROJECT = {"id": 1, "name": "Поддержка клиентов"}
TRACKERS = {1: "Bug", 2: "Feature", 3: "Support"}
MOST_ROWS = 100
_DAY = r"\d{4}-\d\d-\d\d"
_TIME = re.compile(rf"{_DAY}(?:T\d\d:\d\d:\d\dZ)?", re.ASCII)


class Verbs:
    """What users of a Redmine do, over its REST interface; `url` and `key` of an administrator say where."""

    streams: ClassVar[Sequence[str]] = ("issues",)
    removable: ClassVar[Collection[str]] = ("issues",)
    url: str = ""

    def settings(self) -> Mapping[str, str]:
        """Return a connection of the agent."""
        return {"url": self.url, "key": AGENT_KEY}

    def add(self, stream: str, count: int = 1) -> list[str]:
        """File issues; every second one is private, so that the anonymous view lacks it."""
        assert stream == "issues"
        return [
            self.create(subject=f"Не проводится документ {number}", is_private=bool(number % 2))
            for number in range(count)
        ]

    def change(self, stream: str, external_id: str) -> None:
        """Change the subject of an issue."""
        assert stream == "issues"
        before = self.send("GET", f"/issues/{external_id}.json")["issue"]["subject"]
        self.update(external_id, subject=f"{before}, уточнено")

    def remove(self, stream: str, external_id: str) -> None:
        """Delete an issue."""
        assert stream == "issues"
        self.send("DELETE", f"/issues/{external_id}.json")

    def create(self, **fields: Any) -> str:
        """File one issue and return its id."""
        issue = {"project_id": PROJECT["id"], "tracker_id": 3, "subject": "Вопрос", **fields}
        return str(self.send("POST", "/issues.json", {"issue": issue})["issue"]["id"])

    def update(self, issue_id: str, **fields: Any) -> None:
        """Change fields of an issue; `notes` is a comment."""
        self.send("PUT", f"/issues/{issue_id}.json", {"issue": fields})

    def edit_comment(self, journal_id: int, notes: str) -> None:
        """Rewrite a comment, which does not touch the issue."""
        self.send("PUT", f"/journals/{journal_id}.json", {"journal": {"notes": notes}})

    def issue(self, issue_id: str) -> dict[str, Any]:
        """Return an issue with its journals."""
        found: dict[str, Any] = self.send("GET", f"/issues/{issue_id}.json?include=journals")["issue"]
        return found

    def send(self, method: str, path: str, body: object = None) -> Any:
        """Send a request as the administrator; return the decoded answer. Raises RuntimeError when it is refused."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            headers = {"X-Redmine-API-Key": ADMIN_KEY, "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:200].decode(errors='replace')}")
        return json.loads(content) if content.strip() else None

    def command(self) -> Command | None:
        """Return nothing: the connector only reads."""
        return None

    def effects(self, command: Command) -> int:
        """Refuse: there are no commands."""
        raise NotImplementedError(f"{command.kind}: the connector only reads")


class Refusal(Exception):
    """Raised inside the server to answer with a status; the body is empty unless messages are given."""

    def __init__(self, status: int, *messages: str) -> None:
        super().__init__(status)
        self.status = status
        self.body = json.dumps({"errors": list(messages)}, ensure_ascii=False).encode() if messages else b""


class Database:
    """The tables of one Redmine and what a request does with them; `now` gives the time, cut to seconds."""

    def __init__(self) -> None:
        self.issues: dict[int, dict[str, Any]] = {}
        self.journals: dict[int, list[dict[str, Any]]] = {}
        self._moments: dict[int, datetime] = {}
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._last_issue = 0
        self._last_journal = 0

    def listed(self, query: Mapping[str, str], user: int | None) -> dict[str, Any]:
        """Answer `GET /issues.json`."""
        rows = [row for row in self.issues.values() if _may_see(row, user) and _matches(row, query)]
        rows.sort(key=lambda row: -row["id"])
        for part in reversed(query.get("sort", "").split(",")):
            name, _, direction = part.partition(":")
            if name == "id":
                rows.sort(key=lambda row: row["id"], reverse=direction == "desc")
            elif name == "updated_on":
                rows.sort(key=lambda row: self._moments[row["id"]], reverse=direction == "desc")
        limit = _number(query.get("limit"), 25)
        limit = min(limit, MOST_ROWS) if limit > 0 else 25
        offset = max(_number(query.get("offset"), 0), 0)
        page = rows[offset : offset + limit]
        return {"issues": page, "total_count": len(rows), "offset": offset, "limit": limit}

    def single(self, issue_id: int, include: str, user: int | None) -> dict[str, Any]:
        """Answer `GET /issues/N.json`."""
        row = self.issues.get(issue_id)
        if row is None:
            raise Refusal(404)
        if not _may_see(row, user):
            raise Refusal(401 if user is None else 403)
        issue, wanted = dict(row), include.split(",")
        if "attachments" in wanted:
            issue["attachments"] = []
        if "journals" in wanted:
            seen = [it for it in self.journals[issue_id] if user or not it["private_notes"]]
            issue["journals"] = seen
        if "allowed_statuses" in wanted:
            issue["allowed_statuses"] = [_status(it) for it in STATUSES] if user else []
        return {"issue": issue}

    def create(self, fields: Mapping[str, Any], user: int) -> dict[str, Any]:
        """Answer `POST /issues.json`."""
        if fields.get("project_id") not in (PROJECT["id"], str(PROJECT["id"]), "support"):
            raise Refusal(422, "Проект не может быть пустым")
        if not str(fields.get("subject") or "").strip():
            raise Refusal(422, "Тема не может быть пустым")
        self._last_issue += 1
        now = self._touch(self._last_issue)
        issue: dict[str, Any] = {
            "id": self._last_issue, "project": PROJECT, "tracker": {"id": 3, "name": TRACKERS[3]},
            "status": _status(1), "priority": _priority(2), "author": _user(user), "subject": "", "description": None,
            "start_date": now[:10], "due_date": None, "done_ratio": 0, "is_private": False, "estimated_hours": None,
            "total_estimated_hours": None, "spent_hours": 0.0, "total_spent_hours": 0.0,
            "custom_fields": [{"id": it, "name": name, "value": None} for it, name in CUSTOM_FIELDS.items()],
            "created_on": now, "updated_on": now, "closed_on": None,
        }  # fmt: skip
        self._assign(issue, fields)
        self.issues[issue["id"]] = issue
        self.journals[issue["id"]] = []
        return {"issue": issue}

    def update(self, issue_id: int, fields: Mapping[str, Any], user: int) -> None:
        """Answer `PUT /issues/N.json`."""
        issue = self.issues.get(issue_id)
        if issue is None:
            raise Refusal(404)
        changed = json.loads(json.dumps(issue))
        details = self._assign(changed, fields)
        notes = str(fields.get("notes") or "").replace("\r\n", "\n").replace("\n", "\r\n")
        now = self._touch(issue_id)
        changed["updated_on"] = now  # also when nothing changed
        self.issues[issue_id] = changed
        if not details and not notes:
            return
        if changed["status"]["is_closed"] and not issue["status"]["is_closed"]:
            changed["closed_on"] = now  # a reopening leaves it
        self._last_journal += 1
        is_private = bool(fields.get("private_notes"))
        journal = {"id": self._last_journal, "user": _user(user), "notes": notes, "created_on": now,
                   "private_notes": is_private, "details": details}  # fmt: skip
        self.journals[issue_id] = [*self.journals[issue_id], journal]

    def edit_journal(self, journal_id: int, notes: str) -> None:
        """Answer `PUT /journals/N.json`: the issue keeps its time."""
        for journals in self.journals.values():
            for place, journal in enumerate(journals):
                if journal["id"] == journal_id:
                    journals[place] = {**journal, "notes": notes.replace("\n", "\r\n")}
                    return
        raise Refusal(404)

    def delete(self, issue_id: int) -> None:
        """Answer `DELETE /issues/N.json`: nothing is left that tells of it."""
        if self.issues.pop(issue_id, None) is None:
            raise Refusal(404)
        del self.journals[issue_id]

    def _assign(self, issue: dict[str, Any], fields: Mapping[str, Any]) -> list[dict[str, Any]]:  # noqa: C901 - a list
        details: list[dict[str, Any]] = []

        def put(field: str, value: Any, name: str, old: object, new: object) -> None:
            if issue.get(field) != value:
                issue[field] = value
                details.append(
                    {"property": "attr", "name": name, "old_value": _as_text(old), "new_value": _as_text(new)}
                )

        if fields.get("status_id") in STATUSES:  # another id changes nothing, and nothing says so
            put("status", _status(fields["status_id"]), "status_id", issue["status"]["id"], fields["status_id"])
        if "priority_id" in fields:
            if fields["priority_id"] not in PRIORITIES:
                raise Refusal(422, "Приоритет не может быть пустым")
            put(
                "priority",
                _priority(fields["priority_id"]),
                "priority_id",
                issue["priority"]["id"],
                fields["priority_id"],
            )
        if fields.get("assigned_to_id") in USERS:
            old = issue.get("assigned_to", {}).get("id")
            put("assigned_to", _user(fields["assigned_to_id"]), "assigned_to_id", old, fields["assigned_to_id"])
        for name in ("subject", "due_date", "is_private"):
            if name in fields:
                put(name, fields[name], name, issue[name], fields[name])
        if "description" in fields:
            text = str(fields["description"]).replace("\r\n", "\n").replace("\n", "\r\n")
            put("description", text, "description", issue["description"], text)
        for given in fields.get("custom_fields", ()):
            for field in issue["custom_fields"]:
                if field["id"] == given["id"] and field["value"] != given["value"]:
                    details.append({"property": "cf", "name": str(field["id"]), "old_value": field["value"],
                                    "new_value": given["value"]})  # fmt: skip
                    field["value"] = given["value"]
        return details

    def _touch(self, issue_id: int) -> str:
        self._moments[issue_id] = self.now().astimezone(UTC)
        return self._moments[issue_id].strftime("%Y-%m-%dT%H:%M:%SZ")


def _may_see(row: Mapping[str, Any], user: int | None) -> bool:
    return user is not None or not row["is_private"]


def _matches(row: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    status = query.get("status_id", "open")
    if status in ("open", "o") and row["status"]["is_closed"]:
        return False
    if status in ("closed", "c") and not row["status"]["is_closed"]:
        return False
    if status.isdigit() and row["status"]["id"] != int(status):
        return False
    if query.get("subject", "").startswith("~") and query["subject"][1:] not in row["subject"]:
        return False  # letters count as written: SQLite folds only Latin ones
    for field in row["custom_fields"]:
        if query.get(f"cf_{field['id']}", field["value"]) != field["value"]:
            return False
    return all(_in_time(row[name], query.get(name, ""), title)
               for name, title in (("updated_on", "Обновлено"), ("created_on", "Создано")))  # fmt: skip


def _in_time(value: str, condition: str, title: str) -> bool:
    if not condition:
        return True
    operator = next((it for it in (">=", "<=", "><") if condition.startswith(it)), "")
    bounds = condition.removeprefix(operator).split("|")
    if len(bounds) != (2 if operator == "><" else 1) or not all(map(_is_time, bounds)):
        raise Refusal(422, f"{title} имеет неверное значение")
    low = _whole(bounds[0], "T00:00:00Z")
    high = _whole(bounds[-1], "T23:59:59Z")
    return (operator == "<=" or value >= low) and (operator == ">=" or value <= high)


def _is_time(text: str) -> bool:
    try:
        return bool(_TIME.fullmatch(text)) and bool(date.fromisoformat(text[:10]))
    except ValueError:
        return False


def _whole(text: str, rest: str) -> str:
    return text if "T" in text else text + rest


def _status(status_id: int) -> dict[str, Any]:
    name, is_closed = STATUSES[status_id]
    return {"id": status_id, "name": name, "is_closed": is_closed}


def _priority(priority_id: int) -> dict[str, Any]:
    return {"id": priority_id, "name": PRIORITIES[priority_id]}


def _user(user_id: int) -> dict[str, Any]:
    return {"id": user_id, "name": f"{USERS[user_id][1]} {USERS[user_id][2]}"}


def _as_text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and re.fullmatch(r"-?\d{1,9}", text, re.ASCII) else default


class _Server(ThreadingHTTPServer):
    """The listening socket with every open connection, so that all can be cut at once."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, peer: RedminePeer) -> None:
        self.peer = peer
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def cut_connections(self) -> None:
        """Break every connection that is open."""
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library names it so
        """Keep quiet."""

    def _answer(self) -> None:
        peer = self.server.peer
        length = _number(self.headers.get("Content-Length"), 0)
        content = self.rfile.read(length)
        parts = urlsplit(self.path)
        key = self.headers.get("X-Redmine-API-Key", "")
        is_admin = key == ADMIN_KEY
        if not is_admin:
            peer.requests.append(f"{self.command} {self.path}")
        with peer.lock:
            try:
                body, status = peer.route(self.command, parts.path, dict(parse_qsl(parts.query)), key, content)
            except Refusal as refusal:
                body, status = refusal.body, refusal.status
        trouble = "" if is_admin else peer.trouble
        if trouble == "garbage":
            self._send(200, b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>", "text/html; charset=utf-8")
        elif trouble == "cut":
            self._cut(body)
        else:
            self._send(status, body, "application/json; charset=utf-8")

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the names the library calls

    def _send(self, status: int, body: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="Redmine API"')
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _cut(self, body: bytes) -> None:
        """Send half of the answer; every second time without the length that would betray it."""
        self.server.peer.cuts += 1
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        if self.server.peer.cuts % 2:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True


class RedminePeer(Verbs):
    """One stand-in server; `requests` lists what others than the administrator asked."""

    faults: ClassVar[Collection[Fault]] = ("auth", "down", "cut", "garbage")

    def __init__(self, port: int = 0) -> None:
        self.lock = threading.Lock()
        self.database = Database()
        self.requests: list[str] = []
        self.trouble: Fault | None = None
        self.cuts = 0
        self._refused = 0
        self._keys = {key: user for user, (_, _, _, key) in USERS.items() if key}
        self._server: _Server | None = None
        self._port = port

    def start(self) -> None:
        """Listen on a free port of the loopback."""
        self._listen()

    def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut_connections()
            self._server = None

    def fault(self, name: Fault | None) -> None:
        """Make trouble for everybody but the administrator."""
        self.trouble = name
        self._keys.pop(AGENT_KEY, None)
        if name != "auth":
            self._keys[AGENT_KEY] = 5
        if name == "down":
            self.stop()
        elif self._server is None:
            self._listen()

    def logins(self) -> int:
        """Return how many requests came with a key that is not known, whatever they were answered."""
        return self._refused

    def route(self, method: str, path: str, query: Mapping[str, str], key: str, content: bytes) -> tuple[bytes, int]:
        """Return body and status of the answer. Raises Refusal."""
        user = self._keys.get(key)
        if key and user is None:
            self._refused += 1
        if path == "/users/current.json":
            if user is None:
                raise Refusal(401)
            return _encoded(_account(user)), 200
        if method == "GET":
            return self._read(path, query, user), 200
        if user is None:
            raise Refusal(401)
        return self._write(method, path, content, user)

    def _read(self, path: str, query: Mapping[str, str], user: int | None) -> bytes:
        if path == "/issues.json":
            return _encoded(self.database.listed(query, user))
        if path == "/issue_statuses.json":
            return _encoded({"issue_statuses": [_status(it) for it in STATUSES]})
        if path == "/enumerations/issue_priorities.json":
            rows = [{**_priority(it), "is_default": it == 2, "active": True} for it in PRIORITIES]
            return _encoded({"issue_priorities": rows})
        if found := re.fullmatch(r"/issues/(\d+)\.json", path):
            return _encoded(self.database.single(int(found[1]), query.get("include", ""), user))
        raise Refusal(404)

    def _write(self, method: str, path: str, content: bytes, user: int) -> tuple[bytes, int]:
        try:
            body = json.loads(content or b"{}")
        except ValueError:
            raise Refusal(400) from None
        if method == "POST" and path == "/issues.json":
            return _encoded(self.database.create(body.get("issue", {}), user)), 201
        found = re.fullmatch(r"/(issues|journals)/(\d+)\.json", path)
        if found is None:
            raise Refusal(404)
        number = int(found[2])
        if method == "DELETE" and found[1] == "issues":
            self.database.delete(number)
        elif method == "PUT" and found[1] == "issues":
            self.database.update(number, body.get("issue", {}), user)
        elif method == "PUT":
            self.database.edit_journal(number, str(body.get("journal", {}).get("notes", "")))
        else:
            raise Refusal(404)
        return b"", 204

    def _listen(self) -> None:
        self._server = _Server(self._port, self)
        self._port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self._port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


def _account(user: int) -> dict[str, Any]:
    login, first, last, _ = USERS[user]
    return {"user": {"id": user, "login": login, "admin": user == 1, "firstname": first, "lastname": last,
                     "mail": f"{login}@example.org", "created_on": "2026-11-22T01:00:00Z",
                     "last_login_on": None, "api_key": USERS[user][3]}}  # fmt: skip


def _encoded(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
