"""Files that are there whole or not at all, and are private."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from hub import processes

JOURNALS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a store, by the end of the name; beside another store it would damage that one."""


def write_file(path: Path, content: bytes) -> None:
    """Write the file so that a crash leaves the old one or the new one whole, and durable when this returns."""
    with replacing(path) as fresh:
        fresh.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give an empty private file to fill; at the end it takes the place of `path` in one step, durable.

    Its name cannot be foreseen, and it is never one that was there before. After an error it is gone.
    """
    with passing(path) as fresh:
        yield fresh
        _sync_file(fresh)
        fresh.replace(path)
    sync_folder(path.parent)


@contextmanager
def passing(path: Path) -> Iterator[Path]:
    """Give an empty private file beside `path` that is gone at the end, unless it was given another name."""
    fresh = beside(path)
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)


def beside(path: Path) -> Path:
    """Return a name in the folder of the file that cannot be foreseen and says which process it belongs to."""
    owner = processes.THIS.replace(":", "~")
    return path.with_name(f".{path.name[:32]}~{owner}~{secrets.token_hex(4)}.tmp")


FORGOTTEN = timedelta(days=1)
"""Whoever has not written on for so long is not believed to, where it cannot be seen whether he still lives."""


def remove_leftovers(folder: Path, *, one_machine: bool = False) -> list[Path]:
    """Remove what processes that were killed left half-written in a folder; return it.

    What belongs to a process that is seen to live is not touched, however old. Where that cannot be seen (Windows,
    another machine, one that was started anew) it goes after a day. `one_machine` says that no other machine writes
    there. What cannot be removed stays.
    """
    left = []
    oldest = time.time() - FORGOTTEN.total_seconds()
    for path in folder.glob(".*~*~*~*~*.tmp"):
        owner = ":".join(path.name.rsplit("~", 4)[1:4])
        with suppress(OSError):  # removed by another, or not ours to remove
            is_old = path.lstat().st_mtime < oldest
            if processes.is_gone(owner, one_machine=one_machine) or (is_old and not processes.is_alive(owner)):
                path.unlink()
                left.append(path)
    return left


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; a no-op where folders cannot be opened (Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
