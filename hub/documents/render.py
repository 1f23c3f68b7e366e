"""Draw a document as PDF from a built-in layout; the values reach the layout as JSON and never as its text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
import typst

from hub.documents.form import LAYOUTS, Values
from hub.documents.limits import Value, plain
from hub.documents.qr import SIZE_MM, qr_svg
from hub.model.errors import HubError

_compile: Any = typst.compile
"""Its annotations do not know of several files in memory."""


def render_pdf(layout: str | bytes, values: Values) -> bytes:
    """Return the PDF/A-2b, fonts inside; the same layout and values give the same bytes.

    `layout` is the name of a built-in one or a source of its own, which may import `house.typ`.
    `values["date_iso"]` dates the file, `values["qr"]` is the text of a payment code or empty, and `values["mark"]`
    the text of a small code at the foot of each page by which a scan is known again.
    """
    source, inputs = layout_inputs(layout, values)
    try:
        made: bytes = _compile(
            source, format="pdf", font_paths=_fonts(), sys_inputs=inputs, pdf_standards="a-2b", pdf_tags=False
        )
    except typst.TypstError as error:
        name = layout if isinstance(layout, str) else "given"
        raise HubError(f"The layout {name!r} cannot be drawn: {error.message}.") from error
    return made


@cache
def _fonts() -> Any:
    """Return the fonts of the wheel, read once: they were half of the time of a page."""
    return typst.Fonts(include_system_fonts=False)


def render_png(layout: str | bytes, values: Values, *, ppi: int = 80) -> list[bytes]:
    """Return the pages as pictures, for a preview."""
    source, inputs = layout_inputs(layout, values)
    made = _compile(source, format="png", ppi=ppi, ignore_system_fonts=True, sys_inputs=inputs)
    return made if isinstance(made, list) else [made]


def layout_inputs(layout: str | bytes, values: Values) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the layout with the house style, and what it reads: values as JSON and pictures of codes as SVG."""
    if isinstance(layout, str):
        known = layouts()
        if layout not in known:
            raise HubError(f"There is no layout {layout!r}.", hint=f"Built in: {', '.join(known)}.")
        layout = LAYOUTS.joinpath(f"{layout}.typ").read_bytes()
    qr, mark = values.get("qr"), values.get("mark")
    return {"main.typ": layout, "house.typ": _house()}, {
        "values": msgspec.json.encode({**plain_mapping(values), "qr_size_mm": SIZE_MM}).decode(),
        "qr": qr_svg(str(qr)).decode() if qr else "",
        "mark": qr_svg(str(mark)).decode() if mark else "",
    }


@cache
def _house() -> bytes:
    return LAYOUTS.joinpath("house.typ").read_bytes()


def layouts() -> tuple[str, ...]:
    """Return the names of the built-in layouts."""
    names = {entry.name for entry in LAYOUTS.iterdir() if entry.name.endswith(".typ")}
    return tuple(sorted(name[:-4] for name in names - {"house.typ"}))


def plain_mapping(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return a plain copy of the values, ready for a template."""
    return {str(key): plain(value) for key, value in values.items()}
