"""One connection to a broker: it ends in words, whatever comes over it."""

from collections.abc import Iterator

import pytest
from paho.mqtt.client import MQTTMessage

from broadcaster.mqtt import Connection, Login
from tests.connectors.orders import until
from tests.fakes.head_end import DEVICE, HeadEnd

TOPIC = "broadcaster/v1/kep/kep-01/order"


@pytest.fixture
def head_end() -> Iterator[HeadEnd]:
    found = HeadEnd()
    yield found
    found.close()


def login(head_end: HeadEnd) -> Login:
    return Login("127.0.0.1", head_end.broker.port, DEVICE.user, "secret", [TOPIC])


def test_a_message_that_cannot_be_taken_in_costs_itself_and_nothing_else(head_end: HeadEnd) -> None:
    taken: list[bytes] = []

    def take(message: MQTTMessage) -> None:
        if message.payload == b"bad":
            raise KeyError("bad")
        taken.append(bytes(message.payload))

    connection = Connection(login(head_end), take)
    assert connection.open()
    for payload in (b"bad", b"good"):
        head_end.broker.publish(TOPIC, payload)
    until(lambda: taken == [b"good"])
    assert connection.is_up
    connection.close(1)


def test_a_packet_that_the_library_cannot_read_ends_the_connection(head_end: HeadEnd) -> None:
    connection = Connection(login(head_end), lambda _: None)
    assert connection.open()
    head_end.broker.send_raw(b"\x32\x01\x00")
    assert connection.ended.wait(20)
    assert not connection.is_up
    connection.close(1)
