"""The stand-in as a peer of the conformance kit: acts by SOAP, clients and invoices by an HTTP service."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from lxml import etree

from hub.model.connector import Command
from hub.testing.peer import Fault

from .server import ServicesServer, WebService
from .wsdl import EXCHANGE, EXCHANGE_SPACE, ROWS_SPACE

ZONE = ZoneInfo("Asia/Krasnoyarsk")
_IDS = UUID("0d3c5a10-0000-11ee-8000-000000000001")
STREAMS: Mapping[str, Mapping[str, Any]] = {
    "acts": {
        "type": "soap",
        "service": "ws/Exchange.1cws",
        "operation": "GetActs",
        "arguments": {"Since": "{cursor}", "Offset": "{offset}", "Limit": "{size}"},
        "size": 60,
        "rows": "return.Act",
        "key": "Id",
        "changed": "Changed",
        "deleted": "Deleted",
        "kind": "act",
        "fields": {"number": "Number", "date": "Date", "total": "Total", "client": "Client", "note": "Note"},
    },
    "clients": {
        "type": "http",
        "path": "hs/crm/clients",
        "parameters": {"from": "{offset}", "limit": "{size}"},
        "size": 60,
        "rows": "data.items",
        "key": "id",
        "kind": "client",
        "fields": {"name": "name", "inn": "requisites.inn", "phone": "phone", "note": "note"},
    },
    "invoices": {
        "type": "http",
        "path": "hs/crm/invoices",
        "parameters": {"changed_from": "{cursor}", "page": "{page}"},
        "rows": "items",
        "key": "number, date",
        "changed": "changed",
        "kind": "invoice",
        "fields": {"number": "number", "date": "date", "total": "sum", "note": "note"},
    },
}
PAGE = 60


class ServicesPeer:
    """One base with a web service and an HTTP service that its own programmer made."""

    streams: ClassVar[Sequence[str]] = tuple(STREAMS)
    removable: ClassVar[Collection[str]] = frozenset({"acts", "clients"})
    faults: ClassVar[Collection[Fault]] = frozenset({"auth", "down", "cut", "garbage"})

    def __init__(self) -> None:
        self.server = ServicesServer()
        operations = {"GetActs": self._get_acts, "FindActs": self._find_acts, "GetText": self._get_text}
        self.server.services["ws/Exchange.1cws"] = WebService(EXCHANGE, operations, ROWS_SPACE)
        self.server.resources["hs/crm/clients"] = self._clients
        self.server.resources["hs/crm/invoices"] = self._invoices
        self.rows: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in STREAMS}
        self.cap = PAGE
        self._password = self.server.password
        self._number = 0
        self._is_down = False

    def start(self) -> None:
        """Publish an empty base."""
        self.server.start()

    def stop(self) -> None:
        """Stop the web server."""
        self.server.stop()

    def settings(self) -> Mapping[str, str]:
        """Return the settings of a connection; a server that asks for nobody needs no user."""
        streams = json.dumps(STREAMS)
        return {"url": self.server.url, "user": self.server.user, "password": self._password, "streams": streams}

    def add(self, stream: str, count: int = 1) -> list[str]:
        """Write new rows, all in the same second."""
        moment = _now()
        return [self._add(stream, moment) for _ in range(count)]

    def change(self, stream: str, external_id: str) -> None:
        """Write a new note into a row."""
        self._number += 1
        row = self.rows[stream].pop(external_id)  # by the time of change it is the last now
        note = {"acts": "Note"}.get(stream, "note")
        self.rows[stream][external_id] = {**row, note: f"изменено {self._number}", **self._stamp(stream, _now())}
        self._in_order(stream)

    def remove(self, stream: str, external_id: str) -> None:
        """Delete a row: an act is marked, a client is no longer there."""
        row = self.rows[stream].pop(external_id)
        if stream == "acts":
            self.rows[stream][external_id] = {**row, "Deleted": "true", **self._stamp(stream, _now())}
        self._in_order(stream)

    def fault(self, name: Fault | None) -> None:
        """Make the trouble named, or none from now on."""
        if self._is_down and name != "down":
            self.server.start()
        if name == "down" and not self._is_down:
            self.server.stop()
        self._is_down = name == "down"
        self.server.password = "другой пароль" if name == "auth" else self._password
        self.server.troubles.html = name == "garbage"
        self.server.troubles.cut = "body" if name == "cut" else ""

    def logins(self) -> int:
        """Return how many times credentials were refused."""
        return self.server.refused_logins

    def command(self) -> Command | None:
        """Return nothing: the connector does not write."""
        return None

    def effects(self, command: Command) -> int:  # noqa: ARG002 - no command has one
        """Return nothing for the same reason."""
        return 0

    def _add(self, stream: str, moment: datetime) -> str:
        self._number += 1
        number = self._number
        key = str(uuid5(_IDS, str(number)))
        row: dict[str, Any]
        if stream == "acts":
            row = {
                "Id": key.upper(), "Number": f"{number:09d}", "Date": "2026-05-12", "Total": f"{number}.50",
                "Client": None if number % 3 else str(_IDS), "Note": "", "Changed": "", "Deleted": "false",
            }  # fmt: skip
        elif stream == "clients":
            row = {"id": key, "name": f"Школа № {number}", "requisites": {"inn": "2463000001"}, "phone": "200-00-01"}
        else:
            row = {"number": str(number), "date": "2026-05-12T00:00:00", "sum": number * 100.1}
            key = f"{number}/2026-05-12T00:00:00"
        self.rows[stream][key] = {**row, **self._stamp(stream, moment)}
        self._in_order(stream)
        return key

    def _stamp(self, stream: str, moment: datetime) -> dict[str, str]:
        text = moment.isoformat(timespec="seconds")
        return {"acts": {"Changed": text}, "invoices": {"changed": text}}.get(stream, {})

    def _in_order(self, stream: str) -> None:
        """Keep the order that services give: the longest unchanged first."""
        mark = {"acts": "Changed", "invoices": "changed"}.get(stream)
        if mark:
            self.rows[stream] = dict(sorted(self.rows[stream].items(), key=lambda it: str(it[1][mark])))

    def _get_acts(self, call: Any) -> Mapping[str, Any]:
        given = {etree.QName(it).localname: it.text for it in call}
        begin, limit = int(given["Offset"] or 0), int(given["Limit"] or 0)
        rows = self._acts_since(given["Since"] or "")[begin : begin + limit]
        return {"return": {"Act": rows}, "Message": None}

    def _find_acts(self, call: Any) -> Mapping[str, Any]:
        since = call.findtext(f".//{{{ROWS_SPACE}}}Since") or ""
        return {"return": {"Act": self._acts_since(since)}}

    def _get_text(self, call: Any) -> Mapping[str, Any]:
        rows = self._acts_since(call.findtext(f"{{{EXCHANGE_SPACE}}}Since") or "")
        return {"return": json.dumps({"Acts": rows}, ensure_ascii=False)}

    def _acts_since(self, since: str) -> list[dict[str, Any]]:
        return [row for row in self.rows["acts"].values() if row["Changed"] >= since]

    def _clients(self, query: Mapping[str, str]) -> bytes:
        begin, limit = int(query.get("from", "0")), min(int(query.get("limit", "50")), self.cap)
        rows = list(self.rows["clients"].values())[begin : begin + limit]
        return "\ufeff".encode() + json.dumps({"result": "ok", "data": {"items": rows}}, ensure_ascii=False).encode()

    def _invoices(self, query: Mapping[str, str]) -> bytes:
        rows = [it for it in self.rows["invoices"].values() if it["changed"] >= query.get("changed_from", "")]
        begin = (int(query["page"]) - 1) * PAGE
        return json.dumps({"items": rows[begin : begin + PAGE] or None}, ensure_ascii=False).encode()


def _now() -> datetime:
    return datetime.now(UTC).astimezone(ZONE).replace(tzinfo=None)
