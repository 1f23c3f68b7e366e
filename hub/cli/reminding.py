"""The reminders of this moment for a command; whoever waits long for them is told why and how long still."""

from __future__ import annotations

import time
from datetime import datetime

from hub.cli.app import App, progress
from hub.remind import Reminding, refresh

PATIENCE = 2.0
"""Seconds without a word."""


def reminding(app: App, now: datetime | None = None) -> Reminding:
    """Evaluate what may have changed, and say how far it is when that takes long, as after an update of the hub."""
    began = spoken = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal spoken
        moment = time.monotonic()
        if done < total and moment - spoken >= PATIENCE:
            spoken = moment
            left = (moment - began) * (total - done) / done
            progress(f"Reminders of all clients are worked out anew: {done / total:.0%}, {left:.0f} s left.")

    return refresh(app.store, app.config, app.plugins, now or app.now(), tell)
