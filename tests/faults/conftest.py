"""Offices of both kinds, settled in once and then copied, and how much of the campaign is run."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from broadcaster.store.engine import Store
from tests.fakes.postgres import postgres_here
from tests.faults.office import FaultOffice
from tests.faults.village import Village, village_in
from tests.fixtures import Databases

FULL = os.environ.get("BROADCASTER_FAULTS") == "full"
"""The whole campaign (`scripts/faults`), else the part of it that is run with all other tests."""

AnotherOffice = Callable[[], AbstractContextManager[FaultOffice]]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "campaign: only run by scripts/faults")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Left out, not skipped: what is only run by the campaign takes too long for every day."""
    left_out = [] if FULL else [item for item in items if item.get_closest_marker("campaign")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


class FirstOffices:
    """One office of each kind, made when the first test wants a copy of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, FaultOffice] = {}

    def settle_in(self, store: Store) -> None:
        kind = store.engine.dialect.name
        url = store.engine.url.set(drivername=kind).render_as_string(hide_password=False)
        (self._folder / kind).mkdir()
        self._made[kind] = FaultOffice(self._folder / kind, url)
        self._made[kind].settle_in()

    def move(self, kind: str, folder: Path, url: str) -> FaultOffice:
        return self._made[kind].move_to(folder, url)


@pytest.fixture(scope="session")
def durable_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """As `databases`, on a server that writes through to the disk: its crashes are part of the tests."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("durable")
        yield Databases(folder, lambda: stack.enter_context(postgres_here(durable=True)))


@pytest.fixture(scope="session")
def first_offices(tmp_path_factory: pytest.TempPathFactory) -> FirstOffices:
    return FirstOffices(tmp_path_factory.mktemp("offices"))


@pytest.fixture
def another_office(
    kind: str, durable_databases: Databases, first_offices: FirstOffices, tmp_path_factory: pytest.TempPathFactory
) -> AnotherOffice:
    """For a test that needs several, one after the other."""

    @contextmanager
    def made() -> Iterator[FaultOffice]:
        folder = tmp_path_factory.mktemp("office")
        with durable_databases.copy(kind, folder, first_offices.settle_in) as url:
            moved = first_offices.move(kind, folder, url)
            yield moved
            moved.close()

    return made


@pytest.fixture
def office(another_office: AnotherOffice) -> Iterator[FaultOffice]:
    with another_office() as made:
        yield made


@pytest.fixture
def village(office: FaultOffice) -> Iterator[Village]:
    with village_in(office) as found:
        yield found
