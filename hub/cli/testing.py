"""`hub testing`: stand-ins of other systems on this machine, for those who write plugins and clients."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from hub.cli.app import say
from hub.model.errors import SettingsError

MOST_BYTES = 256 * 1024 * 1024


@click.group()
def testing() -> None:
    """Stand-ins of other systems, served on this machine alone."""


@testing.command()
@click.option("--data", type=click.Path(path_type=Path), help="A JSON file: name of a set, then its objects.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; any free one when left out.")
@click.option("--configuration", type=click.Choice(["accounting", "trade", "empty"]), default="accounting",
              help="Which sets there are.")  # fmt: skip
@click.option("--sessions", is_flag=True, help="Know 1C sessions (cookie ibsession).")
@click.option("--inline-count", type=click.Choice(["ignores-paging", "pages"]), default="ignores-paging",
              help="What $inlinecount does to $top and $skip.")  # fmt: skip
def onec(data: Path | None, port: int, configuration: str, sessions: bool, inline_count: str) -> None:
    """Serve an infobase over the standard OData interface of 1C until stopped."""
    from hub.testing.peers import onec as peer

    models, registers = {
        "accounting": (peer.FULL_ACCOUNTING, peer.ACCOUNTING_REGISTERS),
        "trade": (peer.FULL_TRADE, peer.TRADE_REGISTERS),
        "empty": ((), ()),
    }[configuration]
    server = peer.OneCServer(peer.infobase(models, _read(data) if data else b"", registers), port=port)
    server.has_sessions = sessions
    server.inlinecount_stops_paging = inline_count == "ignores-paging"
    try:
        server.start()
    except OSError as error:
        raise SettingsError(f"the port {port} cannot be used: {error.strerror}.", field="port") from error
    try:
        say(f"address   {server.url}")
        say(f"user      {server.user}")
        say(f"password  {server.password}")
        _wait()
    finally:
        server.stop()


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(f"{path} has more than {MOST_BYTES // 1024**2} MB.", field="data")
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", field="data") from error


def _wait() -> None:
    """Wait until somebody stops the command."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.wait(1.0):
        continue
