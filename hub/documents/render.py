"""Draw a document as PDF from a built-in layout; the values reach the layout as JSON and never as its text."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import typst

from hub.documents.form import LAYOUTS
from hub.documents.limits import Value, plain
from hub.documents.qr import SIZE_MM, qr_svg
from hub.model.errors import HubError


def render_pdf(layout: str, values: Mapping[str, Value]) -> bytes:
    """Return the PDF; the same layout and values give the same bytes.

    `values["date_iso"]` dates the file, `values["qr"]` is the text of a payment code or empty.
    """
    source, inputs = layout_inputs(layout, values)
    try:
        return typst.compile(source, format="pdf", ignore_system_fonts=True, sys_inputs=inputs)
    except typst.TypstError as error:
        raise HubError(f"The layout {layout!r} cannot be drawn: {error.message}.") from error


def layout_inputs(layout: str, values: Mapping[str, Value]) -> tuple[bytes, dict[str, str]]:
    """Return the layout and what it reads: its values as JSON and the picture of the payment code as SVG."""
    known = layouts()
    if layout not in known:
        raise HubError(f"There is no layout {layout!r}.", hint=f"Built in: {', '.join(known)}.")
    source = LAYOUTS.joinpath(f"{layout}.typ").read_bytes()
    payload = values.get("qr")
    return source, {
        "values": msgspec.json.encode({**plain_mapping(values), "qr_size_mm": SIZE_MM}).decode(),
        "qr": qr_svg(str(payload)).decode() if payload else "",
    }


def layouts() -> tuple[str, ...]:
    """Return the names of the built-in layouts."""
    return tuple(sorted(entry.name[:-4] for entry in LAYOUTS.iterdir() if entry.name.endswith(".typ")))


def plain_mapping(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return a plain copy of the values, ready for a template."""
    return {str(key): plain(value) for key, value in values.items()}
