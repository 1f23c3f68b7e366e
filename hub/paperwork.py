"""Documents in the store: drafts, numbers, issue, files, sending.

Issuing goes in three steps that can each be repeated: the number is taken and kept with the whole context in one
transaction; the files are drawn and written whole; the document is marked issued. A number is never used twice, and a
document that has one never changes: a correction is a new version.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from hub.config import Config
from hub.documents import docx
from hub.documents.forms import form_of
from hub.documents.invoice import InvoiceDraft
from hub.documents.limits import Value
from hub.documents.parties import Party
from hub.documents.render import render_pdf
from hub.files import write_file
from hub.model.entities import Line
from hub.model.errors import HubError
from hub.model.values import Money, parse_decimal
from hub.stop_points import stop_point
from hub.store import documents as rows
from hub.store.database import Store
from hub.store.documents import DocumentRow, FileRow
from hub.store.problems import note


def new_invoice(connection: Connection, config: Config, client: Mapping[str, Any], lines: Sequence[Line], *, basis: str,
                due: date | None, note: str, by: str, now: datetime) -> int:  # fmt: skip
    """Keep a draft invoice; everything that would stop its issue is said now. Return the document's id."""
    buyer = Party(
        name=str(client["full_name"] or client["name"]),
        inn=str(client["inn"] or ""),
        kpp=str(client["kpp"] or ""),
        address=_address(client),
    )
    draft = InvoiceDraft(buyer, tuple(lines), basis, due, config.model.documents.invoice_due_days, note)
    form = form_of("invoice")
    form.build(config.model.organisation, draft, "1", now.astimezone(config.zone).date())
    return rows.insert(
        connection,
        kind=form.kind,
        client=str(client["id"]),
        title=f"{form.title}: {client['name']}",
        context=msgspec.json.encode(draft).decode(),
        by=by,
        now=now,
    )


def _address(client: Mapping[str, Any]) -> str:
    points = [point for point in client.get("points", ()) if point["type"] == "address"]
    points.sort(key=lambda point: "юрид" not in str(point.get("label", "")).casefold())
    return str(points[0].get("value") or points[0].get("raw", "")) if points else ""


def parse_line(text: str, config: Config) -> Line:
    """Read `title; quantity; unit; price`; quantity and unit may be left out. Raises HubError that names the part."""
    parts = [part.strip() for part in text.split(";")]
    if len(parts) not in (2, 4) or not parts[0]:
        raise HubError(f"{text!r} is no line.", hint="Write: title; quantity; unit; price, or: title; price")
    price = parse_decimal(parts[-1])
    quantity = parts[1] if len(parts) == 4 else "1"
    if price is None or parse_decimal(quantity) is None:
        raise HubError(f"{text!r}: quantity and price must be numbers.")
    organisation = config.model.organisation
    rate = None if organisation is None or organisation.vat_rate == "none" else int(organisation.vat_rate)
    return Line(
        title=parts[0], quantity=quantity, unit=parts[2] if len(parts) == 4 else "", price=Money(price), vat_rate=rate
    )


def issue(store: Store, config: Config, document: int, *, by: str, now: datetime) -> DocumentRow:
    """Give the document its number, draw its files and issue it; a second call finishes what a crash left."""
    with store.read() as connection:
        found = rows.get(connection, document)
    if found.state == "draft":
        found = _number(store, config, found, by=by, now=now)
    if found.state != "numbered":
        raise HubError(f"the document {document} is {found.state} already.", hint="A correction is a new version.")
    folder = config.resolve(config.model.documents.folder)
    files = _draw(config, found, folder)
    with store.write() as connection:
        rows.mark_issued(connection, found.id, files)
        note(connection, who=by, what="document.issue", about=f"document/{found.id}", detail=found.number, now=now)
    with store.read() as connection:
        return rows.get(connection, document)


def _number(store: Store, config: Config, found: DocumentRow, *, by: str, now: datetime) -> DocumentRow:
    form = form_of(found.kind)
    draft = msgspec.json.decode(found.context, type=form.draft)
    template = template_of(config, found.kind)
    mark = f"{found.kind}:{hashlib.sha256(template).hexdigest()}"
    organisation = config.model.organisation
    day = now.astimezone(config.zone).date()
    with store.write() as connection:
        number = _free_number(connection, config, found.kind, organisation.inn if organisation else "", day.year)
        context = form.build(organisation, draft, number, day)
        rows.take_number(connection, found.id, number, msgspec.json.encode(context).decode(), mark, by, now)
        stop_point("number")
    with store.read() as connection:
        return rows.get(connection, found.id)


def _free_number(connection: Connection, config: Config, kind: str, inn: str, year: int) -> str:
    """Take numbers until one was never used: a pattern without the year meets those of last year in January."""
    pattern = config.model.documents.number_pattern
    while True:
        number = _pattern(pattern, rows.next_number(connection, inn, kind, year), year)
        if not rows.is_used(connection, kind, number):
            return number


def _pattern(pattern: str, seq: int, year: int) -> str:
    try:
        return pattern.format(seq=seq, year=year)
    except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
        raise HubError(f"the number pattern {pattern!r} is wrong.", hint="Use {seq}, {seq:03d} and {year}.") from error


def template_of(config: Config, kind: str) -> bytes:
    """Return the firm's own Word template of the kind, or the built-in one."""
    own = config.resolve(config.model.documents.templates) / f"{kind}.docx"
    if not own.is_file():
        return form_of(kind).template()
    docx.check_template(own, form_of(kind).sample_values())
    return own.read_bytes()


def _draw(config: Config, found: DocumentRow, folder: Path) -> list[FileRow]:
    values = values_of(found)
    made = {"pdf": render_pdf(found.kind, values), "docx": docx.fill_docx(template_of(config, found.kind), values)}
    name = f"{found.kind}-{re.sub(r'[^0-9A-Za-zА-Яа-яЁё]+', '-', found.number).strip('-')[:60]}-{found.id}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = []
    for form, content in made.items():
        path = folder / f"{name}.{form}"
        write_file(path, content)
        files.append(FileRow(form, path.name, hashlib.sha256(content).hexdigest(), len(content)))
        stop_point("file")
    return files


def letter(config: Config, found: DocumentRow, files: Sequence[FileRow], to: Sequence[str], put: Any) -> dict[str, Any]:
    """Return the data of a `mail.send` command with the document as PDF. Raises HubError if a file was changed."""
    if found.state not in ("issued", "sent"):
        raise HubError(f"the document {found.id} is {found.state}.", hint=f"Run first: hub document issue {found.id}")
    pdf = next(file for file in files if file.format == "pdf")
    content = read_file(config, pdf)
    values = values_of(found)
    covering = form_of(found.kind).letter(values)
    title = form_of(found.kind).title.split()[0]
    name = f"{title} № {found.number} от {values['date_short']}.pdf".replace("/", "-")
    return {
        "to": list(to), "subject": covering.subject, "text": covering.text,
        "attachments": [{"name": name, "type": "application/pdf", "blob": put(content)}],
    }  # fmt: skip


def values_of(found: DocumentRow) -> Mapping[str, Value]:
    """Return the texts that stand on a document which has its number."""
    form = form_of(found.kind)
    return form.values(msgspec.json.decode(found.context, type=form.context))


def read_file(config: Config, file: FileRow) -> bytes:
    """Return an issued file. Raises HubError when it is gone or was changed since."""
    path = config.resolve(config.model.documents.folder) / file.name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HubError(
            f"{path} cannot be read.", hint="Restore it from a backup; issued documents never change."
        ) from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise HubError(f"{path} was changed after it was issued.", hint="Restore it from a backup.")
    return content
