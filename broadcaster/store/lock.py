"""The lock that a database's one worker holds: a file beside SQLite's, an advisory lock of a PostgreSQL server."""

import contextlib
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from broadcaster.errors import StoreError
from broadcaster.store.engine import Store

_ADVISORY_KEY = 0x42_52_4F_41_44  # "BROAD"


class WorkerLock(Protocol):
    def acquire(self) -> None:
        """Raises StoreError where another worker holds it, or where it cannot be taken at all."""

    def is_held(self) -> bool:
        """Whether it is still ours; one that was lost with its connection is taken again if nobody else has it."""

    def release(self) -> None:
        """Let another worker have it."""


def worker_lock(store: Store, path: Path) -> WorkerLock:
    """The lock of a database; `path` is used where the database is a file."""
    return FileWorkerLock(path) if store.engine.dialect.name == "sqlite" else ServerWorkerLock(store)


class FileWorkerLock:
    """The operating system frees it when its process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path, thread_local=False)  # taken by one thread of the worker, asked about by others

    def acquire(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise _taken(self._lock.lock_file) from error
        except OSError as error:
            raise StoreError(
                "The folder {folder} cannot be written: {error}", folder=Path(self._lock.lock_file).parent, error=error
            ) from error

    def is_held(self) -> bool:
        return self._lock.is_locked

    def release(self) -> None:
        self._lock.release()


class ServerWorkerLock:
    """The server frees it with its connection: when the process or the network dies, or the server itself."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection: Connection | None = None

    def acquire(self) -> None:
        connection = self._store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ADVISORY_KEY}):
            connection.close()
            raise _taken(str(self._store.engine.url.database))
        self._connection = connection

    def is_held(self) -> bool:
        if self._connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                self._connection.execute(text("SELECT 1"))
                return True
            self.release()
        with contextlib.suppress(SQLAlchemyError, StoreError):
            self.acquire()
        return self._connection is not None

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                connection.invalidate()  # closed for good: the pool must not keep a connection that holds the lock
                connection.close()


def _taken(what: object) -> StoreError:
    return StoreError(
        "Another worker is already running on this database ({lock}). One is enough; stop it first.", lock=what
    )
