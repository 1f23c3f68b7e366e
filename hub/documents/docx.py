"""Fill a Word template (docxtpl tags) with plain values.

The template comes from the firm's folder, so a mistake in it must neither hang nor bring down the hub: archive limits
are checked first, then a child process with limits on time and memory fills it in a sandbox. Values never become
template text, and a name the template does not get right is an error, not an empty place in a contract.
"""

from __future__ import annotations

import html
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from hub.documents.limits import MAX_UNPACKED_BYTES, Value, check_archive
from hub.documents.render import plain_mapping
from hub.model.errors import HubError

TIMEOUT_SECONDS = 30
MEMORY_BYTES = 1024 * 1024 * 1024
_EMU_PER_MM = 36_000
_EPOCH = (1980, 1, 1, 0, 0, 0)


class _Task(msgspec.Struct):
    template: bytes
    values: dict[str, Any]
    is_workbook: bool = False


class _Answer(msgspec.Struct):
    content: bytes = b""
    error: str = ""


def fill_docx(template: bytes, values: Mapping[str, Value], *, name: str = "The template") -> bytes:
    """Return the filled document; the same template and values give the same bytes.

    `values["qr"]` and `values["mark"]` are texts of codes, shown as their pictures, or empty. Raises HubError naming
    the template.
    """
    _check_word(template, name)
    return _in_child(_Task(template, plain_mapping(values)), name, ".docx")


def fill_template(template: bytes, values: Mapping[str, Value], *, name: str = "The template") -> bytes:
    """Return a filled Word or Excel file, whichever the template is. Raises HubError naming the template."""
    if not is_workbook(template):
        return fill_docx(template, values, name=name)
    check_archive(template, name)
    return _in_child(_Task(template, plain_mapping(values), is_workbook=True), name, ".xlsx")


def is_workbook(template: bytes) -> bool:
    """Tell whether a template is an Excel file; what is no archive at all is not."""
    try:
        with zipfile.ZipFile(io.BytesIO(template)) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _in_child(task: _Task, name: str, ending: str) -> bytes:
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "hub.documents.docx"],
            input=msgspec.msgpack.encode(task), capture_output=True, timeout=TIMEOUT_SECONDS, env=_environment(),
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise HubError(
            f"{name} was not filled within {TIMEOUT_SECONDS} seconds.", hint="Look for a loop in it that never ends."
        ) from error
    if child.returncode != 0:
        raise HubError(
            f"{name} cannot be filled: it is damaged or needs more than {MEMORY_BYTES // 1024**2} MiB.",
            hint=f"Save it again as {ending}.",
        )
    answer = msgspec.msgpack.decode(child.stdout, type=_Answer)
    if answer.error:
        raise HubError(f"{name}: {answer.error}")
    return answer.content


def check_template(path: Path, values: Mapping[str, Value]) -> None:
    """Fill the template with sample values and throw the result away. Raises HubError with what is wrong in it."""
    try:
        if path.stat().st_size > MAX_UNPACKED_BYTES:
            raise HubError(f"{path} is larger than any template.")
        template = path.read_bytes()
    except OSError as error:
        raise HubError(f"{path} cannot be read: {error.strerror}.") from error
    fill_template(template, values, name=str(path))


def _check_word(template: bytes, name: str) -> None:
    check_archive(template, name)
    with zipfile.ZipFile(io.BytesIO(template)) as archive:
        names = set(archive.namelist())
    if not {"[Content_Types].xml", "word/document.xml"} <= names:
        raise HubError(f"{name} is not a Word document.", hint="Save it in Word as .docx.")


def _environment() -> dict[str, str]:
    """Give the child the module path and nothing else: no secret of the parent is within its reach."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    root = str(Path(__file__).resolve().parents[2])
    return kept | {"PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)]), "PYTHONHASHSEED": "0"}


def _fill(task: _Task) -> bytes:
    """Fill the template in this process. Raises jinja2.TemplateError for what its author did wrong."""
    from docxtpl import DocxTemplate, InlineImage  # the child alone pays for these

    from hub.documents.qr import MARK_MM, SIZE_MM, qr_png

    document = DocxTemplate(io.BytesIO(task.template))
    values: dict[str, Any] = dict(task.values)
    for name, width in (("qr", SIZE_MM), ("mark", MARK_MM)):
        if payload := values.get(name):
            image = InlineImage(document, io.BytesIO(qr_png(payload)), width=width * _EMU_PER_MM)
            values[name] = _Picture(image)
    document.render(values, jinja_env=_sandbox(values), autoescape=True)
    filled = io.BytesIO()
    document.save(filled)
    return same_dates(filled.getvalue())


def _workbook(task: _Task) -> bytes:
    from hub.documents.xlsx import fill_workbook  # the child alone pays for it

    return same_dates(fill_workbook(task.template, task.values))


class _Picture:
    """A picture that a template can show and do nothing else with."""

    __slots__ = ("_image",)

    def __init__(self, image: Any) -> None:
        self._image = image

    def __html__(self) -> str:
        return str(self._image)


class _Text:
    """A value as XML text; docxtpl turns `{_{` into `{{` after filling, so that sign is written as a number."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __html__(self) -> str:
        return html.escape(str(self._value)).replace("_", "&#95;")


def _sandbox(values: Mapping[str, Any]) -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from hub.documents.latin import latin

    class Unknown(StrictUndefined):
        @property
        def _undefined_message(self) -> str:
            if self._undefined_hint:  # the sandbox says what is unsafe
                return str(self._undefined_hint)
            there = self._undefined_obj if isinstance(self._undefined_obj, Mapping) else values
            return f"it asks for `{self._undefined_name}`, which is not known. Known there: {_names(there)}."

    def shown(value: object) -> object:
        if value is None:
            return ""
        if hasattr(value, "__html__"):
            return value
        return _Text(value)

    environment = ImmutableSandboxedEnvironment(autoescape=True, undefined=Unknown, finalize=shown)
    environment.filters["latin"] = latin
    return environment


def _names(known: Iterable[str]) -> str:
    return ", ".join(sorted(known))


def same_dates(content: bytes) -> bytes:
    """Return the archive with the dates of its files set to one, so that equal content is equal bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, _EPOCH), old.read(name), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _child() -> None:
    from jinja2 import TemplateError

    _limit_memory()
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Task)
    try:
        answer = _Answer(content=_workbook(task) if task.is_workbook else _fill(task))
    except HubError as error:
        answer = _Answer(error=str(error))
    except TemplateError as error:
        answer = _Answer(error=f"{error.message or type(error).__name__}")
    except (TypeError, ArithmeticError) as error:  # what the tags of a template compute
        answer = _Answer(error=f"a tag cannot be computed: {error}.")
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    _child()
