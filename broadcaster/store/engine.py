"""Opening the database, and the two kinds of session: one that reads, one that writes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    CursorResult,
    Engine,
    Update,
    create_engine,
    event,
    literal_column,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session

from broadcaster.errors import ConfigError, StoreError

DAMAGED = "The database {database} is damaged: {error}. Nothing airs from it. Put back a backup of it."
UNUSABLE = "The database {database} cannot be used just now: {error}"

_WRITES = "broadcaster_writes"


class Store:
    """The database behind a URL. Sessions commit at the end of their block and roll back on any error.

    On SQLite a writing session takes the write lock at its start: two writers wait for each other (up to
    `busy_timeout_s`) instead of failing in the middle of a transaction.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = 30.0) -> None:
        """`url` as SQLAlchemy writes it; `postgresql://` means the driver that comes with us, psycopg 3."""
        parsed = _parsed(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        self.engine = create_engine(parsed, **_options(is_sqlite=is_sqlite, busy_timeout_s=busy_timeout_s))
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


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError("database.url is no address of a database: {error}", error=error) from error
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ConfigError(
            "database.url must begin with sqlite:/// or postgresql://, not {kind}://", kind=parsed.drivername
        )
    return parsed


def _options(*, is_sqlite: bool, busy_timeout_s: float) -> dict[str, Any]:
    if is_sqlite:
        return {"connect_args": {"timeout": busy_timeout_s}}
    # A server that was restarted is noticed before a connection is used; a lock is waited for as long as on SQLite.
    options = f"-c lock_timeout={round(busy_timeout_s * 1000)} -c timezone=UTC"
    return {"pool_pre_ping": True, "connect_args": {"connect_timeout": 10, "options": options}}


@contextmanager
def _open(engine: Engine) -> Iterator[Session]:
    try:
        with Session(engine, expire_on_commit=False) as session:
            yield session
    except (DatabaseError, InterfaceError, PoolTimeoutError) as error:
        message = _complaint(error)
        if message is None:
            raise
        cause = error.orig if isinstance(error, DBAPIError) else error
        on_one_line = " ".join(str(cause).split())  # PostgreSQL's are several lines
        raise StoreError(message, database=engine.url.database, error=on_one_line) from error


def _complaint(error: SQLAlchemyError) -> str | None:
    """What to tell of an error that lies with the database itself; None for one that lies with what was asked of it."""
    if any(sign in str(error) for sign in ("malformed", "not a database", "disk image")):
        return DAMAGED
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError):
        return UNUSABLE
    return None


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would come too late for IMMEDIATE and for DDL
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def is_writing(session: Session) -> bool:
    """Whether the session was opened to write. PostgreSQL's writers lock what they decide by: SQLite's wait anyway."""
    return bool(session.get_bind().get_execution_options().get(_WRITES, False))


def changed_rows(session: Session, statement: Update) -> int:
    """Run an UPDATE and say how many rows it changed; what must happen once is decided by this number."""
    result = session.execute(statement.execution_options(synchronize_session="fetch"))
    assert isinstance(result, CursorResult)
    return result.rowcount


def is_added(session: Session, row: type[DeclarativeBase], values: Mapping[str, object]) -> bool:
    """Insert a row unless a constraint says that there is one already; whether it was inserted."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(row).values(values).on_conflict_do_nothing()
    return session.execute(statement.returning(literal_column("1"))).first() is not None
