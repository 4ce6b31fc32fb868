"""The server's own connection: what it publishes is confirmed or an error, and it comes back by itself."""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from broadcaster.broker.passwords import hashed
from broadcaster.connectors import mqtt_link
from broadcaster.connectors.mqtt_link import BrokerAddress, Incoming, Link
from broadcaster.errors import DeliveryError
from broadcaster.orders.topics import Device, Part
from tests.connectors.orders import until
from tests.fakes.mosquitto import Mosquitto, free_port
from tests.fakes.mqtt_client import MqttClient

PATIENCE_S = 20.0
KEP, MAY = Device("kep", "loa-1"), Device("may", "loa-1")
SECRETS = {KEP: "kep-secret", MAY: "may-secret"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    folder = tmp_path_factory.mktemp("mosquitto")
    found = Mosquitto(folder, "server-secret", {device: hashed(secret) for device, secret in SECRETS.items()})
    yield found
    found.stop()


@pytest.fixture
def address(broker: Mosquitto) -> BrokerAddress:
    return BrokerAddress("127.0.0.1", broker.port, None, "server", "server-secret")


@pytest.fixture
def link(address: BrokerAddress) -> Iterator[Link]:
    with closing(Link(address)) as found:
        assert found.wait(PATIENCE_S)
        yield found


@pytest.fixture
def kep(broker: Mosquitto) -> Iterator[MqttClient]:
    with closing(MqttClient(broker.port, KEP.user, SECRETS[KEP])) as found:
        assert found.subscribe(KEP.topic(Part.ORDER))
        yield found


def taken_in(link: Link, payload: bytes, *, retained: bool = False) -> list[Incoming]:
    """What came in until this did, as it is said or, later, as it was kept: the broker may give both to one session."""
    found: list[Incoming] = []

    def has_come() -> bool:
        found.extend(link.incoming())
        return any((message.payload, message.retained) == (payload, retained) for message in found)

    until(has_come)
    return found


def test_what_is_published_arrives_and_is_confirmed(link: Link, kep: MqttClient) -> None:
    link.publish(KEP.topic(Part.ORDER), b"an order", PATIENCE_S)
    assert kep.wait_for(b"an order")[-1].topic == KEP.topic(Part.ORDER)


def test_many_are_under_way_at_once_and_arrive_in_their_order(
    link: Link, kep: MqttClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_link, "WINDOW", 70)
    items = [(KEP.topic(Part.ORDER), b"%03d" % number) for number in range(200)]
    assert link.publish_all(items, PATIENCE_S) == [None] * 200
    heard = [message.payload for message in kep.wait_for(b"199")]
    assert heard[-200:] == [payload for _, payload in items]


def test_what_loudspeakers_say_comes_in_with_their_names(link: Link, kep: MqttClient) -> None:
    kep.publish(KEP.topic(Part.REPORT), b"a report")
    assert taken_in(link, b"a report")[-1] == Incoming(KEP, Part.REPORT, b"a report", retained=False)
    assert link.incoming() == []


def test_a_state_is_known_again_after_a_reconnection(address: BrokerAddress, kep: MqttClient) -> None:
    kep.publish(KEP.topic(Part.STATE), b"a state", retained=True)
    with closing(Link(address)) as later:
        found = taken_in(later, b"a state", retained=True)
    assert Incoming(KEP, Part.STATE, b"a state", retained=True) in found


def test_what_was_said_while_the_server_was_away_comes_in_later(address: BrokerAddress, kep: MqttClient) -> None:
    with closing(Link(address)) as before:
        assert before.wait(PATIENCE_S)
    kep.publish(KEP.topic(Part.REPORT), b"meanwhile")
    with closing(Link(address)) as after:
        assert taken_in(after, b"meanwhile")


def test_what_is_too_large_to_be_a_message_is_not_taken_in(link: Link, kep: MqttClient) -> None:
    kep.publish(KEP.topic(Part.REPORT), b"x" * 5000)
    kep.publish(KEP.topic(Part.REPORT), b"the next one")
    assert {message.payload for message in taken_in(link, b"the next one")}.isdisjoint({b"x" * 5000})


def test_what_nobody_takes_in_is_dropped_beyond_a_limit(
    link: Link, kep: MqttClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kep.publish(KEP.topic(Part.REPORT), b"the last before")
    taken_in(link, b"the last before")
    monkeypatch.setattr(mqtt_link, "MOST_WAITING", 2)
    for number in range(5):
        kep.publish(KEP.topic(Part.REPORT), b"report %d" % number)
    until(lambda: link._dropped == 3)
    assert [message.payload for message in link.incoming()] == [b"report 0", b"report 1"]
    assert [record.__dict__["count"] for record in caplog.records if "dropped" in record.getMessage()] == [3]


def test_a_broker_that_was_killed_is_used_again_and_nothing_is_sent_late(
    broker: Mosquitto, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    generation = link.generation
    broker.stop()
    until(lambda: not link.is_connected())
    with pytest.raises(DeliveryError, match="no connection to the MQTT broker") as lost:
        link.publish(KEP.topic(Part.ORDER), b"too early", PATIENCE_S)
    assert not lost.value.is_permanent
    assert link.fault is not None
    broker.start()
    assert link.wait(PATIENCE_S, after=generation)
    assert link.generation == generation + 1
    assert str(link.fault) == "None"
    with closing(MqttClient(broker.port, KEP.user, SECRETS[KEP])) as kep:
        kep.subscribe(KEP.topic(Part.ORDER))
        link.publish(KEP.topic(Part.ORDER), b"in time", PATIENCE_S)
        assert [message.payload for message in kep.wait_for(b"in time")] == [b"in time"]
    actions = [record.__dict__["action"] for record in caplog.records if "action" in record.__dict__]
    assert actions[0] == "mqtt_unconnected"
    assert actions[-1] == "mqtt_connected"


def test_a_confirmation_that_does_not_come_in_time_is_an_error_each(link: Link) -> None:
    errors = link.publish_all([(KEP.topic(Part.ORDER), b"one"), (KEP.topic(Part.ORDER), b"two")], timeout_s=0)
    assert all(error is None or "has not confirmed" in str(error) for error in errors)
    assert any(errors)


def test_a_wrong_password_is_told_and_tried_again(address: BrokerAddress) -> None:
    with closing(Link(replace(address, password="wrong"))) as refused:
        until(lambda: "refuses the user server" in str(refused.fault))
        assert not refused.is_connected()


def test_nobody_there_is_told(address: BrokerAddress) -> None:
    with closing(Link(replace(address, port=free_port()))) as lonely:
        until(lambda: "refused" in str(lonely.fault))


def test_certificates_that_cannot_be_read_are_told(address: BrokerAddress, tmp_path: Path) -> None:
    with closing(Link(replace(address, tls_ca=tmp_path / "none.pem"))) as blind:
        until(lambda: "No such file" in str(blind.fault))


def test_a_password_is_not_shown(address: BrokerAddress) -> None:
    assert "secret" not in repr(address)


def test_a_process_has_one_link(address: BrokerAddress) -> None:
    assert mqtt_link.link() is None
    first = mqtt_link.use(address)
    assert mqtt_link.use(address) is first is mqtt_link.link()
    second = mqtt_link.use(replace(address, port=free_port()))
    assert second is mqtt_link.link() is not first
    assert not first.is_connected()
    mqtt_link.close()
    mqtt_link.close()
    assert mqtt_link.link() is None
