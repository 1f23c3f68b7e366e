"""Memory of a process that runs for months."""

from __future__ import annotations

import sys


def give_back() -> None:
    """Give memory that is free back to the system.

    glibc keeps what was freed between two pieces in use, for each thread apart, so a process that reads some mailboxes
    and evaluates reminders now and then grows for hours towards the sum of all its peaks. `malloc_trim(0)` gives back
    whole pages wherever they lie (since glibc 2.8; man 3 malloc_trim). Other C libraries do so by themselves.
    """
    if sys.platform != "linux":
        return
    import ctypes  # a command that ends at once does without

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
