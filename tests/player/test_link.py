"""A loudspeaker's way to its server, over a real Mosquitto and a real door."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.client import MQTTMessageInfo

from broadcaster import clock
from broadcaster.broker.passwords import hashed
from broadcaster.domain.place import Mode
from broadcaster.mqtt import Connection
from broadcaster.orders import device as devices
from broadcaster.orders.device import DeviceKey, Hello, PlayReport
from broadcaster.orders.health import Health, read_state
from broadcaster.orders.topics import Device, Part, everyone
from broadcaster.player import link as room
from broadcaster.player.door import Answer
from broadcaster.player.identity import Identity, MqttAddress
from broadcaster.player.link import Link, Way
from tests.connectors.orders import until
from tests.fakes.mosquitto import Mosquitto
from tests.fakes.mqtt_client import Heard, MqttClient
from tests.orders.cast import ZONE
from tests.services.devices import HEALTH

DEVICE = Device("kep", "kep-01")
KEY = DeviceKey(Ed25519PrivateKey.generate())


@dataclass
class Box:
    """What a link belongs to."""

    received: list[bytes] = field(default_factory=list)
    reports: dict[int, bytes] = field(default_factory=dict)
    is_greeted: bool = False
    hellos: int = 0
    state: Health = HEALTH

    def receive(self, envelope: bytes) -> None:
        self.received.append(envelope)

    def hello(self) -> bytes:
        self.hellos += 1
        return KEY.signed(Hello(DEVICE, self.hellos, clock.now(), 1))

    def unacknowledged(self) -> list[tuple[int, bytes]]:
        return sorted(self.reports.items())

    def health(self) -> Health:
        return self.state


class Stumbling(Box):
    """One that a certain order upsets."""

    def receive(self, envelope: bytes) -> None:
        if envelope == b"a bad one":
            raise RuntimeError("nobody thought of this")
        super().receive(envelope)


class SlowLine(Connection):
    """A connection whose broker has got nothing yet."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.infos: list[MQTTMessageInfo] = []

    def publish(self, topic: str, payload: bytes, *, is_retained: bool = False) -> MQTTMessageInfo:
        self.sent.append(payload)
        self.infos.append(MQTTMessageInfo(len(self.sent)))
        return self.infos[-1]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    found = Mosquitto(tmp_path_factory.mktemp("mosquitto"), "server-secret", {DEVICE: hashed("secret")})
    yield found
    found.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LOOK_S", 0.02)
    monkeypatch.setattr(room, "BACK_OFF_S", (0.05,))
    monkeypatch.setattr(room, "HELLO_AGAIN_S", (0.3,))
    monkeypatch.setattr(room, "STEADY_S", 0.0)
    monkeypatch.setattr(room, "AGAIN_S", 0.3)  # the server may listen only after it was said


def identity(port: int, door: str = "http://127.0.0.1:9") -> Identity:
    return Identity(
        door=door, device=DEVICE, station="kep-loa", mode=Mode.TEST, zone=ZONE, quiet_hours=(),
        held=timedelta(hours=24), password="secret", mqtt=MqttAddress("127.0.0.1", port, tls=False), key=KEY,
    )  # fmt: skip


@contextmanager
def linked(box: Box, port: int, way: Way = Way.MQTT) -> Iterator[Link]:
    link = Link(identity(port), way, poll_s=0.05)
    link.start(box)
    try:
        yield link
    finally:
        link.close()


@contextmanager
def server(broker: Mosquitto) -> Iterator[MqttClient]:
    with closing(MqttClient(broker.port, "server", "server-secret")) as client:
        for part in (Part.REPORT, Part.STATE):
            assert client.subscribe(everyone(part))
        yield client


def said(client: MqttClient) -> list[Hello | PlayReport]:
    key = devices.public_key(KEY.text)
    return [devices.read_message(heard.payload, DEVICE, key) for heard in client.heard if "report" in heard.topic]


def states(client: MqttClient) -> list[Health | None]:
    return [read_state(heard.payload) for heard in client.heard if "state" in heard.topic]


def one_after_the_other(client: MqttClient, *payloads: bytes) -> bool:
    """Whether these came so, with nothing in between but what is no report of a test."""
    found = [heard.payload for heard in client.heard if len(heard.payload) < 9]
    return any(tuple(found[first : first + len(payloads)]) == payloads for first in range(len(found)))


def test_it_says_how_it_is_and_hello_until_that_is_answered_and_takes_its_orders(broker: Mosquitto) -> None:
    box = Box()
    with server(broker) as client, linked(box, broker.port):
        until(lambda: len(said(client)) >= 2)
        assert states(client)[-1] == box.state
        client.publish(DEVICE.topic(Part.ORDER), b"an order")
        until(lambda: box.received == [b"an order"])
        box.is_greeted = True
        before = box.hellos
        box.state = replace(box.state, volume=10)
        until(lambda: states(client)[-1] == box.state)
        box.state = replace(box.state, volume=20)
        until(lambda: states(client)[-1] == box.state)
        assert box.hellos <= before + 1
    assert states(client)[-1] is None, "it says goodbye"


def test_what_was_not_acknowledged_is_said_again_on_the_next_connection_oldest_first(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, "server-secret", {DEVICE: hashed("secret")})
    box = Box(reports={2: b"two", 1: b"one"})
    with linked(box, broker.port) as link:
        with server(broker) as client:
            until(lambda: one_after_the_other(client, b"one", b"two"))
            box.reports[3] = b"three"
            link.send(3, b"three")
            client.wait_for(b"three")
        broker.stop()
        del box.reports[1]
        box.reports[4] = b"four"
        link.send(4, b"four")
        broker.start()
        with server(broker) as client:
            until(lambda: one_after_the_other(client, b"two", b"three", b"four"))
            assert b"one" not in {heard.payload for heard in client.heard}
    broker.stop()


def test_what_nobody_acknowledges_is_said_again_after_a_while(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "AGAIN_S", 0.1)
    box = Box(reports={1: b"one"}, is_greeted=True)
    with server(broker) as client, linked(box, broker.port):
        until(lambda: client.heard.count(Heard(DEVICE.topic(Part.REPORT), b"one")) >= 3)
        del box.reports[1]


def test_what_was_kept_by_somebody_or_is_too_long_is_no_order(broker: Mosquitto) -> None:
    box = Box(is_greeted=True)
    with server(broker) as client:
        client.publish(DEVICE.topic(Part.ORDER), b"old", retained=True)
        with linked(box, broker.port):
            until(lambda: bool(said(client)))
            client.publish(DEVICE.topic(Part.ORDER), b"x" * 8193)
            client.publish(DEVICE.topic(Part.ORDER), b"new")
            until(lambda: b"new" in box.received)
            assert box.received == [b"new"]
        client.publish(DEVICE.topic(Part.ORDER), b"", retained=True)


class FakeDoor:
    """Answers once with what lies there."""

    def __init__(self, *_: object) -> None:
        self.visits: list[list[bytes]] = []
        self.answers = [Answer(b"an ack", (b"an order",))]
        self.came = threading.Event()
        self.fault: Exception | None = None

    def report(self, messages: list[bytes]) -> Answer:
        fault, self.fault = self.fault, None
        if fault is not None:
            self.visits.append([])
            raise fault
        self.visits.append(messages)
        self.came.set()
        return self.answers.pop() if self.answers else Answer(None, ())

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("way", [Way.AUTO, Way.HTTP])
def test_without_mqtt_it_goes_to_the_door(monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
    door = FakeDoor()
    monkeypatch.setattr(room, "Door", lambda *_: door)
    monkeypatch.setattr(room, "DOOR_AFTER_S", 0.2)
    box = Box(reports={1: b"one"})
    with linked(box, 9, way):
        until(lambda: box.received == [b"an ack", b"an order"])
        assert door.visits[0][1:] == [b"one"]
        assert isinstance(devices.read_message(door.visits[0][0], DEVICE, devices.public_key(KEY.text)), Hello)
        box.is_greeted, box.reports = True, {}
        until(lambda: door.visits[-1] == [])


def test_it_goes_back_to_mqtt_when_that_is_there_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door = FakeDoor()
    monkeypatch.setattr(room, "Door", lambda *_: door)
    monkeypatch.setattr(room, "DOOR_AFTER_S", 0.2)
    broker = Mosquitto(tmp_path, "server-secret", {DEVICE: hashed("secret")})
    broker.stop()
    box = Box(reports={1: b"one"})
    with linked(box, broker.port, Way.AUTO):
        assert door.came.wait(20)
        broker.start()
        with server(broker) as client:
            client.wait_for(b"one")
            count = len(door.visits)
            box.reports[2] = b"two"
            until(lambda: b"two" in {heard.payload for heard in client.heard} or len(door.visits) > count + 1)
            assert len(door.visits) <= count + 1
    broker.stop()


def test_mqtt_alone_never_goes_to_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    door = FakeDoor()
    told: list[str] = []
    monkeypatch.setattr(room, "Door", lambda *_: door)
    monkeypatch.setattr(room, "DOOR_AFTER_S", 0.0)
    link = Link(identity(9), Way.MQTT, poll_s=0.01, on_state=told.append)
    link.start(Box())
    until(lambda: bool(told))
    link.close()
    assert told[0].startswith("offline: it cannot be reached")
    assert door.visits == []


def test_it_says_hello_at_the_door_once_and_again_after_a_visit_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A greeting that the door has taken is answered with a later visit; until then another would only undo it."""
    door = FakeDoor()
    monkeypatch.setattr(room, "Door", lambda *_: door)
    monkeypatch.setattr(room, "HELLO_AGAIN_S", (60.0,))
    box = Box()
    with linked(box, 9, Way.HTTP):
        until(lambda: len(door.visits) >= 3)
        assert [len(visit) for visit in door.visits[:3]] == [1, 0, 0]
        door.fault = OSError("the network is gone")
        until(lambda: door.fault is None)
        count = len(door.visits)
        until(lambda: len(door.visits) > count)
    assert box.hellos == 2


def test_who_was_greeted_over_mqtt_says_hello_at_the_door_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent while the connection was dying is nowhere else."""
    door = FakeDoor()
    monkeypatch.setattr(room, "Door", lambda *_: door)
    monkeypatch.setattr(room, "DOOR_AFTER_S", 0.0)
    broker = Mosquitto(tmp_path, "server-secret", {DEVICE: hashed("secret")})
    box = Box(is_greeted=True)
    with linked(box, broker.port, Way.AUTO):
        until(lambda: box.hellos > 0)
        broker.stop()
        assert door.came.wait(20)
        assert len(door.visits[0]) == 1


def test_whatever_fails_the_link_goes_on(broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    door = FakeDoor()
    door.fault = RuntimeError("nobody thought of this")
    monkeypatch.setattr(room, "Door", lambda *_: door)
    with linked(Box(), 9, Way.HTTP):
        until(lambda: len(door.visits) >= 2)
    box = Stumbling(is_greeted=True)
    with server(broker) as client, linked(box, broker.port):
        until(lambda: bool(said(client)))
        for order in (b"a bad one", b"a good one"):
            client.publish(DEVICE.topic(Part.ORDER), order)
        until(lambda: box.received == [b"a good one"])


def test_a_broker_that_drops_everybody_at_once_is_not_hammered(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try waits longer than the one before, as where nobody answers at all."""
    waits: list[int] = []

    class Steps(tuple[float, ...]):
        def __getitem__(self, step: object) -> float:  # type: ignore[override]
            assert isinstance(step, int)
            waits.append(step)
            return 0.01

    monkeypatch.setattr(room, "STEADY_S", 20.0)
    monkeypatch.setattr(room, "BACK_OFF_S", Steps((0.0,) * 6))
    monkeypatch.setattr(Link, "_talk", lambda *_: None)
    with linked(Box(), broker.port):
        until(lambda: len(waits) >= 4)
    assert waits[:4] == [0, 1, 2, 3]


def test_a_report_that_is_under_way_is_not_said_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker on a slow line has it in its own time; a second one would only come later still."""
    monkeypatch.setattr(room, "AGAIN_S", 0.0)
    line = SlowLine()
    link, box = Link(identity(9), Way.MQTT, poll_s=1.0), Box(reports={1: b"one"})
    link.send(1, b"one")
    for _ in range(3):
        link._say_reports(box, line)
    assert line.sent == [b"one"]
    line.infos[0]._published = True
    link._say_reports(box, line)
    assert line.sent == [b"one", b"one"]


def test_what_is_left_to_say_is_said_before_the_farewell(broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    """An airing that the end itself cut short is reported at once where there is a connection."""
    monkeypatch.setattr(room, "LOOK_S", 20.0)
    box = Box(is_greeted=True)
    with server(broker) as client:
        with linked(box, broker.port):
            until(lambda: bool(said(client)))
            box.reports[1] = b"stopped"
        client.wait_for(b"stopped")
        until(lambda: states(client)[-1] is None)
