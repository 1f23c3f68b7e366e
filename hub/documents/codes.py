"""Read the codes on a scan (PDF or picture), in a child process with limits: scans come from outside.

A page of a PDF is drawn as it is seen, whatever its pictures are packed with and also when it was never scanned.
Needs the extra `scan`; without it nothing is found.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 60
MEMORY_BYTES = 1024 * 1024 * 1024
MOST_BYTES = 50 * 1024 * 1024
MOST_PAGES = 50
DOTS_PER_INCH = 200
MOST_DOTS = 40_000_000
"""A page that says it is larger than any scan is drawn smaller."""
PICTURES = ("png", "jpg", "jpeg", "tif", "tiff")


def can_read() -> bool:
    """Tell whether the extra `scan` is installed."""
    return all(find_spec(name) for name in ("zxingcpp", "PIL", "pypdfium2"))


def codes_in(content: bytes, ending: str) -> list[str]:
    """Return the texts of the codes on the pages, in their order; nothing when the file cannot be read in time."""
    if not can_read() or len(content) > MOST_BYTES:
        return []
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    path = os.pathsep.join([str(Path(__file__).resolve().parents[2]), *filter(None, sys.path)])
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "hub.documents.codes", ending], input=content, capture_output=True,
            timeout=TIMEOUT_SECONDS, env=kept | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return []
    return child.stdout.decode("utf-8", "replace").splitlines() if child.returncode == 0 else []


def _pictures(content: bytes, ending: str) -> Iterator[Any]:
    from PIL import Image

    if ending != "pdf":
        picture = Image.open(io.BytesIO(content))
        for place in range(min(getattr(picture, "n_frames", 1), MOST_PAGES)):
            picture.seek(place)
            yield picture.convert("L")
        return
    from pypdfium2 import PdfDocument

    with PdfDocument(content) as document:
        for place in range(min(len(document), MOST_PAGES)):
            page = document[place]
            width, height = page.get_size()
            scale = min(DOTS_PER_INCH / 72, (MOST_DOTS / max(width * height, 1.0)) ** 0.5)
            yield page.render(scale=scale, grayscale=True).to_pil()
            page.close()


def _child(ending: str) -> None:
    import zxingcpp

    from hub.documents.docx import limit_memory

    limit_memory(MEMORY_BYTES)
    for picture in _pictures(sys.stdin.buffer.read(), ending):
        for code in zxingcpp.read_barcodes(picture):
            print(code.text.replace("\n", " "))


if __name__ == "__main__":
    _child(sys.argv[1])
