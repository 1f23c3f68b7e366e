# ruff: noqa: E501 tables of cases read better in one line each
"""The command line as a person meets it: one sentence for each error, the right exit code, one JSON document."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from forks import Forks, QuickOffice
from inside import rows
from lab import NOW, Office, gone, item, opened, said, stream
from sqlalchemy import text


@pytest.fixture
def office(forks: Forks, tmp_path: Path, made_store: Path) -> Office:
    """An office with a new store, made by copying."""
    office = QuickOffice(forks, tmp_path / "office")
    shutil.copy(made_store, tmp_path / "office" / "hub.db")
    return office


def clients(*numbers: int, **other: Any) -> list[dict[str, Any]]:
    return [item("client", f"c{number}", **{"name": f"Ромашка {number}", **other}) for number in numbers]


@pytest.mark.parametrize(("arguments", "code", "says"), [
    (["client", "show", "nobody"], 1, "there is no client 'nobody'"),
    (["client", "timeline", "nobody"], 1, "there is no client"),
    (["client", "merge", "a", "b"], 1, "there is no client"),
    (["client", "split", "a", "b/c"], 1, "there is no client"),
    (["ticket", "show", "x"], 1, "there is no ticket 'x'"),
    (["reminder", "show", "x"], 1, "no reminder number"),
    (["reminder", "show", "7"], 1, "there is no reminder 7"),
    (["reminder", "show", "²"], 1, "no reminder number"),
    (["reminder", "show", "9" * 30], 2, "beyond all limits"),
    (["reminder", "done", "7"], 1, "there is no reminder 7"),
    (["document", "show", "7"], 1, "there is no document 7"),
    (["document", "show", "9" * 30], 2, "beyond all limits"),
    (["document", "issue", "7"], 1, "there is no document 7"),
    (["command", "show", "x"], 1, "there is no command 'x'"),
    (["match", "accept", "x"], 1, "there is no match 'x'"),
    (["record", "show", "a", "b", "c"], 1, "there is no record"),
    (["record", "parse", "onek", "x"], 1, "Did you mean 'onec'?"),
    (["record", "parse", "onec", "no.json"], 1, "no.json cannot be read"),
    (["record", "parse", "onec", "."], 1, "cannot be read"),
    (["record", "replay", "nobody"], 1, "no connection is called 'nobody'"),
    (["event", "import", "no.jsonl"], 2, "no.jsonl"),
    (["event", "list", "--limit", "-1"], 2, "-1"),
    (["event", "list", "--after", "9" * 30], 2, ""),
    (["sync", "nobody"], 2, "no connection is called 'nobody'"),
    (["sync"], 1, "no connection is configured"),
    (["sync", "--limit", "-1"], 2, "-1"),
    (["nonsense"], 2, "No such command"),
    (["client", "list", "--nonsense"], 2, "No such option"),
    (["--now", "gestern", "today"], 2, "no ISO 8601 time"),
    (["--now", "0001-01-01T00:00:00", "today"], 2, ""),
    (["rule", "preview", "x"], 2, "no rule is called 'x'"),
    (["rule", "check", "no.yaml"], 1, "no.yaml"),
    (["db", "restore", "no.db"], 1, "is not there"),
    (["db", "backup", "no/such/folder/x.db"], 1, "x.db"),
    (["document", "new", "invoice", "--client", "nobody", "--line", "x; 1"], 1, "there is no client"),
    (["client", "show", "\udcff"], 2, "no UTF-8"),
], ids=lambda it: " ".join(it)[:40].encode("ascii", "replace").decode() if isinstance(it, list) else "")  # fmt: skip
def test_error_is_one_sentence(office: Office, arguments: list[str], code: int, says: str) -> None:
    """B-25."""
    office.fails(*arguments, code=code, says=says)


@pytest.mark.parametrize("command", [
    ["client", "list"], ["contact", "list"], ["ticket", "list"], ["call", "list"], ["message", "list"], ["invoice", "list"],
    ["contract", "list"], ["payment", "list"], ["act", "list"], ["reminder", "list"], ["today"], ["status"], ["rule", "list"],
    ["match", "list"], ["event", "list"], ["record", "list"], ["document", "list"], ["command", "list"], ["job", "list"],
    ["plugin", "list"], ["doctor", "--offline"], ["sync"],
], ids=" ".join)  # fmt: skip
def test_json_is_one_document_and_nothing_else(office: Office, command: list[str]) -> None:
    office.connect({"desk": office.script("desk", stream("clients", clients(1)))})
    done = office.hub(*command, "--json")

    assert done.code == 0, done.err
    json.loads(done.out)


def test_plugin_that_prints_does_not_spoil_the_document(office: Office) -> None:
    """F-29."""
    loud = stream("clients", [*clients(1), {"id": "x", "payload": {"act": "print"}}])
    loud["batches"][0]["act"] = "print"
    office.connect({"desk": office.script("desk", loud)})
    done = office.ok("sync", "--json")

    assert [it["new"] for it in done.json] == [2]
    assert "a plugin talks" in done.err


@pytest.mark.parametrize("act", ["raise", "exit", "unavailable", "auth", "wrong batch"])
def test_broken_connection_stops_only_itself(office: Office, act: str) -> None:
    """A-15: three healthy connections finish, the exit code says that one did not, and the problem names it."""
    broken = stream("clients", clients(1), clients(2))
    broken["batches"][1]["act"] = act
    healthy = {f"h{number}": office.script(f"h{number}", stream("clients", clients(number))) for number in range(3)}
    office.connect({"broken": office.script("broken", broken, stream("calls")), **healthy})
    done = office.hub("sync", "--json")

    assert done.code == 3, done.err
    assert "Traceback" not in done.err
    found = {(it["connection"], it["stream"]): it for it in done.json}
    assert all(found[name, "clients"]["new"] == 1 and found[name, "clients"]["error"] is None for name in healthy)
    assert found["broken", "clients"]["error"]
    problems = office.ok("status", "--json").json["problems"]
    assert [it["scope"] for it in problems] == ["broken"]
    shown = office.ok("status").out
    assert "PROBLEM broken: " in shown


def test_problem_is_one_however_often_it_happens_and_ends(office: Office) -> None:
    """F-14."""
    down = stream("clients", [])
    down["batches"][0]["act"] = "unavailable"
    office.connect({"desk": office.script("desk", down)})
    for _ in range(3):
        office.fails("sync", code=1, says="the other system is down")
    (problem,) = office.ok("status", "--json").json["problems"]
    assert problem["count"] == 3
    office.connect({"desk": office.script("desk", stream("clients", clients(1)))})
    office.ok("sync")
    assert office.ok("status", "--json").json["problems"] == []


def test_wrong_password_is_tried_once_by_the_daemon_until_it_changes(office: Office) -> None:
    """F-19, promise 5."""
    refused = office.folder / "desk.json.refused"
    script = {
        **office.script("desk", stream("clients", clients(1)), password="right"),
        "password": "env:DESK_PASSWORD",
        "every": "1s",
    }
    office.connect({"desk": script})
    for _ in range(4):
        office.hub("run", "--once", DESK_PASSWORD="wrong")
        _make_due(office)
    assert refused.read_text().count("refused") == 1
    office.fails("sync", code=1, says="refused", DESK_PASSWORD="wrong")
    assert refused.read_text().count("refused") == 2, "a person may try again"
    _make_due(office)
    office.hub("run", "--once", DESK_PASSWORD="right")
    with opened(office.store_url) as store:
        assert len(rows(store, "client")) == 1
    assert office.ok("status", "--json").json["problems"] == []


def test_credentials_that_are_taken_again_are_no_longer_held_back(office: Office) -> None:
    """F-19: the other side refused them by mistake; once a person's sync went well the daemon reads again."""
    script = {**office.script("desk", stream("clients", []), password="other"), "password": "env:DESK_PASSWORD"}
    office.connect({"desk": script})
    office.fails("sync", code=1, says="refused", DESK_PASSWORD="right")
    office.script("desk", stream("clients", clients(1)), password="right")
    office.ok("sync", DESK_PASSWORD="right")
    office.script("desk", stream("clients", clients(1, 2)), password="right")
    office.ok("run", "--once", DESK_PASSWORD="right")
    with opened(office.store_url) as store:
        assert len(rows(store, "client")) == 2


def _make_due(office: Office) -> None:
    """Let what waits be due, and the slot of each schedule be a new one, however little time has passed."""
    with opened(office.store_url) as store, store.write() as connection:
        connection.execute(text("UPDATE job SET run_at = '2020-01-01T00:00:00.000000+00:00' WHERE state = 'ready'"))
        connection.execute(text("UPDATE job SET dedup = dedup || '/' || id"))


# The store


@pytest.mark.parametrize(("harm", "says"), [
    (lambda path: path.unlink(), "is not there"),
    (lambda path: path.write_bytes(b""), "is empty"),
    (lambda path: path.write_bytes(b"no database" * 1000), "no store of the hub"),
    (lambda path: path.write_bytes(path.read_bytes()[:8000]), "damaged"),
    (lambda path: path.write_bytes(path.read_bytes()[:20000] + b"\xff" * 60000), "damaged"),
], ids=["gone", "empty", "foreign", "halved", "overwritten"])  # fmt: skip
def test_harmed_store_is_an_error_and_never_made_anew(office: Office, harm: Any, says: str) -> None:
    """F-12, D5."""
    office.connect({"desk": office.script("desk", stream("clients", clients(*range(50))))})
    office.ok("sync")
    path = office.folder / "hub.db"
    harm(path)
    before = path.read_bytes() if path.exists() else None
    for command in ("sync", "status", "today"):
        office.fails(command, code=1, says=says)
    assert (path.read_bytes() if path.exists() else None) == before


def test_newer_store_is_refused_by_name(office: Office) -> None:
    """F-37."""
    with opened(office.store_url) as store, store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '7777'"))
    office.fails("today", code=1, says="newer hub (schema 7777)")


def test_disk_that_fills_up_loses_nothing_and_the_hub_goes_on(office: Office, tmp_path: Path, made_store: Path) -> None:
    """D1, F-11, D2, A-12: a limit on the file size stands for the full disk."""
    calm, office = Office(tmp_path / "calm"), Office(office.folder)
    shutil.copy(made_store, calm.folder / "hub.db")
    wide = [clients(*range(start, start + 40), note="x" * 500) for start in range(0, 400, 40)]
    script = calm.script(
        "desk", stream("clients", *wide, snapshot=True), stream("calls", *[[_call(n)] for n in range(5)], cursor=True)
    )
    for it in (calm, office):
        it.connect({"desk": script})
    calm.ok("sync")
    size = (office.folder / "hub.db").stat().st_size
    for room in (30_000, 150_000, 400_000):
        program = tmp_path / "small.py"
        program.write_text(
            "import resource, signal\nfrom hub.cli import main\n"
            f"signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, ({size + room},) * 2)\nmain()\n"
        )
        done = office.hub("sync", program=str(program))
        assert done.code == 1, done.err
        assert "Traceback" not in done.err
        assert "disk" in done.err + done.out
        with opened(office.store_url) as store:
            seen = len(rows(store, "client"))
            assert len(rows(store, "record")) - len(rows(store, "call")) == seen == len(rows(store, "reference"))
            assert seen % 40 == 0
            assert seen < 400
    office.ok("sync")
    assert office.dump() == calm.dump()


def _call(number: int) -> dict[str, Any]:
    return {
        "id": f"k{number}",
        "payload": {"events": [said("call", f"k{number}", "call.missed", time="2026-05-12T01:00:00Z")]},
    }


# Terminals


def test_pipe_that_closes_early_is_no_error(office: Office) -> None:
    """F-36."""
    office.connect({"desk": office.script("desk", stream("clients", clients(*range(3000), status="client")))})
    office.ok("sync")
    for command in (
        ["client", "list"],
        ["client", "list", "--json"],
        ["event", "export"],
        ["db", "dump"],
        ["event", "list"],
    ):
        child = subprocess.Popen(
            office.command(*command), env=office.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.read(10)
        child.stdout.close()
        err = child.stderr.read().decode()
        child.stderr.close()
        assert (child.wait(60), err) == (0, ""), command


@pytest.mark.parametrize(
    "env",
    [
        {"LANG": "C", "LC_ALL": "C"},
        {"PYTHONIOENCODING": "ascii"},
        {"COLUMNS": "20"},
        {"COLUMNS": "40"},
        {"TERM": "dumb"},
    ],
    ids=str,
)
def test_any_terminal_is_good_enough(office: Office, env: dict[str, str]) -> None:
    """F-36: UTF-8 whatever the locale says; narrow tables are cut and not broken."""
    office = Office(office.folder)  # an interpreter of its own, which looks at its environment when it starts
    office.connect(
        {
            "desk": office.script(
                "desk",
                stream("clients", [item("client", "c", name="Очень длинное имя «Ромашки» " * 4, status="client")]),
            )
        }
    )
    office.ok("sync", **env)
    done = office.ok("client", "list", **env)

    assert "Очень" in done.out
    assert all(len(line) <= 100 for line in done.out.splitlines())


def test_control_characters_do_not_reach_the_terminal(office: Office) -> None:
    """S-15."""
    evil = "\x1b]0;owned\x07\x1b[2J\rname"
    office.connect(
        {"desk": office.script("desk", stream("clients", [item("client", "c", name=evil, status="client")]))}
    )
    office.ok("sync")
    for command in (["client", "list"], ["event", "list"], ["record", "list"], ["sync", "--full", "--dry-run"]):
        assert "\x1b" not in office.ok(*command).out, command


# The log out and in again


def test_exported_log_makes_the_same_store_again(office: Office, tmp_path: Path, made_store: Path) -> None:
    """B-26: versions, deletions and decisions included; a second import adds nothing."""
    for number, batch in enumerate(
        ([*clients(1, 2, 3)], [*clients(1, note="neu"), gone("c2")], [*clients(2, note="wieder")])
    ):
        office.connect(
            {
                "desk": office.script(
                    "desk", stream("clients", batch), *([stream("calls", [_call(1)])] if not number else [])
                )
            }
        )
        office.ok("sync")
    exported = office.ok("event", "export").out
    file = tmp_path / "log.jsonl"
    file.write_text(exported, encoding="utf-8")
    other = Office(tmp_path / "other")
    shutil.copy(made_store, other.folder / "hub.db")
    assert "7 events imported" in other.ok("event", "import", str(file)).err
    wanted = [
        line for line in office.dump() if line.split(" ", 1)[0] in ("client", "call", "claim", "mention", "reference")
    ]
    found = [
        line for line in other.dump() if line.split(" ", 1)[0] in ("client", "call", "claim", "mention", "reference")
    ]
    assert found == wanted
    before = other.dump()
    assert "0 events imported, 7 were there already" in other.ok("event", "import", str(file)).err
    assert other.dump() == before


LINE = {"id": "client/1", "source": "hand", "type": "client.observed", "subject": "client/1", "data": {"name": "А"}}


@pytest.mark.parametrize(("lines", "says"), [
    (["{"], "line 2"), (["[]"], "line 2"), ([{**LINE, "id": ""}], "line 2: id"), ([{**LINE, "subject": "7"}], "line 2: the subject"),
    ([{**LINE, "subject": "klient/1"}], "line 2: the subject"), ([{key: it for key, it in LINE.items() if key != "type"}], "line 2"),
    ([{**LINE, "time": "2026-01-01T00:00:00"}], "has no zone"),
    ([{**LINE, "type": "client.called", "time": "2099-01-01T00:00:00Z"}], "line 2: the time lies in the future"),
    ([LINE, {**LINE, "data": {"name": "Б"}}], "line 3: the event hand/client/1"), ([{**LINE, "data": {"name": 7}}], "line 2"),
    ([{**LINE, "data": {"name": "Б"}, "id": "client/0", "subject": "client/0"}], "known with other content"),
    ([{**LINE, "version": 3}], "comes without the one before"), ([{**LINE, "version": 0}], "line 2: the version"), (["\xff"], "line 2"),
])  # fmt: skip
def test_bad_line_imports_nothing(office: Office, tmp_path: Path, lines: list[Any], says: str) -> None:
    """B-26."""
    first = {**LINE, "id": "client/0", "subject": "client/0"}
    file = tmp_path / "log.jsonl"
    file.write_text(json.dumps(first), encoding="utf-8")
    office.ok("event", "import", str(file))
    before = office.dump()
    good = {**LINE, "id": "client/9", "subject": "client/9"}
    shown = [good, *lines]
    file.write_bytes(
        b"\n".join(it.encode("latin-1") if isinstance(it, str) else json.dumps(it).encode() for it in shown)
    )
    office.fails("event", "import", str(file), code=1, says=says)

    assert office.dump() == before


def test_backup_is_whole_or_not_there(office: Office, tmp_path: Path) -> None:
    """F-06, D7: killed at any moment, the name of the backup belongs to a whole store or to nothing."""
    office.connect({"desk": office.script("desk", stream("clients", clients(*range(2000))))})
    office.ok("sync")
    wanted = office.dump()
    copy = tmp_path / "copy.db"
    span = office.ok("db", "backup", str(copy)).seconds
    for number in range(8):
        copy.unlink(missing_ok=True)
        done = office.hub("db", "backup", str(copy), kill_after=span * (0.3 + number / 10))
        if copy.exists():
            other = Office(tmp_path / f"o{number}")
            shutil.copy(copy, other.folder / "hub.db")
            assert other.dump() == wanted
        else:
            assert done.code == -9
    copy.unlink(missing_ok=True)
    office.ok("db", "backup", str(copy))
    office.fails("db", "backup", str(copy), code=1, says="exists already")
    with opened(office.store_url) as store, store.write() as connection:
        connection.execute(text("DELETE FROM client"))
    office.ok("db", "restore", str(copy), "--yes")
    assert office.dump() == wanted


def test_now_is_understood_with_and_without_zone(office: Office) -> None:
    for now in (NOW, "2026-05-12", "2026-05-12T02:30:00Z"):
        office.ok("--now", now, "today")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_write_right_is_named(office: Office) -> None:
    """D3."""
    office.folder.chmod(0o500)
    try:
        office.fails("today", code=1, says="read-only")
    finally:
        office.folder.chmod(0o700)
