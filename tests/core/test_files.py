"""D15, D16, D17: a file the hub writes is the old one or the new one, whatever stops the hub or the machine."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.files import write_file

ROOT = Path(__file__).parents[2]
SIZE = 200_000
WRITING = """
import sys
import time
from pathlib import Path
from hub.files import write_file
path, size = Path(sys.argv[1]), int(sys.argv[3])
write = Path.write_bytes if sys.argv[2] == "in place" else write_file
print("ready", flush=True)
while True:
    for letter in (b"b", b"a"):
        write(path, letter * size)
"""


def is_damaged(path: Path, how: str, size: int, is_time: Callable[[], object]) -> bool:
    """Kill a process that writes a file again and again; tell whether the file is neither one content nor the other."""
    path.write_bytes(b"a" * size)
    command = [sys.executable, "-c", WRITING, str(path), how, str(size)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        is_time()
        writer.kill()
    return path.read_bytes() not in (b"a" * size, b"b" * size)


def test_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """D15."""
    chance = random.Random(1)
    damaged = [
        is_damaged(tmp_path / "file", "replaced", SIZE, lambda: time.sleep(chance.uniform(0, 0.02))) for _ in range(12)
    ]
    assert not any(damaged)


def test_control_a_file_written_in_place_is_damaged(tmp_path: Path) -> None:
    """The control of D15: killed as soon as the file is seen half written, in ten tries of which nearly all damage."""
    path, size = tmp_path / "file", 50 * SIZE

    def wait_for_half() -> None:
        while path.stat().st_size == size:
            pass

    assert any(is_damaged(path, "in place", size, wait_for_half) for _ in range(10))


class Disk:
    """What of one folder would be there after the power went: contents that were synced, names that were synced.

    A name that was given but not synced may be there or not; content that was not synced is lost.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.contents: dict[int, bytes] = {}
        self.names: dict[str, int] = {}
        self.seen: list[set[bytes]] = []
        self._sync, self._replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", self._on_sync)
        monkeypatch.setattr(os, "replace", self._on_replace)

    def settle(self) -> None:
        for file in self.folder.iterdir():
            self.contents[file.stat().st_ino] = file.read_bytes()
            self.names[file.name] = file.stat().st_ino

    def look(self) -> None:
        """Note what a start after a power cut at this moment could find under the name."""
        now = {it.name: it.stat().st_ino for it in self.folder.iterdir()}
        found = {self.names.get("file"), now.get("file")}
        self.seen.append({self.contents.get(inode or 0, b"nothing") for inode in found})

    def _on_sync(self, descriptor: int) -> None:
        self.look()
        self._sync(descriptor)
        inode = os.fstat(descriptor).st_ino
        if inode == self.folder.stat().st_ino:
            self.names = {it.name: it.stat().st_ino for it in self.folder.iterdir()}
        else:
            self.contents[inode] = next(it for it in self.folder.iterdir() if it.stat().st_ino == inode).read_bytes()
        self.look()

    def _on_replace(self, source: Path, target: Path) -> None:
        self.look()
        self._replace(source, target)
        self.look()


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    (tmp_path / "file").write_bytes(b"old")
    disk = Disk(tmp_path, monkeypatch)
    disk.settle()
    return disk


def test_power_cut_at_any_step_leaves_the_old_file_or_the_new_one(disk: Disk) -> None:
    """D16: by a log of what was synced when, since power loss itself cannot be had in a test."""
    write_file(disk.folder / "file", b"new")
    assert len(disk.seen) >= 6
    assert set().union(*disk.seen) == {b"old", b"new"}
    assert {disk.contents[disk.names["file"]]} == {b"new"}, "durable when it returns"


def test_control_a_writer_that_syncs_nothing_is_noticed(disk: Disk) -> None:
    """The control of D16."""
    (disk.folder / "fresh").write_bytes(b"new")
    (disk.folder / "fresh").replace(disk.folder / "file")
    assert b"nothing" in set().union(*disk.seen)


@pytest.mark.parametrize("fails_at", [1, 2])
def test_failed_sync_is_an_error_and_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """D17: the second sync is that of the folder; the name may then be gone after a power cut, so it is told too."""
    path, tries, known = tmp_path / "file", 0, os.fsync
    path.write_bytes(b"old")

    def fails(descriptor: int) -> None:
        nonlocal tries
        tries += 1
        if tries == fails_at:
            raise OSError(errno.EIO, "Input/output error")
        known(descriptor)

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output"):
        write_file(path, b"new")
    assert tries == fails_at
    assert path.read_bytes() == (b"old" if fails_at == 1 else b"new")
    assert [it.name for it in tmp_path.iterdir()] == ["file"]
