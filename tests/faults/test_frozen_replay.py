"""A-02, F-08: a replay that is frozen past its lease, while a sync takes its connection over."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forks import Forks, QuickOffice
from lab import difference, item, stream

from hub.store.database import Store

FREEZING = Path(__file__).with_name("freezing.py")


@pytest.mark.parametrize("fence", ["on", "off"])
def test_frozen_replay_stores_nothing_when_it_wakes(
    forks: Forks, empty_stores: Callable[[], Any], tmp_path: Path, fence: str
) -> None:
    """A sync took over and read something newer; without the fence, the control, the replay brings the old back."""
    with empty_stores() as url:
        made = Store(url)
        made.create()
        made.close()
        office = QuickOffice(forks, tmp_path / "office", url)
        desk = office.script("desk", stream("clients", [item("client", "c1", name="Ромашка")]))
        office.connect({"desk": desk})
        office.ok("sync")
        office.connect({"desk": {**desk, "spelling": "anew"}})
        child = office.start("record", "replay", "desk", "--all", program=str(FREEZING), FENCE=fence)
        assert os.WIFSTOPPED(os.waitpid(child.pid, os.WUNTRACED)[1])
        office.free_leases()
        office.script("desk", stream("clients", [item("client", "c1", name="Василёк")]))
        office.ok("sync")
        newer = office.dump()
        child.send_signal(signal.SIGCONT)
        _, said = child.communicate(timeout=30)
        changed = difference(newer, office.dump())

    assert "was taken over by another worker" in said
    if fence == "on":
        assert (child.returncode, changed) == (1, "0 lost, 0 added")
    else:
        assert "Ромашка" in changed
