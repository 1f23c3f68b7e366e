"""The pytest plugin lets plugins of others use our markers in strict runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.mark.peer
@pytest.mark.soak
def test_marked(hub_now):
    assert hub_now.utcoffset() is not None
"""


@pytest.mark.parametrize(("options", "code"), [(["-p", "hub.testing.pytest_plugin"], 0), ([], 2)])
def test_markers_are_known_in_strict_runs(tmp_path, options, code):
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", *options, "test_it.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code, done.stdout
