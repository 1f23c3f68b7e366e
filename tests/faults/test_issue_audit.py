"""S-33: a document that is issued is in the audit log, whatever happens right afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from forks import Forks, QuickOffice
from inside import rows
from lab import NOW, Office, item, opened, stream


@pytest.fixture
def office(forks: Forks, tmp_path: Path) -> Office:
    office = QuickOffice(forks, tmp_path)
    client = item("client", "c1", name="Ромашка", status="client", inn="2465000007")
    office.connect({"desk": office.script("desk", stream("clients", [client]))})
    office.ok("init")
    office.ok("sync")
    return office


def test_killed_right_after_the_issue_the_audit_row_is_there(office: Office) -> None:
    (client,) = office.ok("client", "list", "--json").json
    office.ok("--now", NOW, "document", "new", "invoice", "--client", client["id"], "--line", "Поддержка; 5000")
    assert office.hub("--now", NOW, "document", "issue", "1", HUB_TEST_STOP="committed:2").code == -9
    with opened(office.store_url) as store:
        assert [row.state for row in rows(store, "document")] == ["issued"], "the control: it was killed after that"
        assert [(row.what, row.object) for row in rows(store, "audit")] == [("document.issue", "document/1")]


def test_killed_before_the_issue_one_row_comes_with_the_next_try(office: Office) -> None:
    (client,) = office.ok("client", "list", "--json").json
    office.ok("--now", NOW, "document", "new", "invoice", "--client", client["id"], "--line", "Поддержка; 5000")
    assert office.hub("--now", NOW, "document", "issue", "1", HUB_TEST_STOP="commit:2").code == -9
    with opened(office.store_url) as store:
        assert rows(store, "audit") == []
    office.ok("--now", NOW, "document", "issue", "1")
    office.fails("--now", NOW, "document", "issue", "1", code=1, says="issued already")
    with opened(office.store_url) as store:
        assert len(rows(store, "audit")) == 1
