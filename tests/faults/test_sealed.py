# ruff: noqa: E501 tables of cases read better in one line each
"""S-30: an encrypted backup gives nothing away, opens with its key alone, and notices whatever was done to it."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest
from forks import Forks, QuickOffice
from kills import KILLED
from lab import item, stream

from hub import sealed
from hub.files import passing
from hub.model.errors import HubError
from hub.sealed import MAGIC, PIECE, seal, unseal

KEY = "верный ключ от копии 4711"
ENV = {"BACKUP_KEY": KEY, "OTHER_KEY": "совсем другой ключ"}
HEAD, FULL = len(MAGIC) + 16 + 32, PIECE + 16
CANARY = "Канарейкин Кузьма Кондратьевич"


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One derivation for each key and salt of a test."""
    known: dict[tuple[str, bytes], tuple[bytes, bytes]] = {}
    derive = sealed._keys
    monkeypatch.setattr(sealed, "_keys", lambda key, head: known.get((key, head)) or known.setdefault((key, head), derive(key, head)))  # fmt: skip


def _content(size: int) -> bytes:
    return bytes(number % 251 for number in range(size))


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_what_was_sealed_comes_back(tmp_path: Path, size: int) -> None:
    plain, made = tmp_path / "plain", tmp_path / "made"
    plain.write_bytes(_content(size))
    seal(plain, made, KEY)
    assert b"".join(unseal(made, KEY)) == _content(size)
    assert made.stat().st_size == HEAD + size + 16 * (size // PIECE + 1)


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("size", [3 * PIECE, 3 * PIECE + 100], ids=["whole pieces", "a rest"])
def test_whatever_is_done_to_a_sealed_file_is_noticed(tmp_path: Path, size: int) -> None:
    plain, made = tmp_path / "plain", tmp_path / "made"
    plain.write_bytes(_content(size))
    seal(plain, made, KEY)
    good = made.read_bytes()
    pieces = [good[start : start + FULL] for start in range(HEAD, len(good), FULL)]
    head = good[:HEAD]

    def flipped(place: int) -> bytes:
        return good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]

    harms: dict[str, bytes] = {
        "another head": flipped(20), "another mark": flipped(40), "another first byte": flipped(HEAD),
        "another byte in the middle": flipped(HEAD + FULL + 5), "another last byte": flipped(len(good) - 1),
        "no last piece": head + b"".join(pieces[:-1]), "no piece": head, "half a head": good[:40], "nothing": b"",
        "a piece fewer": head + b"".join([pieces[0], *pieces[2:]]), "swapped pieces": head + b"".join([pieces[1], pieces[0], *pieces[2:]]),
        "a piece twice": head + b"".join([pieces[0], *pieces]), "glued": good + good, "a byte more": good + b"\0",
        **{f"cut at {place}": good[:place] for place in (HEAD + 7, HEAD + FULL + 1, HEAD + 2 * FULL, len(good) - 1)},
    }  # fmt: skip
    for words, content in harms.items():
        made.write_bytes(content)
        with pytest.raises(HubError, match=r"damaged or cut off|does not open with this key|no sealed file"):
            assert b"".join(unseal(made, KEY)) is None, words
    made.write_bytes(good)
    assert b"".join(unseal(made, KEY)) == _content(size), "the control: the whole one opens"


def test_two_files_of_one_content_and_key_are_unlike(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(_content(PIECE))
    for name in "ab":
        seal(plain, tmp_path / name, KEY)
    one, other = (tmp_path / name for name in "ab")
    assert one.read_bytes()[HEAD : HEAD + 64] != other.read_bytes()[HEAD : HEAD + 64]


def test_short_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"x")
    with pytest.raises(HubError, match="shorter than 12 characters"):
        seal(tmp_path / "plain", tmp_path / "made", "kurz")


@pytest.fixture
def office(forks: Forks, tmp_path: Path, made_store: Path) -> QuickOffice:
    office = QuickOffice(forks, tmp_path / "office")
    shutil.copy(made_store, office.folder / "hub.db")
    clients = [item("client", f"c{number}", name=f"{CANARY} {number}", inn="2465000007") for number in range(30)]
    office.connect({"desk": office.script("desk", stream("clients", clients))})
    office.ok("sync")
    return office


def test_encrypted_backup_shows_nothing_and_is_restored(office: QuickOffice, tmp_path: Path) -> None:
    """The plain copy is the control: the search finds the client in it."""
    plain, made, wanted = tmp_path / "plain.db", tmp_path / "made.backup", office.dump()
    office.ok("db", "backup", str(plain))
    said = office.ok("db", "backup", str(made), "--key", "env:BACKUP_KEY", **ENV)
    assert "encrypted, checked" in said.out
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    for canary in (CANARY.encode(), b"2465000007", b"SQLite format 3", b"alembic_version", KEY.encode()):
        assert (canary in plain.read_bytes()) == (canary != KEY.encode())
        assert canary not in made.read_bytes()
    assert {it.name for it in tmp_path.iterdir()} == {"office", "plain.db", "made.backup"}, "something was left"
    assert not list(office.folder.glob(".hub.db*")), "a plain copy was left beside the store"
    other = QuickOffice(office._forks, tmp_path / "other")
    other.ok("db", "restore", str(made), "--key", "env:BACKUP_KEY", **ENV)
    assert other.dump() == wanted


def test_wrong_restore_says_why_and_touches_nothing(office: QuickOffice, tmp_path: Path) -> None:
    made, harmed, store = tmp_path / "made.backup", tmp_path / "harmed.backup", office.folder / "hub.db"
    office.ok("db", "backup", str(made), "--key", "env:BACKUP_KEY", **ENV)
    before, good = store.read_bytes(), made.read_bytes()
    for arguments, says, content in (
        (("--key", "env:OTHER_KEY"), "does not open with this key", good),
        ((), "is encrypted", good),
        (("--key", "env:NO_SUCH_KEY"), "NO_SUCH_KEY is not set", good),
        (("--key", KEY), "a secret is written as a reference", good),
        (("--key", "env:BACKUP_KEY"), "damaged or cut off", good[:-20]),
        (("--key", "env:BACKUP_KEY"), "is not encrypted", b"SQLite format 3\0" * 100),
    ):
        harmed.write_bytes(content)
        done = office.fails("db", "restore", str(harmed), "--yes", *arguments, code=1, says=says, **ENV)
        assert KEY not in done.err
        assert store.read_bytes() == before
        assert {it.name for it in store.parent.glob("*hub.db*")} <= {"hub.db", "hub.db-journal"}


def test_backup_with_a_short_or_unknown_key_writes_nothing(office: QuickOffice, tmp_path: Path) -> None:
    for key, says in (
        ("env:SHORT", "shorter than 12"),
        ("env:NONE", "is not set"),
        ("hunter2-hunter2", "as a reference"),
    ):
        done = office.fails("db", "backup", str(tmp_path / "x"), "--key", key, code=1, says=says, SHORT="kurz")
        assert "hunter2" not in done.err
    assert {it.name for it in tmp_path.iterdir()} == {"office"}
    assert not list(office.folder.glob(".hub.db*"))


@pytest.mark.parametrize("what", ["backup", "restore", "run"])
def test_what_a_killed_backup_left_in_the_clear_goes_with_what_comes_next(
    office: QuickOffice, tmp_path: Path, what: str
) -> None:
    """F-06: and what a process has in hand that lives is left to it."""
    backup = ("db", "backup", str(tmp_path / "made.backup"), "--key", "env:BACKUP_KEY")
    office.ok("db", "backup", str(tmp_path / "plain.db"))
    assert office.hub(*backup, DIE_AT_FILE="1", **ENV).code == KILLED
    assert [CANARY.encode() in it.read_bytes() for it in office.folder.glob(".*.tmp")] == [True]
    assert [CANARY.encode() in it.read_bytes() for it in tmp_path.glob(".*.tmp")] == [False]
    owner = next(office.folder.glob(".*.tmp")).name.partition("~")[2]
    halves = [office.folder / name / f".half~{owner}" for name in ("documents", "blobs/ab", "saved", "calendars")]
    for half in halves:
        half.parent.mkdir(parents=True)
        half.write_bytes(b"%PDF-1.7 and no")
    wishes = "attachments: [{connection: desk, sender: a@b.example, name: '*', folder: saved}]\nfeeds: calendars\n"
    office.connect({"desk": office.script("desk", stream("clients"))}, extra=wishes)
    after = {"restore": ("db", "restore", str(tmp_path / "plain.db"), "--yes"), "run": ("run", "--once")}
    with passing(office.folder / "hub.db") as living:
        office.ok(*after.get(what, backup), **ENV)
        assert list(office.folder.glob(".*.tmp")) == [living]
    assert len(list(tmp_path.glob(".*.tmp"))) == (what != "backup")
    assert [it.exists() for it in halves] == [what != "run"] * len(halves)
