"""How loudspeakers are is known, and a fault is told once when it comes and once when it goes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broadcaster.domain.loudspeaker import Presence, Trouble
from broadcaster.orders.health import Amplifier, Health, Heard
from broadcaster.orders.topics import Device
from broadcaster.services import attending, enrolment
from broadcaster.services.attending import LoudspeakerLine
from broadcaster.services.enrolment import CODE_HOLDS
from broadcaster.store.engine import Store
from tests.fixtures import KINDS, NOW
from tests.services.devices import AIRING, HEALTH, KEP, OPERATOR, Box, added, enrolled, told

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def said(store: Store, health: Health | None, seconds: float = 0) -> tuple[Trouble, ...]:
    with store.writing() as session:
        return attending.seen(session, KEP, health, NOW + seconds * SECOND)


def open_faults(store: Store) -> list[tuple[Trouble, str]]:
    with store.reading() as session:
        return [(row.trouble, row.detail) for row in attending.faults(session)]


def line(store: Store, now: timedelta = timedelta()) -> LoudspeakerLine:
    with store.reading() as session:
        (found,) = attending.lines(session, "kep", NOW + now)
        return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_loudspeaker_that_dies_and_comes_back_is_told_of_once_each(devices: Store) -> None:
    enrolled(devices)
    assert said(devices, HEALTH) == ()
    assert said(devices, None, 60) == (Trouble.OFFLINE,)
    assert said(devices, None, 61) == ()
    assert open_faults(devices) == [(Trouble.OFFLINE, "last will")]
    assert line(devices).presence is Presence.OFFLINE
    assert said(devices, HEALTH, 90) == said(devices, HEALTH, 91) == ()
    assert open_faults(devices) == []
    assert told(devices)[2:] == ["loudspeaker_faulty", "loudspeaker_mended"]
    found = line(devices)
    assert (found.presence, found.health, found.seen_at) == (Presence.ONLINE, HEALTH, NOW + 91 * SECOND)
    with devices.reading() as session:
        (gone,) = attending.past(session, NOW, "kep")
    assert (gone.opened_at, gone.cleared_at) == (NOW + 60 * SECOND, NOW + 90 * SECOND)


@pytest.mark.parametrize(
    ("bad", "trouble", "same", "good"),
    [
        ({"amplifier": Amplifier.FAULT}, Trouble.AMPLIFIER, {"amplifier": Amplifier.UNKNOWN}, {}),
        ({"sound": Heard.SILENT, "playing": AIRING}, Trouble.SILENT, {"sound": Heard.SILENT}, {}),
        ({"clock_offset_ms": -120_001}, Trouble.CLOCK, {"clock_offset_ms": None}, {"clock_offset_ms": 120_000}),
        ({"storage_free_mb": 199}, Trouble.STORAGE, {"storage_free_mb": 200}, {"storage_free_mb": 250}),
    ],
)
def test_a_fault_stays_until_the_loudspeaker_says_that_it_is_gone(
    devices: Store, bad: dict[str, object], trouble: Trouble, same: dict[str, object], good: dict[str, object]
) -> None:
    enrolled(devices)
    assert said(devices, replace(HEALTH, **same)) == ()  # type: ignore[arg-type]
    assert said(devices, replace(HEALTH, **bad)) == (trouble,)  # type: ignore[arg-type]
    assert line(devices).troubles == (trouble,)
    for now in (bad, same):
        assert said(devices, replace(HEALTH, **now)) == ()  # type: ignore[arg-type]
        assert line(devices).troubles == (trouble,)
    said(devices, replace(HEALTH, **good))  # type: ignore[arg-type]
    assert line(devices).troubles == ()
    assert told(devices)[2:] == ["loudspeaker_faulty", "loudspeaker_mended"]


def test_what_an_offline_loudspeaker_suffered_from_stays_open(devices: Store) -> None:
    enrolled(devices)
    said(devices, replace(HEALTH, amplifier=Amplifier.FAULT, storage_free_mb=3))
    assert said(devices, None) == (Trouble.OFFLINE,)
    assert line(devices).troubles == (Trouble.AMPLIFIER, Trouble.OFFLINE, Trouble.STORAGE)


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_says_nothing_for_100_s_is_offline_whatever_its_broker_believes(devices: Store) -> None:
    enrolled(devices)
    said(devices, HEALTH)
    for seconds, expected in ((100, []), (101, [KEP]), (102, [])):
        with devices.writing() as session:
            assert attending.unseen(session, NOW + seconds * SECOND) == expected
    assert open_faults(devices) == [(Trouble.OFFLINE, "unseen")]
    assert said(devices, None, 103) == ()


def test_after_a_restart_of_the_broker_nothing_is_known_until_all_had_time_to_come_back(devices: Store) -> None:
    enrolled(devices)
    said(devices, HEALTH)
    with devices.writing() as session:
        attending.all_unknown(session, NOW + 90 * SECOND)
    assert line(devices).presence is Presence.UNKNOWN
    with devices.writing() as session:
        assert attending.unseen(session, NOW + 190 * SECOND) == []
        assert attending.unseen(session, NOW + 191 * SECOND) == [KEP]
        attending.all_unknown(session, NOW + 192 * SECOND)
    assert line(devices).presence is Presence.OFFLINE


def test_one_that_was_never_there_is_not_missed(devices: Store) -> None:
    with devices.writing() as session:
        code = added(session)
        assert attending.seen(session, KEP, None, NOW) == ()
        assert attending.seen(session, Device("kep", "kep-99"), None, NOW) == ()
    assert line(devices).presence is Presence.ADDED
    assert line(devices, CODE_HOLDS + SECOND).presence is Presence.LAPSED
    with devices.writing() as session:
        Box().enroll(session, code)
        assert attending.unseen(session, NOW + HOUR) == []
    assert line(devices).presence is Presence.UNKNOWN
    assert open_faults(devices) == []


def test_a_new_box_begins_without_the_faults_of_the_old_one(devices: Store) -> None:
    enrolled(devices)
    said(devices, replace(HEALTH, amplifier=Amplifier.FAULT))
    with devices.writing() as session:
        Box().enroll(session, enrolment.new_code(session, "kep", "kep-01", NOW, actor=OPERATOR))
    assert open_faults(devices) == []
    assert line(devices).health is None


def test_other_faults_are_opened_and_cleared_once(devices: Store) -> None:
    enrolled(devices)
    with devices.writing() as session:
        assert [attending.open_fault(session, KEP, Trouble.CLIP, text, NOW) for text in ("a", "b")] == [True, False]
    assert open_faults(devices) == [(Trouble.CLIP, "a")]
    said(devices, HEALTH)
    with devices.writing() as session:
        assert [attending.clear(session, KEP, Trouble.CLIP, NOW) for _ in range(2)] == [True, False]
        assert attending.open_fault(session, KEP, Trouble.CLIP, "c", NOW)


def test_faults_that_are_long_gone_are_forgotten_and_open_ones_never(devices: Store) -> None:
    enrolled(devices)
    said(devices, None)
    said(devices, HEALTH)
    said(devices, replace(HEALTH, storage_free_mb=1))
    with devices.writing() as session:
        attending.forget(session, NOW)
        assert len(attending.past(session, NOW)) == 1
        attending.forget(session, NOW + HOUR)
        assert attending.past(session, NOW) == []
    assert [trouble for trouble, _ in open_faults(devices)] == [Trouble.STORAGE]
