"""Loudspeakers hear of changed quiet hours by a signed word of their own, before anything else is ordered."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time

import pytest

from broadcaster.domain.timetable import Window
from broadcaster.errors import DeliveryError
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import keyfolder
from broadcaster.orders.device import ACK_TYPE, Ack, read_ack
from broadcaster.orders.hours import Hours
from broadcaster.orders.topics import Device, Part
from broadcaster.services import visiting
from broadcaster.services.acknowledging import Acknowledging
from broadcaster.services.reminding import EVERY, Reminding
from broadcaster.services.visiting import Answering
from broadcaster.store.tables import CommuneRow
from tests.services.test_conversing import SOON, Broker
from tests.services.village import Village

KEP = Device("kep", "kep-01")


class Lame(Broker):
    """A broker that is not there."""

    def publish_all(self, items: Sequence[tuple[str, bytes]], timeout_s: float) -> list[DeliveryError | None]:
        return [DeliveryError("it is not there", is_permanent=False) for _ in items]


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def reminding(handed_over: Village, broker: Broker) -> Reminding:
    signer = handed_over.world.hand_over.signer
    return Reminding(handed_over.world.store, Acknowledging(signer), broker, signer.config.timetable.quiet_hours)


def told(village: Village, broker: Broker) -> dict[str, Ack]:
    """What was sent since the last time, by topic."""
    found = {topic: ack(village, envelope) for topic, envelope in broker.sent}
    broker.sent.clear()
    return found


def ack(village: Village, envelope: bytes) -> Ack:
    keys = keyfolder.load(village.world.keys, "kep").document.keys
    return read_ack(envelopes.verify(envelope, ACK_TYPE, keys)[0])


def change(village: Village, start: str, end: str) -> None:
    with village.world.store.writing() as session:
        row = session.get_one(CommuneRow, "kep")
        row.timetable = {**row.timetable, "quiet_hours": {"start": start, "end": end}}


def visit(village: Village, now: datetime) -> bytes | None:
    with village.world.store.writing() as session:
        return visiting.report(session, KEP, [], now).ack


def test_each_loudspeaker_is_told_after_a_start_and_after_a_change_and_never_else(
    handed_over: Village, broker: Broker, reminding: Reminding
) -> None:
    reminding.run(SOON)
    first = told(handed_over, broker)
    assert set(first) == {Device("kep", name).topic(Part.ORDER) for name in ("kep-01", "kep-02")}
    reminding.run(SOON + EVERY)
    assert told(handed_over, broker) == {}
    change(handed_over, "12:00", "13:30")
    reminding.run(SOON + 2 * EVERY)
    changed = told(handed_over, broker)[KEP.topic(Part.ORDER)]
    known = first[KEP.topic(Part.ORDER)]
    assert known.hours is not None
    wanted = Hours(known.hours.zone, (Window(time(12), time(13, 30)),))
    assert changed == replace(known, at=SOON + 2 * EVERY, hours=wanted, seqs=())


def test_between_two_looks_nothing_is_asked(handed_over: Village, broker: Broker, reminding: Reminding) -> None:
    reminding.run(SOON)
    change(handed_over, "12:00", "13:30")
    broker.sent.clear()
    reminding.run(SOON + EVERY / 2)
    assert broker.sent == []


def test_who_comes_to_the_door_is_told_there(handed_over: Village, reminding: Reminding) -> None:
    assert visit(handed_over, SOON) is None
    reminding.run(SOON)
    Answering(handed_over.world.store, reminding.acknowledging).run(SOON)
    envelope = visit(handed_over, SOON)
    assert envelope is not None
    assert ack(handed_over, envelope).hours is not None


def test_what_did_not_go_out_is_told_again(handed_over: Village, broker: Broker, reminding: Reminding) -> None:
    reminding.wire = Lame()
    reminding.run(SOON)
    reminding.wire = broker
    reminding.run(SOON + EVERY)
    assert len(told(handed_over, broker)) == 2
