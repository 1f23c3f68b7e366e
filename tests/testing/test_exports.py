"""Authors of plugins find everything for their tests in `hub.testing`, and the page for them names all of it."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import hub.testing
from hub.testing import LeapingClock, MemoryBlobs, connection_tools

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-plugin.md"


@pytest.mark.parametrize("name", hub.testing.__all__)
def test_everything_listed_is_there_and_on_the_page(name: str) -> None:
    assert getattr(hub.testing, name) is not None
    assert name in PAGE.read_text(encoding="utf-8")


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        hub.testing.nonsense  # noqa: B018


def test_nothing_is_imported_before_it_is_used() -> None:
    program = "import sys, hub.testing; sys.exit('httpx' in sys.modules or 'pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


class Slow(BaseHTTPRequestHandler):
    """Is busy once, for an hour; then it answers."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(503 if self.asked == 1 else 200)
        self.send_header("Retry-After", "4")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


def test_tools_are_those_of_the_hub_and_no_wait_is_real() -> None:
    with HTTPServer(("127.0.0.1", 0), Slow) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        with connection_tools("office") as tools:
            before = tools.clock.now()
            assert tools.http.request("GET", f"http://127.0.0.1:{server.server_port}/").status == 200
            assert tools.clock.now() - before >= timedelta(seconds=4)
            assert tools.stale("calls", {"1": "a"}) == {"1"}
            assert tools.blobs.get(tools.blobs.put(b"x")) == b"x"
            assert (tools.connection, Slow.asked) == ("office", 2)
        server.shutdown()
        thread.join()
    with connection_tools(stale=lambda _, versions: set()) as tools:
        assert tools.stale("calls", {"1": "a"}) == set()
    assert isinstance(tools.clock, LeapingClock)
    assert isinstance(tools.blobs, MemoryBlobs)
