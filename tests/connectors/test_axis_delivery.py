"""Clips on their way to an Axis loudspeaker: its limits, its faults, its password, and what others left there."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster import clock, reach
from broadcaster.connectors.axis import AxisConnector
from broadcaster.connectors.base import status
from broadcaster.domain.order import Order, ReportState
from broadcaster.errors import DeliveryError
from tests.connectors.orders import clip_in, order, reports, station
from tests.fakes.axis import Axis
from tests.fakes.http_station import Vice

STARTED, FINISHED, REFUSED, STOPPED = ReportState
HOUR = timedelta(hours=1)
Connect = Callable[..., AxisConnector]


@pytest.fixture
def loa(axis_connect: Connect) -> AxisConnector:
    return axis_connect()


@pytest.fixture
def long(tmp_path: Path) -> Order:
    """Half a minute, due now."""
    return replace(order(clip_in(tmp_path, 30_000), clock.now()), duration_ms=30_000)


def names(axis: Axis) -> list[str]:
    return [name for name, _ in axis.shelf.values()]


def refusal(loa: AxisConnector, given: Order) -> DeliveryError:
    with pytest.raises(DeliveryError, match="kep-loa") as refused:
        loa.deliver(given)
    return refused.value


def test_a_wrong_password_is_told_and_leaves_nothing(axis_connect: Connect, axis: Axis, now_due: Order) -> None:
    loa = axis_connect(password="guessed")
    assert refusal(loa, now_due).is_permanent
    assert "does not accept its credential" in str(refusal(loa, now_due))
    assert axis.shelf == {}
    assert axis.count("list") < 5  # not again and again: devices lock out who guesses
    assert "credential" in str(status(station("axis", address=axis.address, username="loa", password="guessed")))


def test_a_challenge_that_has_run_out_is_answered_anew(loa: AxisConnector, axis: Axis, now_due: Order) -> None:
    axis.nonce_uses = 1
    loa.deliver(now_due)
    assert [report.state for report in reports(loa, 2)] == [STARTED, FINISHED]


@pytest.mark.parametrize(
    "vice", [Vice.DROPS, Vice.LOST, Vice.HALF, Vice.HTML, Vice.BUSY, Vice.ERROR], ids=str
)  # fmt: skip
def test_an_upload_that_fails_can_be_tried_again_and_leaves_one_clip(
    loa: AxisConnector, axis: Axis, tmp_path: Path, vice: Vice
) -> None:
    given = order(clip_in(tmp_path), clock.now() + HOUR)
    axis.next("upload", vice)
    assert not refusal(loa, given).is_permanent
    loa.deliver(given)
    assert names(axis) == ["bc-A1"]


def test_a_device_that_is_silent_is_not_waited_for(axis_connect: Connect, axis: Axis, now_due: Order) -> None:
    axis.next("upload", Vice.SLOW)
    error = refusal(axis_connect(timeout_s=0.1), now_due)
    assert "too slow" in str(error)
    assert not error.is_permanent


def test_a_device_that_is_not_there_is_told(loa: AxisConnector, axis: Axis, now_due: Order) -> None:
    axis.close()
    error = refusal(loa, now_due)
    assert "cannot be reached" in str(error)
    assert not error.is_permanent
    with pytest.raises(DeliveryError, match="cannot be reached"):
        loa.check()


def test_a_clip_that_is_gone_is_told(loa: AxisConnector, axis: Axis, tmp_path: Path) -> None:
    assert "the clip cannot be read" in str(refusal(loa, order(tmp_path / "gone.mp3", clock.now())))
    assert axis.shelf == {}


@pytest.mark.parametrize(("limits", "size", "is_taken"), [
    ({}, 1_500_000, True), ({}, 1_500_001, False), ({"MaxUploadSize": "3"}, 3_000_000, True),
    ({"MaxUploadSize": "3"}, 3_000_001, False), ({"MaxUploadSize": "many"}, 1_500_001, False),
])  # fmt: skip
def test_a_clip_that_is_too_large_is_never_sent(
    loa: AxisConnector, axis: Axis, tmp_path: Path, limits: dict[str, str], size: int, is_taken: bool
) -> None:
    axis.limits, axis.most_bytes = limits, 3_000_000
    (tmp_path / "large.mp3").write_bytes(b"x" * size)
    given = order(tmp_path / "large.mp3", clock.now() + HOUR)
    if is_taken:
        loa.deliver(given)
    else:
        error = refusal(loa, given)
        assert error.is_permanent
        assert f"has {size} bytes" in str(error)
    assert axis.count("upload") == is_taken


def test_our_clips_that_nobody_needs_make_room_and_others_stay(loa: AxisConnector, axis: Axis, tmp_path: Path) -> None:
    axis.limits = {"MaxGroups": "3"}
    axis.shelf = {0: ("Doorbell", b""), 1: ("bc-A0", b""), 2: ("bc-B0", b"")}
    loa.deliver(order(clip_in(tmp_path), clock.now() + HOUR))
    assert sorted(names(axis)) == ["Doorbell", "bc-A1"]


def test_a_device_that_is_full_of_others_has_no_room(loa: AxisConnector, axis: Axis, now_due: Order) -> None:
    axis.limits = {"MaxGroups": "2"}
    axis.shelf = {0: ("Doorbell", b""), 1: ("Alarm", b"")}
    error = refusal(loa, now_due)
    assert "is full (2 clips)" in str(error)
    assert error.is_permanent


def test_a_device_that_is_full_of_what_is_needed_has_room_later(loa: AxisConnector, axis: Axis, tmp_path: Path) -> None:
    axis.limits = {"MaxGroups": "1"}
    loa.deliver(order(clip_in(tmp_path), clock.now() + HOUR))
    second = order(clip_in(tmp_path), clock.now() + HOUR, "A2")
    assert not refusal(loa, second).is_permanent
    loa.stop("A1")
    loa.deliver(second)
    assert names(axis) == ["bc-A2"]


def test_the_clip_of_a_former_process_is_silenced_and_replaced(
    axis_connect: Connect, axis: Axis, long: Order, tmp_path: Path
) -> None:
    axis.shelf = {4: ("bc-A1", b"half")}
    axis.playing = "bc-A1"
    loa = axis_connect()
    loa.stop("A2")
    assert axis.playing == "bc-A1"
    loa.stop("A1")
    assert not axis.playing
    assert not axis.shelf
    axis.shelf = {4: ("bc-A1", b"half")}
    loa.deliver(replace(long, start=clock.now() + HOUR))
    assert [content for _, content in axis.shelf.values()] == [long.clip.read_bytes()]


def test_the_stop_of_a_left_clip_does_not_silence_what_plays_now(loa: AxisConnector, axis: Axis, long: Order) -> None:
    axis.shelf = {4: ("bc-A0", b"")}
    axis.next("remove", Vice.ERROR)
    assert not refusal(loa, long).is_permanent
    axis.shelf = {}
    loa.deliver(long)
    reports(loa, 1)
    axis.shelf[5] = ("bc-A0", b"")
    loa.stop("A0")
    assert axis.playing == "bc-A1"
    assert 5 not in axis.shelf


def test_no_password_gets_into_a_log_or_an_error(
    loa: AxisConnector, axis: Axis, now_due: Order, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    axis.next("upload", Vice.ERROR)
    error = refusal(loa, now_due)
    assert axis.password not in caplog.text + repr(error) + repr([vars(record) for record in caplog.records])


def test_a_private_network_is_out_of_reach_until_it_is_allowed(
    loa: AxisConnector, axis: Axis, now_due: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "_allowed", ())
    error = refusal(loa, now_due)
    assert error.is_permanent
    assert "net.allowed_networks" in str(error)
    assert axis.asked == []
