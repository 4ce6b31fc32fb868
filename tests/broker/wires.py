"""The embedded broker, running, and bare connections to it that say what no client library would."""

import socket
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager

from broadcaster.broker.embedded import EmbeddedBroker
from broadcaster.broker.passwords import hashed
from broadcaster.connectors.mqtt_link import BrokerAddress, Link
from broadcaster.orders.topics import Device, Part
from tests.fakes.mqtt_client import MqttClient

KEP = Device("kep", "loa-1")
SECRET = "secret-of-kep"
KEPT = hashed(SECRET)
PATIENCE_S = 20.0


@contextmanager
def running(port: int = 0, users: dict[str, str] | None = None) -> Iterator[EmbeddedBroker]:
    known = {KEP.user: KEPT} if users is None else users
    broker = EmbeddedBroker("127.0.0.1", port, "server-secret", known.get, lambda: dict(known))
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@contextmanager
def linked(port: int) -> Iterator[Link]:
    with closing(Link(BrokerAddress("127.0.0.1", port, None, "server", "server-secret"))) as link:
        assert link.wait(PATIENCE_S)
        yield link


def box(broker: EmbeddedBroker, **more: object) -> MqttClient:
    return MqttClient(broker.port, KEP.user, SECRET, **more)  # type: ignore[arg-type]


@contextmanager
def wire_in(broker: EmbeddedBroker, *packets: bytes) -> Iterator[socket.socket]:
    """A bare connection that was let in, and has said this."""
    with socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S) as wire:
        wire.sendall(packets[0])
        assert wire.recv(len(ACCEPTED)) == ACCEPTED
        wire.sendall(b"".join(packets[1:]))
        yield wire


def text(content: str | bytes) -> bytes:
    data = content if isinstance(content, bytes) else content.encode()
    return struct.pack("!H", len(data)) + data


def connect(
    flags: int = 0xC2, keepalive_s: int = 60, user: str = KEP.user, secret: str = SECRET, will: bytes = b""
) -> bytes:
    head = text("MQTT") + bytes([4, flags]) + struct.pack("!H", keepalive_s) + text("x")
    body = head + will + text(user) + text(secret)
    return bytes([0x10, len(body)]) + body


def subscribe(topic: str, qos: int) -> bytes:
    body = b"\x00\x07" + text(topic) + bytes([qos])
    return bytes([0x82, len(body)]) + body


WILL = text(KEP.topic(Part.STATE)) + text(b"gone")
SUBSCRIBE = subscribe(KEP.topic(Part.ORDER), 2)
SUBSCRIBED = b"\x90\x03\x00\x07\x01"
ACCEPTED = b"\x20\x02\x00\x00"
LONG = b"\xff\xff\xff\x7f"


def said(broker: EmbeddedBroker, *packets: bytes) -> bytes:
    """All that the broker answers to these bytes until it hangs up."""
    with socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S) as wire:
        found = b""
        try:
            for packet in packets:
                wire.sendall(packet)
            while more := wire.recv(4096):
                found += more
        except ConnectionError:
            pass
        return found


def still_serves(broker: EmbeddedBroker) -> None:
    with linked(broker.port) as link, closing(box(broker)) as client:
        assert client.subscribe(KEP.topic(Part.ORDER))
        link.publish(KEP.topic(Part.ORDER), b"an order", PATIENCE_S)
        client.wait_for(b"an order")
