"""D15, D16, D17: a file the hub writes is the old one or the new one, whatever stops the hub or the machine."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from hub import processes
from hub.files import passing, remove_leftovers, write_file

ROOT = Path(__file__).parents[2]
SIZE = 200_000
WRITING = """
import sys
import time
from pathlib import Path
from hub import processes
from hub.files import passing, remove_leftovers, write_file
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


# What killed processes left

HOLDING = """
import sys
from pathlib import Path
from hub.files import passing
with passing(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


def aged(path: Path, **by: float) -> Path:
    """Let a file be written so long ago."""
    moment = time.time() - timedelta(**by).total_seconds()
    os.utime(path, (moment, moment), follow_symlinks=False)
    return path


def half(folder: Path, owner: str) -> Path:
    path = folder / f".file~{owner.replace(':', '~')}~0a1b2c3d.tmp"
    path.write_bytes(b"half")
    return path


def test_leftovers_go_when_their_process_has_ended_and_not_before(tmp_path: Path) -> None:
    """F-06: a slow process keeps its file however old, a killed one keeps none however young."""
    command = [sys.executable, "-c", HOLDING, str(tmp_path / "file")]
    with (
        passing(tmp_path / "own") as own,
        subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as other,
    ):
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        (held,) = tmp_path.glob(".file~*")
        aged(own, days=9), aged(held, days=9)
        assert remove_leftovers(tmp_path) == []
        other.kill()
        other.wait()
        held.touch()
        assert remove_leftovers(tmp_path) == [held]
        assert list(tmp_path.iterdir()) == [own]


@pytest.mark.parametrize("place", ["another machine", "started anew", "Windows"])
def test_leftovers_of_whom_nobody_can_see_go_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """And on Windows no process is asked: to ask is to send it Ctrl+C."""
    host, pid, mark = processes.THIS.split(":")
    owner = {"another machine": f"other:{pid}:{mark}", "started anew": f"{host}:{pid}:0{mark}",
             "Windows": f"{host}:{2**22 + 1}:0a1b2c3d4e5f"}[place]  # fmt: skip
    if place == "Windows":
        monkeypatch.setattr(processes, "_ASKING_KILLS", True)
        monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a process was asked"))
    path = half(tmp_path, owner)
    is_own_store = place == "Windows"
    aged(path, hours=23)
    assert remove_leftovers(tmp_path, one_machine=is_own_store) == []
    aged(path, hours=25)
    assert remove_leftovers(tmp_path, one_machine=is_own_store) == [path]


def test_what_is_no_leftover_or_cannot_be_removed_stays(tmp_path: Path) -> None:
    """B-03: names that only look so, of foreign programs, and a folder in the place of a file."""
    strange = [tmp_path / name for name in (".a.tmp", ".copy.db.tmp", "a~b~c~d~e.tmp")]
    for path in strange:
        aged(half(tmp_path, "x").rename(path), days=9)
    odd = aged(half(tmp_path, f"{processes.THIS.split(':')[0]}:²:m"), hours=1)
    folder = tmp_path / ".folder~other~1~m~0a1b2c3d.tmp"
    folder.mkdir()
    aged(folder, days=9)
    assert remove_leftovers(tmp_path, one_machine=True) == []
    assert {*strange, odd, folder} == set(tmp_path.iterdir())
    assert remove_leftovers(tmp_path / "missing") == []
