"""A store rebuilt from an exported log knows what people decided, and binds as they did."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inside import rows
from lab import Office, item, opened, said, stream

INN = {"inn": "2465000007", "kpp": "246501001"}


@pytest.fixture
def made(tmp_path: Path, made_store: Path) -> Callable[[str], Office]:
    def make(name: str) -> Office:
        office = Office(tmp_path / name)
        shutil.copy(made_store, office.folder / "hub.db")
        return office

    return make


def sync(office: Office, **clients: list[dict[str, Any]]) -> None:
    tickets = [item("ticket", "t", number="1", subject="x", client={"kind": "client", "external_id": "1"})]
    calls = {"id": "k", "payload": {"events": [said("call", "k", "call.missed", number="+73912940001")]}}
    office.connect({
        name: office.script(name, stream("clients", records), stream("tickets", tickets), stream("calls", [calls]))
        for name, records in clients.items()
    })  # fmt: skip
    office.ok("sync")


def known(office: Office) -> list[str]:
    """Return what the store knows; of a reference not in which words its binding is explained."""
    wanted = ("verdict", "client", "ticket", "call", "claim", "mention")
    lines = office.dump()
    bound = [line.rpartition(" | ")[0] for line in lines if line.startswith("reference ")]
    return bound + [line for line in lines if line.split(" ", 1)[0] in wanted]


def entity(office: Office, connection: str, external_id: str) -> str:
    with opened(office.store_url) as store:
        found = {(it.connection, it.external_id): it.entity for it in rows(store, "reference") if it.kind == "client"}
    return found[connection, external_id]


def rebuilt(office: Office, other: Office, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(office.ok("event", "export").out, encoding="utf-8")
    other.config.write_text(office.config.read_text("utf-8"), encoding="utf-8")
    assert "0 were there already" in other.ok("event", "import", str(file)).err
    assert known(other) == known(office)
    assert [line for line in known(other) if line.startswith("verdict ")], "the control: there are verdicts"
    before = other.dump()
    other.ok("event", "import", str(file))
    assert other.dump() == before, "a second import changes nothing"


def test_merge_of_two_is_known(made: Callable[[str], Office], tmp_path: Path) -> None:
    office = made("a")
    point = [{"type": "phone", "value": "+73912940001"}]
    sync(office, base=[item("client", "1", name="Ромашка", points=point)], desk=[item("client", "7", name="Лютик")])
    office.ok("client", "merge", entity(office, "base", "1"), entity(office, "desk", "7"))
    rebuilt(office, made("b"), tmp_path)


def test_split_of_three_with_one_tax_id_is_known(made: Callable[[str], Office], tmp_path: Path) -> None:
    office = made("a")
    same = [item("client", "1", name="Ромашка", **INN)]
    sync(
        office,
        base=same,
        desk=[item("client", "7", name="Лютик", **INN)],
        shop=[item("client", "9", name="Роза", **INN)],
    )
    office.ok("client", "split", entity(office, "desk", "7"), "desk/7")
    rebuilt(office, made("b"), tmp_path)


def test_one_that_came_after_the_split_is_where_it_was(made: Callable[[str], Office], tmp_path: Path) -> None:
    office = made("a")
    first = {"base": [item("client", "1", name="Ромашка", **INN)], "desk": [item("client", "7", name="Лютик", **INN)]}
    sync(office, **first)
    office.ok("client", "split", entity(office, "desk", "7"), "desk/7")
    sync(office, **first, shop=[item("client", "9", name="Роза", **INN)])
    rebuilt(office, made("b"), tmp_path)


@pytest.mark.parametrize("again", [False, True], ids=["split", "merged again"])
def test_last_word_counts(made: Callable[[str], Office], tmp_path: Path, again: bool) -> None:
    office = made("a")
    sync(office, base=[item("client", "1", name="Ромашка")], desk=[item("client", "7", name="Лютик")])
    pair = entity(office, "base", "1"), entity(office, "desk", "7")
    office.ok("client", "merge", *pair)
    office.ok("client", "split", entity(office, "desk", "7"), "desk/7")
    if again:
        office.ok("client", "merge", *pair)
    rebuilt(office, made("b"), tmp_path)


def test_decisions_alone_correct_a_store_that_has_the_facts(made: Callable[[str], Office], tmp_path: Path) -> None:
    """The log of another office over the same systems: only what people decided is new."""
    office, other = made("a"), made("b")
    both = {
        "base": [item("client", "1", name="Ромашка", **INN), item("client", "2", name="Астра")],
        "desk": [item("client", "7", name="Лютик", **INN), item("client", "8", name="Астра плюс")],
    }
    for each in (office, other):
        sync(each, **both)
    office.ok("client", "split", entity(office, "desk", "7"), "desk/7")
    office.ok("client", "merge", entity(office, "base", "2"), entity(office, "desk", "8"))
    lines = office.ok("event", "export").out.splitlines()
    told = [line for line in lines if json.loads(line)["source"] == "operator"]
    assert len(told) == 2
    done = subprocess.run(  # through a pipe, which cannot be read twice
        other.command("event", "import", "-"), input="\n".join(told), text=True, capture_output=True,
        env=other.environment(), cwd=other.folder, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert known(other) == known(office)


@pytest.mark.parametrize(
    "data",
    [
        {"left": "x", "right": "y"},
        {"left": "a/client/\x00", "right": "b/client/1"},
        {"left": "a/client/1"},
        {
            "left": "\n".join(f"a/client/{number}" for number in range(100_000)),
            "right": "\n".join(["b/client/1"] * 10**5),
        },
    ],
    ids=["no names", "nul", "one side", "a hundred thousand"],
)
def test_names_in_a_decision_from_outside_harm_nothing(
    made: Callable[[str], Office], tmp_path: Path, data: dict[str, str]
) -> None:
    office = made("a")
    line = {
        "id": "x",
        "source": "operator",
        "type": "client.merged",
        "subject": "client/a",
        "time": "2026-01-01T00:00:00Z",
    }
    file = tmp_path / "log.jsonl"
    file.write_text(json.dumps({**line, "data": data}), encoding="utf-8")
    assert "1 events imported" in office.ok("event", "import", str(file)).err
    assert len([line for line in known(office) if line.startswith("verdict")]) <= 500
