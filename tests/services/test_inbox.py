"""What loudspeakers say is kept once, believed by its signature alone, and never fills the database."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from broadcaster.orders.device import PlayReport, PlayState
from broadcaster.orders.topics import Device
from broadcaster.services import enrolment, inbox
from broadcaster.services.inbox import Received
from broadcaster.store.device_tables import DeviceMessageRow
from broadcaster.store.engine import Store
from tests.fixtures import KINDS, NOW
from tests.services.devices import AIRING, KEP, OPERATOR, Box, added, enrolled

HOUR = timedelta(hours=1)


def received(store: Store, *envelopes: bytes, device: Device = KEP) -> Received:
    with store.writing() as session:
        return inbox.receive(session, device, envelopes, NOW)


def untaken(store: Store) -> list[int]:
    with store.reading() as session:
        return [row.seq for row in inbox.untaken(session, 100)]


def take_all(store: Store) -> int:
    with store.writing() as session:
        return inbox.taken(session, inbox.untaken(session, 10_000), NOW)


def kept(store: Store) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(DeviceMessageRow)) or 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_is_kept_once_and_acknowledged_each_time(devices: Store) -> None:
    box = enrolled(devices)
    first, second, hello = box.report(7), box.report(8, state=PlayState.FINISHED), box.hello(9)
    found = received(devices, first, second, hello, first)
    assert found.ack_seqs == (7, 8, 9)
    assert [report.seq for report in found.reports] == [7, 8]
    assert [said.seq for said in found.hellos] == [9]
    again = received(devices, second, hello)
    assert (again.ack_seqs, again.reports, len(again.hellos)) == ((8, 9), (), 1)
    assert untaken(devices) == [7, 8]
    with devices.writing() as session:
        rows = inbox.untaken(session, 100)
        said = inbox.message(rows[1])
        assert isinstance(said, PlayReport)
        assert (said.state, said.seq) == (PlayState.FINISHED, 8)
        assert inbox.taken(session, rows, NOW) == 2
        assert inbox.taken(session, rows, NOW) == 0
        assert inbox.taken(session, [], NOW) == 0
        assert len(inbox.about(session, AIRING)) == 2
    assert received(devices, first).ack_seqs == (7,)
    assert untaken(devices) == []


def test_what_somebody_else_has_signed_is_not_kept_and_the_rest_is(devices: Store) -> None:
    box, stranger = enrolled(devices), Box()
    neighbour = enrolled(devices, Device("kep", "kep-02"))
    found = received(
        devices, stranger.report(1), neighbour.report(2), b"", b"{}", b"x" * 10_000, box.report(3)[:-9], box.report(4)
    )
    assert (found.ack_seqs, found.refused) == ((4,), 6)
    assert untaken(devices) == [4]


def test_who_has_not_enrolled_is_not_believed(devices: Store) -> None:
    with devices.writing() as session:
        added(session)
    for device in (KEP, Device("kep", "kep-99")):
        assert received(devices, Box(device).report(1), device=device) == Received(refused=1)
    assert kept(devices) == 0


def test_a_new_key_may_count_from_the_beginning_and_the_old_one_is_over(devices: Store) -> None:
    old, new = enrolled(devices), Box()
    received(devices, old.report(1))
    with devices.writing() as session:
        new.enroll(session, enrolment.new_code(session, "kep", "kep-01", NOW, actor=OPERATOR))
    assert received(devices, old.report(2)).refused == 1
    assert len(received(devices, new.report(1)).reports) == 1
    with devices.reading() as session:
        assert [inbox.message(row).seq for row in inbox.untaken(session, 9)] == [1, 1]


def test_no_loudspeaker_fills_the_database(devices: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_UNTAKEN", 3)
    monkeypatch.setattr(inbox, "MAX_KEPT", 5)
    box = enrolled(devices)
    reports = [box.report(seq) for seq in range(1, 6)]
    found = received(devices, *reports, box.hello(6))
    assert (found.ack_seqs, found.put_off, len(found.hellos)) == ((1, 2, 3, 6), 2, 1)
    again = received(devices, *reports)
    assert (again.ack_seqs, again.put_off) == ((1, 2, 3), 2)
    neighbour = enrolled(devices, Device("kep", "kep-02"))
    assert received(devices, neighbour.report(1), device=neighbour.device).ack_seqs == (1,)
    assert take_all(devices) == 4
    assert received(devices, *reports).ack_seqs == (1, 2, 3, 4, 5)
    received(devices, *(box.hello(seq) for seq in range(10, 30)))
    assert kept(devices) == 5 + 1
    assert untaken(devices) == [4, 5]


def test_what_was_taken_long_ago_is_forgotten_and_what_was_not_never(devices: Store) -> None:
    box = enrolled(devices)
    received(devices, box.report(1))
    take_all(devices)
    received(devices, box.report(2))
    with devices.writing() as session:
        inbox.forget(session, NOW)
    assert kept(devices) == 2
    with devices.writing() as session:
        inbox.forget(session, NOW + HOUR)
    assert (kept(devices), untaken(devices)) == (1, [2])
