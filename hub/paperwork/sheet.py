"""What a document row holds: where it comes from, what was wanted, and what was issued."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hub.config import Config
from hub.documents import docx
from hub.documents.form import Form
from hub.documents.limits import Value
from hub.documents.own import form_of
from hub.files import write_file
from hub.model.errors import HubError
from hub.store.documents import DocumentRow, FileRow

_NOTHING = msgspec.Raw(b"null")


class Sheet(Struct, frozen=True, kw_only=True):
    """The content of a document row, as JSON.

    `origin` says what it was made for (`month/2026-11/contract id`, `invoice/id of 1C's`) and comes first, so that it
    can be looked for; `day` is given where the document bears another day than that of its issue. `context` is what
    was issued, null before.
    """

    origin: str = ""
    day: date | None = None
    draft: msgspec.Raw = _NOTHING
    context: msgspec.Raw = _NOTHING

    def text(self) -> str:
        """Return it as it is stored."""
        return msgspec.json.encode(self).decode()


class Template(Struct, frozen=True):
    """The template of a kind: the firm's own file, or the built-in one when `path` is `None`."""

    content: bytes
    ending: str
    path: Path | None

    @property
    def name(self) -> str:
        """Return how to call it in a message."""
        return str(self.path) if self.path else "The built-in template"

    @property
    def digest(self) -> str:
        """Return the hash by which a document says what it was made with."""
        return hashlib.sha256(self.content).hexdigest()


def sheet_of(found: DocumentRow) -> Sheet:
    """Return the content of a row."""
    return msgspec.json.decode(found.context, type=Sheet)


def draft_of(form: Form[Any, Any], sheet: Sheet) -> Any:
    """Return what was wanted."""
    return msgspec.json.decode(sheet.draft, type=form.draft)


def values_of(config: Config, found: DocumentRow) -> Mapping[str, Value]:
    """Return the texts that stand on a document which has its number, its mark included."""
    form = form_of(config, found.kind)
    sheet = sheet_of(found)
    context = msgspec.json.decode(sheet.context, type=form.context)
    return {**form.values(context), "mark": mark_of(found) if form.needs_signature else ""}


def mark_of(found: DocumentRow) -> str:
    """Return the text of the small code by which a scan of the document is recognised: its id and its content's hash.

    The hash keeps a code of another store, or of an earlier version, from being taken for this document's.
    """
    return f"HUB:{found.id}:{hashlib.sha256(bytes(sheet_of(found).context)).hexdigest()[:12]}"


SAMPLE_MARK = "HUB:17:0123456789ab"
MARK = re.compile(r"HUB:(\d{1,15}):([0-9a-f]{12})")


def template_of(config: Config, form: Form[Any, Any]) -> Template | None:
    """Return the firm's own template of a kind, else the built-in one. Raises HubError for one that cannot be read."""
    folder = config.resolve(config.model.documents.templates)
    own = [folder / f"{form.kind}.{ending}" for ending in ("docx", "xlsx")]
    there = [path for path in own if path.is_file()]
    if len(there) > 1:
        raise HubError(f"{there[0].name} and {there[1].name} are both there.", hint=f"Leave one of them in {folder}.")
    if there:
        return Template(docx.read_template(there[0]), there[0].suffix[1:], there[0])
    if form.folder == folder:
        raise HubError(f"{folder / form.kind}.docx is not there.", hint=f"Put the template of {form.title!r} there.")
    try:
        return Template(form.template(), form.template_name.rpartition(".")[2], None)
    except HubError:
        return None


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


def keep_file(config: Config, name: str, format_: str, content: bytes) -> FileRow:
    """Write a file of a document whole into the folder of documents; return its row."""
    folder = config.resolve(config.model.documents.folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(folder / name, content)
    return FileRow(format_, name, hashlib.sha256(content).hexdigest(), len(content))
