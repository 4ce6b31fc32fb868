"""What loudspeakers say over MQTT is stored, acknowledged with a signature, and answered with what they missed."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from broadcaster.connectors.mqtt_link import Incoming
from broadcaster.domain.loudspeaker import Trouble
from broadcaster.errors import DeliveryError
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import keyfolder
from broadcaster.orders.device import ACK_TYPE, Hello, PlayState, read_ack
from broadcaster.orders.health import OFFLINE, Amplifier, Health, Heard
from broadcaster.orders.topics import Part
from broadcaster.services import attending
from broadcaster.services.acknowledging import Acknowledging
from broadcaster.services.conversing import Conversing
from tests.services.village import DUE, LEAD, Village

SOON = DUE - LEAD + timedelta(seconds=1)
HEALTH = Health(
    at=SOON, version="0.1", volume=80, amplifier=Amplifier.ON, sound=Heard.UNKNOWN, storage_free_mb=900, keys_version=1,
    is_stopped=False,
)  # fmt: skip


class Broker:
    """What came and what went."""

    def __init__(self) -> None:
        self.generation = 1
        self.waiting: list[Incoming] = []
        self.sent: list[tuple[str, bytes]] = []

    def incoming(self) -> list[Incoming]:
        found, self.waiting = self.waiting, []
        return found

    def publish_all(self, items: Sequence[tuple[str, bytes]], timeout_s: float) -> list[DeliveryError | None]:
        self.sent += items
        return [None for _ in items]


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def conversing(handed_over: Village, broker: Broker) -> Conversing:
    return Conversing(handed_over.world.store, Acknowledging(handed_over.world.hand_over.signer), broker)


def said(handed_over: Village, part: Part, payload: bytes) -> Incoming:
    return Incoming(handed_over.loudspeakers[0].device, part, payload, retained=False)


def test_a_report_is_acknowledged_by_the_communes_order_key(
    handed_over: Village, broker: Broker, conversing: Conversing
) -> None:
    report = handed_over.loudspeakers[0].says(PlayState.ACCEPTED, handed_over.order, SOON)
    broker.waiting = [said(handed_over, Part.REPORT, report)]
    conversing.run(SOON)
    ((topic, envelope),) = broker.sent
    keys = keyfolder.load(handed_over.world.keys, "kep").document.keys
    ack = read_ack(envelopes.verify(envelope, ACK_TYPE, keys)[0])
    assert topic == "broadcaster/v1/kep/kep-01/order"
    assert (ack.seqs, ack.at, ack.keys_version) == ((1,), SOON, 1)


def test_a_hello_is_answered_with_the_orders_that_are_still_good(
    handed_over: Village, broker: Broker, conversing: Conversing
) -> None:
    loudspeaker = handed_over.loudspeakers[0]
    broker.waiting = [said(handed_over, Part.REPORT, loudspeaker.key.signed(Hello(loudspeaker.device, 7, SOON, 1)))]
    conversing.run(SOON)
    assert [envelope for _, envelope in broker.sent][1:] == [handed_over.wire.sent[0][1]]


def test_what_nobody_signed_is_answered_by_nothing(
    handed_over: Village, broker: Broker, conversing: Conversing
) -> None:
    other = handed_over.loudspeakers[1].says(PlayState.ACCEPTED, handed_over.order, SOON)
    broker.waiting = [said(handed_over, Part.REPORT, other), said(handed_over, Part.REPORT, b"{}")]
    conversing.run(SOON)
    assert broker.sent == []


def test_a_last_will_opens_a_fault_and_the_next_state_clears_it(
    handed_over: Village, broker: Broker, conversing: Conversing
) -> None:
    def faults() -> list[Trouble]:
        with handed_over.world.store.reading() as session:
            return [row.trouble for row in attending.faults(session, "kep")]

    broker.waiting = [said(handed_over, Part.STATE, OFFLINE), said(handed_over, Part.STATE, b"nonsense")]
    conversing.run(SOON)
    assert faults() == [Trouble.OFFLINE]
    broker.waiting = [said(handed_over, Part.STATE, HEALTH.as_bytes())]
    conversing.run(SOON)
    assert faults() == []


def test_without_keys_nothing_is_acknowledged_and_nothing_is_lost(
    handed_over: Village, broker: Broker, conversing: Conversing
) -> None:
    report = handed_over.loudspeakers[0].says(PlayState.ACCEPTED, handed_over.order, SOON)
    for path in (handed_over.world.keys / "kep").iterdir():
        path.unlink()
    broker.waiting = [said(handed_over, Part.REPORT, report)]
    conversing.run(SOON)
    assert broker.sent == []
    keyfolder.make(handed_over.world.keys, "kep", SOON)
    broker.waiting = [said(handed_over, Part.REPORT, report)]
    conversing.run(SOON)
    assert len(broker.sent) == 1
