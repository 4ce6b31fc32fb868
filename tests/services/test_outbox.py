"""Orders are numbered once, kept before they are sent, and told to loudspeakers for as long as they count."""

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from broadcaster.domain.place import Mode, Station
from broadcaster.orders.payload import Command, Payload
from broadcaster.orders.topics import Device
from broadcaster.services import outbox
from broadcaster.store.device_tables import OutboxRow
from broadcaster.store.engine import Store
from tests.fixtures import KINDS
from tests.orders.cast import HOUR, MINUTE, NOW, at_once, play, signed
from tests.services.devices import KEP, enrolled

LOA = Station("kep-loa", "kep", "mqtt", Mode.LIVE)
LOA_2 = Station("kep-loa-2", "kep", "mqtt", Mode.LIVE)
SHA256 = "ab" * 32
MILLISECONDS = int(NOW.timestamp() * 1000)


def kept(store: Store, order: Payload, station: Station = LOA, now: datetime = NOW) -> bytes:
    with store.writing() as session:
        return outbox.keep(session, signed(order), order, station, now).envelope


def valid(store: Store, whom: Device | str = "kep-loa", now: datetime = NOW) -> list[bytes]:
    with store.reading() as session:
        return outbox.valid_for(session, whom, now)


def number(store: Store, now: datetime = NOW) -> int:
    with store.writing() as session:
        return outbox.next_number(session, "kep", now)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_milliseconds_and_only_grow(devices: Store) -> None:
    assert number(devices) == MILLISECONDS
    assert number(devices) == MILLISECONDS + 1
    assert number(devices, NOW - HOUR) == MILLISECONDS + 2
    assert number(devices, NOW + HOUR) == MILLISECONDS + 3_600_000
    with devices.writing() as session:
        assert outbox.next_number(session, "my-thai", NOW) == MILLISECONDS


@pytest.mark.parametrize("kind", KINDS)
def test_two_who_ask_at_once_get_different_numbers(devices: Store) -> None:
    found: list[int] = []

    def ask() -> None:
        found.extend(number(devices) for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [MILLISECONDS + count for count in range(30)]


def test_a_loudspeaker_is_told_what_is_still_good_by_number(devices: Store) -> None:
    enrolled(devices)
    second, first = kept(devices, play(1, seq=2)), kept(devices, play(0, seq=1))
    kept(devices, play(2, seq=3), LOA_2)
    assert valid(devices) == valid(devices, KEP) == [first, second]
    assert valid(devices, Device("kep", "kep-99")) == valid(devices, Device("my-thai", "kep-01")) == []
    assert valid(devices, now=NOW + 65 * MINUTE) == [first, second]
    assert valid(devices, now=NOW + 66 * MINUTE) == []


def test_a_play_replaces_the_one_before_and_a_cancel_takes_it_back(devices: Store) -> None:
    kept(devices, play(0, seq=1))
    again, other = kept(devices, play(0, seq=2)), kept(devices, play(1, seq=3))
    assert valid(devices) == [again, other]
    cancel = kept(devices, at_once(Command.CANCEL, 0, seq=4))
    assert valid(devices) == [other, cancel]
    anew = kept(devices, play(0, seq=5))
    assert valid(devices) == [other, cancel, anew]


def test_a_stop_holds_until_its_release_and_what_it_silenced_stays_silent(devices: Store) -> None:
    kept(devices, play(0, seq=1))
    other = kept(devices, play(1, seq=2))
    stop = kept(devices, at_once(Command.STOP, 0, seq=3))
    assert valid(devices) == [other, stop]
    everything = kept(devices, at_once(Command.STOP, seq=4))
    kept(devices, at_once(Command.RELEASE, 1, seq=5))
    assert valid(devices)[:1] == [everything]
    release = kept(devices, at_once(Command.RELEASE, seq=6))
    later = kept(devices, play(2, seq=7))
    assert valid(devices) == [release, later]
    assert valid(devices, now=NOW + 11 * MINUTE) == [later]


def test_the_last_volume_counts_and_a_tone_is_for_those_who_are_there(devices: Store) -> None:
    kept(devices, at_once(Command.VOLUME, 0, seq=1))
    kept(devices, at_once(Command.TEST, 1, seq=2))
    last = kept(devices, at_once(Command.VOLUME, 2, seq=3))
    assert valid(devices) == [last]


def test_only_clips_that_were_ordered_may_be_fetched(devices: Store) -> None:
    enrolled(devices)
    enrolled(devices, Device("kep", "kep-02"), "kep-loa-2")
    kept(devices, play(0, seq=1))

    def may(loudspeaker: str = "kep-01", sha256: str = SHA256, after: timedelta = timedelta()) -> bool:
        with devices.reading() as session:
            return outbox.is_ordered(session, Device("kep", loudspeaker), sha256, NOW + after)

    assert may()
    assert not may("kep-02")
    assert not may("kep-99")
    assert not may(sha256="cd" * 32)
    assert not may(after=66 * MINUTE)
    kept(devices, at_once(Command.CANCEL, 0, seq=2))
    assert not may()


def test_orders_that_nobody_may_obey_any_more_are_forgotten_and_the_numbers_go_on(devices: Store) -> None:
    last = number(devices)
    kept(devices, play(0, seq=last))
    with devices.writing() as session:
        outbox.forget(session, NOW + 65 * MINUTE)
        assert len(list(session.scalars(select(OutboxRow)))) == 1
        outbox.forget(session, NOW + 66 * MINUTE)
        assert list(session.scalars(select(OutboxRow))) == []
    assert number(devices) == last + 1
