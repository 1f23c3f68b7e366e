"""The folder of a client: its papers in their printed order, each as often as it is needed, as one PDF."""

from __future__ import annotations

import io
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection

from hub.config import Config
from hub.documents.own import form_of
from hub.model.errors import HubError
from hub.paperwork.sheet import read_file
from hub.store import documents as rows
from hub.store.documents import DocumentRow, FileRow

_OVER = ("draft", "approved", "numbered", "cancelled")


class Paper(Struct, frozen=True):
    """One entry of a folder: a kind, how often it is printed, and the newest issued document of it, if there is one."""

    kind: str
    title: str
    copies: int
    document: DocumentRow | None = None
    pdf: FileRow | None = None

    @property
    def lacks(self) -> str:
        """Return what keeps it from being printed, or nothing."""
        if self.document is None:
            return "not issued yet"
        return "" if self.pdf else "there is no PDF of it; print its Word file"


def papers_of(connection: Connection, config: Config, client: str) -> list[Paper]:
    """Return the papers of a client's folder in their printed order."""
    newest: dict[str, DocumentRow] = {}
    for row in rows.listed(connection, client):
        if row.state not in _OVER:
            newest.setdefault(row.kind, row)
    papers = []
    for entry in config.model.documents.client_folder:
        kinds = entry.split("|")
        there = [newest[kind] for kind in kinds if kind in newest]
        found = max(there, key=lambda it: it.id, default=None)
        form = form_of(config, found.kind if found else kinds[0])
        files = rows.files(connection, found.id) if found else []
        pdf = next((file for file in files if file.format == "pdf"), None)
        papers.append(Paper(form.kind, form.title, form.copies, found, pdf))
    return papers


def papers_named(connection: Connection, config: Config, keys: Sequence[int]) -> list[Paper]:
    """Return documents of any clients as papers, in the order in which they are named."""
    papers = []
    for key in keys:
        row = rows.get(connection, key)
        form = form_of(config, row.kind)
        pdf = next((file for file in rows.files(connection, key) if file.format == "pdf"), None)
        papers.append(Paper(form.kind, form.title, form.copies, None if row.state in _OVER else row, pdf))
    return papers


def one_pdf(config: Config, papers: Sequence[Paper]) -> bytes:
    """Return what can be printed as one PDF. Raises HubError when there is nothing, or a file was changed."""
    from pypdf import PdfWriter  # of no use to any other command
    from pypdf.errors import PyPdfError

    made = PdfWriter()
    for paper in papers:
        if paper.pdf is None:
            continue
        content = read_file(config, paper.pdf)
        for _ in range(paper.copies):
            try:
                made.append(io.BytesIO(content), import_outline=False)
            except PyPdfError as error:
                raise HubError(f"{paper.pdf.name} cannot be joined with the others: {error}.") from error
    if not made.pages:
        raise HubError("there is nothing to print yet.", hint="Issue the documents first: hub document issue")
    made.compress_identical_objects()
    packed = io.BytesIO()
    made.write(packed)
    return packed.getvalue()
