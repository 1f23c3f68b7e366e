"""A new plugin as a complete distribution: `create_plugin` copies the template, which is itself a tested connector."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from hub.model.errors import SettingsError

TEMPLATE = Path(__file__).parent / "template"
_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


def create_plugin(name: str, folder: Path) -> Path:
    """Write the plugin `hub_<name>` into a new folder and return the folder.

    Raises SettingsError, before anything is written, when the name is not a lower-case identifier or the folder exists.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise SettingsError(
            f"{name!r} cannot be the name of a plugin.",
            field="name",
            hint="Use two to forty lower-case letters, digits and underscores, a letter first, such as `helpdesk`.",
        )
    if folder.exists() or folder.is_symlink():
        raise SettingsError(f"{folder} already exists.", field="folder", hint="Name a folder that does not exist yet.")
    title = "".join(part.title() for part in name.split("_"))
    words = {"Notebook": title, "notebook": name, "NOTEBOOK": name.upper()}
    for source in sorted(TEMPLATE.rglob("*")):
        place = source.relative_to(TEMPLATE)
        if source.is_file() and not any(part.startswith((".", "__pycache__")) for part in place.parts):
            target = folder / _renamed(place.as_posix(), words)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_renamed(source.read_text(encoding="utf-8"), words), encoding="utf-8")
    return folder


def _renamed(text: str, words: dict[str, str]) -> str:
    return re.sub("|".join(words), lambda found: words[found[0]], text)
