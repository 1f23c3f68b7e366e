"""Named points where a test may kill the process: `HUB_TEST_STOP=name:n` raises SIGKILL at the n-th pass.

Without the variable a point is one comparison. `POINTS` is checked against the code by a test.
"""

from __future__ import annotations

import os
import signal

POINTS = frozenset(
    {"read", "stored", "commit", "committed", "migrate", "reminders", "number", "file", "sending", "sent", "answered"}
)

_name, _, _count = os.environ.get("HUB_TEST_STOP", "").partition(":")
_left = int(_count or "1") if _name else 0


def stop_point(name: str) -> None:
    """Die here if the environment asks for it."""
    global _left
    if not _left or name != _name:
        return
    _left -= 1
    if not _left:
        os.kill(os.getpid(), signal.SIGKILL)
