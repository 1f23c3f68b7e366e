"""The folder with statements: which files there are, and each of them read whole or refused with its name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

from msgspec import Struct

from hub.api import BadRecord, Unavailable

from .exchange import Statement, parse

MOST_BYTES = 64 * 1024 * 1024
_NEVER = datetime(1, 1, 1)  # noqa: DTZ001 - only to put statements in order, which carry no zone


class Found(Struct, frozen=True):
    """One file as it was when the folder was listed: its name, the hash of its content, when the bank wrote it."""

    name: str
    digest: str
    written: datetime


class Folder:
    """Statements of one folder, the newest first: of two that hold the same document, the newer one counts."""

    def __init__(self, path: Path, pattern: str) -> None:
        self.path = path
        self._pattern = pattern.casefold()
        self.refused: dict[str, str] = {}

    def found(self) -> Sequence[Found]:
        """Return the files that can be read whole. Raises Unavailable when there is no folder."""
        self.refused.clear()
        try:
            names = sorted(it.name for it in self.path.iterdir() if it.is_file())
        except OSError as error:
            raise Unavailable(
                f"The folder {self.path} cannot be read: {error.strerror}.",
                hint="Look whether it is there and whether the hub may read it.",
                unsent=True,
            ) from error
        files = [self._look(name) for name in names if fnmatchcase(name.casefold(), self._pattern)]
        return sorted((it for it in files if it), key=lambda it: (it.written, it.name), reverse=True)

    def read(self, name: str) -> Statement | None:
        """Read a file; one that is no whole statement is noted in `refused`."""
        content = self._content(name)
        if content is None:
            return None
        try:
            return parse(content)
        except BadRecord as error:
            self.refused[name] = str(error)
            return None

    def _look(self, name: str) -> Found | None:
        content = self._content(name)
        if content is None:
            return None
        try:
            statement = parse(content)
        except BadRecord as error:
            self.refused[name] = str(error)
            return None
        return Found(name, hashlib.blake2b(content, digest_size=16).hexdigest(), _written(statement))

    def _content(self, name: str) -> bytes | None:
        path = self.path / name
        try:
            if path.stat().st_size > MOST_BYTES:
                self.refused[name] = f"it is larger than {MOST_BYTES // 2**20} MiB."
                return None
            return path.read_bytes()
        except OSError as error:
            self.refused[name] = f"it cannot be read: {error.strerror}."
            return None


def digest_of(files: Sequence[Found]) -> str:
    """Return what changes when any file comes, goes or changes."""
    whole = hashlib.blake2b(digest_size=16)
    for file in files:
        whole.update(f"{file.name}\0{file.digest}\0".encode(errors="surrogatepass"))
    return whole.hexdigest()


def _written(statement: Statement) -> datetime:
    header = statement.header
    text = f"{header.get('ДатаСоздания', '')} {header.get('ВремяСоздания', '') or '00:00:00'}"
    try:
        return datetime.strptime(text, "%d.%m.%Y %H:%M:%S")  # noqa: DTZ007 - only to put statements in order
    except ValueError:
        return _NEVER
