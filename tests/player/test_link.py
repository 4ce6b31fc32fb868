"""A loudspeaker's way to its server, over a real Mosquitto and a real door."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster import clock
from broadcaster.broker.passwords import hashed
from broadcaster.domain.place import Mode
from broadcaster.orders import device as devices
from broadcaster.orders.device import DeviceKey, Hello, PlayReport
from broadcaster.orders.health import Health, read_state
from broadcaster.orders.topics import Device, Part, everyone
from broadcaster.player import link as room
from broadcaster.player import underway
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
    monkeypatch.setattr(underway, "AGAIN_S", 0.3)  # the server may listen only after it was said


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
    monkeypatch.setattr(underway, "AGAIN_S", 0.1)
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

    def report(self, messages: list[bytes]) -> Answer:
        self.visits.append(messages)
        self.came.set()
        return self.answers.pop() if self.answers else Answer(None, ())

    def close(self) -> None:
        """Nothing is open."""


def test_at_the_door_it_says_hello_first_even_where_nothing_was_asked_yet_and_only_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = FakeDoor()
    monkeypatch.setattr(room, "Door", lambda *_: door)
    box = Box(is_greeted=True)
    with linked(box, 9, Way.HTTP):
        until(lambda: len(door.visits) >= 3)
    assert box.hellos == 1
    assert [len(messages) for messages in door.visits[:3]] == [1, 0, 0]


def test_a_door_that_fails_in_an_unknown_way_is_visited_again_and_greeted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class BadDoor(FakeDoor):
        def report(self, messages: list[bytes]) -> Answer:
            answer = super().report(messages)
            if len(self.visits) < 3:
                raise KeyError("unknown")
            return answer

    door = BadDoor()
    monkeypatch.setattr(room, "Door", lambda *_: door)
    box = Box(reports={1: b"one"})
    with linked(box, 9, Way.HTTP):
        until(lambda: len(door.visits) >= 4)
    assert [messages[1:] for messages in door.visits[:3]] == [[b"one"]] * 3
    assert [len(messages) for messages in door.visits[:4]] == [2, 2, 2, 0]


def test_the_link_goes_on_where_the_loudspeaker_fails(broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box()
    failures = iter([KeyError("first"), RuntimeError("second")])

    def hello() -> bytes:
        for failure in failures:
            raise failure
        return Box.hello(box)

    def receive(envelope: bytes) -> None:
        box.received.append(envelope)
        if envelope == b"bad":
            raise KeyError("bad")

    monkeypatch.setattr(box, "hello", hello)
    monkeypatch.setattr(box, "receive", receive)
    with server(broker) as client, linked(box, broker.port):
        until(lambda: bool(said(client)))
        for payload in (b"bad", b"good"):
            client.publish(DEVICE.topic(Part.ORDER), payload)
        until(lambda: box.received == [b"bad", b"good"])


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
