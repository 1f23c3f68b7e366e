"""The pytest plugin of the hub: the markers its tests use and a fixed moment, for authors of plugins."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub import redaction

MARKERS = {
    "peer": "talks to a real program that is installed for the run",
    "soak": "the long figures; left out of an ordinary run",
}


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, so that strict runs of plugins know them."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


@pytest.fixture(autouse=True)
def _secrets_of_one_test() -> Iterator[None]:
    """Forget the secrets a test revealed: a password such as `wrong` would strike that word out of the next test."""
    before = set(redaction._known)
    yield
    redaction._known.intersection_update(before)


@pytest.fixture
def hub_now() -> datetime:
    """Return a fixed working hour: Tuesday, 12 May 2026, 09:30 in Krasnoyarsk."""
    return datetime(2026, 5, 12, 2, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def hub_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `key.pem` and `certificate.pem` for a stand-in at 127.0.0.1 that signs its own."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed, so there is no certificate to try")
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [
            program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=stand-in", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem"),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder
