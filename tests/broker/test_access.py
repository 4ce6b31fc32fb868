"""Who may do what, at both brokers: the whole matrix of users, topics and verbs, over real connections."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from broadcaster.broker import access
from broadcaster.broker import embedded as broker
from broadcaster.broker.embedded import EmbeddedBroker
from broadcaster.broker.passwords import hashed
from broadcaster.orders.topics import Device, Part, everyone
from tests.fakes.mosquitto import Mosquitto
from tests.fakes.mqtt_client import MqttClient, Will

SERVER = "server"
DEVICES = [Device("kep", "loa-1"), Device("kep", "loa-2"), Device("may", "loa-1")]
USERS = [SERVER, *(device.user for device in DEVICES)]
TOPICS = [device.topic(part) for device in DEVICES for part in Part] + [
    "broadcaster/v1/kep/loa-1", "broadcaster/v1/kep/loa-1/order/more", "broadcaster/v2/kep/loa-1/report", "other",
]  # fmt: skip
FILTERS = [*TOPICS, "#", "+/#", "broadcaster/#", *(everyone(part) for part in Part), "broadcaster/v1/kep/+/order",
           "broadcaster/v1/kep/loa-1/+", "$SYS/#", "$share/g/broadcaster/v1/kep/loa-1/order"]  # fmt: skip


def secret(user: str) -> str:
    return f"secret of {user}"


@pytest.fixture(scope="module", params=["embedded", "mosquitto"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    known = {device: hashed(secret(device.user)) for device in DEVICES}
    if request.param == "mosquitto":
        mosquitto = Mosquitto(tmp_path_factory.mktemp("mosquitto"), secret(SERVER), known)
        yield mosquitto.port
        mosquitto.stop()
        return
    users = {device.user: kept for device, kept in known.items()}
    embedded = EmbeddedBroker("127.0.0.1", 0, secret(SERVER), users.get, lambda: users)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broker, "REFUSED_AFTER_S", 0.05)
        embedded.start()
        yield embedded.port
        embedded.stop()


@pytest.fixture
def clients(port: int) -> Iterator[dict[str, MqttClient]]:
    with ExitStack() as stack:
        found = {user: stack.enter_context(closing(MqttClient(port, user, secret(user)))) for user in USERS}
        assert all(client.is_in for client in found.values())
        yield found


def listening(clients: dict[str, MqttClient]) -> None:
    """Everyone listens to all that they may."""
    assert clients[SERVER].subscribe(everyone(Part.REPORT))
    assert clients[SERVER].subscribe(everyone(Part.STATE))
    for device in DEVICES:
        assert clients[device.user].subscribe(device.topic(Part.ORDER))


def heard(clients: dict[str, MqttClient], word: bytes) -> set[tuple[str, str]]:
    """Who has heard this, on which topic; asked for after a last word has come to each."""
    clients[DEVICES[0].user].publish(DEVICES[0].topic(Part.REPORT), b"last " + word)
    clients[SERVER].wait_for(b"last " + word)
    for device in DEVICES:
        clients[SERVER].publish(device.topic(Part.ORDER), b"last " + word)
        clients[device.user].wait_for(b"last " + word)
    return {(user, found.topic) for user, client in clients.items() for found in client.heard if found.payload == word}


@pytest.mark.parametrize("user", USERS)
def test_a_user_is_heard_where_it_may_write_and_nowhere_else(clients: dict[str, MqttClient], user: str) -> None:
    listening(clients)
    for topic in TOPICS:
        clients[user].publish(topic, b"word")
    expected = set()
    for device in DEVICES:
        if user == SERVER:
            expected.add((device.user, device.topic(Part.ORDER)))
        elif user == device.user:
            expected |= {(SERVER, device.topic(Part.REPORT)), (SERVER, device.topic(Part.STATE))}
    assert heard(clients, b"word") == expected


@pytest.mark.parametrize("user", USERS)
def test_a_user_hears_what_it_may_read_and_nothing_else(clients: dict[str, MqttClient], user: str) -> None:
    listening(clients)
    for wanted in FILTERS:
        clients[user].subscribe(wanted)
    for device in DEVICES:
        clients[SERVER].publish(device.topic(Part.ORDER), b"an order")
        for part in (Part.REPORT, Part.STATE):
            clients[device.user].publish(device.topic(part), b"a word")
    found = {topic for word in (b"an order", b"a word") for who, topic in heard(clients, word) if who == user}
    if user == SERVER:
        assert found == {device.topic(part) for device in DEVICES for part in (Part.REPORT, Part.STATE)}
    else:
        assert found == {device.topic(Part.ORDER) for device in DEVICES if device.user == user}


def test_who_comes_later_is_not_told_what_was_kept_for_others(
    port: int, clients: dict[str, MqttClient], caplog: pytest.LogCaptureFixture
) -> None:
    listening(clients)
    for device in DEVICES:
        clients[device.user].publish(device.topic(Part.STATE), b"kept state", retained=True)
    for device in DEVICES:
        with closing(MqttClient(port, device.user, secret(device.user))) as later:
            for wanted in FILTERS:
                later.subscribe(wanted)
            clients[SERVER].publish(device.topic(Part.ORDER), b"an order")
            assert {found.topic for found in later.wait_for(b"an order")} == {device.topic(Part.ORDER)}
    assert "held back" not in caplog.text  # the embedded one meant to send nothing else in the first place


def test_only_a_state_is_kept_for_who_comes_later(port: int, clients: dict[str, MqttClient]) -> None:
    device = DEVICES[0]
    clients[SERVER].publish(device.topic(Part.ORDER), b"kept order", retained=True)
    clients[device.user].publish(device.topic(Part.REPORT), b"kept report", retained=True)
    clients[device.user].publish(device.topic(Part.STATE), b"kept state", retained=True)
    clients[SERVER].close()
    clients[device.user].close()
    with (
        closing(MqttClient(port, SERVER, secret(SERVER))) as server,
        closing(MqttClient(port, device.user, secret(device.user))) as box,
    ):
        assert server.subscribe(everyone(Part.STATE))
        kept = [found for found in server.wait_for(b"kept state") if found.retained]
        assert (kept[0].topic, kept[0].payload) == (device.topic(Part.STATE), b"kept state")
        assert access.may_be_kept(device.topic(Part.STATE))
        assert box.subscribe(device.topic(Part.ORDER))
        server.publish(device.topic(Part.ORDER), b"new")
        assert [found.payload for found in box.wait_for(b"new")][-1] == b"new"


@pytest.mark.parametrize("user", [None, "", "nobody", "kep.nobody", "kep.loa-1", "server", "kep", ".", "KEP.LOA-1"])
@pytest.mark.parametrize("password", [None, "", "wrong"])
def test_nobody_comes_in_without_the_right_password(port: int, user: str | None, password: str | None) -> None:
    with closing(MqttClient(port, user, password)) as stranger:
        assert not stranger.is_in


def test_a_last_will_is_heard_from_the_own_state_alone(port: int, clients: dict[str, MqttClient]) -> None:
    listening(clients)
    device, other = DEVICES[0], DEVICES[1]
    clients[device.user].close()
    for topic in (other.topic(Part.STATE), other.topic(Part.ORDER), device.topic(Part.ORDER), "other"):
        client = MqttClient(port, device.user, secret(device.user), will=Will(topic, b"ill will"))
        client.hang_up()
    client = MqttClient(port, device.user, secret(device.user), will=Will(device.topic(Part.STATE), b"gone"))
    assert client.is_in
    client.hang_up()
    clients[SERVER].wait_for(b"gone")
    words = [found.payload for client in clients.values() for found in client.heard]
    assert b"ill will" not in words


def test_a_stranger_with_the_name_of_a_device_harms_nobody(port: int, clients: dict[str, MqttClient]) -> None:
    listening(clients)
    device = DEVICES[0]
    for name in (device.user, "other"):
        with closing(MqttClient(port, device.user, "wrong", client_id=name)) as stranger:
            assert not stranger.is_in
        with closing(MqttClient(port, DEVICES[1].user, secret(DEVICES[1].user), client_id=device.user)) as neighbour:
            assert neighbour.is_in
    assert not clients[device.user].is_out
    clients[SERVER].publish(device.topic(Part.ORDER), b"still here")
    clients[device.user].wait_for(b"still here")
