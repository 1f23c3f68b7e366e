"""`hub message files`: what came with a letter, listed or saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from hub.cli.app import App, pass_app, print_json, print_table, say
from hub.entries.find import find
from hub.files import write_file
from hub.model.entities import Attachment
from hub.model.errors import HubError


@click.command("files")
@click.argument("key")
@click.option("--save", "folder", type=click.Path(path_type=Path), default=None, help="Write them into this folder.")
@click.option("--all", "everything", is_flag=True, help="Logos of signatures too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def files(app: App, key: str, folder: Path | None, everything: bool, as_json: bool) -> None:
    """List the files of the letter KEY, or save them; each content is kept once, however many letters brought it.

    A small picture within the text that came with more than five letters is taken for a logo and left out.
    JSON: [{name, type, size_bytes, digest, letters, path}]
    """
    from hub.letter_files import letters_with, without_logos  # these take a while to import: only their users wait

    with app.store.read() as connection:
        row = find(connection, "message", key)
        listed = [msgspec.convert(it, Attachment) for it in row["attachments"] or ()]
        wanted = listed if everything else without_logos(connection, listed)
        told: list[dict[str, Any]] = [
            {"name": it.name, "type": it.type, "size_bytes": it.size_bytes, "digest": it.blob or None,
             "letters": letters_with(connection, it.blob) if it.blob else 1, "path": None}
            for it in wanted
        ]  # fmt: skip
    missing = _save(app, row, folder, told) if folder is not None else []
    if as_json:
        print_json(told)
    elif folder is None:
        rows = [(it["name"], it["type"], it["size_bytes"], it["letters"], (it["digest"] or "")[:12]) for it in told]
        print_table(("name", "type", "bytes", "letters", "sha256"), rows, grow=0)
    else:
        for it in told:
            if it["path"]:
                say(it["path"])
    if missing:
        raise HubError(
            f"without content: {', '.join(missing)}.", hint="It was left out because of its size, or is gone."
        )


def _save(app: App, row: dict[str, Any], folder: Path, told: list[dict[str, Any]]) -> list[str]:
    """Write the files, each under a name that follows from its content; return the names of those without content."""
    from hub.attachments import saved_name
    from hub.connections import Hub
    from hub.letter_files import letter_files
    from hub.paperwork.returns import Held
    from hub.tools import SystemClock

    if not folder.is_dir():
        raise HubError(f"the folder {folder} is not there.", hint="Make it, or name another.")
    missing = []
    with letter_files(Hub(app.config, app.plugins, app.store, SystemClock())) as get:
        for it in told:
            name, digest = str(it["name"]), str(it["digest"] or "")
            held = Held(digest, str(row["connection"]), str(row["folder"]), str(row["external_id"]))
            path = folder / saved_name(name, digest)
            try:
                write_file(path, get(held))
            except KeyError:
                missing.append(name)
            except OSError as error:
                raise HubError(f"{path} cannot be written: {error.strerror}.") from error
            else:
                it["path"] = str(path)
    return missing
