"""Makes the template of new plugins, its stand-in and the saboteurs importable by name, also in child processes."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
TEMPLATE = HERE.parents[1] / "hub" / "testing" / "scaffold" / "template"

for folder in (HERE, TEMPLATE / "tests", TEMPLATE / "src"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
