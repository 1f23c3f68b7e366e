"""The page on entering things is true: its commands run one after the other, its settings and its list load."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from bureau import Office

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "enter-what-happened.md").read_text(encoding="utf-8")


def test_commands_of_the_page_run_in_their_order(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
    assert len(commands) > 35
    monkeypatch.chdir(office.folder)
    for name, text in re.findall(r"<!-- list: ([\w.]+) -->\n```text\n(.*?)^```", PAGE, re.M | re.S):
        (office.folder / name).write_text(text, encoding="utf-8")
    for line in commands:
        office.ok(*shlex.split(line)[1:])
    assert [row["state"] for row in office.rows("complaint")] == ["confirmed"]
    assert [row["stage"] for row in office.rows("referral")] == ["won"]


def test_list_of_the_page_is_one(office: Office) -> None:
    (office.folder / "checklists").mkdir()
    for name, text in re.findall(r"<!-- checklist: (\w+) -->\n```text\n(.*?)^```", PAGE, re.M | re.S):
        (office.folder / "checklists" / f"{name}.yaml").write_text(text, encoding="utf-8")
    assert [it["id"] for it in office.json("checklist", "templates")] == ["appendix_1", "site_visit", "visit"]


def test_each_kind_of_entry_is_on_the_page() -> None:
    from hub.entries.kinds import KINDS

    assert [kind for kind in KINDS if f"hub {kind} " not in PAGE] == []
