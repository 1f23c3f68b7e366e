"""A published base on loopback, plain HTTP to it, and the connector on it with a store of versions in memory."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from hub.api import Batch, Cursor, Event, Record, Stream
from hub.testing.conformance.harness import ConnectionTools, HttpxClient, LeapingClock, MemoryBlobs
from hub.testing.peers.onec import ACCOUNTING, Infobase, OneCServer
from hub_onec import write
from hub_onec.connector import OneC
from hub_onec.settings import OneCSettings

from .orders import CLIENTS, INVOICES


class Web:
    """Plain requests, as another client would send them."""

    def __init__(self, server: OneCServer) -> None:
        self.server = server

    def get(
        self, path: str, *, encode: bool = True, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request below the service root; signed in unless a header says otherwise."""
        place = urlsplit(self.server.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
        pair = f"{self.server.user}:{self.server.password}".encode()
        given = {"Authorization": "Basic " + base64.b64encode(pair).decode(), **headers}
        path = quote(path, safe="/?&=$,'()*:;+%") if encode else path
        connection.request(method, place.path + path, body, {k: v for k, v in given.items() if v})
        try:
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, path: str, **headers: str) -> Any:
        """Return the JSON of a good answer."""
        joint = "&" if "?" in path else "?"
        status, _, body = self.get(f"{path}{joint}$format=application/json;odata=nometadata", **headers)
        assert status == 200, body.decode()
        return json.loads(body)

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Return the objects of a collection."""
        found: list[dict[str, Any]] = self.json(path)["value"]
        return found

    def refusal(self, path: str, **headers: str) -> tuple[int, str, str]:
        """Return HTTP status, code and words of a refusal in JSON."""
        joint = "&" if "?" in path else "?"
        status, _, body = self.get(f"{path}{joint}$format=json", **headers)
        error = json.loads(body)["odata.error"]
        return status, error["code"], error["message"]["value"]


class Hub:
    """The connector with what a hub keeps of it: versions, payloads and cursors."""

    def __init__(self, server: OneCServer) -> None:
        self.server = server
        self.settings: dict[str, Any] = {"page": "4"}
        self.payloads: dict[str, dict[str, Record]] = {}
        self.cursors: dict[str, Cursor] = {}
        self.clock = LeapingClock()
        self.blobs = MemoryBlobs()
        self.http = HttpxClient(self.clock)

    def connector(self) -> OneC:
        """Return a new connector, as for a new run."""
        self.clock.sleep(timedelta(seconds=1))
        server = self.server
        given = {"url": server.url, "user": server.user, "password": server.password,
                 "zone": "Asia/Krasnoyarsk", "area_code": "391", **self.settings}  # fmt: skip
        tools = ConnectionTools("base", http=self.http, blobs=self.blobs, clock=self.clock, stale=self.stale)
        return OneC(OneCSettings.model_validate(given), tools)

    def stale(self, stream: str, versions: Mapping[str, str]) -> set[str]:
        """Return the ids we do not have in this version."""
        kept = self.payloads.get(stream, {})
        return {key for key, version in versions.items() if key not in kept or kept[key].version != version}

    def batches(self, stream: str, connector: OneC | None = None) -> Iterator[Batch]:
        """Read one stream, keeping what comes; a complete read forgets what is gone."""
        kept = self.payloads.setdefault(stream, {})
        seen: set[str] = set()
        for batch in (connector or self.connector()).read(Stream(stream), self.cursors.get(stream)):
            kept |= {record.external_id: record for record in batch.records if not record.deleted}
            for record in batch.records:
                if record.deleted:
                    kept.pop(record.external_id, None)
            seen |= {record.external_id for record in batch.records} | set(batch.present)
            if batch.complete:
                for gone in set(kept) - seen:
                    del kept[gone]
            if batch.cursor is not None:
                self.cursors[stream] = json.loads(json.dumps(batch.cursor))
            yield batch

    def sync(self, stream: str) -> list[Batch]:
        """Read one stream to its end."""
        return list(self.batches(stream))

    def run(self, *only: str) -> OneC:
        """Read all streams, or these, with one connector, as a run of the hub does."""
        connector = self.connector()
        for stream in connector.streams():
            if not only or stream.name in only:
                list(self.batches(stream.name, connector))
        return connector

    def ids(self, stream: str) -> set[str]:
        """Return what is kept."""
        return set(self.payloads.get(stream, {}))

    def events(self, stream: str) -> list[Event]:
        """Return what the kept records say."""
        connector = self.connector()
        return [event for record in self.payloads[stream].values() for event in connector.normalise(record)]

    def event(self, stream: str) -> Any:
        """Sync and return the entity of the only record of the stream."""
        self.sync(stream)
        (event,) = self.events(stream)
        return event.data


@pytest.fixture
def publish() -> Iterator[Callable[..., OneCServer]]:
    started: list[OneCServer] = []

    def start(models: Any = ACCOUNTING, *args: Any) -> OneCServer:
        server = OneCServer(Infobase(models, *args))
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def server(publish: Callable[..., OneCServer]) -> OneCServer:
    return publish()


@pytest.fixture
def web(server: OneCServer) -> Web:
    return Web(server)


@pytest.fixture
def hub(server: OneCServer) -> Iterator[Hub]:
    made = Hub(server)
    yield made
    made.http.close()


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Ports come again: what was kept of a publication is forgotten between tests."""
    write._schemas.clear()


@pytest.fixture
def base(server: OneCServer) -> Infobase:
    return server.base


@pytest.fixture
def client(base: Infobase) -> str:
    key: str = base.add(CLIENTS, Description="Ромашка ООО", ИНН="2460000001", Комментарий="Давний клиент")
    return key


@pytest.fixture
def invoice(base: Infobase, client: str) -> str:
    rows = [{"Содержание": "А", "Сумма": 1}, {"Содержание": "Б", "Сумма": 2}]
    key: str = base.add(
        INVOICES, Number="7", Date="2026-05-12T09:30:00", Контрагент_Key=client, СуммаДокумента=3, Товары=rows
    )
    return key
