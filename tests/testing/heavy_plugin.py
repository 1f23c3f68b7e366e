"""A saboteur: the plugin's package loads a library when it is imported."""

import lxml.etree  # noqa: F401
from hub_notebook.connector import Notebook  # noqa: F401
