"""A real Redmine for tests, started by a script that installs it where it is missing.

The script is called as `script PORT FOLDER` and `script stop FOLDER`; it listens on the loopback and seeds a project,
an administrator and an agent with the keys of the stand-in.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

from hub.testing.peer import Fault
from hub.testing.peers.redmine import Verbs

START_SECONDS = 600
AGENT, ACTIVE, LOCKED = 5, 1, 3


class RealRedminePeer(Verbs):
    """One real server on empty data; a test says in a subclass where the script is."""

    script: ClassVar[Path] = Path("redmine.sh")
    faults: ClassVar[tuple[Fault, ...]] = ("auth",)

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> None:
        """Start a server on a free port; the first start on a machine installs it."""
        self._folder = tempfile.TemporaryDirectory(prefix="redmine-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._run(str(port), self._folder.name)
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """Stop the server and remove its data."""
        if self._folder is not None:
            self._run("stop", self._folder.name)
            self._folder.cleanup()

    def fault(self, name: Fault | None) -> None:
        """Lock the agent's account, or unlock it."""
        self.send("PUT", f"/users/{AGENT}.json", {"user": {"status": LOCKED if name == "auth" else ACTIVE}})

    def logins(self) -> int:
        """Refuse: the server does not count."""
        raise NotImplementedError("Redmine does not count refused keys")

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.script), *arguments], capture_output=True, text=True, timeout=START_SECONDS, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.script.name} {arguments[0]} failed: {done.stderr[-500:]}")
