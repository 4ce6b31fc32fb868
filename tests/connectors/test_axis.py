"""An Axis loudspeaker plays on time: evidence by its own word, and silence wherever there is a doubt."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster import clock
from broadcaster.connectors import axis as axis_module
from broadcaster.connectors.axis import AxisConnector
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order, ReportState
from broadcaster.errors import DeliveryError
from tests.connectors.orders import clip_in, order, reports, until
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


def test_the_clip_is_there_ahead_and_is_not_played_before_its_time(
    loa: AxisConnector, axis: Axis, tmp_path: Path
) -> None:
    given = order(clip_in(tmp_path), clock.now() + HOUR)
    loa.deliver(given)
    assert list(axis.shelf.values()) == [("bc-A1", given.clip.read_bytes())]
    assert (axis.played, loa.reports()) == ([], [])


def test_it_is_played_when_due_and_the_clip_is_taken_away(loa: AxisConnector, axis: Axis, now_due: Order) -> None:
    loa.deliver(now_due)
    started, finished = reports(loa, 2)
    assert (started.state, finished.state, finished.position_s) == (STARTED, FINISHED, 0.06)
    assert started.at <= finished.at
    assert (axis.played, axis.shelf, axis.volumes) == (["bc-A1"], {}, [None])


@pytest.mark.parametrize(("percent", "sent"), [(0, "0"), (70, "70"), (100, None), (1000, "1000")])
def test_the_volume_is_the_stations(
    axis_connect: Connect, axis: Axis, now_due: Order, percent: int, sent: str | None
) -> None:
    loa = axis_connect(volume_percent=percent)
    loa.deliver(now_due)
    reports(loa, 2)
    assert axis.volumes == [sent]


def test_it_is_played_as_often_as_asked_with_one_start_and_one_end(
    loa: AxisConnector, axis: Axis, now_due: Order
) -> None:
    loa.deliver(replace(now_due, repeats=3, gap_s=0.01))
    assert [report.state for report in reports(loa, 2)] == [STARTED, FINISHED]
    assert axis.played == ["bc-A1"] * 3


def test_a_stop_in_the_gap_keeps_the_next_play_away(loa: AxisConnector, axis: Axis, now_due: Order) -> None:
    loa.deliver(replace(now_due, repeats=2, gap_s=60))
    reports(loa, 1)
    until(lambda: axis.playing is None)
    loa.stop("A1")
    assert reports(loa, 1)[0].state is STOPPED
    assert axis.played == ["bc-A1"]


def test_what_is_delivered_twice_is_uploaded_and_played_once(loa: AxisConnector, axis: Axis, long: Order) -> None:
    loa.deliver(long)
    reports(loa, 1)
    loa.deliver(long)
    assert (axis.count("upload"), axis.played) == (1, ["bc-A1"])


def test_what_has_been_played_is_not_played_again(loa: AxisConnector, axis: Axis, now_due: Order) -> None:
    loa.deliver(now_due)
    reports(loa, 2)
    loa.deliver(now_due)
    assert (axis.count("upload"), axis.shelf, loa.reports()) == (1, {}, [])


def test_a_stop_silences_the_device_and_tells_how_far_it_came(loa: AxisConnector, axis: Axis, long: Order) -> None:
    loa.deliver(long)
    reports(loa, 1)
    loa.stop("A1")
    assert axis.playing is None
    (stopped,) = reports(loa, 1)
    assert (stopped.state, stopped.code) == (STOPPED, "stopped")
    assert 0 < stopped.position_s < 30
    assert axis.shelf == {}


def test_a_stop_that_the_device_does_not_hear_is_an_error(loa: AxisConnector, axis: Axis, long: Order) -> None:
    loa.deliver(long)
    reports(loa, 1)
    axis.next("stop", Vice.ERROR)
    with pytest.raises(DeliveryError, match="status 500"):
        loa.stop("A1")


def test_what_waits_is_taken_back_with_its_clip(loa: AxisConnector, axis: Axis, tmp_path: Path) -> None:
    loa.deliver(order(clip_in(tmp_path), clock.now() + HOUR))
    loa.stop("A1")
    (stopped,) = reports(loa, 1)
    assert (stopped.state, stopped.code, stopped.position_s) == (STOPPED, "stopped_before_start", 0.0)
    assert axis.shelf == {}


def test_what_is_taken_back_while_its_clip_is_on_the_way_is_not_played(
    loa: AxisConnector, axis: Axis, now_due: Order
) -> None:
    axis.on_upload = lambda: loa.stop("A1")
    loa.deliver(now_due)
    assert [report.state for report in reports(loa, 1)] == [STOPPED]
    assert (axis.played, axis.shelf) == ([], {})


def test_closing_silences_the_device(loa: AxisConnector, axis: Axis, long: Order) -> None:
    loa.deliver(long)
    reports(loa, 1)
    loa.close()
    assert axis.playing is None
    assert [report.state for report in loa.reports()] == [STOPPED]


def test_what_ends_early_at_the_device_was_cut_short(loa: AxisConnector, axis: Axis, long: Order) -> None:
    loa.deliver(long)
    reports(loa, 1)
    until(lambda: axis.told == [True])
    axis.finish()
    (stopped,) = reports(loa, 1)
    assert (stopped.state, stopped.code) == (STOPPED, "ended_early")
    assert stopped.position_s < 30


def test_a_device_that_says_it_plays_and_does_not_is_found_out(
    loa: AxisConnector, axis: Axis, long: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(axis_module, "SETTLES_WITHIN_S", 0.05)
    axis.is_mute = True
    loa.deliver(long)
    assert [(report.state, report.code) for report in reports(loa, 2)] == [(STARTED, ""), (REFUSED, "not_playing")]


def test_a_device_that_plays_on_is_silenced_and_nothing_is_claimed(
    loa: AxisConnector, axis: Axis, now_due: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(axis_module, "OVERRUN_S", 0.05)
    axis.is_held = True
    loa.deliver(now_due)
    until(lambda: axis.shelf == {})
    assert axis.playing is None
    assert [report.state for report in loa.reports()] == [STARTED]


def test_a_lost_view_of_the_device_is_opened_again(loa: AxisConnector, axis: Axis, now_due: Order) -> None:
    axis.is_held = True
    loa.deliver(now_due)
    until(lambda: axis.told == [True])
    axis.hang_up()
    until(lambda: axis.count("events") > 1)
    axis.finish()
    assert [report.state for report in reports(loa, 2)] == [STARTED, FINISHED]


@pytest.mark.parametrize("vice", [Vice.DROPS, Vice.HTML, Vice.ERROR, Vice.FORBIDDEN], ids=str)
@pytest.mark.parametrize("call", ["session", "events"])
def test_a_view_that_cannot_be_opened_at_once_is_tried_again(
    loa: AxisConnector, axis: Axis, now_due: Order, call: str, vice: Vice
) -> None:
    axis.next(call, vice, vice)
    loa.deliver(now_due)
    assert [report.state for report in reports(loa, 2)] == [STARTED, FINISHED]


def test_without_events_the_end_is_not_claimed(
    loa: AxisConnector, axis: Axis, now_due: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(axis_module, "OVERRUN_S", 0.05)
    axis.has_events = False
    loa.deliver(now_due)
    until(lambda: axis.shelf == {})
    assert [report.state for report in loa.reports()] == [STARTED]


def test_a_device_without_events_can_be_declared_so(axis_connect: Connect, axis: Axis, now_due: Order) -> None:
    loa = axis_connect(watch=False)
    assert (loa.capabilities.confirms_finish, loa.capabilities.evidence) == (False, Evidence.PLAYING)
    loa.deliver(now_due)
    until(lambda: axis.shelf == {})
    assert [report.state for report in loa.reports()] == [STARTED]
    assert "session" not in axis.asked


def test_what_can_only_start_too_late_is_refused(loa: AxisConnector, axis: Axis, tmp_path: Path) -> None:
    loa.deliver(order(clip_in(tmp_path), clock.now() - HOUR, grace_s=5))
    assert [(report.state, report.code) for report in reports(loa, 1)] == [(REFUSED, "too_late")]
    assert axis.played == []


def test_a_busy_device_is_asked_again_until_it_plays_once(loa: AxisConnector, axis: Axis, now_due: Order) -> None:
    axis.next("play", Vice.BUSY, Vice.BUSY)
    loa.deliver(now_due)
    assert [report.state for report in reports(loa, 2)] == [STARTED, FINISHED]
    assert axis.played == ["bc-A1"]


def test_a_device_that_stays_busy_is_left_when_it_is_too_late(
    loa: AxisConnector, axis: Axis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(axis_module, "RETRY_S", 60)
    axis.next("play", Vice.BUSY)
    loa.deliver(order(clip_in(tmp_path), clock.now(), grace_s=30))
    (refused,) = reports(loa, 1)
    assert refused.state is REFUSED
    assert "503" in refused.code


def test_a_device_that_plays_something_else_refuses(loa: AxisConnector, axis: Axis, now_due: Order) -> None:
    axis.playing = "Doorbell"
    loa.deliver(now_due)
    (refused,) = reports(loa, 1)
    assert refused.state is REFUSED
    assert "400" in refused.code


@pytest.mark.parametrize("vice", [Vice.LOST, Vice.HALF, Vice.HTML, Vice.DROPS, Vice.ERROR], ids=str)
def test_what_may_be_playing_and_says_nothing_is_silenced_and_not_begun_again(
    loa: AxisConnector, axis: Axis, long: Order, vice: Vice
) -> None:
    axis.next("play", vice)
    loa.deliver(long)
    assert [report.state for report in reports(loa, 1)] == [REFUSED]
    assert axis.playing is None
    assert axis.count("play") == 1


def test_what_may_be_playing_and_cannot_be_silenced_is_not_spoken_of(
    loa: AxisConnector, axis: Axis, long: Order
) -> None:
    axis.next("play", Vice.LOST)
    axis.next("stop", Vice.ERROR)
    loa.deliver(long)
    until(lambda: axis.shelf == {})
    assert loa.reports() == []
