"""A-10: the daemon beside six systems that work and fail for a long time: nothing grows, nothing is left undone."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from lab import Office, difference, dump, opened, seed_of
from sqlalchemy import func, select

from hub.store import tables

NAMES = ("onec", "imap", "redmine", "asterisk", "bank", "onec_tables")
SECRETS = ("password", "key")
STEADY = ("down", "cut", "garbage")
"""Troubles that pass; a refused password waits for a person."""
SHOWN = ("act", "call", "client", "contract", "invoice", "message", "payment", "ticket")
MEGABYTE_AN_HOUR = 1024 / 3600


class Sample:
    """What one process held at one moment."""

    def __init__(self, at: float, pid: int) -> None:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        self.at = at
        self.kilobytes = int(status["VmRSS"].split()[0])
        self.threads = int(status["Threads"])
        self.files = len(list(Path(f"/proc/{pid}/fd").iterdir()))


def growth(samples: list[Any]) -> list[str]:
    """Return what grew after the first quarter; the slope counts from an hour on."""
    early, late = samples[: len(samples) // 4], samples[len(samples) // 4 :]
    found = []
    start, most = early[-1].kilobytes, max(it.kilobytes for it in late)
    if most > 1.2 * start:
        found.append(f"memory {start} → {most} kB")
    seconds = late[-1].at - late[0].at
    mean = sum(it.at for it in late) / len(late), sum(it.kilobytes for it in late) / len(late)
    slope = sum((it.at - mean[0]) * (it.kilobytes - mean[1]) for it in late) / sum(
        (it.at - mean[0]) ** 2 for it in late
    )
    if seconds >= 3600 and slope > MEGABYTE_AN_HOUR:
        found.append(f"memory by {slope * 3600 / 1024:.1f} MB/h")
    for what in ("threads", "files"):
        before = max(getattr(it, what) for it in early)
        # The least of the last quarter: what a connection holds for a moment is no leak.
        after = min(getattr(it, what) for it in samples[-len(early) :])
        if after > before:
            found.append(f"{what} {before} → {after}")
    return found


@pytest.mark.parametrize(
    ("kilobytes", "files", "hours", "found"),
    [(0, 0, 2, 0), (2, 0, 2, 1), (400, 0, 0.1, 1), (0, 0.1, 0.1, 1)],
    ids=["steady", "slow leak", "fast leak", "open files"],
)
def test_control_of_the_soak_sees_what_grows(kilobytes: float, files: float, hours: float, found: int) -> None:
    class Seen:
        def __init__(self, at: float) -> None:
            self.at, self.kilobytes, self.threads, self.files = at, 90000 + kilobytes * at, 9, 20 + int(files * at)

    assert len(growth([Seen(second) for second in range(int(hours * 3600))])) >= found
    assert found or not growth([Seen(second) for second in range(int(hours * 3600))])


@pytest.mark.soak
@pytest.mark.timeout(10 * 3600)
def test_daemon_beside_six_failing_systems(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """`HUB_TEST_SECONDS` says how long, else five minutes; a trouble every tenth of that, at most each 30 s."""
    seconds = float(os.environ.get("HUB_TEST_SECONDS", "300"))
    pick = random.Random(seed_of(request.config))
    known = {entry.name: entry for entry in entry_points(group="hub.peers")}
    with ExitStack() as running:
        peers = {}
        for name in NAMES:
            peers[name] = peer = known[name].load()()
            peer.start()
            running.callback(peer.stop)
            for stream in peer.streams:
                peer.add(stream, 20)
        busy, calm = Office(tmp_path / "busy"), Office(tmp_path / "calm")
        env = _connect((busy, calm), peers)
        busy.ok("init", **env)
        calm.ok("init", **env)
        log = tmp_path / "log.txt"  # a pipe that nobody reads would fill up and hold the daemon
        with log.open("wb") as writing:
            daemon = subprocess.Popen(
                busy.command("run"), env=busy.environment(**env), cwd=busy.folder, stdout=writing, stderr=writing
            )
        running.callback(daemon.kill)
        samples = _live(daemon, peers, pick, seconds)
        with opened(busy.store_url) as store, store.read() as connection:
            last = connection.execute(select(func.max(tables.run.c.started_at))).scalar_one()
        assert datetime.now(UTC) - last < timedelta(minutes=1), f"the daemon has read nothing since {last}"
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(timeout=60)
        err = log.read_text("utf-8")
        assert daemon.returncode == 0, err
        assert "Traceback" not in err
        for office in (busy, calm):
            assert {it["error"] for it in office.ok("sync", "--full", "--json", **env).json} == {None}
    assert growth(samples) == []
    assert _living(busy) == _living(calm), difference(_living(calm), _living(busy))
    assert [it for it in busy.ok("job", "list", "--json").json if it["state"] == "running"] == []
    print(f"{len(samples)} looks: {samples[0].kilobytes} → {samples[-1].kilobytes} kB")


def _connect(offices: tuple[Office, ...], peers: dict[str, Any]) -> dict[str, str]:
    env: dict[str, str] = {}
    connections = {}
    for name, peer in peers.items():
        settings = dict(peer.settings())
        for field in SECRETS:
            if field in settings:
                env[f"SOAK_{name}_{field}".upper()] = settings[field]
                settings[field] = f"env:SOAK_{name}_{field}".upper().replace("ENV:", "env:")
        connections[name] = {"connector": name, "every": "1s", **settings}
    for office in offices:
        office.connect(connections)
    return env


def _live(daemon: subprocess.Popen[bytes], peers: dict[str, Any], pick: random.Random, seconds: float) -> list[Sample]:
    """Let people work in all systems, let one fail now and then, and look at the daemon each second."""
    samples = []
    alive = {(name, stream): list(peer.add(stream, 5)) for name, peer in peers.items() for stream in peer.streams}
    began, step = time.monotonic(), min(30.0, seconds / 10)
    troubled, next_trouble = "", step
    for second in itertools.count():
        at = time.monotonic() - began
        if at >= seconds:
            break
        assert daemon.poll() is None, "the daemon ended by itself"
        samples.append(Sample(at, daemon.pid))
        if at >= next_trouble:
            if troubled:
                peers[troubled].fault(None)
            troubled = pick.choice([name for name, peer in peers.items() if set(STEADY) & set(peer.faults)])
            peers[troubled].fault(pick.choice(sorted(set(STEADY) & set(peers[troubled].faults))))
            next_trouble += step
        name = pick.choice([it for it in peers if it != troubled])
        stream = pick.choice(list(peers[name].streams))
        if second % 3:
            try:
                peers[name].change(stream, pick.choice(alive[name, stream]))
            except NotImplementedError:  # a letter that was received never changes; another one comes
                peers[name].add(stream)
        elif stream in peers[name].removable and len(alive[name, stream]) > 3:
            peers[name].remove(stream, alive[name, stream].pop())
        time.sleep(1)  # the measured quantity is time itself
    if troubled:
        peers[troubled].fault(None)
    return samples


def _living(office: Office) -> list[str]:
    """Return the rows of current state that are not marked gone."""
    rows = [line for line in dump(office.store_url) if line.split(" ", 1)[0] in SHOWN]
    return [line for line in rows if line.split(" | ")[3] == "False"]
