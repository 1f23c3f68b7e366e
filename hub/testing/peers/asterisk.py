"""A stand-in for the call records of Asterisk: `Master.csv` as the exchange writes it, and a table `cdr` in SQLite.

A row is written when its call is over and bears the time of its start, local and without a zone. One call has one row
for each phone that rang. Text is quoted with doubled quotes, numbers are not, and an answer that never came is nothing
at all. There is no header and, without `newcdrcolumns`, no `linkedid`.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

from hub.model.connector import Command
from hub.testing.peer import Fault

ZONE = "Asia/Krasnoyarsk"
CSV_COLUMNS = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer",
    "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield", "peeraccount", "linkedid",
    "sequence",
)  # fmt: skip
TABLE_COLUMNS = (
    "calldate", "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "duration", "billsec",
    "disposition", "amaflags", "accountcode", "uniqueid", "userfield", "did", "linkedid", "peeraccount", "sequence",
)  # fmt: skip
NUMBERS = frozenset({"duration", "billsec", "sequence"})
NOISE = "<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>\n"


class Exchange:
    """Calls that happen, row by row; how a row is written is the business of the subclass."""

    streams: ClassVar[Sequence[str]] = ("calls",)
    removable: ClassVar[Collection[str]] = ()
    faults: ClassVar[Collection[Fault]] = ("down", "garbage")
    file_name: ClassVar[str] = ""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.path = Path(self.file_name)
        self._began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self._calls: dict[str, tuple[str, datetime]] = {}
        self._sequence = 0

    def start(self) -> None:
        """Begin with no calls."""
        self._folder = tempfile.TemporaryDirectory(prefix="asterisk-")
        self.path = Path(self._folder.name) / self.file_name
        self.create()

    def stop(self) -> None:
        """Remove the records."""
        if self._folder is not None:
            self._folder.cleanup()

    def settings(self) -> Mapping[str, str]:
        """Return a connection to the records."""
        return {"source": str(self.path), "zone": ZONE, "area_code": "391", "trunks": "SIP/trunk"}

    def add(self, stream: str, count: int = 1) -> list[str]:
        """Let clients call and be called; the calls are over for half an hour."""
        assert stream == "calls"
        kinds = (self.answered, self.unanswered, self.called, self.in_menu, self.given_up)
        return [kinds[number % len(kinds)](f"8391294{number % 10_000:04}") for number in range(count)]

    def change(self, stream: str, external_id: str) -> None:
        """Transfer a call: its next row comes later and has the same id."""
        assert stream == "calls"
        number, end = self._calls[external_id]
        self.row(external_id, end, 60, talk=55, src=number, dst="105", channel="SIP/trunk-00000001",
                 dstchannel="SIP/105-00000009")  # fmt: skip
        self._calls[external_id] = number, end + timedelta(seconds=60)

    def remove(self, stream: str, external_id: str) -> None:
        """Refuse: call records are not deleted."""
        raise NotImplementedError(f"no row of {stream} {external_id} is ever removed")

    def answered(self, number: str) -> str:
        """Let a client call two phones, of which the second answers."""
        call, start = self._next(number, 90)
        for phone, talk in (("101", 0), ("102", 70)):
            self.row(call, start, 90, talk=talk, src=number, dst="600", channel="SIP/trunk-00000001",
                     dstchannel=f"SIP/{phone}-00000002")  # fmt: skip
        return call

    def unanswered(self, number: str) -> str:
        """Let a client call two phones, and nobody answer."""
        call, start = self._next(number, 30)
        for phone in ("101", "102"):
            self.row(
                call, start, 30, src=number, dst="600", channel="SIP/trunk-00000001", dstchannel=f"SIP/{phone}-00000002"
            )
        return call

    def called(self, number: str) -> str:
        """Call a client, who answers."""
        call, start = self._next(number, 50)
        self.row(
            call, start, 50, talk=45, src="101", dst=number, channel="SIP/101-00000001", dstchannel="SIP/trunk-00000002"
        )
        return call

    def in_menu(self, number: str) -> str:
        """Let a client hang up in the voice menu, which did answer."""
        call, start = self._next(number, 20)
        self.row(call, start, 20, talk=20, src=number, dst="s", channel="SIP/trunk-00000001", app="BackGround")
        return call

    def given_up(self, number: str) -> str:
        """Let a client hang up before a phone rings; only `unanswered=yes` logs it."""
        call, start = self._next(number, 5)
        self.row(call, start, 5, src=number, dst="600", channel="SIP/trunk-00000001", app="Wait")
        return call

    def row(self, call: str, start: datetime, seconds: int, *, talk: int = 0, src: str = "", dst: str = "",
            channel: str = "", dstchannel: str = "", app: str = "Dial") -> None:  # fmt: skip
        """Write one row of a call."""
        self._sequence += 1
        local = start.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)
        answer, end = local + timedelta(seconds=seconds - talk), local + timedelta(seconds=seconds)
        self.write(
            {
                "src": src, "dst": dst, "dcontext": "default", "clid": f'"Клиент" <{src}>', "channel": channel,
                "dstchannel": dstchannel, "lastapp": app, "lastdata": dstchannel.partition("-")[0],
                "start": f"{local:%Y-%m-%d %H:%M:%S}", "answer": f"{answer:%Y-%m-%d %H:%M:%S}" if talk else "",
                "end": f"{end:%Y-%m-%d %H:%M:%S}", "duration": str(seconds), "billsec": str(talk),
                "disposition": "ANSWERED" if talk else "NO ANSWER", "amaflags": "DOCUMENTATION", "uniqueid": call,
                "linkedid": call, "sequence": str(self._sequence),
            }
        )  # fmt: skip

    def create(self) -> None:
        """Make the empty list of records."""
        raise NotImplementedError

    def write(self, row: Mapping[str, str]) -> None:
        """Append a row."""
        raise NotImplementedError

    def fault(self, name: Fault | None) -> None:
        """Take the records away, or put noise in their place, until they are back."""
        aside = self.path.with_name("aside")
        if aside.exists():
            aside.replace(self.path)
        if name is not None:
            self.path.replace(aside)
        if name == "garbage":
            self.path.write_text(NOISE, encoding="utf-8")

    def logins(self) -> int:
        """Return 0: there is nothing to sign in to."""
        return 0

    def command(self) -> Command | None:
        """Return nothing: the connector only reads."""
        return None

    def effects(self, command: Command) -> int:
        """Refuse: there are no commands."""
        raise NotImplementedError(f"{command.kind}: the connector only reads")

    def _next(self, number: str, seconds: int) -> tuple[str, datetime]:
        start = self._began + timedelta(seconds=len(self._calls))
        call = f"{int(start.timestamp())}.{len(self._calls) * 3 + 1}"
        self._calls[call] = number, start + timedelta(seconds=seconds)
        return call, start


class AsteriskPeer(Exchange):
    """`Master.csv` with 21 columns; `columns` says how many the exchange writes (16, 17, 18 or 21)."""

    file_name = "Master.csv"
    columns: int = 21

    def create(self) -> None:
        """Make the empty file."""
        self.path.touch()

    def write(self, row: Mapping[str, str]) -> None:
        """Append a line as `cdr_csv` does."""
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(self.line(row))

    def line(self, row: Mapping[str, str]) -> str:
        """Return one line of the file."""
        return ",".join(_field(name, row.get(name, "")) for name in CSV_COLUMNS[: self.columns]) + "\n"

    def rotate(self, *, copy: bool = False) -> Path:
        """Rotate as logrotate does: rename and begin anew, or copy and truncate; return the old file."""
        old = self.path.with_name("Master.csv.1")
        if copy:
            old.write_bytes(self.path.read_bytes())
            self.path.write_bytes(b"")
        else:
            self.path.replace(old)
            self.path.touch()
        return old


class AsteriskTablePeer(Exchange):
    """A table `cdr` in a SQLite file, its time column called `calldate`."""

    file_name = "cdr.db"
    table_columns: ClassVar[Sequence[str]] = TABLE_COLUMNS

    def settings(self) -> Mapping[str, str]:
        """Return a connection to the table."""
        return {**super().settings(), "source": f"sqlite:///{self.path}"}

    def create(self) -> None:
        """Make the empty table."""
        kinds = {"calldate": "DATETIME", "duration": "INTEGER", "billsec": "INTEGER", "sequence": "INTEGER"}
        listed = ", ".join(f'"{name}" {kinds.get(name, "VARCHAR(150)")}' for name in self.table_columns)
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute(f"CREATE TABLE cdr ({listed})")

    def write(self, row: Mapping[str, str]) -> None:
        """Insert a row."""
        known = {**row, "calldate": row["start"]}
        values = [known.get(name) for name in self.table_columns]
        marks = ", ".join("?" * len(values))
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute(f"INSERT INTO cdr VALUES ({marks})", values)  # noqa: S608 - only question marks


def _field(name: str, value: str) -> str:
    if name in NUMBERS or (name == "answer" and not value):
        return value
    return '"' + value.replace('"', '""') + '"'
