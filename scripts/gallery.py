"""Draw the first page of every built-in form into docs/gallery, small enough to lie in the tree."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from hub.documents.form import Form
from hub.documents.forms import FORMS
from hub.documents.render import render_png

FOLDER = Path(__file__).parents[1] / "docs" / "gallery"
PPI = 80
COLOURS = 16
HEAD = """<!-- Made from the code by `make gallery`; do not edit. -->
# Documents the hub makes

The first page of every built-in form, filled with an invented example. A firm changes a form in Word or Excel:
`hub document template write KIND` gives the template to start from.
"""


def picture(form: Form[Any, Any]) -> tuple[bytes, int]:
    """Return the first page as a small PNG, and how many pages there are."""
    pages = render_png(form.layout() or b"", {**form.sample_values(), "mark": ""}, ppi=PPI)
    page = Image.open(io.BytesIO(pages[0])).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    page.save(packed, "PNG", optimize=True)
    return packed.getvalue(), len(pages)


def main() -> None:
    """Write the pictures and the page that shows them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = [HEAD]
    for kind, form in FORMS.items():
        content, pages = picture(form)
        (FOLDER / f"{kind}.png").write_bytes(content)
        copies = f"{form.copies} copies" if form.copies > 1 else "1 copy"
        facts = [f"`{kind}`", copies, f"{pages} pages" if pages > 1 else "1 page", form.template_name]
        facts += ["comes back signed"] if form.needs_signature else []
        text += [f"## {form.title}", ", ".join(facts), f"![{form.title}]({kind}.png)", ""]
    for gone in set(FOLDER.glob("*.png")) - {FOLDER / f"{kind}.png" for kind in FORMS}:
        gone.unlink()
    (FOLDER / "README.md").write_text("\n".join(text), encoding="utf-8")
    sizes = [file.stat().st_size for file in FOLDER.glob("*.png")]
    print(f"docs/gallery: {len(sizes)} pictures, the largest {max(sizes) // 1024} KB.", file=sys.stderr)


if __name__ == "__main__":
    main()
