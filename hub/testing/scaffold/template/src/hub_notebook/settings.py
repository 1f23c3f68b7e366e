"""Settings of a connection to Notebook."""

from __future__ import annotations

from hub.api import Secret, Settings


class NotebookSettings(Settings):
    """Where the server is and who we are there."""

    url: str
    """Address of the server, such as https://notebook.example."""

    key: Secret
    """Access key of the hub's own account, as a reference such as env:NOTEBOOK_KEY."""
