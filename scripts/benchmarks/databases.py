"""Databases of the benchmark's own: one filled with a country, and a fresh copy of it for each run."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from ulid import ULID

POSTGRES_VARIABLE = "BROADCASTER_TEST_POSTGRES"
LOCAL_POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"


@dataclass(frozen=True, slots=True)
class SqliteFiles:
    """SQLite databases in a folder."""

    folder: Path
    name = "sqlite"

    def new(self, name: str) -> str:
        return f"sqlite:///{self.folder / name}.db"

    def copied(self, name: str, copy: str) -> str:
        """A copy of a database that nobody has open."""
        shutil.copy(self.folder / f"{name}.db", self.folder / f"{copy}.db")
        return self.new(copy)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """Databases on a server, named so that no two benchmarks and nobody else's meet; all are dropped at the end."""

    address: URL
    prefix: str
    name = "postgres"

    def new(self, name: str) -> str:
        self._tell(f'CREATE DATABASE "{self.prefix}{name}"')
        return self._url(name)

    def copied(self, name: str, copy: str) -> str:
        """A copy of a database that nobody has open."""
        self._tell(f'CREATE DATABASE "{self.prefix}{copy}" TEMPLATE "{self.prefix}{name}"')
        return self._url(copy)

    def drop_all(self) -> None:
        query = text("SELECT datname FROM pg_database WHERE starts_with(datname, :prefix)")
        engine = create_engine(self.address)
        with engine.connect() as connection:
            names = list(connection.scalars(query, {"prefix": self.prefix}))
        engine.dispose()
        for name in names:
            self._tell(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _url(self, name: str) -> str:
        return self.address.set(database=self.prefix + name).render_as_string(hide_password=False)

    def _tell(self, statement: str) -> None:
        engine = create_engine(self.address, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


Databases = SqliteFiles | PostgresServer


@contextmanager
def postgres() -> Iterator[PostgresServer | None]:
    """The server that the variable names, or the one of this computer; None where none answers."""
    address = make_url(os.environ.get(POSTGRES_VARIABLE, LOCAL_POSTGRES))
    if address.drivername in {"postgres", "postgresql"}:
        address = address.set(drivername="postgresql+psycopg")
    if not _answers(address):
        yield None
        return
    server = PostgresServer(address, f"broadcaster_bench_{str(ULID()).lower()}_")
    try:
        yield server
    finally:
        server.drop_all()


def _answers(address: URL) -> bool:
    engine = create_engine(address, connect_args={"connect_timeout": 5})
    try:
        with engine.connect():
            return True
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()
