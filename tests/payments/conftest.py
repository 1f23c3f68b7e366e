"""Makes the shared lab of the core tests importable by name."""

import sys
from pathlib import Path

LAB = Path(__file__).parents[1] / "core" / "lab"
if str(LAB) not in sys.path:
    sys.path.insert(0, str(LAB))
