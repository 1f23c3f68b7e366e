"""Letters that are taken in while something goes wrong: nothing is lost, nothing is made twice, nothing half."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from letters_firm import SUPPORT, Firm

from hub import letters
from hub.store.database import Store


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["enter", "set_meta"])
def test_killed_while_a_letter_is_taken_in_it_is_taken_in_once(
    supported: Firm, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    supported.mail()
    supported.mail("Ещё одна просьба.", minute=1)

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(letters, step, die)
        with pytest.raises(Killed):
            supported.sync()
    assert supported.rows("ticket") == []
    assert len(supported.rows("message")) == 3, "the letters are stored before they are looked at"
    supported.sync()
    assert supported.happened() == ["ticket.created", "ticket.created"]


def test_two_mailboxes_with_one_letter_at_the_same_time_make_one_ticket(
    anywhere: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one looks while the first has not committed yet: on PostgreSQL it then finds the ticket there."""
    anywhere.configure(SUPPORT)
    for folder in ("INBOX", "Second"):
        anywhere.mail(identifier="<same@client.example>", folder=folder)
    is_writing, is_entering = Event(), Event()
    enter, set_meta = letters.enter, letters.set_meta

    def entering(*given: Any, **named: Any) -> str:
        if is_writing.is_set():
            is_entering.set()
        return enter(*given, **named)

    def writing(*given: Any) -> None:
        if not is_writing.is_set():
            is_writing.set()
            is_entering.wait(1)  # on SQLite nobody else enters meanwhile
        set_meta(*given)

    monkeypatch.setattr(letters, "enter", entering)
    monkeypatch.setattr(letters, "set_meta", writing)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(anywhere.sync, "office")
        assert is_writing.wait(30)
        threads.submit(anywhere.sync, "second").result()
        first.result()
    assert len(anywhere.rows("ticket")) == 1
    assert anywhere.rows("comment") == []
    assert anywhere.problems() == []


def test_a_log_brought_to_a_new_store_makes_nothing_anew(supported: Firm, tmp_path: Path, made_file: Path) -> None:
    asked = supported.takes()
    supported.takes("Ещё раз.", answers=asked, minute=3)
    supported.ok("ticket", "solve", supported.ticket()["number"])
    supported.ok("ticket", "change", supported.ticket()["number"], "--subject", "Другая тема")
    told = sorted(supported.happened())
    (tmp_path / "log.jsonl").write_text(supported.ok("event", "export"), encoding="utf-8")
    (tmp_path / "new").mkdir()
    shutil.copyfile(made_file, tmp_path / "new" / "hub.db")
    fresh = Firm(tmp_path / "new", supported.peer, Store(f"sqlite:///{tmp_path / 'new' / 'hub.db'}"))
    fresh.configure(SUPPORT)
    fresh.ok("event", "import", str(tmp_path / "log.jsonl"))
    fresh.sync()
    assert sorted(fresh.happened()) == told
    assert (fresh.ticket()["state"], fresh.ticket()["subject"]) == ("solved", "Другая тема")
    assert len(fresh.rows("comment")) == 1
    fresh.store.close()
