"""`hub db`: upgrade, back up and restore the store."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import click

from hub.cli.app import App, pass_app, say
from hub.files import JOURNALS, beside, passing, remove_leftovers, replacing
from hub.model.errors import HubError
from hub.redaction import escaped, reveal
from hub.sealed import is_sealed, seal, unseal
from hub.store.database import REVISIONS, Store
from hub.store.dump import dump_lines


@click.group()
def db() -> None:
    """The store."""


@db.command()
@pass_app
def upgrade(app: App) -> None:
    """Bring the store to the schema of this version; make a backup before."""
    store = Store(app.config.store_url, synchronous=app.config.model.synchronous)
    try:
        store.upgrade()
    finally:
        store.close()
    say(f"{store.name} is up to date.")


_key = click.option(
    "--key",
    metavar="REFERENCE",
    help="Where the key of an encrypted backup is kept: env:NAME, file:PATH or keyring:SERVICE/NAME.",
)


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@_key
@pass_app
def backup(app: App, file: Path, key: str | None) -> None:
    """Write a consistent copy of a SQLite store to FILE while the hub goes on working; with --key an encrypted one.

    Passwords are not in it: the store has none. Keep the key apart from the backup; without it nothing can be had back.
    """
    source = app.store.path
    if source is None:
        raise HubError("this store is PostgreSQL.", hint="Use pg_dump; a restored dump opens as it is.")
    secret = None if key is None else reveal(key)
    if file.exists():
        raise HubError(f"{file} exists already.", hint="Give another name.")
    try:
        _sweep(source.parent, file.parent)
        with replacing(file) as fresh:
            if secret is None:
                _copy(source, fresh, file)
            else:
                with passing(source) as plain:  # beside the store: nobody reads it there who may not read the store
                    _copy(source, plain, file)
                    seal(plain, fresh, secret)
                    _compare(plain, unseal(fresh, secret), file)
    except (sqlite3.Error, OSError) as error:
        raise HubError(f"{file} cannot be written: {error}.", hint="Check folder, rights and disk.") from error
    say(f"{file}: {file.stat().st_size} bytes, {'' if secret is None else 'encrypted, '}checked.")


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Replace the present store.")
@_key
@pass_app
def restore(app: App, file: Path, yes: bool, key: str | None) -> None:
    """Put the backup FILE in the place of the store; stop the daemon before.

    Killed at any moment it leaves the old store in place or the new one. The old one is kept as .before-restore.
    """
    target = Store(app.config.store_url).path
    if target is None:
        raise HubError("this store is PostgreSQL.", hint="Use pg_restore.")
    if not file.is_file():
        raise HubError(f"{file} is not there.")
    if target.exists() and not yes:
        raise HubError(
            f"{target} would be replaced.", hint="Say --yes if that is meant; it is kept as .before-restore."
        )
    try:
        secret = _key_for(file, key)
        _sweep(target.parent)
        with replacing(target) as fresh:
            if secret is None:
                shutil.copyfile(file, fresh)
            else:
                with fresh.open("wb") as writing:
                    writing.writelines(unseal(file, secret))
            _verify(fresh, file)
            _keep(target)
    except OSError as error:
        raise HubError(f"{file} cannot be restored: {error}.", hint="Check folder, rights and disk.") from error
    store = Store(app.config.store_url)
    is_older = store.revision() != REVISIONS[-1]
    store.close()
    say(f"{target} was restored from {file}.{' It is of an older version. Run: hub db upgrade' if is_older else ''}")


def _sweep(own: Path, *others: Path) -> None:
    """Remove copies that a killed backup or restore left; into other folders another machine may be writing as well."""
    remove_leftovers(own, one_machine=True)
    for folder in others:
        remove_leftovers(folder)


def _key_for(file: Path, reference: str | None) -> str | None:
    """Return the key that the backup needs. Raises HubError when one is missing or given for nothing."""
    if is_sealed(file):
        if reference is None:
            raise HubError(f"{file} is encrypted.", hint="Say --key with the reference of its key.")
        return reveal(reference)
    if reference is not None:
        raise HubError(f"{file} is not encrypted.", hint="Leave --key out if this is the file you mean.")
    return None


def _copy(source: Path, fresh: Path, shown: Path) -> None:
    with closing(sqlite3.connect(source, timeout=30)) as reading:
        reading.execute("VACUUM INTO ?", (str(fresh),))
    _verify(fresh, shown)


def _compare(plain: Path, pieces: Iterable[bytes], shown: Path) -> None:
    """Read the encrypted file as a restore would. Raises HubError unless it gives what went in."""
    with plain.open("rb") as reading:
        for piece in pieces:
            if reading.read(len(piece)) != piece:
                raise HubError(f"{shown} was not written as it should be.", hint="Check the disk.")
        if reading.read(1):
            raise HubError(f"{shown} was not written whole.", hint="Check the disk.")


def _verify(path: Path, shown: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
    except sqlite3.DatabaseError as error:
        raise HubError(f"{shown} is no store of the hub or is damaged.") from error
    if answer != "ok":
        raise HubError(f"{shown} is damaged: {str(answer)[:200]}")
    if revision not in REVISIONS:
        raise HubError(f"{shown} was made by a newer hub (schema {revision}).", hint="Update the hub first.")


def _keep(target: Path) -> None:
    """Keep the store under a second name, and leave no journal that would be taken for one of the new store."""
    kept = target.with_name(f"{target.name}.before-restore")
    if target.exists():
        _settle(target)
        twin = beside(kept)
        try:
            os.link(target, twin)
        except OSError:  # a file system without links
            with replacing(twin) as fresh:
                shutil.copyfile(target, fresh)
        for suffix in JOURNALS:
            kept.with_name(kept.name + suffix).unlink(missing_ok=True)
        twin.replace(kept)
        twin.unlink(missing_ok=True)  # both were names of one file already: then replacing does nothing
    for suffix in JOURNALS:
        journal = target.with_name(target.name + suffix)
        if journal.exists():
            journal.replace(kept.with_name(kept.name + suffix))


def _settle(target: Path) -> None:
    """Bring into the store what a crash left in its journal. Raises HubError while somebody works with the store."""
    try:
        with closing(sqlite3.connect(target, timeout=2, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise HubError(
                f"{target} is in use.", hint="Stop the daemon and every other `hub`, then repeat."
            ) from error
        # a damaged store keeps its journal: both are put aside


@db.command()
@pass_app
def dump(app: App) -> None:
    """Print the store's content in one canonical order, for comparing two stores."""
    with app.store.read() as connection:
        for line in dump_lines(connection):
            sys.stdout.write(escaped(line) + "\n")
