"""`broadcaster loudspeaker` as a person types it, without a process for each command."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from broadcaster import clock, logs
from broadcaster.broker import mosquitto
from broadcaster.broker.secret import SERVER_USER, server_password
from broadcaster.cli.main import app
from broadcaster.errors import InputError
from broadcaster.services import attending
from broadcaster.store.engine import Store
from broadcaster.store.tables import PersonRow, StationRow
from tests.cli.programs import database
from tests.fakes.mosquitto import Mosquitto, free_port
from tests.fakes.mqtt_client import MqttClient
from tests.services.devices import HEALTH, KEP, Box, added, filled


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROADCASTER__LANGUAGE", "en")
    monkeypatch.setattr(logs, "start", lambda *_: None)  # it would take the tests' own log away
    with database(tmp_path) as opened:
        filled(opened)
        with opened.writing() as session:
            session.add(PersonRow(code="operator", name="", roles=[{"role": "operator", "commune": "kep"}]))
        yield opened


def typed(*arguments: str) -> str:
    """What `broadcaster loudspeaker` prints; raises what it would tell as an error."""
    done = CliRunner().invoke(app, ["loudspeaker", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def enrolled(store: Store, code: str) -> None:
    with store.writing() as session:
        Box().enroll(session, code, clock.now())
        attending.seen(session, KEP, HEALTH, clock.now())


def test_a_loudspeaker_is_added_enrols_is_listed_and_is_removed(store: Store) -> None:
    assert "no loudspeakers yet" in typed("list")
    added = typed("add", "kep", "kep-01", "--station", "kep-loa", "--as", "operator")
    assert "once, within 24 hours" in added
    assert "added" in typed("list")
    code = typed("code", "kep", "kep-01", "--as", "operator").split()[-1]
    assert code != added.split()[-1]
    enrolled(store, code)
    (row,) = json.loads(typed("list", "kep", "--json"))
    assert (row["id"], row["station"], row["presence"], row["volume"]) == ("kep-01", "kep-loa", "online", 80)
    assert "is removed" in typed("remove", "kep", "kep-01", "--as", "operator")
    assert json.loads(typed("list", "--json")) == []


def test_a_mosquitto_of_ones_own_lets_in_the_server_and_whoever_has_enrolled(store: Store, tmp_path: Path) -> None:
    box = Box()
    with store.writing() as session:
        box.enroll(session, added(session, now=clock.now()), clock.now())
    done = CliRunner().invoke(app, ["broker-config", str(tmp_path / "mosquitto")], catch_exceptions=False)
    assert "1 loudspeakers may log in" in done.output
    assert "broker.embedded: false" in done.output
    folder, port = tmp_path / "mosquitto", free_port()
    settings = folder / mosquitto.SETTINGS
    settings.write_text(settings.read_text().replace("listener 8322", f"listener {port}"))
    running = Mosquitto(folder, port=port)
    for user, password in ((SERVER_USER, server_password(tmp_path / "data")), (box.device.user, box.password)):
        with closing(MqttClient(port, user, password)) as client:
            assert client.is_in
    running.stop()


def test_its_faults_are_told_in_words_and_by_the_communes_clock(store: Store) -> None:
    enrolled(store, typed("add", "kep", "kep-01", "--station", "kep-loa", "--as", "operator").split()[-1])
    assert "No loudspeaker has a fault." in typed("health")
    with store.writing() as session:
        attending.seen(session, KEP, None, clock.now())
    assert "offline" in typed("list", "kep")
    told = typed("health", "kep")
    assert "no power or no network" in told
    assert "+07:00" in told
    with store.writing() as session:
        attending.seen(session, KEP, HEALTH, clock.now())
    assert json.loads(typed("health", "--json")) == []
    (gone,) = json.loads(typed("health", "--past-days", "1", "--json"))
    assert gone["trouble"] == "offline"
    assert gone["until"] is not None


def test_what_is_asked_wrongly_is_told(store: Store) -> None:
    for arguments, said in (
        (
            ("add", "kep", "kep-01", "--as", "operator"),
            "several of loudspeakers that obey signed orders: kep-loa, kep-loa-2",
        ),
        (("add", "my-thai", "loa-1", "--as", "operator"), "may not do this in: my-thai"),
        (("add", "kep", "kep-01", "--station", "kep-loa"), "Add --as CODE"),
        (("add", "nowhere", "kep-01", "--as", "operator"), "There is no commune nowhere."),
        (("remove", "kep", "kep-01", "--as", "operator"), "no loudspeaker kep-01"),
        (("list", "nowhere"), "no commune nowhere"),
    ):
        with pytest.raises(InputError, match=said):
            typed(*arguments)


def test_a_commune_without_a_station_for_it_is_told_so(store: Store) -> None:
    with store.writing() as session:
        session.execute(update(StationRow).where(StationRow.commune == "my-thai").values(connector="memory"))
    with pytest.raises(InputError, match="my-thai has no station of loudspeakers that obey signed orders"):
        typed("add", "my-thai", "loa-2", "--as", "operator")
