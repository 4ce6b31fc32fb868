"""What one connection to the embedded broker can do to the others: nothing, whatever it says, or does not."""

import logging
import socket
import threading
from contextlib import ExitStack, closing

import pytest

from broadcaster.broker import embedded, guest, inner, strangers
from broadcaster.broker.embedded import EmbeddedBroker
from broadcaster.broker.strangers import Stranger, Strangers
from broadcaster.orders.topics import Device, Part
from tests.broker.wires import (
    KEP,
    KEPT,
    PATIENCE_S,
    SUBSCRIBE,
    SUBSCRIBED,
    WILL,
    box,
    connect,
    linked,
    running,
    said,
    still_serves,
    wire_in,
)
from tests.connectors.orders import until
from tests.fakes.mqtt_client import MqttClient, Will


def test_a_last_will_of_quality_2_does_not_reach_the_server_as_what_it_never_asked_for(broker: EmbeddedBroker) -> None:
    with linked(broker.port) as link:
        with wire_in(broker, connect(0xD6, will=WILL)):
            pass
        until(lambda: any(said.payload == b"gone" for said in link.incoming()))
        link.publish(KEP.topic(Part.ORDER), b"an order", PATIENCE_S)
        assert link.generation == 1


def test_who_asks_for_quality_2_is_given_1(broker: EmbeddedBroker) -> None:
    with linked(broker.port) as link, wire_in(broker, connect(), SUBSCRIBE) as wire:
        assert wire.recv(5) == SUBSCRIBED
        link.publish(KEP.topic(Part.ORDER), b"an order", PATIENCE_S)
        assert wire.recv(1) == b"\x32"


def test_who_keeps_silent_makes_room_for_who_says_its_name(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "GREETING_S", PATIENCE_S)
    monkeypatch.setattr(strangers, "CHANCE_S", 0)
    monkeypatch.setattr(strangers, "MOST", 5)
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S)) for _ in range(5)
        ]
        until(lambda: len(broker._strangers) == 5)
        with closing(box(broker)) as client:
            assert client.is_in
        assert silent[0].recv(1) == b""


def came(here: Strangers, address: str, gone: list[str]) -> Stranger | None:
    return here.welcome(address, lambda: gone.append(address))


def test_one_address_does_not_keep_out_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "MOST", 4)
    here, gone = Strangers(), list[str]()
    one, *many = [came(here, address, gone) for address in ("one", "many", "many", "many")]
    assert came(here, "other", gone) is not None
    assert gone == ["many"]
    assert came(here, "many", gone) is None
    assert [stranger in here._here for stranger in (one, *many)] == [True, False, True, True]


def test_those_who_come_at_once_let_each_other_speak_and_then_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "MOST", 2)
    here, gone = Strangers(), list[str]()
    first, second = came(here, "here", gone), came(here, "here", gone)
    assert first is not None
    assert second is not None
    assert came(here, "here", gone) is None
    monkeypatch.setattr(strangers, "CHANCE_S", 0)
    first.is_idle = False  # somebody looks whether its password is right
    assert came(here, "here", gone) is not None
    assert [first in here._here, second in here._here] == [True, False]


def test_who_is_gone_before_its_password_was_looked_at_leaves_no_last_will() -> None:
    is_asked, may_answer = threading.Event(), threading.Event()

    def hash_of(_: str) -> str:
        is_asked.set()
        may_answer.wait(PATIENCE_S)
        return KEPT

    broker = EmbeddedBroker("127.0.0.1", 0, "server-secret", hash_of, lambda: {KEP.user: KEPT})
    broker.start()
    with linked(broker.port) as link, socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S) as wire:
        wire.sendall(connect(0xE6, will=WILL))
        assert is_asked.wait(PATIENCE_S)
        assert broker._loop is not None
        broker._loop.call_soon_threadsafe(broker._strangers._here[0].hang_up)
        assert wire.recv(1) == b""
        may_answer.set()
        until(lambda: not len(broker._strangers))
        with closing(box(broker)) as client:
            client.publish(KEP.topic(Part.REPORT), b"a report")
        heard: list[bytes] = []

        def has_come() -> bool:
            heard.extend(said.payload for said in link.incoming())
            return b"a report" in heard

        until(has_come)
        assert heard == [b"a report"]
    broker.stop()


def test_who_does_not_read_is_turned_out_and_holds_up_nobody(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest, "STALLED_S", 0.2)
    monkeypatch.setattr(inner, "MOST_OWED_BYTES", 64_000_000)
    with linked(broker.port) as link, wire_in(broker, connect(0xE6, will=WILL), SUBSCRIBE) as wire:
        assert wire.recv(5) == SUBSCRIBED
        orders = [(KEP.topic(Part.ORDER), bytes(8_000))] * 2_500  # more than the system's own buffers hold
        assert link.publish_all(orders, PATIENCE_S) == [None] * 2_500
        until(lambda: any(said.payload == b"gone" for said in link.incoming()))
        assert link.generation == 1
    still_serves(broker)


def test_who_confirms_nothing_is_owed_no_more_than_a_limit(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inner, "MOST_OWED_BYTES", 25)
    with linked(broker.port) as link, wire_in(broker, connect(), SUBSCRIBE) as wire:
        assert wire.recv(5) == SUBSCRIBED
        link.publish_all([(KEP.topic(Part.ORDER), b"ten bytes " + b"%d" % number) for number in range(5)], PATIENCE_S)
        link.publish(KEP.topic(Part.ORDER), b"!", PATIENCE_S)  # comes after all of them, and there is room for it
        found = b""
        while not found.endswith(b"!"):
            found += wire.recv(4096)
    assert found.count(b"ten bytes ") == 2
    assert len([record for record in caplog.records if "slow reader" in record.getMessage()]) == 1


def test_a_connection_that_could_not_follow_another_locks_nobody_out(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(box(broker)):
        monkeypatch.setattr(embedded, "_TAKEOVER_S", 0)
        assert said(broker, connect()) == b""
    monkeypatch.setattr(embedded, "_TAKEOVER_S", PATIENCE_S)
    still_serves(broker)


def test_more_than_there_is_room_for_are_told_so_but_never_the_server() -> None:
    other = Device("kep", "loa-2")
    with running(users={KEP.user: KEPT, other.user: KEPT}) as broker:
        broker._most_guests = 1
        with linked(broker.port), closing(box(broker)) as client:
            assert client.is_in
            assert said(broker, connect(user=other.user)) == b"\x20\x02\x00\x03"
            with closing(box(broker)) as again:
                assert again.is_in
        with closing(box(broker)), linked(broker.port) as link:
            assert link.is_connected()


def test_a_second_connection_takes_the_place_of_the_first(broker: EmbeddedBroker) -> None:
    will = Will(KEP.topic(Part.STATE), b"gone")
    with linked(broker.port) as link, closing(box(broker, will=will)) as first, closing(box(broker)) as second:
        first.wait_until_out()
        assert second.subscribe(KEP.topic(Part.ORDER))
        link.publish(KEP.topic(Part.ORDER), b"an order", PATIENCE_S)
        second.wait_for(b"an order")


def test_who_sends_too_much_is_read_more_slowly_and_loses_nothing(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest, "_BURST", 5)
    with linked(broker.port) as link, closing(box(broker)) as client:
        for number in range(20):
            assert client.publish(KEP.topic(Part.REPORT), b"%d" % number)
        found: list[bytes] = []

        def all_have_come() -> bool:
            found.extend(said.payload for said in link.incoming())
            return len(found) == 20

        until(all_have_come)
        assert found == [b"%d" % number for number in range(20)]


def test_no_password_and_nothing_that_was_said_is_logged(
    broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with linked(broker.port) as link, closing(box(broker, will=Will(KEP.topic(Part.STATE), b"unheard-will"))) as client:
        client.subscribe(KEP.topic(Part.ORDER))
        client.publish(KEP.topic(Part.REPORT), b"unheard-report")
        for _ in range(5):
            client.publish("elsewhere", b"unheard-report")
        link.publish(KEP.topic(Part.ORDER), b"unheard-order", PATIENCE_S)
        client.wait_for(b"unheard-order")
        assert not MqttClient(broker.port, KEP.user, "wrong-secret").is_in
    records = [record for record in caplog.records if record.name != "paho"]
    told = [str(record.__dict__) for record in records]
    assert not [line for line in told if "unheard" in line or "secret" in line]
    assert len([record for record in records if record.getMessage() == "Something was refused."]) == 1


def test_many_who_are_turned_away_are_one_line(broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(20):
        assert said(broker, b"\x10\xff\xff\xff\xff\xff") == b""
    counts: list[int] = []

    def are_told() -> bool:
        counts[:] = [record.__dict__["count"] for record in caplog.records if "turned away" in record.getMessage()]
        return sum(counts) == 20

    until(are_told)
    assert len(counts) < 20
