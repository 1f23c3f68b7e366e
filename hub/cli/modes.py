"""Who may read what the hub keeps: store, backups, configuration, secrets, contents of letters, documents, logs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from hub.config import Config

_OURS, _OURS_AND_GROUP = 0o600, 0o640
_FOLDER, _PRIVATE_FOLDER = 0o755, 0o700


def too_open(config: Config, store: Path | None) -> Iterator[tuple[Path, int, int]]:
    """Yield each file or folder that others may read or write, with its mode and the widest it may have."""
    if os.name == "nt":  # rights are another matter there
        return
    for place, widest in dict(_places(config, store)).items():
        try:
            mode = stat.S_IMODE(place.stat().st_mode)
        except OSError:
            continue
        if mode & ~widest & 0o077:
            yield place, mode, widest


def _places(config: Config, store: Path | None) -> Iterator[tuple[Path, int]]:
    yield config.path.resolve(), _OURS_AND_GROUP
    folders = {config.folder}
    if store is not None:
        folders.add(store.parent)
        for place in (store, *store.parent.glob("*.db*"), *store.parent.glob(f"{store.name}.*")):
            if place.is_file():
                yield place, _OURS
    for folder in folders:
        yield folder, _FOLDER
        for place in (*folder.glob("*.log*"), *folder.glob("log*/*.log*")):
            yield place, _OURS_AND_GROUP
    yield config.folder / "blobs", _PRIVATE_FOLDER
    yield config.resolve(config.model.documents.folder), _PRIVATE_FOLDER
    for text in _references(config):
        yield Path(text.removeprefix("file:")).expanduser(), _OURS


def _references(config: Config) -> Iterator[str]:
    values = [config.model.store, *(it for each in config.model.connections.values() for it in each.settings.values())]
    for value in values:
        if isinstance(value, str) and value.startswith("file:"):
            yield value
