"""PDF from a user's own Word or Excel file: LibreOffice if it is on the machine, else dxpdf, else none.

A converter reads foreign files and may hang or die, so it runs in a process of its own with a time limit and a folder
of its own; LibreOffice also gets its own profile, because two that share one wait for each other.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from hub.model.errors import HubError

Setting = Literal["auto", "soffice", "dxpdf", "typst"]
TIMEOUT_SECONDS = 60
_LOCALE = "ru_RU.UTF-8"
"""By it LibreOffice writes the figures of a workbook; the system need not have it."""
_DXPDF = "import dxpdf, sys; dxpdf.convert_file(sys.argv[1], sys.argv[2])"
_PLACES = (
    "/usr/lib/libreoffice/program/soffice",
    "/opt/libreoffice/program/soffice",
    "/Applications/LibreOffice.app/Contents/MacOS/soffice",
    r"C:\Program Files\LibreOffice\program\soffice.exe",
)


def engine_of(setting: Setting) -> str:
    """Return which converter serves own templates: soffice, dxpdf, or an empty string when there is none."""
    if setting in ("auto", "soffice") and _soffice():
        return "soffice"
    if setting in ("auto", "dxpdf") and find_spec("dxpdf"):
        return "dxpdf"
    return ""


def convert(content: bytes, ending: str, setting: Setting) -> bytes | None:
    """Return the .docx or .xlsx file as PDF, or `None` when no engine is there for it.

    Raises HubError when the engine fails or takes more than `TIMEOUT_SECONDS`.
    """
    engine = engine_of(setting)
    if not engine or (engine == "dxpdf" and ending != "docx"):
        return None
    with tempfile.TemporaryDirectory(prefix="hub-pdf-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source, made = folder / f"document.{ending}", folder / "document.pdf"
        source.write_bytes(content)
        if engine == "soffice":
            profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
            options = ("--headless", "--norestore", "--nolockcheck", "--convert-to", "pdf", "--outdir", str(folder))
            command: Sequence[str] = (_soffice(), profile, *options, str(source))
        else:
            command = (sys.executable, "-P", "-c", _DXPDF, str(source), str(made))
        _run(engine, command, folder)
        pdf = made.read_bytes() if made.is_file() else b""
    if not pdf.startswith(b"%PDF-"):
        raise HubError(f"{engine} made no PDF of the document.", hint="Open the file in Word and save it again.")
    return pdf


def _soffice() -> str:
    found = shutil.which("soffice") or shutil.which("libreoffice")
    return found or next((place for place in _PLACES if Path(place).is_file()), "")


def _run(engine: str, command: Sequence[str], folder: Path) -> None:
    """Run the converter in a session of its own, so that what it started can be ended with it."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    own = {"HOME": str(folder), "LC_ALL": _LOCALE}
    with subprocess.Popen(
        command, cwd=folder, env=kept | own, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    ) as child:  # fmt: skip
        try:
            code = child.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise HubError(
                f"{engine} made no PDF within {TIMEOUT_SECONDS} seconds.", hint="Look for what is unusual in the file."
            ) from error
        finally:
            _end(child)
    if code != 0:
        raise HubError(f"{engine} failed to make a PDF (exit code {code}).", hint=_HINTS[engine])


_HINTS = {
    "soffice": "Try: soffice --headless --convert-to pdf FILE",
    "dxpdf": "It needs fonts on the machine; on Linux install fonts-liberation.",
}


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)  # its session: soffice is a script that starts the real program
