"""What a pass costs: CPU of the whole process tree and of the database server, wall time, peak memory of the tree."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.05
SETTLE_ROUNDS = 20


class Failed(Exception):
    """A contender did not do its work; the text says what it printed."""


@dataclass(frozen=True)
class Cost:
    """What one pass took; `cpu` includes `server`, the share of the database server."""

    cpu: float
    server: float
    wall: float
    peak_mb: float
    output: str


def server_cpu(postmaster: int) -> float:
    """Return the CPU seconds that a PostgreSQL server ever used, those of backends that ended included."""
    main = psutil.Process(postmaster)
    spent = main.cpu_times()
    seconds = spent.user + spent.system + spent.children_user + spent.children_system
    for backend in main.children():
        try:
            mine = backend.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += mine.user + mine.system
    return float(seconds)


def run(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], server: Callable[[], float] | None = None
) -> Cost:
    """Run a pass in a process of its own and return its cost. Raises Failed with the end of what it said."""
    said, complaint = folder / "stdout.txt", folder / "stderr.txt"
    before = server() if server else 0.0
    began = time.perf_counter()
    with said.open("wb") as out, complaint.open("wb") as err:
        child = subprocess.Popen(command, stdout=out, stderr=err, env={**os.environ, **environment})
        peak, usage, status = 0.0, None, 0
        while usage is None:
            peak = max(peak, _resident(child.pid))
            time.sleep(SAMPLE_SECONDS)
            ended, status, spent = os.wait4(child.pid, os.WNOHANG)
            usage = spent if ended else None
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        tail = complaint.read_text(errors="replace")[-2000:]
        raise Failed(f"exit code {child.returncode}: {' '.join(command)}\n{tail}{said.read_text()[-500:]}")
    database = _settled(server) - before if server else 0.0
    return Cost(
        cpu=usage.ru_utime + usage.ru_stime + database,
        server=database,
        wall=wall,
        peak_mb=max(peak, usage.ru_maxrss / 1024),
        output=said.read_text(),
    )


def _settled(server: Callable[[], float]) -> float:
    """Return the server's CPU once it rests: the backend of the pass may still be on its way out."""
    seconds = server()
    for _ in range(SETTLE_ROUNDS):
        time.sleep(SAMPLE_SECONDS)
        before, seconds = seconds, server()
        if seconds <= before:
            break
    return seconds


def _resident(pid: int) -> float:
    """Return the resident memory of a process and its descendants in MB."""
    total = 0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0.0
    return total / 2**20
