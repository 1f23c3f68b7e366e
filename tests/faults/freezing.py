"""The hub as a program that freezes itself (SIGSTOP) when the scripted plugin understands its first record.

`FENCE=off` takes the fence away, for the control.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from typing import Any

import hub_scripted

from hub.cli import main
from hub.engine import jobs

understand = hub_scripted.Scripted.normalise
stops = [signal.SIGSTOP]


def freezing(self: Any, record: Any) -> Iterable[Any]:
    """Stop once, then go on."""
    if stops:
        os.kill(os.getpid(), stops.pop())
    return understand(self, record)


hub_scripted.Scripted.normalise = freezing  # type: ignore[method-assign]
if os.environ.get("FENCE") == "off":
    jobs.hold = lambda *_: None  # type: ignore[assignment]
main()
