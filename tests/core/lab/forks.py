"""An office whose commands run in forks of one process: a tenth of the time, so that hundreds of kills are cheap."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab import LAB, ROOT, Done, Office


class Forks:
    """The process that forks; see `forking.py`."""

    def __init__(self) -> None:
        path = os.pathsep.join(map(str, (LAB, ROOT, ROOT / "plugins")))
        self._child = subprocess.Popen(
            [sys.executable, str(LAB / "forking.py")], env={**os.environ, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, **order: object) -> int:
        """Run one command; return its exit status."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(order) + "\n")
        self._child.stdin.flush()
        return int(self._child.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._child.communicate()


class QuickOffice(Office):
    """An office that runs its commands in forks."""

    def __init__(self, forks: Forks, folder: Path, store: str = "sqlite:///hub.db") -> None:
        self._forks = forks
        super().__init__(folder, store)

    def hub(
        self, *arguments: str, kill_after: float | None = None, program: str = "", timeout: float = 90, **env: str
    ) -> Done:
        """Run the hub to its end, or kill it -9 after so many seconds."""
        assert not program, "a fork runs the hub itself; `SABOTAGE` breaks it"
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as said:
            out, err = Path(said, "out"), Path(said, "err")
            code = self._forks.run(
                arguments=["--config", str(self.config), *arguments], cwd=str(self.folder), env=self.environment(**env),
                site=str(self.folder / "site"), out=str(out), err=str(err), after=kill_after,
            )  # fmt: skip
            return Done(code, out.read_text("utf-8"), err.read_text("utf-8"), time.monotonic() - began)
