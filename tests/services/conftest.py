"""The cast of the services' tests; its database is filled once, then copied."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from broadcaster import reach
from broadcaster.store.engine import Store
from tests.fixtures import Databases
from tests.services import devices as loudspeakers
from tests.services.provinces import Province, province_in
from tests.services.village import DUE, LEAD, Village, village_in
from tests.services.world import World, brought, cast, world_in


def cast_filled(store: Store) -> None:
    brought(store, cast())


@pytest.fixture
def kind() -> str:
    """The quick one; a module that asks more of the database names both kinds."""
    return "sqlite"


@pytest.fixture
def world(kind: str, databases: Databases, tmp_path: Path) -> Iterator[World]:
    with databases.copy(kind, tmp_path, cast_filled) as url, world_in(tmp_path, url=url) as built:
        yield built


@pytest.fixture
def devices(kind: str, databases: Databases, tmp_path: Path) -> Iterator[Store]:
    """Stations of loudspeakers that obey signed orders; see `tests.services.devices`."""
    with databases.copy(kind, tmp_path, loudspeakers.filled) as url:
        opened = Store(url)
        yield opened
        opened.close()


@pytest.fixture
def village(world: World) -> Iterator[Village]:
    with village_in(world) as built:
        yield built


@pytest.fixture
def handed_over(village: Village) -> Village:
    """Its order for 17:00 is with the loudspeakers."""
    village.world.tick(DUE - LEAD)
    return village


@pytest.fixture
def province(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Province]:
    """A source system beside Kép's loudspeaker, on this computer, which may be reached."""
    monkeypatch.setattr(reach, "_allowed", (ip_network("127.0.0.0/8"),))
    with province_in(world) as found:
        yield found
