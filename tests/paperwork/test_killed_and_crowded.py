"""Paperwork that is killed at any moment, and paperwork that many processes do at once."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forks import Forks, QuickOffice
from inside import rows as table_rows
from lab import LAB, ROOT, opened, seed_of

from hub.files import passing
from hub.store.database import Store

PROCESSES = 20
CONTRACTS = 52
"""More than one batch."""
MONTH = ("--now", "2026-12-01T10:00+07:00", "document", "month", "--month", "2026-11", "--json")


def check(store: Store, folder: Path, count: int) -> None:
    """No number twice, no hole, each document issued once, and its files whole; no other file lies there."""
    made = table_rows(store, "document")
    assert sorted(int(row.number) for row in made) == list(range(1, count + 1))
    assert {row.state for row in made} == {"issued"}
    assert Counter(row.object for row in table_rows(store, "audit") if row.what == "document.issue") == {
        f"document/{row.id}": 1 for row in made
    }
    told = Counter(row.subject for row in table_rows(store, "event") if row.type == "document.issued")
    assert told == {f"document/{row.id}": 1 for row in made}
    kept = {row.name: row.sha256 for row in table_rows(store, "document_file")}
    there = {it.name: hashlib.sha256(it.read_bytes()).hexdigest() for it in folder.iterdir()}
    assert there == kept
    assert Counter(Path(name).suffix for name in kept) == {".pdf": count, ".docx": count}


def test_a_month_killed_at_any_moment_ends_whole(
    forks: Forks, tmp_path: Path, made_file: Path, make_contract: Callable[..., dict[str, Any]],
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """Killed at the points where numbers and files are kept, and at moments that nobody chose, then run to its end."""
    office = QuickOffice(forks, tmp_path)
    (tmp_path / "hub.db").write_bytes(made_file.read_bytes())
    office.connect({}, extra="documents: {month: [act]}\n")
    facts = {"client/1": {"name": "Школа", "inn": "2466001236", "kpp": "246601001", "status": "client"}}
    facts |= {f"contract/{number}": make_contract(str(number), "1") for number in range(CONTRACTS)}
    lines = [
        json.dumps({"id": key, "source": "b", "type": f"{key.partition('/')[0]}.observed", "subject": key, "data": it})
        for key, it in facts.items()
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(lines), encoding="utf-8")
    office.ok("event", "import", "log.jsonl")
    chance = random.Random(seed_of(request.config))
    codes = [office.hub(*MONTH, HUB_TEST_STOP=f"number:{chance.randint(1, 50)}").code]  # within the first batch
    codes += [office.hub(*MONTH, HUB_TEST_STOP=f"file:{chance.randint(1, 100)}").code]
    codes += [
        office.hub(*MONTH, HUB_TEST_STOP=f"{point}:{chance.randint(1, 3)}").code for point in ("commit", "committed")
    ]
    codes += [office.hub(*MONTH, kill_after=chance.uniform(0.2, 2.5)).code for _ in range(3)]
    assert codes[:2] == [-9, -9]
    assert set(codes) <= {0, -9}
    with passing(tmp_path / "documents" / "act-99-99.pdf") as living:
        office.ok(*MONTH)
        assert list((tmp_path / "documents").glob(".*.tmp")) == [living]
    assert office.ok(*MONTH).json["issued"] == 0
    with opened(office.store_url) as store:
        check(store, tmp_path / "documents", CONTRACTS)


def test_twenty_processes_draw_files_at_once(anywhere: Any, tmp_path: Path) -> None:
    """Each draft is wanted by three of them, who number it, draw it, fill its template and mark it issued."""
    keys = [anywhere.draft("invoice") for _ in range(PROCESSES)]
    anywhere.store.close()
    path = os.pathsep.join(map(str, (LAB, ROOT, ROOT / "plugins")))
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("crowd.py")), str(tmp_path / "hub.yaml"), str(PROCESSES),
         *map(str, keys)],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    check(anywhere.store, tmp_path / "documents", PROCESSES)
