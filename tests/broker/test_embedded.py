"""The embedded broker against whoever means it ill, and with the server's own connection."""

import logging
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing

import pytest

from broadcaster.broker import embedded
from broadcaster.broker.access import MOST_BYTES
from broadcaster.broker.embedded import EmbeddedBroker
from broadcaster.broker.inner import Inner
from broadcaster.broker.passwords import hashed
from broadcaster.errors import BroadcasterError
from broadcaster.orders.topics import Device, Part, everyone
from tests.broker.wires import (
    ACCEPTED,
    KEP,
    KEPT,
    LONG,
    PATIENCE_S,
    SECRET,
    WILL,
    box,
    connect,
    linked,
    running,
    said,
    still_serves,
    text,
    wire_in,
)
from tests.connectors.orders import until
from tests.fakes.mosquitto import free_port
from tests.fakes.mqtt_client import MqttClient


@pytest.mark.parametrize(
    "packets",
    [
        (b"GET / HTTP/1.1\r\n\r\n",),
        (b"\x10" + LONG,),
        (b"\x10\xff\xff\xff\xff\xff",),
        (b"\x10\x02\x00\xff",),
        (bytes([0x10, 12]) + text("MQTT") + b"\x04\xc2\x00\x3c" + text(b"\xff\xfe"),),
        (connect(flags=0xC3),),
        (connect(flags=0xDA),),
        (connect() [:-3],),
        (b"\x30\x05\x00\x01ab",),
        (b"",),
    ],
)  # fmt: skip
def test_what_is_no_greeting_is_hung_up_on_in_time(broker: EmbeddedBroker, packets: tuple[bytes, ...]) -> None:
    assert said(broker, *packets) == b""
    still_serves(broker)


@pytest.mark.parametrize(
    "packet",
    [
        b"\x32" + LONG + b"x",
        b"\x32" + b"\x81\x50" + bytes(MOST_BYTES + 1),
        b"\x34\x07" + text("a") + b"\x00\x01xy",
        b"\x32\x03" + text(b"\xff"),
        b"\x32\x05\x00\x09abc",
        b"\x82\x02\x00\x01",
        b"\x82\x06\x00\x01\x00\x01a\x07",
        b"\x80\x06\x00\x01\x00\x01a\x01",
        b"\x82\x2e\x00\x01" + (text("a") + b"\x01") * 11,
        b"\x40\x03\x00\x01\x00",
        b"\xc0\x01\x00",
        b"\x50\x02\x00\x01",
        b"\xf0\x00",
        b"\x00\x00",
        connect(),
    ],
)
def test_what_is_no_packet_ends_the_connection_and_nothing_else(broker: EmbeddedBroker, packet: bytes) -> None:
    assert said(broker, connect(), packet) == ACCEPTED
    still_serves(broker)


def test_another_version_is_told_so(broker: EmbeddedBroker) -> None:
    body = text("MQTT") + b"\x05\xc2\x00\x3c\x00" + text("x") + text("a") + text("b")
    assert said(broker, bytes([0x10, len(body)]) + body) == b"\x20\x02\x00\x01"


def test_who_falls_silent_counts_as_gone_though_nothing_was_hung_up(broker: EmbeddedBroker) -> None:
    with linked(broker.port) as link, wire_in(broker, connect(0xE6, keepalive_s=1, will=WILL)):
        until(lambda: any(said.payload == b"gone" for said in link.incoming()))


def test_neither_an_order_nor_a_report_is_ever_kept(broker: EmbeddedBroker) -> None:
    with closing(MqttClient(broker.port, "server", "server-secret")) as server, closing(box(broker)) as client:
        server.publish(KEP.topic(Part.ORDER), b"kept order", retained=True)
        client.publish(KEP.topic(Part.REPORT), b"kept report", retained=True)
        client.subscribe(KEP.topic(Part.ORDER))
        server.subscribe(everyone(Part.REPORT))
        server.publish(KEP.topic(Part.ORDER), b"new order")
        client.publish(KEP.topic(Part.REPORT), b"new report")
        assert [heard.payload for heard in client.wait_for(b"new order")] == [b"new order"]
        assert [heard.payload for heard in server.wait_for(b"new report")] == [b"new report"]


def test_one_that_was_removed_or_enrolled_anew_is_turned_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LOOK_S", 0.1)
    users = {KEP.user: KEPT}
    with running(users=users) as broker, linked(broker.port) as link:
        for changed in ({KEP.user: hashed(SECRET)}, {}):
            with closing(box(broker)) as client:
                assert client.is_in
                users.clear()
                users.update(changed)
                client.wait_until_out()
        assert link.is_connected()
        assert not box(broker).is_in


def test_a_database_that_is_away_lets_nobody_in_and_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "REFUSED_AFTER_S", 0.05)
    monkeypatch.setattr(embedded, "LOOK_S", 0.05)
    is_away = False

    def asked(answer: Callable[[], object]) -> object:
        if is_away:
            raise BroadcasterError("away")
        return answer()

    broker = EmbeddedBroker(
        "127.0.0.1", 0, "server-secret",
        lambda _: str(asked(lambda: KEPT)), lambda: {KEP.user: str(asked(lambda: KEPT))},
    )  # fmt: skip
    broker.start()
    with closing(box(broker)) as client, linked(broker.port) as link:
        is_away = True
        assert not box(broker).is_in
        assert client.subscribe(KEP.topic(Part.ORDER))
        link.publish(KEP.topic(Part.ORDER), b"an order", PATIENCE_S)
        client.wait_for(b"an order")
    broker.stop()


def test_many_loudspeakers_and_many_orders() -> None:
    devices = [Device("kep", f"loa-{number}") for number in range(50)]
    with running(users={device.user: KEPT for device in devices}) as broker, ExitStack() as stack:
        link = stack.enter_context(linked(broker.port))
        clients = [stack.enter_context(closing(MqttClient(broker.port, d.user, SECRET))) for d in devices]
        for client, device in zip(clients, devices, strict=True):
            assert client.subscribe(device.topic(Part.ORDER))
        orders = [(device.topic(Part.ORDER), b"%d" % number) for number in range(10) for device in devices]
        assert link.publish_all(orders, PATIENCE_S) == [None] * 500
        for client in clients:
            client.wait_for(b"9")
            assert sorted(heard.payload for heard in client.heard) == [b"%d" % number for number in range(10)]


def test_it_ends_while_others_are_connected_or_just_come(caplog: pytest.LogCaptureFixture) -> None:
    with running() as broker, ExitStack() as stack:
        client = stack.enter_context(closing(box(broker)))
        silent = stack.enter_context(socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S))
        until(lambda: len(broker._strangers) == 1)
        broker.stop()
        client.wait_until_out()
        assert silent.recv(1) == b""
        assert not broker._thread.is_alive()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_broker_that_cannot_begin_for_any_reason_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Inner:
        raise RuntimeError("broken")

    monkeypatch.setattr(embedded, "Inner", broken)
    broker = EmbeddedBroker("127.0.0.1", 0, "x", lambda _: None, dict)
    with pytest.raises(BroadcasterError, match="broken"):
        broker.start()


def test_a_port_that_is_taken_is_told(broker: EmbeddedBroker) -> None:
    second = EmbeddedBroker("127.0.0.1", broker.port, "x", lambda _: None, dict)
    with pytest.raises(BroadcasterError, match=r"cannot listen on 127\.0\.0\.1, port \d+.*broker\.port"):
        second.start()
    second.stop()


def test_the_server_and_the_loudspeakers_come_back_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    with running(port) as broker, ExitStack() as stack:
        link = stack.enter_context(linked(broker.port))
        broker.stop()
        until(lambda: not link.is_connected())
        with running(port):
            assert link.wait(PATIENCE_S, after=1)
            still_serves(broker)
