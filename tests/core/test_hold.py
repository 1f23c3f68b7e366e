"""A replay and a sync of one connection never run at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.config import load_config
from hub.connections import Hub, hold_connection
from hub.model.errors import Unavailable
from hub.plugins import Plugins
from hub.store.database import Store
from hub.tools import SystemClock


def test_held_connection_is_refused_to_others_and_free_afterwards(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "hub.yaml"
    path.write_text("zone: Asia/Krasnoyarsk\n", encoding="utf-8")
    hub = Hub(load_config(path), Plugins(), store, SystemClock())
    with hold_connection(hub, "office"):
        with pytest.raises(Unavailable, match="office is being synchronised"), hold_connection(hub, "office"):
            pytest.fail("the second one must not get in")
        with hold_connection(hub, "other"):
            pass
    with hold_connection(hub, "office"):
        pass


def test_it_is_free_again_after_a_failure(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "hub.yaml"
    path.write_text("zone: Asia/Krasnoyarsk\n", encoding="utf-8")
    hub = Hub(load_config(path), Plugins(), store, SystemClock())
    with pytest.raises(ZeroDivisionError), hold_connection(hub, "office"):
        _ = 1 / 0
    with hold_connection(hub, "office"):
        pass
