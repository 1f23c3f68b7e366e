"""Fill a Word or Excel template with plain values, in a child process with limits.

The template comes from the firm's folder, so a mistake in it must neither hang nor bring down the hub: archive limits
are checked first, then a child process with limits on time and memory fills it in a sandbox. Values never become
template text, and a name the template does not get right is an error, not an empty place in a contract. One child fills
many templates, because starting it costs ten times what a template costs.
"""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import msgspec

from hub.documents.limits import MAX_UNPACKED_BYTES, Value, check_archive
from hub.documents.qr import MARK_MM, SIZE_MM, qr_png
from hub.documents.render import plain_mapping
from hub.model.errors import HubError

TIMEOUT_SECONDS = 30
MEMORY_BYTES = 1024 * 1024 * 1024
_EMU_PER_MM = 36_000
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PARTS = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml"}
_TIDY = 50
"""After so many the child frees what they left: documents of python-docx are cycles that hold whole trees of XML."""
_CODES = {"qr": SIZE_MM, "mark": MARK_MM}
"""Values that are shown as codes, and how wide."""
_PROGRAMS = {"docx": "Word", "xlsx": "Excel"}


class _Task(msgspec.Struct):
    template: bytes
    values: dict[str, Any]
    ending: str = "docx"
    look: bool = False
    pictures: dict[str, bytes] = {}


class _Answer(msgspec.Struct):
    content: bytes = b""
    error: str = ""


class Filler:
    """Fills templates one after another in one child process; to be used with `with`."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def fill(
        self, template: bytes, values: Mapping[str, Value], *, name: str = "The template", ending: str = "docx",
        look: bool = False,
    ) -> bytes:  # fmt: skip
        """Return the filled document; the same template and values give the same bytes.

        With `look` the values are an example, and whatever the template asks for besides is wrong.

        `values["qr"]` and `values["mark"]` are texts shown as codes to be scanned, or empty. Raises HubError naming
        the template and, where it can be known, the place of what is wrong.
        """
        _check_archive(template, name, ending)
        pictures = {name: qr_png(str(payload)) for name in _CODES if ending == "docx" and (payload := values.get(name))}
        task = msgspec.msgpack.encode(_Task(template, plain_mapping(values), ending, look, pictures))
        is_late = threading.Event()
        child = self._child = self._child or _start()

        def stop() -> None:
            is_late.set()
            child.kill()

        timer = threading.Timer(TIMEOUT_SECONDS, stop)
        timer.start()
        try:
            found = _ask(child, task)
        finally:
            timer.cancel()
        if found is None:
            self._end()
            if is_late.is_set():
                raise HubError(
                    f"{name} was not filled within {TIMEOUT_SECONDS} seconds.",
                    hint="Look for a loop in it that never ends.",
                )
            raise HubError(
                f"{name} cannot be filled: it is damaged or needs more than {MEMORY_BYTES // 1024**2} MiB.",
                hint=f"Save it again in {_PROGRAMS[ending]} as .{ending}.",
            )
        if found.error:
            raise HubError(f"{name}: {found.error}")
        return found.content

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


def fill_docx(template: bytes, values: Mapping[str, Value], *, name: str = "The template") -> bytes:
    """Fill one Word template; see `Filler.fill`."""
    with Filler() as filler:
        return filler.fill(template, values, name=name)


def fill_template(template: bytes, values: Mapping[str, Value], *, name: str = "The template") -> bytes:
    """Fill one Word or Excel template, whichever it is; see `Filler.fill`."""
    with Filler() as filler:
        return filler.fill(template, values, name=name, ending="xlsx" if is_workbook(template) else "docx")


def is_workbook(template: bytes) -> bool:
    """Tell whether a template is an Excel file; what is no archive at all is not."""
    try:
        with zipfile.ZipFile(io.BytesIO(template)) as archive:
            return _PARTS["xlsx"] in archive.namelist()
    except zipfile.BadZipFile:
        return False


def read_template(path: Path) -> bytes:
    """Return the template of a file. Raises HubError when it cannot be read or is no template."""
    if path.suffix.lower() not in (".docx", ".xlsx"):
        raise HubError(f"{path} is no template.", hint="A template is a .docx or an .xlsx file.")
    try:
        if path.stat().st_size > MAX_UNPACKED_BYTES:
            raise HubError(f"{path} is larger than any template.")
        return path.read_bytes()
    except OSError as error:
        raise HubError(f"{path} cannot be read: {error.strerror}.") from error


def check_template(path: Path, values: Mapping[str, Value]) -> None:
    """Fill the template with sample values and throw the result away. Raises HubError with what is wrong in it."""
    with Filler() as filler:
        filler.fill(read_template(path), values, name=str(path), ending=path.suffix.lower()[1:], look=True)


def _check_archive(template: bytes, name: str, ending: str) -> None:
    check_archive(template, name)
    with zipfile.ZipFile(io.BytesIO(template)) as archive:
        names = set(archive.namelist())
    if not {"[Content_Types].xml", _PARTS[ending]} <= names:
        program = _PROGRAMS[ending]
        raise HubError(f"{name} is not {'an' if program == 'Excel' else 'a'} {program} document.",
                       hint=f"Save it in {program} as .{ending}.")  # fmt: skip


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "hub.documents.docx"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(),
    )  # fmt: skip


def _ask(child: subprocess.Popen[bytes], task: bytes) -> _Answer | None:
    """Send a task and wait for the answer; `None` when the child died."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        _send(child.stdin, task)
        found = _receive(child.stdout)
    except OSError:
        return None
    return msgspec.msgpack.decode(found, type=_Answer) if found is not None else None


def _send(stream: BinaryIO | Any, content: bytes) -> None:
    stream.write(len(content).to_bytes(8, "big") + content)
    stream.flush()


def _receive(stream: BinaryIO | Any) -> bytes | None:
    size = int.from_bytes(head, "big") if len(head := stream.read(8)) == 8 else -1
    content: bytes = stream.read(size) if size >= 0 else b""
    return content if len(content) == size else None


def _environment() -> dict[str, str]:
    """Give the child the module path and nothing else: no secret of the parent is within its reach."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    root = str(Path(__file__).resolve().parents[2])
    return kept | {"PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)]), "PYTHONHASHSEED": "0"}


def _fill(task: _Task) -> bytes:
    """Fill the template in this process. Raises jinja2.TemplateError for what its author did wrong."""
    if task.ending == "xlsx":
        from hub.documents.xlsx import fill_workbook

        return same_dates(fill_workbook(task.template, task.values))
    from docxtpl import InlineImage  # the child alone pays for these

    from hub.documents.tags import sandbox

    document = _word_template()(io.BytesIO(task.template))
    values: dict[str, Any] = dict(task.values)
    for name, content in task.pictures.items():
        image = InlineImage(document, io.BytesIO(content), width=_CODES[name] * _EMU_PER_MM)
        values[name] = _Picture(image)
    document.render(values, jinja_env=sandbox(values), autoescape=True)
    filled = io.BytesIO()
    document.save(filled)
    return same_dates(filled.getvalue())


@cache
def _word_template() -> Any:
    """Return docxtpl's template, which tidies the same XML once: that was a third of the time of filling it again."""
    from docxtpl import DocxTemplate

    class WordTemplate(DocxTemplate):  # type: ignore[misc]  # it has no types
        def patch_xml(self, source: str) -> str:
            if source not in tidy:
                tidy[source] = super().patch_xml(source)
            return tidy[source]

    tidy: dict[str, str] = {}
    return WordTemplate


class _Picture:
    """A picture that a template can show and do nothing else with."""

    __slots__ = ("_image",)

    def __init__(self, image: Any) -> None:
        self._image = image

    def __html__(self) -> str:
        return str(self._image)


def same_dates(content: bytes) -> bytes:
    """Return the archive without the time at which it was packed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, _EPOCH), old.read(name), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _answer(task: _Task) -> _Answer:
    """Fill the template, or say what is wrong in it and where."""
    from jinja2 import TemplateError

    from hub.documents.places import wrong_in

    is_word = task.ending == "docx"
    try:
        if is_word and task.look and (wrong := wrong_in(task.template, task.values)):
            return _Answer(error=wrong)
        return _Answer(content=_fill(task))
    except HubError as error:
        return _Answer(error=str(error))
    except TemplateError as error:
        trouble = f"{error.message or type(error).__name__}"
    except (TypeError, ArithmeticError, AttributeError) as error:  # what the tags of a template compute
        trouble = f"a tag cannot be computed: {error}."
    return _Answer(error=(wrong_in(task.template, task.values, trouble) if is_word else "") or trouble)


def _child() -> None:
    limit_memory()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    with suppress(BrokenPipeError):
        for count, found in enumerate(iter(lambda: _receive(sys.stdin.buffer), None), 1):
            _send(answers, msgspec.msgpack.encode(_answer(msgspec.msgpack.decode(found, type=_Task))))
            if count % _TIDY == 0:
                gc.collect()


def limit_memory(size_bytes: int = MEMORY_BYTES) -> None:
    """Let this process take no more memory, where the system can say so."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (size_bytes, size_bytes))


if __name__ == "__main__":
    _child()
