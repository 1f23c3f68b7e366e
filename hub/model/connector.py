"""The contract between the core and a connector: plain data and small protocols.

A connector is a class made from its settings and the tools of its connection. What it can do follows from the methods
it has: `Reads`, `Writes`, `Receives`, `Wakes`. All code is synchronous; `read` is a generator, asked for one batch at a
time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from msgspec import Struct

from hub.model.entities import Reference
from hub.model.events import Event

if TYPE_CHECKING:
    from logging import Logger

    from hub.model.settings import Settings

Cursor: TypeAlias = Mapping[str, Any]
"""A small JSON object (at most 4 KiB) that tells where to go on; an inclusive lower bound with overlap."""


class Record(Struct, frozen=True):
    """One object of a source: its raw bytes as received, never decoded by the reader.

    `version` is the source's own change mark, if it has one; with an equal mark an object need not be fetched again.
    With another one it is normalised again, even where its bytes are the same.
    `deleted` says that the source no longer has the object; `payload` is then empty.
    """

    external_id: str
    payload: bytes = b""
    version: str = ""
    deleted: bool = False
    stream: str = ""
    connection: str = ""

    def reference(self, kind: str) -> Reference:
        """Return the reference of the thing of that kind which this record describes."""
        return Reference(kind, self.external_id)


class Stream(Struct, frozen=True):
    """One kind of record of a connection. With `snapshot`, what is absent after a complete read is marked gone."""

    name: str
    title: str = ""
    snapshot: bool = False


class Batch(Struct, frozen=True):
    """Some records and the cursor that is true once they are stored.

    `cursor=None` leaves the stored cursor as it is. `present` names objects that the source still has and whose content
    is known to be unchanged. `complete` in the last batch of a snapshot stream says that since the read began every
    object of the source was among `records` or `present`; without it nothing is marked gone. `expected` is the total
    the source announced, for the progress line.
    """

    records: Sequence[Record] = ()
    cursor: Cursor | None = None
    present: Collection[str] = ()
    complete: bool = False
    expected: int | None = None


class Check(Struct, frozen=True):
    """What a connection test found: who we are there, the version, the rights; `findings` are `(what, fix)` pairs."""

    account: str = ""
    version: str = ""
    server_time: datetime | None = None
    findings: tuple[tuple[str, str], ...] = ()


class Command(Struct, frozen=True, kw_only=True):
    """Something to do in another system. `id` is the idempotency key and stays the same over every try."""

    id: str
    kind: str
    data: Mapping[str, Any]
    connection: str = ""


class Receipt(Struct, frozen=True, kw_only=True):
    """Proof that a command took effect: the other side's id and what a person should know.

    `rest` is what the other side will take only later, as the data of a command of the same kind; the hub makes that
    command together with storing the receipt, so what took effect is never repeated and the rest not forgotten.
    """

    external_id: str = ""
    detail: Mapping[str, Any] = {}
    rest: Mapping[str, Any] | None = None


class WebRequest(Struct, frozen=True, kw_only=True):
    """A webhook as it came in; the body is raw, so that its signature can be checked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    received: datetime


class Response(Struct, frozen=True):
    """An HTTP answer, read whole and within the size limit; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str

    @property
    def media_type(self) -> str:
        """Return the content type without parameters, lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Http(Protocol):
    """HTTP for plugins: deadlines, body limit, retry of idempotent calls, `Retry-After`, rate budget, redacted log.

    Raises `Unavailable` for network trouble, 429 and 5xx without a body the caller wants (see `accept_status`),
    `AuthError` for 401 and 403 unless accepted.
    """

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: timedelta = timedelta(seconds=60),
        max_bytes: int = 32 * 1024 * 1024,
        accept_status: Collection[int] = (),
    ) -> Response:
        """Send one request and read the answer whole."""
        ...


class Blobs(Protocol):
    """Files by content: `put` stores the bytes once and returns their SHA-256 in hexadecimal."""

    def put(self, content: bytes) -> str:
        """Store the bytes once; return their digest."""
        ...

    def get(self, digest: str) -> bytes:
        """Return the bytes. Raises KeyError when there are none."""
        ...


class Clock(Protocol):
    """The time, so that tests can set it; `sleep` returns early with `Unavailable` when the hub stops."""

    def now(self) -> datetime:
        """Return the present instant, aware."""
        ...

    def sleep(self, duration: timedelta) -> None:
        """Wait. Raises Unavailable at once when the hub stops."""
        ...


class Tools(Protocol):
    """What the hub gives a connection. Plugins never read the environment and never open the store."""

    @property
    def connection(self) -> str:
        """Return the name of the connection."""
        ...

    @property
    def http(self) -> Http:
        """Return the HTTP client of the connection."""
        ...

    @property
    def blobs(self) -> Blobs:
        """Return the place for large contents."""
        ...

    @property
    def clock(self) -> Clock:
        """Return the clock."""
        ...

    @property
    def log(self) -> Logger:
        """Return the log; secrets are struck out of it, personal data do not belong into it."""
        ...

    def stale(self, stream: str, versions: Mapping[str, str]) -> set[str]:
        """Return those ids whose stored record is missing, gone or has another version than given here."""
        ...


@runtime_checkable
class Connector(Protocol):
    """The least a connector has; the class is called as `factory(settings, tools)`."""

    def check(self) -> Check:
        """Test the connection: who are we there, which version, which rights. Raises one of the five errors."""
        ...


@runtime_checkable
class Reads(Protocol):
    """A connector that reads: streams of records, and their meaning as events."""

    def streams(self) -> Sequence[Stream]:
        """Return what can be read; may ask the other system."""
        ...

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Yield batches from the cursor on; `None`, or a cursor that cannot be read, means from the start."""
        ...

    def normalise(self, record: Record) -> Iterable[Event]:
        """Return what one raw record means: pure, without clock and network. Raises only BadRecord."""
        ...


@runtime_checkable
class Writes(Protocol):
    """A connector that acts on commands; `find` looks whether a command has already had its effect."""

    def commands(self) -> Sequence[str]:
        """Return the kinds of commands that can be carried out."""
        ...

    def execute(self, command: Command) -> Receipt:
        """Carry out a command once. Raises Rejected with the other side's words, or another of the five errors."""
        ...

    def find(self, command: Command) -> Receipt | None:
        """Return the receipt of a command that took effect, `None` when there is no trace of it."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A connector that asks before it acts, and keeps the two apart.

    The hub notes that a command is on its way only between them: one that was interrupted while it was prepared is
    simply prepared again, and no person has to look what became of it.
    """

    def prepare(self, command: Command) -> Callable[[], Receipt]:
        """Do what only asks, and return what carries the command out. Raises as `execute` does; nothing has left."""
        ...


class Difference(Struct, frozen=True):
    """One field with what it holds and what it shall hold; `None` where there is no such field or row."""

    field: str
    before: Any
    after: Any


class Preview(Struct, frozen=True):
    """What a command would change.

    With `version` among its data the command is refused once the object has another one; it is empty for a new object.
    """

    version: str
    differences: tuple[Difference, ...]


@runtime_checkable
class Previews(Protocol):
    """A connector that can say beforehand what a command would change; nothing but questions leaves."""

    def preview(self, command: Command) -> Preview:
        """Return what the command would change, field by field. Raises Rejected for one that would be refused."""
        ...


@runtime_checkable
class Receives(Protocol):
    """A connector that takes webhooks; it verifies the signature before anything else."""

    def receive(self, request: WebRequest) -> Iterable[Record]:
        """Check the signature, then return the records that a webhook brought."""
        ...


@runtime_checkable
class Wakes(Protocol):
    """A connector that learns at once when something may be new. A hint only: what is new, `read` finds out.

    The hub asks one object again and again, in a thread of its own beside the objects that read. The object keeps its
    line to the other side open between the calls, and gives it back in `close`.
    """

    def wait(self, timeout: timedelta) -> bool:
        """Wait until something may be new, at most about so long; tell whether it may. Raises one of the five errors.

        The first call may take as long as it takes to sign in; what came before it counts as known.
        """
        ...

    def close(self) -> None:
        """Give the line back; the object is not asked again."""
        ...


class ConnectorSpec(Struct, frozen=True):
    """How a plugin announces a connector: cheap to make, `factory` is `module:Class` and imported when it runs."""

    name: str
    title: str
    api: int
    settings: type[Settings]
    factory: str
