"""Reports on the disk: none is lost before the server has it, and no number is given twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster.orders import device as devices
from broadcaster.orders.device import DeviceKey, PlayReport, PlayState
from broadcaster.orders.topics import Device
from broadcaster.player import reports as room
from broadcaster.player.reports import Reports

NOW = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
DEVICE = Device("kep", "kep-01")
KEY = DeviceKey(Ed25519PrivateKey.generate())
REPORT = PlayReport(DEVICE, 0, None, None, PlayState.ACCEPTED, NOW)


def numbers(reports: Reports) -> list[int]:
    return [number for number, _ in reports.waiting()]


def test_a_report_is_there_after_a_power_cut_as_it_was_signed(tmp_path: Path) -> None:
    number, envelope = Reports(tmp_path, KEY, DEVICE).add(REPORT, NOW)
    assert Reports(tmp_path, KEY, DEVICE).waiting() == [(number, envelope)]
    found = devices.read_message(envelope, DEVICE, devices.public_key(KEY.text))
    assert found == replace(REPORT, seq=number)


def test_what_another_key_has_signed_is_not_said_again_and_its_numbers_stay_taken(tmp_path: Path) -> None:
    number, _ = Reports(tmp_path, DeviceKey(Ed25519PrivateKey.generate()), DEVICE).add(REPORT, NOW)
    after = Reports(tmp_path, KEY, DEVICE)
    assert after.waiting() == []
    assert after.add(REPORT, NOW)[0] > number


def test_numbers_grow_over_restarts_and_clocks_that_went_back(tmp_path: Path) -> None:
    first = Reports(tmp_path, KEY, DEVICE)
    given = [first.add(REPORT, NOW)[0], first.next_number(NOW)]
    first.acknowledge(given)
    for _ in range(3):
        again = Reports(tmp_path, KEY, DEVICE)
        given.append(again.add(REPORT, NOW - timedelta(days=3650))[0])
        again.acknowledge(given)
        given.append(again.next_number(NOW - timedelta(days=3650)))
    assert given == sorted(set(given))
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_acknowledged_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    reports = Reports(tmp_path, KEY, DEVICE)
    first, second, third = (reports.add(REPORT, NOW)[0] for _ in range(3))
    reports.acknowledge([second, 12345])
    assert numbers(reports) == numbers(Reports(tmp_path, KEY, DEVICE)) == [first, third]


def test_the_oldest_are_dropped_where_too_many_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LIMIT", 3)
    reports = Reports(tmp_path, KEY, DEVICE)
    given = [reports.add(REPORT, NOW)[0] for _ in range(5)]
    assert numbers(reports) == numbers(Reports(tmp_path, KEY, DEVICE)) == given[2:]
