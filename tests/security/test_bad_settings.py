"""B-06, B-24, S-06: rules and configurations that are impossible, huge or hostile.

Seen failing: `number_pattern: "{seq.__class__}"` failed when an invoice was issued, `mail: "a@b, c@d"` when a letter
was sent, an absence that ends before it begins never.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from lab import NOW, Office

from hub.config import load_config
from hub.model.errors import SettingsError
from hub.reminders.rules import BUILTIN, load_rules


def event(**changes: Any) -> dict[str, Any]:
    return {
        "id": "client/1",
        "source": "s",
        "type": "client.observed",
        "subject": "client/1",
        "data": {"name": "x"},
        **changes,
    }


RULE = """\
- id: r{n}
  title: 'Звонок {{client.name}}'
  why: '{{client.name}}'
  key: 'r{n}:{{client.id}}'
  trigger: {{scan: client}}
  where: [{{field: client.last_connected_call, older: {n}d}}]
"""


def test_ten_thousand_rules_are_read_in_time(tmp_path: Path) -> None:
    """B-24"""
    for part in range(10):
        (tmp_path / f"{part}.yaml").write_text(
            "".join(RULE.format(n=part * 1000 + it + 1) for it in range(1000)), encoding="utf-8"
        )
    began = time.monotonic()
    assert len(load_rules((BUILTIN,), tmp_path)) > 10_000
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("client.name", "client.secret"),
        ("scan: client", "scan: nothing"),
        ("older: 1d", "older: yesterday"),
        ("older: 1d", "matches: (a+)+$"),
        ("{client.name}'\n  why", "{client.__class__}'\n  why"),
        ("{client.name}'\n  why", "{{7*7}'\n  why"),
        ("key: 'r1", "kay: 'r1"),
        ("scan: client", "event: client.exploded"),
        ("id: r1", "id: ../r1"),
        ("[{field", "[{{field"),
    ],
)
def test_impossible_rules_are_named_with_their_line(tmp_path: Path, change: str, says: str) -> None:
    text = RULE.format(n=1)
    assert change in text
    (tmp_path / "r.yaml").write_text(text.replace(change, says, 1), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"r\.yaml:\d"):
        load_rules((BUILTIN,), tmp_path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("employees: [{id: a, name: A, mail: 'a@b, c@d'}]", "address"),
        ("employees: [{id: a, name: A, head: z}]", "no employee"),
        ("documents: {number_pattern: 'x'}", "pattern"),
        ("documents: {number_pattern: '{seq:999999999d}'}", "pattern"),
        ("documents: {number_pattern: '{seq.__class__}'}", "pattern"),
        ('documents: {number_pattern: "{seq}\\n"}', "pattern"),
        ("documents: {invoice_due_days: '-1'}", "greater"),
        ("documents: {invoice_due_days: '999999999'}", "less"),
        ("workers: '1000000'", "less"),
        ("zone: ../../etc/passwd", "zone"),
        ("connections: {../x: {connector: onec}}", "letters"),
        ("connections: {'a\\nb': {connector: onec}}", "letters"),
        ("connections: {a: {connector: onec, every: 1e9}}", "duration"),
        ("connections: {a: {connector: onec, vanish_limit: nan}}", "vanish_limit"),
    ],
)
def test_bad_configurations_are_named(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=says):
        load_config(file)


@pytest.mark.parametrize(
    "pattern", ["{seq}", "{year}/{seq:03d}", "../{seq}", "x/{seq}", "..\\{seq}", "C:{seq}", "ЕУ-{seq:3d}"]
)
def test_control_good_patterns_are_taken(tmp_path: Path, pattern: str) -> None:
    """S-06: slashes may stand in a number; the files beside it are named without (see the test of documents)."""
    file = tmp_path / "hub.yaml"
    file.write_text(f"documents: {{number_pattern: '{pattern}'}}\n", encoding="utf-8")
    assert load_config(file).model.documents.number_pattern == pattern


@pytest.mark.parametrize("pattern", ["../../../{seq}", "..\\{seq}/CON"])
def test_numbers_build_no_paths(tmp_path: Path, pattern: str) -> None:
    office = Office(tmp_path / "deep" / "o")
    text = office.config.read_text("utf-8") + f"documents: {{number_pattern: '{pattern}'}}\n"
    office.config.write_text(text, encoding="utf-8")
    office.ok("init")
    (office.folder / "c.jsonl").write_text(
        json.dumps(event(data={"name": "ООО", "status": "client", "inn": "2465000007"}))
    )
    office.ok("event", "import", str(office.folder / "c.jsonl"))
    outside = {it for it in tmp_path.rglob("*") if office.folder not in it.parents}
    office.ok("document", "new", "invoice", "--client", "2465000007", "--line", "Услуга; 1; шт; 100")
    office.ok("document", "issue", "1")
    assert {it for it in tmp_path.rglob("*") if office.folder not in it.parents} == outside
    assert all(re.fullmatch(r"[\w.-]+", it.name) for it in (office.folder / "documents").iterdir())


def test_heads_in_a_circle_and_absences_end(tmp_path: Path) -> None:
    """B-24: a → b → a is refused as heads, and comes to an end as substitutes who are both away."""
    office = Office(tmp_path / "o")
    away = "absent: [2026-01-01..2026-12-31]"
    first = f"  - {{id: ivanova, name: ivanova, role: manager, head: petrov, substitute: petrov, {away}}}\n"
    second = f"  - {{id: petrov, name: petrov, role: manager, substitute: ivanova, {away}}}\n"
    for people in (first + second.replace("role: manager", "role: manager, head: ivanova"), first + second):
        text = re.sub(r"employees:\n(  - .*\n)+", lambda _: f"employees:\n{people}", office.config.read_text("utf-8"))  # noqa: B023
        office.config.write_text(text, encoding="utf-8")
        if people != first + second:
            office.fails("init", code=1, says="heads go round in a circle: ivanova → petrov → ivanova")
    office.ok("init")
    client = event(data={"name": "ООО", "status": "client", "manager": "ivanova"})
    ticket = event(
        id="ticket/1",
        type="ticket.observed",
        subject="ticket/1",
        data={
            "number": "1",
            "subject": "s",
            "priority": "urgent",
            "created": "2026-05-01T00:00:00Z",
            "client": {"kind": "client", "external_id": "1"},
        },
    )
    made = {**ticket, "id": "ticket.created/1", "type": "ticket.created", "time": "2026-05-12T01:00:00Z"}
    (office.folder / "c.jsonl").write_text("\n".join(map(json.dumps, (client, ticket, made))))
    office.ok("event", "import", str(office.folder / "c.jsonl"))
    assert office.ok("--now", NOW, "reminder", "list").seconds < 15
    for period in ("2026-02-30", "2026-12-14..2026-12-01", "nonsense"):
        office.config.write_text(text.replace("2026-01-01..2026-12-31", period), encoding="utf-8")
        office.fails("--now", NOW, "today", code=1, says="write days such as")
