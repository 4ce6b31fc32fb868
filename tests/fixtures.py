"""A database for each test, of each kind: filled once, then copied."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadcaster.store import schema
from broadcaster.store.engine import Store
from tests.fakes.postgres import PostgresServer, postgres_here

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
"""The moment at which most tests begin: Monday, 9 o'clock in Vietnam, the day on which the sample schedules start."""

KINDS = ("sqlite", "postgresql")

Fill = Callable[[Store], None]


class Databases:
    """New databases of a kind. The server is started for the first that needs it."""

    def __init__(self, folder: Path, start_server: Callable[[], PostgresServer]) -> None:
        self._folder = folder
        self._start_server = start_server
        self._started: PostgresServer | None = None
        self._templates: dict[tuple[str, Fill], str] = {}

    @property
    def server(self) -> PostgresServer:
        self._started = self._started or self._start_server()
        return self._started

    @contextmanager
    def empty(self, kind: str, folder: Path) -> Iterator[str]:
        """The URL of a database without tables; `folder` takes the file of one that is a file."""
        if kind == "sqlite":
            yield f"sqlite:///{folder / 'broadcaster.db'}"
            return
        url = self.server.database()
        yield url
        self.server.drop(url)

    @contextmanager
    def copy(self, kind: str, folder: Path, fill: Fill) -> Iterator[str]:
        """The URL of a database of this version that holds what `fill` has put there, once for all copies."""
        template = self._template(kind, fill)
        if kind == "sqlite":
            yield f"sqlite:///{shutil.copy(template.removeprefix('sqlite:///'), folder / 'broadcaster.db')}"
            return
        url = self.server.database(template)
        yield url
        self.server.drop(url)

    def _template(self, kind: str, fill: Fill) -> str:
        """A database that is never opened again, only copied."""
        if (kind, fill) not in self._templates:
            folder = self._folder / f"{kind}-{len(self._templates)}"
            folder.mkdir()
            url = f"sqlite:///{folder / 'template.db'}" if kind == "sqlite" else self.server.database()
            with closing(Store(url)) as store:
                schema.upgrade(store, folder / "backups", NOW)
                fill(store)
            self._templates[kind, fill] = url
        return self._templates[kind, fill]


def nothing(_: Store) -> None:
    """What an empty database is filled with."""


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("databases")
        yield Databases(folder, lambda: stack.enter_context(postgres_here(durable=False)))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Every test that uses a database runs once for each kind."""
    return str(request.param)


@pytest.fixture
def store(kind: str, databases: Databases, tmp_path: Path) -> Iterator[Store]:
    """An empty database of this version, of the test's own."""
    with databases.copy(kind, tmp_path, nothing) as url:
        opened = Store(url)
        yield opened
        opened.close()


@pytest.fixture
def sqlite_store(databases: Databases, tmp_path: Path) -> Iterator[Store]:
    """As `store`, for what concerns only a database that is a file."""
    with databases.copy("sqlite", tmp_path, nothing) as url:
        opened = Store(url)
        yield opened
        opened.close()
