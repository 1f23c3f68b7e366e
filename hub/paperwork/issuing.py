"""Issue documents: give them numbers, draw their files, mark them issued.

Issuing goes in three steps that can each be repeated: the number is taken and kept with the whole context in one
transaction; the files are drawn and written whole; the document is marked issued. Before that everything is tried with
the number of a draft, so that what is wrong is said while nothing is done. A number is never used twice, and a document
that has one never changes: a correction is a new version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from hub.config import Config
from hub.documents import pdf
from hub.documents.docx import Filler
from hub.documents.form import Form
from hub.documents.limits import Value
from hub.documents.own import form_of
from hub.documents.render import render_pdf
from hub.model.errors import HubError
from hub.paperwork.life import tell
from hub.paperwork.sheet import SAMPLE_MARK, Template, draft_of, keep_file, sheet_of, template_of, values_of
from hub.stop_points import stop_point
from hub.store import documents as rows
from hub.store.database import Store
from hub.store.documents import DocumentRow, FileRow
from hub.store.problems import note

BATCH = 50
"""So many documents share the two transactions of an issue."""
NO_ENGINE = "no PDF was made: neither LibreOffice nor dxpdf is installed; the {} file is the document"


class Issued(Struct, frozen=True):
    """What came of one document: its row, what is to be said of it, or why it was not issued."""

    id: int
    row: DocumentRow | None = None
    remark: str = ""
    error: HubError | None = None


class _Job(Struct):
    row: DocumentRow
    form: Form[Any, Any]
    day: date


def issue(store: Store, config: Config, document: int, *, by: str, now: datetime) -> DocumentRow:
    """Issue one document; a second call finishes what a crash left. Raises HubError and leaves it as it was."""
    (done,) = issue_all(store, config, [document], by=by, now=now)
    if done.error:
        raise done.error
    assert done.row is not None
    return done.row


def issue_all(store: Store, config: Config, documents: Sequence[int], *, by: str, now: datetime) -> list[Issued]:
    """Issue documents; one that cannot be issued stops no other."""
    done: list[Issued] = []
    with Filler() as filler:
        press = Press(config, filler)
        for start in range(0, len(documents), BATCH):
            done += issue_batch(store, press, documents[start : start + BATCH], by=by, now=now)
    return done


def issue_batch(store: Store, press: Press, keys: Sequence[int], *, by: str, now: datetime) -> list[Issued]:
    """Issue so many documents in two transactions, one for their numbers and one for what came of them."""
    config = press.config
    done: list[Issued] = []
    with store.read() as connection:
        found = {row.id: row for row in rows.some(connection, keys)}
    jobs: list[_Job] = []
    ready: list[_Job] = []
    for key in sorted(keys):
        try:
            job = _begin(press, found.get(key), key, now)
        except HubError as error:
            done.append(Issued(key, error=error))
        else:
            (ready if job.row.state == "numbered" else jobs).append(job)
    if jobs:
        with store.write() as connection:  # rows are locked in one order by everybody: documents by id, numbers by kind
            mine = [job for job in jobs if rows.claim(connection, job.row.id)]
            for job in sorted(mine, key=lambda it: it.row.kind):
                _number(connection, config, job, by, now)
        ready += mine
        done += [_lost(job.row.id) for job in jobs if job not in mine]
    if not ready:
        return done
    with store.read() as connection:
        numbered = rows.some(connection, [job.row.id for job in ready])
    drawn = []
    for row in numbered:
        try:
            drawn.append((row, *press.draw(row)))
        except HubError as error:  # the number is kept: the next try goes on here
            done.append(Issued(row.id, error=error))
    if not drawn:
        return done
    with store.write() as connection:
        whole = [each for each in drawn if rows.mark_issued(connection, each[0].id, each[1], each[2])]
        for row, *_rest in whole:
            note(connection, who=by, what="document.issue", about=f"document/{row.id}", detail=row.number, now=now)
            _replace_older(connection, row, by, now)
        tell(connection, config, [row for row, *_rest in whole], "issued", by=by, now=now)
    done += [_lost(each[0].id) for each in drawn if each not in whole]
    with store.read() as connection:
        issued = {row.id: row for row in rows.some(connection, [each[0].id for each in whole])}
    return done + [Issued(row.id, issued[row.id], remark) for row, _files, _template, remark in whole]


def _lost(key: int) -> Issued:
    return Issued(key, error=HubError(f"the document {key} is being issued by somebody else."))


def _begin(press: Press, row: DocumentRow | None, key: int, now: datetime) -> _Job:
    """Return what is to be issued; try everything first that can fail. Raises HubError that says what is wrong."""
    config = press.config
    if row is None:
        raise HubError(f"there is no document {key}.", hint="See: hub document list")
    form = form_of(config, row.kind)
    job = _Job(row, form, sheet_of(row).day or now.astimezone(config.zone).date())
    if row.state == "draft" and row.kind in config.model.documents.approve:
        raise HubError(f"the document {key} has to be approved first.", hint=f"Run: hub document approve {key}")
    if row.state in ("draft", "approved"):
        press.rehearse(job.row, form, job.day)
    elif row.state != "numbered":
        raise HubError(f"the document {key} is {row.state} already.", hint=f"To correct it: hub document correct {key}")
    return job


def _number(connection: Connection, config: Config, job: _Job, by: str, now: datetime) -> None:
    """Give a claimed document its number and keep what stands on it."""
    row, form = job.row, job.form
    organisation = config.model.organisation
    number = row.number
    if not number and form.is_numbered:
        number = _free_number(connection, config, row.kind, organisation.inn if organisation else "", job.day.year)
    sheet = sheet_of(row)
    context = form.build(organisation, draft_of(form, sheet), number, job.day)
    kept = msgspec.structs.replace(sheet, context=msgspec.Raw(msgspec.json.encode(context)))
    rows.give_number(connection, row.id, number, kept.text(), by, now)
    stop_point("number")


def _free_number(connection: Connection, config: Config, kind: str, inn: str, year: int) -> str:
    """Take numbers until one was never used: a pattern without the year meets those of last year in January."""
    pattern = config.model.documents.number_pattern
    while True:
        number = _pattern(pattern, rows.next_number(connection, inn, kind, year), year)
        if not rows.used_numbers(connection, kind, number):
            return number


def _pattern(pattern: str, seq: int, year: int) -> str:
    try:
        return pattern.format(seq=seq, year=year)
    except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
        raise HubError(f"the number pattern {pattern!r} is wrong.", hint="Use {seq}, {seq:03d} and {year}.") from error


def _replace_older(connection: Connection, row: DocumentRow, by: str, now: datetime) -> None:
    """Lay the earlier versions of a corrected document aside; they keep their number and files."""
    if row.version == 1 or not row.number:
        return
    for older in rows.listed(connection, kind=row.kind, number=row.number):
        if older.version < row.version and older.state not in ("archived", "cancelled"):
            rows.set_state(connection, older.id, "archived", (older.state,))
            words = f"replaced by version {row.version}, document {row.id}"
            note(connection, who=by, what="document.archived", about=f"document/{older.id}", detail=words, now=now)


class Press:
    """What draws documents: the forms, the firm's templates, and a process that fills them."""

    def __init__(self, config: Config, filler: Filler) -> None:
        self.config = config
        self._filler = filler
        self._templates: dict[str, Template | None] = {}

    def template(self, form: Form[Any, Any]) -> Template | None:
        """Return the template of a form, read and looked at once. Raises HubError that says what is wrong in it."""
        if form.kind not in self._templates:
            found = template_of(self.config, form)
            if found and found.path:
                values = {**form.sample_values(), "mark": SAMPLE_MARK if form.needs_signature else ""}
                self._filler.fill(found.content, values, name=found.name, ending=found.ending, look=True)
            self._templates[form.kind] = found
        return self._templates[form.kind]

    def rehearse(self, row: DocumentRow, form: Form[Any, Any], day: date) -> None:
        """Try what can fail, and keep nothing. Raises HubError that says what is wrong.

        A form of ours is drawn with whatever it takes; a template of the firm is filled with what is to stand in it.
        """
        number = row.number or (f"черн-{row.id}" if form.is_numbered else "")
        context = form.build(self.config.model.organisation, draft_of(form, sheet_of(row)), number, day)
        values = {**form.values(context), "mark": ""}
        template = self.template(form)
        if template and template.path:
            self._fill(template, values)
        elif template is None and form.layout() is None:
            raise HubError(f"there is neither a layout nor a template for {form.title!r}.")

    def _fill(self, template: Template, values: Mapping[str, Value]) -> bytes:
        return self._filler.fill(template.content, values, name=template.name, ending=template.ending)

    def draw(self, row: DocumentRow) -> tuple[list[FileRow], str, str]:
        """Write the files of a document that has its number; return them, the mark of the template, and a remark."""
        form = form_of(self.config, row.kind)
        values = values_of(self.config, row)
        made, remark = self.make(form, values)
        template = self.template(form)
        number = re.sub(r"[^0-9A-Za-zА-Яа-яЁё]+", "-", row.number).strip("-")[:60]
        name = "-".join(filter(None, (row.kind, number, str(row.id))))
        files = []
        for ending, content in made.items():
            files.append(keep_file(self.config, f"{name}.{ending}", ending, content))
            stop_point("file")
        return files, f"{row.kind}:{template.digest if template else 'built-in'}", remark

    def make(self, form: Form[Any, Any], values: Mapping[str, Value]) -> tuple[dict[str, bytes], str]:
        """Return the files by format, and what is to be said when there is no PDF.

        A firm's own template gives the PDF if a converter is there; its file is kept and sent in any case.
        """
        template, layout = self.template(form), form.layout()
        made: dict[str, bytes] = {}
        remark = ""
        with ThreadPoolExecutor(1) as beside:  # the child fills while this process draws
            filling = beside.submit(self._fill, template, values) if template else None
            if layout is not None and (template is None or template.path is None or self._setting == "typst"):
                made["pdf"] = render_pdf(layout, values)
        if template is not None and filling is not None:
            made[template.ending] = filling.result()
            if "pdf" not in made:
                try:
                    found = pdf.convert(made[template.ending], template.ending, self._setting)
                except HubError as error:
                    found, remark = None, f"no PDF was made: {error}; the {template.ending} file is the document"
                if found:
                    made = {"pdf": found, **made}
                else:
                    remark = remark or NO_ENGINE.format(template.ending)
        return made, remark

    @property
    def _setting(self) -> pdf.Setting:
        return self.config.model.documents.pdf_engine
