"""`hub testing onec`: a stand-in for authors of plugins, with objects from a file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from hub.cli import cli
from hub.model.errors import SettingsError
from hub.testing.peers.onec import ACCOUNTING, Infobase, OneCServer, infobase
from hub_onec.tests.conftest import Hub, Web

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "onec" / "json" / "bp30_contracts_minimalmetadata.json"
CLIENT = "0d3c5a10-0000-11ee-8000-000000000001"
DATA = {
    "Catalog_Контрагенты": [
        {"Ref_Key": CLIENT, "Description": "Ромашка ООО", "ИНН": "2460000009", "пр_Стадия": "новый",
         "КонтактнаяИнформация": [{"Тип": "Телефон", "Представление": "8 (391) 212-34-56", "пр_Добавочный": "12"}]},
        {"Description": "Лютик ООО"},
    ],
    "Document_ЗаявкаНаВыезд": [
        {"Number": "17", "Date": "2026-05-12T10:00:00", "Клиент_Key": CLIENT, "Часов": 1.5, "Строк": "3",
         "Оплачено": True, "Основание": CLIENT, "Основание_Type": "StandardODATA.Catalog_Контрагенты",
         "Работы": [{"Что": "Настройка"}]},
    ],
}  # fmt: skip


@contextmanager
def command(*arguments: str) -> Iterator[tuple[Web, subprocess.Popen[str]]]:
    """Run the command as a person does; give the served base."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from hub.cli import main; main()", "testing", "onec", *arguments],
        stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        told = dict(process.stdout.readline().split(maxsplit=1) for _ in range(3))
        place: Any = SimpleNamespace(
            **{name: value.strip() for name, value in told.items()}, url=told["address"].strip()
        )
        yield Web(place), process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "objects.json"
    path.write_text(json.dumps(DATA, ensure_ascii=False), encoding="utf-8")
    return path


def test_command_serves_the_objects_of_a_file_until_it_is_stopped(file: Path) -> None:
    with command("--data", str(file)) as (web, process):
        assert {it["Description"] for it in web.rows("Catalog_Контрагенты")} == {"Ромашка ООО", "Лютик ООО"}
        assert [it["Number"] for it in web.rows("Document_ЗаявкаНаВыезд")] == ["17         "]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_sessions_and_counting_are_switches() -> None:
    with command("--sessions", "--inline-count", "pages", "--configuration", "trade") as (web, _):
        assert "set-cookie" in web.get("?$format=json", IBSession="start")[1]
        assert "AccumulationRegister_ТоварыНаСкладах" in {it["name"] for it in web.rows("")}


def test_port_in_use_is_said() -> None:
    with command() as (web, _):
        port = web.server.url.split(":")[2].split("/")[0]
        done = CliRunner().invoke(cli, ["testing", "onec", "--port", port])
    assert isinstance(done.exception, SettingsError)
    assert f"the port {port} cannot be used" in str(done.exception)


def test_missing_file_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["testing", "onec", "--data", str(tmp_path / "no.json")])
    assert "no.json cannot be read" in str(done.exception)


# The file


def served(content: bytes, models: Any = ACCOUNTING) -> Any:
    return infobase(models, content)


def test_fields_get_their_kind_from_their_values() -> None:
    base = served(json.dumps(DATA).encode(), ())
    kinds = {it.name: it.kind for it in base.models["Document_ЗаявкаНаВыезд"].fields}
    expected = {
        "Клиент_Key": "Guid", "Часов": "Double", "Строк": "String", "Оплачено": "Boolean", "Основание": "Any",
        "Работы": "Part", "Date": "DateTime",
    }  # fmt: skip
    assert {name: kinds[name] for name in expected} == expected
    assert "Основание_Type" not in kinds


def test_own_fields_join_those_of_the_configuration() -> None:
    base = served(json.dumps(DATA).encode())
    row = base.sets["Catalog_Контрагенты"].rows[CLIENT].values
    assert (row["пр_Стадия"], row["ИНН"]) == ("новый", "2460000009  ")
    assert row["КонтактнаяИнформация"][0]["пр_Добавочный"] == "12"
    other = next(it for key, it in base.sets["Catalog_Контрагенты"].rows.items() if key != CLIENT)
    assert other.values["пр_Стадия"] == ""


@contextmanager
def reading(base: Infobase) -> Iterator[Hub]:
    """Serve a base and read from it."""
    with OneCServer(base) as server:
        hub = Hub(server)
        try:
            yield hub
        finally:
            hub.http.close()


def test_connector_reads_what_the_file_says(file: Path) -> None:
    with reading(served(file.read_bytes())) as hub:
        hub.settings["fields"] = {"counterparties.status": "пр_Стадия"}
        hub.sync("counterparties")
        found = {event.data.name: event.data for event in hub.events("counterparties")}
    assert found["Ромашка ООО"].status == "новый"
    assert found["Ромашка ООО"].points[0].value == "+73912123456"


@pytest.mark.skipif(not REAL.exists(), reason="captured answers of a real base are not beside the project")
def test_captured_answer_of_a_real_base_is_served_and_read() -> None:
    content = REAL.read_bytes()
    captured = json.loads(content)["value"]
    with reading(served(content)) as hub:
        hub.sync("contracts")
        events = {event.subject.external_id: event.data for event in hub.events("contracts")}
    assert set(events) == {row["Ref_Key"] for row in captured}
    assert {it.title for it in events.values()} == {row["Description"] for row in captured}
    assert {it.client.external_id for it in events.values()} == {row["Owner_Key"] for row in captured}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ""),
        (b"[]", "no JSON object"),
        (b"{", "no JSON object"),
        (b"\xff", "no JSON object"),
        (b'{"Catalog_X": {}}', "no list of objects"),
        (b'{"Catalog_X": [1]}', "no list of objects"),
        (b'{"X": []}', "no name of a set"),
        (b'{"Catalog_X/../Y": []}', "no name of a set"),
    ],
)
def test_bad_file_is_named(content: bytes, words: str) -> None:
    if not words:
        assert served(content).models
        return
    with pytest.raises(SettingsError, match=words):
        served(content)


def test_bad_file_of_a_command_prints_one_sentence(tmp_path: Path, call: Callable[..., Any]) -> None:
    path = tmp_path / "objects.json"
    path.write_text("[]", encoding="utf-8")
    done = call("--data", str(path))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no JSON object" in done.stderr


@pytest.fixture
def call() -> Callable[..., Any]:
    def run(*arguments: str) -> Any:
        path = os.pathsep.join(entry for entry in sys.path if entry)
        return subprocess.run(
            [sys.executable, "-c", "from hub.cli import main; main()", "testing", "onec", *arguments],
            capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip

    return run
