"""What a station's configuration holds in confidence stays out of the journal."""

import pytest
from sqlalchemy import select

from broadcaster.services.keeping import without_secrets
from broadcaster.store.record_tables import JournalRow
from broadcaster.store.tables import StationRow
from tests.services.world import World

STATION = """
stations:
  - code: loa-axis
    commune: kep
    connector: axis
    config: {{address: "https://192.0.2.5", username: loa, password: "{}"}}
"""


def journalled(world: World) -> str:
    with world.store.reading() as session:
        return "\n".join(payload.decode() for payload in session.scalars(select(JournalRow.payload)))


def test_a_password_is_kept_for_the_station_and_not_journalled(world: World) -> None:
    world.bring(STATION.format("mat-khau-1"))
    world.bring(STATION.format("mat-khau-2"))
    with world.store.reading() as session:
        assert session.get_one(StationRow, "loa-axis").config["password"] == "mat-khau-2"
    assert "mat-khau" not in journalled(world)


def test_that_a_password_was_changed_is_journalled(world: World) -> None:
    world.bring(STATION.format("mat-khau-1"))
    before = world.count_of_entries()
    world.bring(STATION.format("mat-khau-1"))
    assert world.count_of_entries() == before
    world.bring(STATION.format("mat-khau-2"))
    assert world.count_of_entries() == before + 1


def test_everything_else_of_the_station_is_journalled(world: World) -> None:
    world.bring(STATION.format("mat-khau-1"))
    assert '"address":"https://192.0.2.5"' in journalled(world)
    assert '"password":"***"' in journalled(world)


@pytest.mark.parametrize(
    ("value", "shown"),
    [({"secret": "x", "a": 1}, {"secret": "***", "a": 1}), ({"api_token": ["x"]}, {"api_token": "***"}),
     ({"list": [{"Password": "x"}]}, {"list": [{"Password": "***"}]}), ({"password": ""}, {"password": ""}),
     ({"passport": "x"}, {"passport": "x"}), (None, None), ("password", "password"), ([1, "x"], [1, "x"])],
)  # fmt: skip
def test_what_stands_under_a_secret_key_is_hidden_however_deep_it_lies(value: object, shown: object) -> None:
    assert without_secrets(value) == shown
