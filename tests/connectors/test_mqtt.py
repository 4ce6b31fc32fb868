"""Orders to loudspeakers through a real Mosquitto: each gets the very bytes that were signed, or it is an error."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster import clock
from broadcaster.broker.passwords import hashed
from broadcaster.connectors import mqtt_link
from broadcaster.connectors.base import Signed, connect, status
from broadcaster.connectors.mqtt import MqttConnector
from broadcaster.connectors.mqtt_link import BrokerAddress
from broadcaster.connectors.mqtt_punctual import Punctual
from broadcaster.domain.order import Order
from broadcaster.errors import BroadcasterError, DeliveryError, InputError
from broadcaster.orders.topics import Device, Part
from tests.connectors.orders import clip_in, connecting, order, refusal, station, until
from tests.fakes.mosquitto import Mosquitto
from tests.fakes.mqtt_client import MqttClient

PATIENCE_S = 20.0
NAMES = ["loa-1", "loa-2"]
DEVICES = [Device("kep", name) for name in NAMES]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    folder = tmp_path_factory.mktemp("mosquitto")
    found = Mosquitto(folder, "server-secret", {device: hashed(device.user) for device in DEVICES})
    yield found
    found.stop()


@pytest.fixture
def connector(broker: Mosquitto) -> Iterator[MqttConnector]:
    """With the connection of this process."""
    link = mqtt_link.use(BrokerAddress("127.0.0.1", broker.port, None, "server", "server-secret"))
    assert link.wait(PATIENCE_S)
    with connecting("mqtt", MqttConnector, loudspeakers=NAMES) as make:
        yield make()
    mqtt_link.close()


@pytest.fixture
def signed(tmp_path: Path) -> Order:
    return replace(order(clip_in(tmp_path), clock.now()), envelope=b'{"signed": "so"}')


def listening(broker: Mosquitto, device: Device) -> MqttClient:
    client = MqttClient(broker.port, device.user, device.user)
    assert client.subscribe(device.topic(Part.ORDER))
    return client


def test_every_loudspeaker_of_the_station_gets_the_very_bytes(
    connector: MqttConnector, broker: Mosquitto, signed: Order
) -> None:
    with closing(listening(broker, DEVICES[0])) as one, closing(listening(broker, DEVICES[1])) as two:
        connector.deliver(signed)
        connector.send(b"a stop")
        for client in (one, two):
            client.wait_for(b"a stop")
            assert [heard.payload for heard in client.heard] == [signed.envelope, b"a stop"]


def test_an_order_is_never_kept_by_the_broker(connector: MqttConnector, broker: Mosquitto, signed: Order) -> None:
    connector.deliver(signed)
    with closing(listening(broker, DEVICES[0])) as late:
        connector.send(b"the next")
        assert [heard.payload for heard in late.wait_for(b"the next")] == [b"the next"]


def test_what_is_not_signed_never_leaves(connector: MqttConnector, signed: Order) -> None:
    assert refusal(connector, replace(signed, envelope=b"")).is_permanent


def test_without_a_broker_it_may_pass(signed: Order) -> None:
    mqtt_link.close()
    assert not refusal(connect(station("mqtt", loudspeakers=NAMES)), signed).is_permanent


def test_a_broker_that_is_gone_may_pass_and_fails_the_trial(tmp_path: Path, signed: Order) -> None:
    broker = Mosquitto(tmp_path / "broker", "server-secret", {})
    link = mqtt_link.use(BrokerAddress("127.0.0.1", broker.port, None, "server", "server-secret"))
    try:
        assert link.wait(PATIENCE_S)
        broker.stop()
        assert not refusal(connect(station("mqtt", loudspeakers=NAMES)), signed).is_permanent
        until(lambda: "MQTT broker" in str(status(station("mqtt", loudspeakers=NAMES))))
    finally:
        mqtt_link.close()


def test_a_station_without_loudspeakers_says_how_to_add_them(signed: Order) -> None:
    assert refusal(connect(station("mqtt")), signed).is_permanent
    assert "broadcaster loudspeaker add kep" in str(status(station("mqtt")))


def test_where_orders_are_not_held_they_come_in_their_due_second_and_the_last_one_counts(
    connector: MqttConnector, broker: Mosquitto, signed: Order
) -> None:
    due = clock.now() + timedelta(seconds=1.5)
    punctual, closed = (connect(station("mqtt", loudspeakers=["loa-1"], holds_orders=False)) for _ in range(2))
    with closing(listening(broker, DEVICES[0])) as client:
        closed.deliver(replace(signed, start=due, envelope=b"of a station that is gone"))
        punctual.deliver(replace(signed, start=due, envelope=b"before it was changed"))
        punctual.deliver(replace(signed, start=due))
        closed.close()
        client.wait_for(signed.envelope)
        assert clock.now() >= due
        assert [heard.payload for heard in client.heard] == [signed.envelope]
    punctual.close()


def test_what_could_not_be_published_is_tried_until_it_may_not_begin_any_more(signed: Order) -> None:
    tried: list[list[str]] = []

    def publish_all(items: Sequence[tuple[str, bytes]]) -> list[DeliveryError | None]:
        tried.append([topic for topic, _ in items])
        failure = DeliveryError("away", is_permanent=False)
        return [failure if topic == "gone" or len(tried) == 1 else None for topic, _ in items]

    punctual = Punctual(publish_all)
    punctual.add("a", replace(signed, airing="A1", expires=clock.now() + timedelta(seconds=1.5)), ["gone"])
    until(lambda: len(tried) == 1)
    punctual.add("b", replace(signed, airing="A2"), ["back"])
    until(lambda: len(tried) == 3)
    assert sorted(tried[1:]) == [["back"], ["gone"]]


def test_only_what_is_signed_stops_it(connector: MqttConnector) -> None:
    assert isinstance(connector, Signed)
    with pytest.raises(BroadcasterError, match="signed"):
        connector.stop("A1")


@pytest.mark.parametrize(
    "config",
    [
        {"loudspeakers": ["loa-1", "loa-1"]},
        {"loudspeakers": ["loa/1"]},
        {"loudspeakers": ["loa.1"]},
        {"loudspeakers": ["+1"]},
        {"loudspeakers": [f"loa-{number}" for number in range(65)]},
        {"lead_s": 22 * 3600 + 1},
    ],
)
def test_what_cannot_be_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(InputError, match="kep-loa"):
        connect(station("mqtt", **config))
