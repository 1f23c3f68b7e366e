"""S-29: the doctor names whatever the hub keeps and others may read, with the command that mends it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from lab import Office

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights are another matter there")

KEPT = {
    "hub.db": 0o600,
    "hub.db.before-restore": 0o600,
    "2026-11-22.db": 0o600,
    "hub.yaml": 0o640,
    "secret": 0o600,
    "blobs": 0o700,
    "documents": 0o700,
    "hub.log": 0o640,
    "logs/daemon.log.1": 0o640,
    ".": 0o755,
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    office = Office(tmp_path_factory.mktemp("modes"))
    office.ok("init")
    for name in ("blobs", "documents", "logs"):
        (office.folder / name).mkdir(mode=0o700)
    for name in ("hub.db.before-restore", "2026-11-22.db", "secret", "hub.log", "logs/daemon.log.1"):
        (office.folder / name).write_text("kept")
    secret = f"file:{office.folder / 'secret'}"
    office.connect({"desk": {**office.script("desk", {"name": "x", "batches": []}), "password": secret}})
    return office


def named(office: Office) -> dict[str, str]:
    found = office.ok("doctor", "--offline", "--json").json
    return {it["what"]: it["fix"] for it in found if "can be read by others" in it["what"]}


def close(office: Office) -> None:
    for name, mode in KEPT.items():
        (office.folder / name).chmod(mode)


def test_nothing_is_said_when_all_is_private(office: Office) -> None:
    close(office)
    assert named(office) == {}


@pytest.mark.parametrize("name", KEPT)
def test_what_others_may_read_is_named_and_the_fix_mends_it(office: Office, name: str) -> None:
    close(office)
    place = office.folder / name
    place.chmod(KEPT[name] | 0o077)
    (said, fix), *others = named(office).items()
    assert others == []
    assert said.startswith(f"{place.resolve()} can be read by others")
    words = shlex.split(fix.removeprefix("Run: "))
    assert words == ["chmod", f"{KEPT[name]:o}", str(place.resolve())]
    Path(words[2]).chmod(int(words[1], 8))
    assert named(office) == {}
