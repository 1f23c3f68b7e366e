"""Documents get numbers without holes, keep what was issued, and say what is wrong before anything is done."""

from __future__ import annotations

import hashlib
import multiprocessing
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from hub.documents import pdf
from hub.model.errors import HubError
from hub.paperwork import issuing
from hub.paperwork.drafts import Wish, correct, new_document, parse_line
from hub.paperwork.issuing import issue_all
from hub.paperwork.known import from_entity
from hub.paperwork.life import NEXT, move
from hub.paperwork.sheet import mark_of, read_file, sheet_of
from hub.store import documents as rows
from hub.store import log, state
from hub.store.database import Store
from hub.store.documents import STATES
from hub.store.tables import document_number

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
PROCESSES = 20
EACH = 3


def _take_numbers(url: str, firm_config: Any, keys: list[int], start: Any) -> None:
    """Be one of many processes: take the numbers of drafts, some of which others want as well."""
    store = Store(url)
    start.wait()
    for key in keys:
        with store.read() as connection:
            row = rows.get(connection, key)
        job = issuing._Job(row, issuing.form_of(firm_config, row.kind), NOW.date())
        with store.write() as connection:
            if rows.claim(connection, key):
                issuing._number(connection, firm_config, job, "anna", NOW)
    store.close()


def test_twenty_processes_take_consecutive_numbers(anywhere: Any) -> None:
    """Each draft is wanted by two processes at once; one gets it, and no number is lost or given twice."""
    firm = anywhere
    with firm.store.write() as connection:
        wish = Wish([parse_line("Поддержка; 1000", firm.config, NOW.date())])
        (client,) = state.read(connection, "client", state.table("client").c.name == "Школа № 5")
        keys = [
            new_document(connection, firm.config, "invoice", client, wish, by="anna", now=NOW)
            for _ in range(PROCESSES * EACH // 2)
        ]
    url = firm.store.url.render_as_string(hide_password=False)
    firm.store.close()  # no open connection goes into a fork
    forking = multiprocessing.get_context("fork")
    start = forking.Event()
    shuffled = random.Random(4).sample(keys * 2, len(keys) * 2)
    workers = [
        forking.Process(target=_take_numbers, args=(url, firm.config, shuffled[place::PROCESSES], start))
        for place in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    with firm.store.read() as connection:
        found = [rows.get(connection, key) for key in keys]
        (last,) = connection.execute(select(document_number.c.last)).scalars()
    assert sorted(int(row.number) for row in found) == list(range(1, len(keys) + 1))
    assert last == len(keys)
    assert {row.state for row in found} == {"numbered"}


def test_an_issued_document_is_complete_and_told_of(firm: Any) -> None:
    """Number, files and their hash, who and when, the event; a changed file is noticed."""
    key = firm.draft(basis="Договор № 7")
    row = firm.issue(key)
    assert (row.number, row.state, row.version) == ("1", "issued", 1)
    files = firm.files(key)
    assert set(files) == {"pdf", "docx"}
    with firm.store.read() as connection:
        kept = {it.format: it for it in rows.files(connection, key)}
        (event,) = [it for it in log.read_log(connection) if it.source == "documents"]
        past = rows.history(connection, key)
    assert {it: hashlib.sha256(path.read_bytes()).hexdigest() for it, path in files.items()} == {
        name: it.sha256 for name, it in kept.items()
    }
    assert (event.type, event.subject, msgspec.json.decode(event.data)["number"]) == (
        "document.issued", f"document/{key}", "1",
    )  # fmt: skip
    assert [(who, what, detail) for _at, who, what, detail in past] == [("anna", "document.issue", "1")]
    files["pdf"].write_bytes(files["pdf"].read_bytes() + b" ")
    with pytest.raises(HubError, match="was changed after it was issued"):
        read_file(firm.config, kept["pdf"])
    with pytest.raises(HubError, match="issued already"):
        firm.issue(key)


def test_what_is_wrong_takes_no_number_and_stops_no_other(firm: Any) -> None:
    """A template with an attack, a missing field and a client without a name among good ones."""
    good, other = firm.draft("invoice"), firm.draft("act")
    path = firm.template("act.docx", "{{ ''.__class__ }}")
    before = sorted(it.name for it in firm.folder.iterdir())
    with pytest.raises(HubError, match=r"act\.docx: page 1, paragraph 1: .*reaches into the program"):
        firm.issue(other)
    assert (firm.get(other).state, firm.get(other).number) == ("draft", "")
    assert sorted(it.name for it in firm.folder.iterdir()) == before
    done = issue_all(firm.store, firm.config, [other, good, 999], by="anna", now=NOW)
    assert {it.id: bool(it.row) for it in done} == {other: False, good: True, 999: False}
    path.unlink()
    assert firm.issue(other).number == "1"
    with pytest.raises(HubError, match="contract is missing"):
        firm.draft("title_page")
    with firm.store.read() as connection:
        assert len(rows.listed(connection)) == 2


def test_a_correction_keeps_the_number_and_gets_a_new_hash(firm: Any) -> None:
    key = firm.draft("act")
    first = firm.issue(key)
    fresh = firm.draft("act")
    with pytest.raises(HubError, match="follows an issue"), firm.store.write() as connection:
        correct(connection, firm.config, fresh, firm.client(), Wish(), by="anna", now=NOW)
    wish = Wish([parse_line("Сопровождение; 3; мес; 1000", firm.config, NOW.date())])
    with firm.store.write() as connection:
        made = correct(connection, firm.config, key, firm.client(), wish, by="anna", now=NOW)
    with pytest.raises(HubError, match="version 2 is waiting already"), firm.store.write() as connection:
        correct(connection, firm.config, key, firm.client(), wish, by="anna", now=NOW)
    second = firm.issue(made)
    assert (second.number, second.version) == (first.number, 2)
    assert firm.get(key).state == "archived"
    assert mark_of(second) != mark_of(first)
    assert firm.files(made)["pdf"].read_bytes() != firm.files(key)["pdf"].read_bytes()
    assert sheet_of(firm.get(key)).context == sheet_of(first).context, "what was issued stays"
    assert firm.issue(firm.draft("act")).number == "2"


def test_the_number_of_1c_wins(firm: Any) -> None:
    """An invoice made in 1C is printed under its own number and day; ours counts on without it."""
    line = {"title": "Поддержка", "quantity": "1", "price": {"amount": "500", "currency": "RUB"}, "vat_rate": 22}
    said = {"number": "0000-000042", "client": {"kind": "client", "external_id": "1"}, "date": "2026-11-02",
            "total": {"amount": "500", "currency": "RUB"}, "lines": [line]}  # fmt: skip
    firm.learn("invoice", ("77", said))
    with firm.store.read() as connection:
        (entity,) = state.read(connection, "invoice")

    def take() -> int:
        with firm.store.write() as connection:
            return from_entity(connection, firm.config, "invoice", entity["id"], firm.client(), by="anna", now=NOW)

    key = take()
    row = firm.issue(key)
    assert row.number == "0000-000042"
    assert msgspec.json.decode(bytes(sheet_of(row).context))["day"] == "2026-11-02"
    assert take() == key, "what is printed is not printed again"
    assert firm.issue(firm.draft("invoice")).number == "1"
    firm.learn("invoice", ("77", said | {"lines": [line | {"title": "Поддержка и выезд"}]}))
    again = take()
    assert again != key
    assert (firm.get(again).version, firm.issue(again).number) == (2, "0000-000042")


def test_only_the_moves_of_the_table_are_possible(firm: Any) -> None:
    key = firm.draft("act")
    firm.issue(key)
    assert set(NEXT) == set(STATES)
    for state_, following in NEXT.items():
        with firm.store.write() as connection:
            rows.set_state(connection, key, state_, STATES)
        for wanted in set(STATES) - set(following):
            words = rf"is {state_} and cannot become {wanted}"
            with pytest.raises(HubError, match=words), firm.store.write() as connection:
                move(connection, firm.config, key, wanted, by="anna", now=NOW)
            assert firm.get(key).state == state_
    with firm.store.write() as connection:
        rows.set_state(connection, key, "delivered", STATES)
        move(connection, firm.config, key, "cancelled", by="boris", now=NOW, detail="ошибка")
    assert firm.get(key).number == "1", "a cancelled document keeps its number"
    assert firm.issue(firm.draft("act")).number == "2"


def test_what_has_to_be_approved_waits_for_it(firm: Any) -> None:
    firm.configure("{approve: [act]}")
    key = firm.draft("act")
    with pytest.raises(HubError, match="has to be approved first"):
        firm.issue(key)
    with firm.store.write() as connection:
        move(connection, firm.config, key, "approved", by="boris", now=NOW)
    assert firm.issue(key).number == "1"


def test_a_kind_without_code(firm: Any, read_word: Callable[[Path], str]) -> None:
    """A kind of the configuration: its title, its fields, its template; what is not given or not known is named."""
    firm.configure("{kinds: {welcome: {title: Приветствие, fields: [reason], needs_signature: true}}}")
    with pytest.raises(HubError, match=r"field 'reason' is missing"):
        firm.draft("welcome")
    key = firm.draft("welcome", reason="=1+1 & <праздник>")
    with pytest.raises(HubError, match=r"welcome\.docx is not there"):
        firm.issue(key)
    firm.template("welcome.docx", "{{ heading }}", "{{ client.name }}: {{ reason }}", "{{ mark }}")
    firm.issue(key)
    shown = read_word(firm.files(key)["docx"])
    assert "Приветствие № 1 от 22 ноября 2026 г." in shown
    assert "МБОУ «Средняя школа № 5»: =1+1 & <праздник>" in shown


def test_without_an_engine_the_word_file_is_the_document(firm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is delivered and it is said plainly; a form of ours still gives a PDF."""
    firm.configure("{pdf_engine: soffice}")
    firm.template("act.docx", "{{ heading }}")
    monkeypatch.setenv("PATH", str(firm.folder))
    monkeypatch.setattr(pdf, "_PLACES", ())
    (done,) = issue_all(firm.store, firm.config, [firm.draft("act")], by="anna", now=NOW)
    assert set(firm.files(done.id)) == {"docx"}
    assert "no PDF was made" in done.remark
    assert set(firm.files(firm.issue(firm.draft("invoice")).id)) == {"docx", "pdf"}
