"""Bringing a database to this version of the program: backup first, then the migrations."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, OperationalError

from broadcaster.errors import StoreError
from broadcaster.store.engine import Store

_MIGRATIONS = Path(__file__).with_name("migrations")


def current(store: Store) -> str | None:
    """The revision a database is at; None where it is empty. Raises StoreError where it cannot be read."""
    with _connected(store) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The revision this version of the program needs."""
    return str(_scripts().get_current_head())


def check(store: Store) -> None:
    """Raise StoreError unless the database is exactly at this version."""
    found = current(store)
    if found == newest():
        return
    if found is None:
        raise StoreError(
            "There is no database yet. To create it, run: broadcaster serve (or only: broadcaster db upgrade)"
        )
    if found not in {script.revision for script in _scripts().walk_revisions()}:
        raise StoreError(
            "The database was written by a newer version ({found}). Install that version; nothing was changed.",
            found=found,
        )
    raise StoreError("The database is not up to date. Run: broadcaster db upgrade")


def upgrade(store: Store, backups: Path, now: datetime) -> Path | None:
    """Bring the database to this version. An SQLite file with data is copied into `backups` first; returns the copy."""
    found = current(store)
    if found == newest():
        return None
    if found is not None and found not in {script.revision for script in _scripts().walk_revisions()}:
        check(store)
    backup = _backup(store, backups, found, now) if found is not None else None
    config = _config()
    with _connected(store, writes=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    return backup


def _backup(store: Store, backups: Path, revision: str, now: datetime) -> Path | None:
    if store.sqlite_file is None:
        return None  # a server's database has its own backups
    backups.mkdir(parents=True, exist_ok=True)
    copy = backups / f"{store.sqlite_file.stem}-{revision}-{now:%Y%m%dT%H%M%S}.db"
    with closing(sqlite3.connect(store.sqlite_file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _config() -> Config:
    config = Config()
    # % starts an interpolation in the option, and may stand in a folder's name.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


@contextmanager
def _connected(store: Store, *, writes: bool = False) -> Iterator[Connection]:
    try:
        with (store.writer if writes else store.engine).connect() as connection:
            yield connection
    except (OperationalError, DatabaseError) as error:
        raise StoreError(
            "The database {database} cannot be used: {error}. Nothing airs from it.",
            database=store.engine.url.database,
            error=error.orig,
        ) from error
