"""A worker with its own broker: a loudspeaker gets its order, is believed, answered, and seen to be away."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import time, timedelta
from pathlib import Path

import pytest

from broadcaster import application, clock
from broadcaster.application import Application, State
from broadcaster.config import WorkerSettings
from broadcaster.config_devices import BrokerSettings
from broadcaster.domain.airing import Evidence, Outcome, Scope
from broadcaster.domain.loudspeaker import Presence
from broadcaster.domain.timetable import Window
from broadcaster.jobs.worker import Worker
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import keyfolder, payload
from broadcaster.orders.device import ACK_TYPE, Ack, Hello, PlayState, read_ack
from broadcaster.orders.payload import Command, Payload
from broadcaster.orders.topics import Device, Part
from broadcaster.services import attending, enrolment, stops
from broadcaster.services.plays import Plays
from broadcaster.services.rehearsals import rehearse
from broadcaster.store.engine import Store
from broadcaster.store.tables import CommuneRow
from tests.fakes.mosquitto import free_port
from tests.fakes.mqtt_client import MqttClient, Will
from tests.fakes.signed import Loudspeaker
from tests.fixtures import Databases
from tests.services.devices import HEALTH
from tests.services.village import ADMINISTRATOR
from tests.services.world import World, brought, cast, settings, world_in

PATIENCE_S = 60.0
LOA = Device("kep", "kep-01")
STATION = """
stations:
  - {code: kep-loa, commune: kep, connector: mqtt, mode: test, config: {lead_s: 20}}
"""


def cast_filled(store: Store) -> None:
    brought(store, cast())


@dataclass
class Village:
    world: World
    built: Application
    worker: Worker
    loudspeaker: Loudspeaker
    password: str

    def connected(self) -> MqttClient:
        until(lambda: [status.state for status in self.worker.listening.status()] == [State.READY])
        port, will = self.built.config.broker.port, Will(LOA.topic(Part.STATE))
        client = MqttClient(port, LOA.user, self.password, will=will)
        assert client.subscribe(LOA.topic(Part.ORDER))
        return client

    def presence(self) -> Presence:
        with self.world.store.reading() as session:
            (line,) = attending.lines(session, None, clock.now())
            return line.presence


@pytest.fixture
def village(databases: Databases, tmp_path: Path) -> Iterator[Village]:
    often = WorkerSettings(plan_every_s=0.05, render_every_s=0.05, air_every_s=0.05)
    config = settings(worker=often).model_copy(update={"broker": BrokerSettings(port=free_port())})
    with (
        databases.copy("sqlite", tmp_path, cast_filled) as url,
        world_in(tmp_path, config, url=url) as world,
    ):
        world.bring(STATION)
        loudspeaker = Loudspeaker(LOA)
        keyfolder.make(world.keys, "kep", clock.now())
        with world.store.writing() as session:
            code = enrolment.add(session, "kep", "kep-loa", LOA.loudspeaker, clock.now(), actor=ADMINISTRATOR)
            password = enrolment.enroll(session, code, loudspeaker.key.text, clock.now()).password
        plain = application.build(world.config)
        built = replace(plain, studio=world.studio, desk=world.desk, children=world.children)
        worker = Worker(built)
        yield Village(world, built, worker, loudspeaker, password)
        worker.stop()
        plain.close()


def orders(client: MqttClient) -> list[Payload]:
    """Those that have come; what else is said to a loudspeaker acknowledges something."""
    return [
        payload.unverified(heard.payload)
        for heard in list(client.heard)
        if envelopes.unverified_type(heard.payload) == payload.TYPE
    ]


def acknowledgements(client: MqttClient) -> list[Ack]:
    return [
        read_ack(envelopes.unverified_payload(heard.payload, limit_bytes=9000))
        for heard in list(client.heard)
        if envelopes.unverified_type(heard.payload) == ACK_TYPE
    ]


def until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.01)):
        if is_so():
            return
        pause.wait(0.01)
    raise AssertionError("It never was so.")


def test_an_order_goes_out_ahead_and_its_airing_ends_with_the_loudspeakers_word(village: Village) -> None:
    village.world.approved(now=clock.now())
    village.worker.start()
    with closing(village.connected()) as client:
        client.publish(LOA.topic(Part.STATE), replace(HEALTH, at=clock.now()).as_bytes(), retained=True)
        until(lambda: village.presence() is Presence.ONLINE)
        now = clock.now()
        rehearse(village.world.store, "tin", now + timedelta(seconds=2), now)
        village.worker.plan()
        until(lambda: bool(orders(client)))
        order = orders(client)[0]
        until(lambda: clock.now() >= order.start)
        end = order.start + timedelta(seconds=order.max_s)
        for state, at in (
            (PlayState.ACCEPTED, clock.now()),
            (PlayState.STARTED, order.start),
            (PlayState.FINISHED, end),
        ):
            client.publish(LOA.topic(Part.REPORT), village.loudspeaker.says(state, order, at))
        until(lambda: any(row.outcome is not None for row in village.world.airings(commune="kep")))
        (row,) = village.world.airings(commune="kep")
        assert (row.outcome, row.evidence) == (Outcome.AIRED, Evidence.FINISHED)
        until(lambda: any(ack.seqs for ack in acknowledgements(client)))
        client.hang_up()
        until(lambda: village.presence() is Presence.OFFLINE)


def test_a_broker_that_cannot_be_started_is_told_and_tried_again(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broadcaster.jobs.listening.AGAIN_S", 0.05)
    with socket.create_server(("127.0.0.1", village.built.config.broker.port)):
        village.worker.start()
        until(lambda: [status.state for status in village.worker.listening.status()] == [State.FAILING])
        assert "broker.port" in str(village.worker.listening.status()[0].fault)
    until(lambda: [status.state for status in village.worker.listening.status()] == [State.READY])


def test_a_stop_goes_out_though_what_airs_hangs(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    is_over, hangs = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        hangs.set()
        is_over.wait(PATIENCE_S)

    monkeypatch.setattr(Plays, "collect", hang)
    village.worker.start()
    with closing(village.connected()) as client:
        assert hangs.wait(PATIENCE_S)
        stops.stop(village.world.store, Scope.EVERYTHING, "", "thử", village.world.actor("operator"), clock.now())
        until(lambda: bool(orders(client)))
        is_over.set()
        assert [(found.cmd, found.airing) for found in orders(client)] == [(Command.STOP, None)]


def test_changed_quiet_hours_are_told_to_who_is_connected(village: Village) -> None:
    village.worker.start()
    with closing(village.connected()) as client:
        hello = village.loudspeaker.key.signed(Hello(LOA, 1, clock.now(), 1))
        client.publish(LOA.topic(Part.REPORT), hello)
        until(lambda: any(ack.seqs == (1,) for ack in acknowledgements(client)))
        with village.world.store.writing() as session:
            row = session.get_one(CommuneRow, "kep")
            row.timetable = {**row.timetable, "quiet_hours": {"start": "12:00", "end": "13:30"}}
        wanted = (Window(time(12), time(13, 30)),)
        until(lambda: any(ack.hours is not None and ack.hours.quiet == wanted for ack in acknowledgements(client)))
