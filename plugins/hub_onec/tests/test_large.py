"""Large publications and bases: what they cost stays within the budget, and memory does not grow with the base."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip("resource")

METADATA_SECONDS = 3.0
METADATA_MB = 120.0
GROWTH_MB = 12.0


def figures(documents: int, filler: int, page: int = 1000) -> dict[str, Any]:
    """Measure in a process of its own, whose memory nothing else has filled."""
    command = [sys.executable, "-m", "hub_onec.tests.measure", "--documents", str(documents), "--filler", str(filler)]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [*command, "--page", str(page)], env={**os.environ, "PYTHONPATH": path}, capture_output=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_memory_does_not_grow_with_the_number_of_documents() -> None:
    found = figures(documents=8000, filler=50, page=200)
    assert found["documents"] == 8000
    assert found["end"] - found["after_tenth"] < GROWTH_MB / 3


def test_five_thousand_sets_are_found_and_parsed_in_little_memory() -> None:
    found = figures(documents=10, filler=5000)
    assert found["sets"] > 5000
    assert found["metadata_bytes"] > 20_000_000
    assert found["after_metadata"] < METADATA_MB


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_million_documents_and_twenty_megabytes_of_metadata() -> None:
    found = figures(documents=int(os.environ.get("HUB_TEST_DOCUMENTS", "1000000")), filler=5000)
    assert found["metadata_cpu_seconds"] < METADATA_SECONDS
    assert found["after_metadata"] < METADATA_MB
    assert found["end"] - found["after_tenth"] < GROWTH_MB
    print(json.dumps(found))
