"""A firm with three clients and their contracts, and its documents."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docx
import pytest

from hub.config import Config, load_config
from hub.ingest import import_events
from hub.paperwork.drafts import Wish, new_document, parse_line
from hub.paperwork.issuing import issue
from hub.projection import Sources
from hub.store import documents as rows
from hub.store import state
from hub.store.database import Store
from hub.store.documents import DocumentRow

LAB = Path(__file__).parents[1] / "core" / "lab"
if str(LAB) not in sys.path:
    sys.path.insert(0, str(LAB))

from lab_fixtures import forks  # noqa: E402, F401 found on the path made above

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
HEAD = """\
zone: Asia/Krasnoyarsk
organisation:
  name: ООО «Пример»
  inn: "2465000007"
  kpp: "246501001"
  bank: {name: ПАО СБЕРБАНК, bic: "044525225", account: "40702810138250123017", corr_account: "30101810400000000225"}
  director: Соколова А. Б.
  vat_rate: "22"
documents:
"""
CLIENTS = [
    ("1", {"name": "Школа № 5", "full_name": "МБОУ «Средняя школа № 5»", "inn": "2466001236", "kpp": "246601001",
           "status": "client", "points": [{"type": "email", "value": "school@example.ru"}]}),
    ("2", {"name": "Ромашка", "status": "client"}),
    ("3", {"name": "Больница", "inn": "2466001237", "kpp": "246601001", "status": "client"}),
]  # fmt: skip


def contract(number: str, client: str, **fields: Any) -> dict[str, Any]:
    """Return what 1C says of a contract."""
    said = {"number": number, "client": {"kind": "client", "external_id": client}, "date": "2026-02-01",
            "fee": {"amount": "12400", "currency": "RUB"}, **fields}  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


class Firm:
    """The firm's configuration and store, and what its people do with them."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder = folder
        self.store = store
        self.config: Config
        self._said: Counter[str] = Counter()
        self.configure("{}")
        self.learn("client", *CLIENTS)

    def configure(self, documents: str) -> None:
        """Write the section `documents:` of the configuration anew."""
        path = self.folder / "hub.yaml"
        text = documents if documents.startswith("  ") else f"  {documents}"
        path.write_text(HEAD + text + f"\nstore: {json.dumps(self.store.url.render_as_string(hide_password=False))}\n")
        self.config = load_config(path)

    def learn(self, kind: str, *things: tuple[str, dict[str, Any]]) -> None:
        """Take in what 1C says."""
        self._said.update(f"{kind}/{key}" for key, _data in things)
        lines = [
            json.dumps({"id": f"{kind}/{key}", "source": "books", "type": f"{kind}.observed",
                        "subject": f"{kind}/{key}", "version": self._said[f"{kind}/{key}"], "data": data}).encode()
            for key, data in things
        ]  # fmt: skip
        with self.store.write() as connection:
            import_events(connection, lines, Sources(()), NOW)

    def client(self, name: str = "Школа № 5") -> dict[str, Any]:
        """Return a client by its name."""
        with self.store.read() as connection:
            (found,) = state.read(connection, "client", state.table("client").c.name == name)
        return found

    def draft(self, kind: str = "invoice", *lines: str, client: str = "Школа № 5", **fields: str) -> int:
        """Make a draft; return its id."""
        chosen = lines or (("Сопровождение; 2; мес; 1000",) if kind in ("invoice", "act") else ())
        wish = Wish([parse_line(line, self.config, NOW.date()) for line in chosen], {k: [v] for k, v in fields.items()})
        with self.store.write() as connection:
            return new_document(connection, self.config, kind, self.client(client), wish, by="anna", now=NOW)

    def issue(self, key: int) -> DocumentRow:
        """Issue a draft."""
        return issue(self.store, self.config, key, by="anna", now=NOW)

    def get(self, key: int) -> DocumentRow:
        """Return a document."""
        with self.store.read() as connection:
            return rows.get(connection, key)

    def files(self, key: int) -> dict[str, Path]:
        """Return the files of a document by format."""
        with self.store.read() as connection:
            return {it.format: self.folder / "documents" / it.name for it in rows.files(connection, key)}

    def template(self, name: str, *paragraphs: str) -> Path:
        """Put a Word template into the folder of templates."""
        (self.folder / "templates").mkdir(exist_ok=True)
        path = self.folder / "templates" / name
        path.write_bytes(word(*paragraphs))
        return path


def word(*paragraphs: str) -> bytes:
    """Return a Word file with these paragraphs; a form feed begins a new page."""
    made = docx.Document()
    for text in paragraphs:
        if text == "\f":
            made.add_page_break()
        else:
            made.add_paragraph(text)
    packed = io.BytesIO()
    made.save(packed)
    return packed.getvalue()


def words_of(path: Path) -> str:
    """Return the text of a Word file."""
    return "\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)


@pytest.fixture
def firm(tmp_path: Path, made_file: Path) -> Iterator[Firm]:
    """The firm on SQLite."""
    shutil.copyfile(made_file, tmp_path / "hub.db")
    store = Store(f"sqlite:///{tmp_path / 'hub.db'}")
    yield Firm(tmp_path, store)
    store.close()


@pytest.fixture
def anywhere(tmp_path: Path, store: Store) -> Firm:
    """The firm on each kind of database in turn."""
    return Firm(tmp_path, store)


@pytest.fixture
def make_contract() -> Callable[..., dict[str, Any]]:
    return contract


@pytest.fixture
def make_word() -> Callable[..., bytes]:
    return word


@pytest.fixture
def read_word() -> Callable[[Path], str]:
    return words_of
