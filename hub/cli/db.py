"""`hub db`: upgrade, back up and restore the store."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import click

from hub.cli.app import App, pass_app, say
from hub.files import sync_folder
from hub.model.errors import HubError
from hub.redaction import escaped
from hub.store.database import Store
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


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@pass_app
def backup(app: App, file: Path) -> None:
    """Write a consistent copy of a SQLite store to FILE while the hub goes on working."""
    source = app.store.path
    if source is None:
        raise HubError("this store is PostgreSQL.", hint="Use pg_dump; a restored dump opens as it is.")
    if file.exists():
        raise HubError(f"{file} exists already.", hint="Give another name.")
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(source, timeout=30)) as reading:
            reading.execute("VACUUM INTO ?", (str(temporary),))
    except sqlite3.Error as error:
        temporary.unlink(missing_ok=True)
        raise HubError(f"{file} cannot be written: {error}.", hint="Check folder, rights and disk.") from error
    _verify(temporary)
    temporary.chmod(0o600)
    temporary.replace(file)
    sync_folder(file.resolve().parent)
    say(f"{file}: {file.stat().st_size} bytes, checked.")


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Replace the present store.")
@pass_app
def restore(app: App, file: Path, yes: bool) -> None:
    """Put the backup FILE in the place of the store; stop the daemon before."""
    target = Store(app.config.store_url).path
    if target is None:
        raise HubError("this store is PostgreSQL.", hint="Use pg_restore.")
    if not file.is_file():
        raise HubError(f"{file} is not there.")
    _verify(file)
    if target.exists() and not yes:
        raise HubError(
            f"{target} would be replaced.", hint="Say --yes if that is meant; it is kept as .before-restore."
        )
    temporary = target.with_name(f".{target.name}.restoring")
    temporary.write_bytes(file.read_bytes())
    temporary.chmod(0o600)
    if target.exists():
        target.replace(target.with_name(f"{target.name}.before-restore"))
        for suffix in ("-wal", "-shm", "-journal"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)
    temporary.replace(target)
    sync_folder(target.parent)
    Store(app.config.store_url).open().close()
    say(f"{target} was restored from {file}.")


def _verify(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
            connection.execute("SELECT version_num FROM alembic_version")
    except sqlite3.DatabaseError as error:
        raise HubError(f"{path} is no store of the hub or is damaged.") from error
    if answer != "ok":
        raise HubError(f"{path} is damaged: {str(answer)[:200]}")


@db.command()
@pass_app
def dump(app: App) -> None:
    """Print the store's content in one canonical order, for comparing two stores."""
    with app.store.read() as connection:
        for line in dump_lines(connection):
            sys.stdout.write(escaped(line) + "\n")
