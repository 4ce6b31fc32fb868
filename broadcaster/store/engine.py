"""Opening the database, and the two kinds of session: one that reads, one that writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Update, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from broadcaster.errors import StoreError

_WRITES = "broadcaster_writes"


class Store:
    """The database behind a URL. Sessions commit at the end of their block and roll back on any error.

    On SQLite a writing session takes the write lock at its start: two writers wait for each other (up to
    `busy_timeout_s`) instead of failing in the middle of a transaction.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = 30.0) -> None:
        is_sqlite = url.startswith("sqlite")
        options: dict[str, Any] = (
            {"connect_args": {"timeout": busy_timeout_s}} if is_sqlite else {"pool_pre_ping": True}
        )
        self.engine = create_engine(url, **options)
        if is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self.writer = self.engine.execution_options(**{_WRITES: True})

    @property
    def sqlite_file(self) -> Path | None:
        """The database file, where there is one."""
        is_file = self.engine.dialect.name == "sqlite" and self.engine.url.database not in {None, "", ":memory:"}
        return Path(str(self.engine.url.database)) if is_file else None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with _open(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with _open(self.writer) as session:
            yield session
            session.commit()

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _open(engine: Engine) -> Iterator[Session]:
    try:
        with Session(engine, expire_on_commit=False) as session:
            yield session
    except DatabaseError as error:
        if any(sign in str(error.orig) for sign in ("malformed", "not a database", "disk image")):
            raise StoreError(
                "The database {database} is damaged: {error}. Nothing airs from it. Put back a backup of it.",
                database=engine.url.database,
                error=error.orig,
            ) from error
        raise


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would come too late for IMMEDIATE and for DDL
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def changed_rows(session: Session, statement: Update) -> int:
    """Run an UPDATE and say how many rows it changed; what must happen once is decided by this number."""
    result = session.execute(statement.execution_options(synchronize_session="fetch"))
    assert isinstance(result, CursorResult)
    return result.rowcount
