"""S-01, S-02: a connection goes to the address in its settings and nowhere else, whatever it receives.

Controls: with `origins=None` the same trap is reached (`test_control_…`); the hub's own use of `origins` was seen to
fail with `address.startswith("http")`, which let `HTTP://…` and settings of other names go anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.api import Secret, Settings, SettingsError
from hub.config import load_config
from hub.connections import Hub, open_connection, sync_connection
from hub.model.connector import ConnectorSpec
from hub.plugins import Plugins
from hub.store.database import Store
from hub.tools import HttpxClient, SystemClock

NOWHERE = "http://127.0.0.1:9"
Make = Callable[[Callable[[str], Any]], Any]


def made(folder: Path, connections: str) -> Hub:
    (folder / "hub.yaml").write_text(f"store: sqlite:///hub.db\nconnections:\n{connections}", encoding="utf-8")
    (folder / "secret").write_text("hush-hush")
    config = load_config(folder / "hub.yaml")
    store = Store(config.store_url)
    store.create()
    return Hub(config, Plugins(), store, SystemClock())


@pytest.fixture
def spellings(trap: Any) -> list[str]:
    """The trap, in the spellings by which it was ever reached."""
    port = trap.url.rpartition(":")[2]
    return [
        f"{trap.url}/x",
        f"http://localhost:{port}/x",
        f"http://[::ffff:127.0.0.1]:{port}/x",
        f"http://2130706433:{port}/x",
        f"http://0x7f.1:{port}/x",
        f"http://127.1:{port}/x",
        f"http://127。0。0。1:{port}/x",
        f"{NOWHERE[:-2]}@127.0.0.1:{port}/x",
        f"http://127.0.0.1:9@127.0.0.1:{port}/x",
        f"http://127.0.0.1:9\\@127.0.0.1:{port}/x",
        f"//127.0.0.1:{port}/x",
        f"http:\\\\127.0.0.1:{port}/x",
        f"http://127.0.0.1:9#@127.0.0.1:{port}/x",
        f" {trap.url}/x",
        f"http://127.0.0.1\t:{port}/x",
    ]


def get(http: HttpxClient, url: str) -> str:
    try:
        return str(http.request("GET", url, timeout=timedelta(seconds=2), headers={"X-Key": "hush"}).status)
    except Exception as error:  # noqa: BLE001 only where it went matters
        return type(error).__name__


def test_no_spelling_of_another_address_is_reached(trap: Any, spellings: list[str]) -> None:
    with closing(HttpxClient(SystemClock(), origins=[NOWHERE])) as http:
        said = [get(http, url) for url in spellings]
    assert trap.asked == []
    assert set(said) <= {"SettingsError", "Unavailable"}, said  # never an error that nobody foresaw


def test_control_without_origins_the_trap_is_reached(trap: Any, spellings: list[str]) -> None:
    with closing(HttpxClient(SystemClock())) as http:
        for url in spellings:
            get(http, url)
    assert len(trap.asked) >= 6


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "2852039166",
        "0xA9FEA9FE",
        "[::ffff:169.254.169.254]",
        "[::169.254.169.254]",
        "0.0.0.0",
        "0.1.2.3",
        "[64:ff9b::169.254.169.254]",
        "[2002:a9fe:a9fe::1]",
        "[fe80::1]",
        "[ff02::1]",
        "[::]",
        "224.0.0.1",
    ],
)
def test_addresses_that_are_no_servers_are_refused_even_when_written(host: str) -> None:
    with (
        closing(HttpxClient(SystemClock(), origins=[f"http://{host}:9"])) as http,
        pytest.raises(SettingsError, match="refused"),
    ):
        http.request("GET", f"http://{host}:9/latest/meta-data")


def test_control_loopback_that_is_written_is_reached(trap: Any) -> None:
    with closing(HttpxClient(SystemClock(), origins=[trap.url])) as http:
        assert http.request("GET", trap.url).status == 200
    assert len(trap.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("connector", ["onec", "redmine"])
def test_redirect_gets_neither_a_request_nor_a_key(
    lure: Make, trap: Any, tmp_path: Path, connector: str, status: int
) -> None:
    server = lure(lambda _path: (status, {"Location": f"{trap.url}/steal", "Set-Cookie": "ibsession=abc"}, b""))
    secret = f"file:{tmp_path / 'secret'}"
    settings = {"onec": f"user: hub, password: '{secret}'", "redmine": f"key: '{secret}'"}[connector]
    hub = made(tmp_path, f"  one: {{connector: {connector}, url: '{server.url}', {settings}}}\n")
    with closing(hub.store):
        counts = sync_connection(hub, "one")
    assert counts[-1].error
    assert server.asked, "the attack did not begin"
    assert trap.asked == []


def test_addresses_in_data_lead_nowhere(lure: Make, trap: Any, tmp_path: Path) -> None:
    """A page of 1C with a `nextLink` to elsewhere is what it is without it."""
    key = "0d3c5a10-0000-11ee-8000-000000000001"
    row = {"Ref_Key": key, "DataVersion": "AAA=", "Description": "ООО", "DeletionMark": False, "url": trap.url}
    lead = {
        "odata.nextLink": f"{trap.url}/next",
        "@odata.nextLink": f"{trap.url}/next",
        "odata.metadata": f"{trap.url}/$metadata",
    }

    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        if path.endswith("/$count") or "/$count?" in path:
            return 200, {"Content-Type": "text/plain"}, b"1"
        if "Catalog_" in path:
            rows = [] if "skip=1" in path.replace("%24", "$") else [row]
            return 200, {"Content-Type": "application/json"}, json.dumps({**lead, "value": rows}).encode()
        sets = [{"name": "Catalog_Контрагенты", "url": f"{trap.url}/x"}]
        return 200, {"Content-Type": "application/json"}, json.dumps({**lead, "value": sets}).encode()

    server = lure(answer)
    hub = made(
        tmp_path,
        f"  one: {{connector: onec, url: '{server.url}', user: hub, password: 'file:{tmp_path / 'secret'}'}}\n",
    )
    with closing(hub.store):
        counts = sync_connection(hub, "one")
    assert [(it.error, it.new) for it in counts] == [(None, 1)]
    assert trap.asked == []


class Elsewhere(Settings):
    """Settings whose address has another name and another spelling than usual."""

    server: str
    key: Secret | None = None


class Goes:
    """A connector that goes where its data say."""

    goal: ClassVar[str] = ""

    def __init__(self, settings: Elsewhere, tools: Any) -> None:
        self._settings, self._tools = settings, tools

    def check(self) -> Any:
        return self._tools.http.request("GET", self.goal or self._settings.server)


@pytest.fixture
def going(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Goes]]:
    monkeypatch.setattr("hub.connections.build", lambda _spec, settings, tools: Goes(settings, tools))
    yield Goes
    Goes.goal = ""


@pytest.mark.parametrize("head", ["HTTP://127.0.0.1:", "http://127.0.0.1:", "Http://LOCALHOST:"])
def test_any_setting_with_an_address_binds_the_connection(
    lure: Make, trap: Any, tmp_path: Path, going: type[Goes], head: str
) -> None:
    home = lure(lambda _path: (200, {}, b"{}"))
    hub = made(tmp_path, f"  one: {{connector: elsewhere, server: '{head}{home.url.rpartition(':')[2]}'}}\n")
    hub.plugins.connectors["elsewhere"] = ConnectorSpec("elsewhere", "", api=1, settings=Elsewhere, factory="x:y")
    with closing(hub.store), open_connection(hub, "one") as opened:
        opened.connector.check()
        assert len(home.asked) == 1
        going.goal = trap.url
        with pytest.raises(SettingsError, match="another address"):
            opened.connector.check()
    assert trap.asked == []
