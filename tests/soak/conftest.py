"""Makes the shared lab of the core tests importable by name."""

import sys
from pathlib import Path

LAB = Path(__file__).parents[1] / "core" / "lab"
if str(LAB) not in sys.path:
    sys.path.insert(0, str(LAB))

from lab_fixtures import empty_stores, forks  # noqa: E402, F401 found on the path made above


def pytest_collection_modifyitems(config, items):
    """Leave the long figures out of an ordinary run."""
    import pytest

    if "soak" not in config.option.markexpr:
        for item in items:
            if "soak" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="long figures; run with: make soak"))
