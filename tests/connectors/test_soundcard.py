"""This computer as a loudspeaker: one order after the other, each at its time by a clock that the test sets."""

import threading
import wave
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadcaster import clock
from broadcaster.audio.play import Gate, Played, Started, Volume
from broadcaster.connectors.base import connect
from broadcaster.connectors.soundcard import SoundcardConnector
from broadcaster.domain.order import Report, ReportState
from broadcaster.errors import AudioError, DeliveryError
from tests.connectors.orders import RATE_HZ, clip_in, order, station

NOON = datetime(2026, 11, 23, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PATIENCE_S = 20.0
STARTED, FINISHED, REFUSED, STOPPED = ReportState


class Hands:
    """The hands of the clock."""

    def __init__(self) -> None:
        self.now = NOON


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    found = Hands()
    monkeypatch.setattr(clock, "now", lambda: found.now)
    return found


@pytest.fixture
def loa(hands: Hands) -> Iterator[SoundcardConnector]:
    yield from opened("none")


def opened(sink: str, volume_percent: int = 100) -> Generator[SoundcardConnector]:
    connector = connect(station("soundcard", sink=sink, volume_percent=volume_percent))
    assert isinstance(connector, SoundcardConnector)
    yield connector
    connector.close()


def reports(connector: SoundcardConnector, count: int) -> list[Report]:
    """The next reports, as soon as there are so many."""
    found: list[Report] = []
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.005)):
        found += connector.reports()
        if len(found) >= count:
            return found
        pause.wait(0.005)
    raise AssertionError(f"only {found}")


def told(found: list[Report]) -> list[tuple[str, ReportState]]:
    return [(report.airing, report.state) for report in found]


def set_to(connector: SoundcardConnector, hands: Hands, now: datetime) -> None:
    hands.now = now
    connector.stop("nobody")  # wakes the thread, so that it looks at the clock


def test_an_order_whose_time_has_come_is_played_to_its_end(loa: SoundcardConnector, tmp_path: Path) -> None:
    loa.deliver(order(clip_in(tmp_path, 80), NOON))
    started, finished = reports(loa, 2)
    assert told([started, finished]) == [("A1", STARTED), ("A1", FINISHED)]
    assert (started.at, started.station, started.position_s) == (NOON, "kep-loa", 0.0)
    assert finished.position_s == pytest.approx(0.08, abs=0.001)


def test_what_is_heard_can_go_into_a_file(hands: Hands, tmp_path: Path) -> None:
    for connector in opened(f"file:{tmp_path / 'heard.wav'}", volume_percent=50):
        clip = clip_in(tmp_path, 80)
        connector.deliver(order(clip, NOON))
        reports(connector, 2)
    with wave.open(str(tmp_path / "heard.wav")) as heard, wave.open(str(clip)) as given:
        assert heard.getnframes() == given.getnframes() == RATE_HZ * 80 // 1000
        loudest = [max(memoryview(w.readframes(9999)).cast("h")) for w in (heard, given)]
    assert loudest[0] == pytest.approx(loudest[1] / 2, abs=2)


def test_nothing_is_played_before_its_time(loa: SoundcardConnector, hands: Hands, tmp_path: Path) -> None:
    clip = clip_in(tmp_path)
    loa.deliver(order(clip, NOON + SECOND, "later"))
    loa.deliver(order(clip, NOON, "now"))
    assert told(reports(loa, 2)) == [("now", STARTED), ("now", FINISHED)]
    assert loa.reports() == []
    set_to(loa, hands, NOON + SECOND)
    assert told(reports(loa, 2)) == [("later", STARTED), ("later", FINISHED)]


def test_orders_are_played_by_their_time_however_they_came(
    loa: SoundcardConnector, hands: Hands, tmp_path: Path
) -> None:
    clip = clip_in(tmp_path)
    for second in (3, 1, 2):
        loa.deliver(order(clip, NOON + second * SECOND, f"A{second}"))
    set_to(loa, hands, NOON + 9 * SECOND)
    assert [airing for airing, state in told(reports(loa, 6)) if state is STARTED] == ["A1", "A2", "A3"]


@pytest.mark.parametrize(("late_s", "expected"), [(5.0, [STARTED, FINISHED]), (5.001, [REFUSED])])
def test_what_can_only_start_too_late_is_refused(
    loa: SoundcardConnector, hands: Hands, tmp_path: Path, late_s: float, expected: list[ReportState]
) -> None:
    hands.now = NOON + timedelta(seconds=late_s)
    loa.deliver(order(clip_in(tmp_path), NOON, grace_s=5))
    found = reports(loa, len(expected))
    assert [report.state for report in found] == expected
    assert (found[0].code == "too_late") == (expected == [REFUSED])


def test_a_clock_that_is_set_on_while_an_order_waits_is_noticed(
    loa: SoundcardConnector, hands: Hands, tmp_path: Path
) -> None:
    loa.deliver(order(clip_in(tmp_path), NOON + timedelta(hours=1), grace_s=5))
    set_to(loa, hands, NOON + timedelta(hours=2))
    assert told(reports(loa, 1)) == [("A1", REFUSED)]


def test_an_order_is_played_once_though_it_is_handed_over_twice(
    loa: SoundcardConnector, hands: Hands, tmp_path: Path
) -> None:
    clip = clip_in(tmp_path)
    for _ in range(2):
        loa.deliver(order(clip, NOON + SECOND))
    loa.deliver(order(clip, NOON + 2 * SECOND, "last"))
    set_to(loa, hands, NOON + 3 * SECOND)
    assert told(reports(loa, 4)) == [("A1", STARTED), ("A1", FINISHED), ("last", STARTED), ("last", FINISHED)]


def test_what_has_been_played_is_not_played_again(loa: SoundcardConnector, tmp_path: Path) -> None:
    clip = clip_in(tmp_path)
    loa.deliver(order(clip, NOON))
    reports(loa, 2)
    loa.deliver(order(clip, NOON))
    loa.deliver(order(clip, NOON, "next"))
    assert told(reports(loa, 2)) == [("next", STARTED), ("next", FINISHED)]


def test_what_is_stopped_falls_silent_and_tells_how_far_it_came(loa: SoundcardConnector, tmp_path: Path) -> None:
    loa.deliver(order(clip_in(tmp_path, 30_000), NOON))
    reports(loa, 1)
    loa.stop("A1")
    (stopped,) = reports(loa, 1)
    assert stopped.state is STOPPED
    assert 0 <= stopped.position_s < 30


def test_a_stop_meets_only_the_airing_it_names(loa: SoundcardConnector, hands: Hands, tmp_path: Path) -> None:
    clip = clip_in(tmp_path)
    loa.deliver(order(clip, NOON + SECOND, "stays"))
    loa.deliver(order(clip, NOON + 2 * SECOND, "goes"))
    loa.stop("goes")
    loa.stop("nobody")
    set_to(loa, hands, NOON + 3 * SECOND)
    assert told(reports(loa, 3)) == [("goes", STOPPED), ("stays", STARTED), ("stays", FINISHED)]


def test_what_is_stopped_while_it_waits_does_not_wait_for_its_time(loa: SoundcardConnector, tmp_path: Path) -> None:
    loa.deliver(order(clip_in(tmp_path), NOON + timedelta(hours=1)))
    loa.stop("A1")
    (stopped,) = reports(loa, 1)
    assert (stopped.state, stopped.code, stopped.position_s) == (STOPPED, "stopped_before_start", 0.0)


def test_closing_silences_what_plays_and_drops_what_waits(loa: SoundcardConnector, tmp_path: Path) -> None:
    loa.deliver(order(clip_in(tmp_path, 30_000), NOON, "plays"))
    loa.deliver(order(clip_in(tmp_path), NOON, "waits"))
    reports(loa, 1)
    loa.close()
    assert told(loa.reports()) == [("plays", STOPPED)]


def test_a_closed_station_takes_no_orders(loa: SoundcardConnector, tmp_path: Path) -> None:
    loa.close()
    with pytest.raises(DeliveryError, match="kep-loa is shutting down"):
        loa.deliver(order(clip_in(tmp_path), NOON))
    loa.close()
    assert loa.reports() == []


@pytest.mark.parametrize("content", [None, b"", b"khong phai am thanh" * 100])
def test_a_clip_that_cannot_be_played_is_refused_and_the_next_one_is_played(
    loa: SoundcardConnector, tmp_path: Path, content: bytes | None
) -> None:
    bad = tmp_path / "bad.mp3"
    if content is not None:
        bad.write_bytes(content)
    loa.deliver(order(bad, NOON, "bad"))
    loa.deliver(order(clip_in(tmp_path), NOON + timedelta(0), "good"))
    found = reports(loa, 3)
    assert told(found) == [("bad", REFUSED), ("good", STARTED), ("good", FINISHED)]
    assert "bad.mp3" in found[0].code


class Failing:
    """A sound card that vanishes, before or after its first sound."""

    def __init__(self, *, has_begun: bool) -> None:
        self._has_begun = has_begun

    def play(
        self, clip: Path, *, stop: threading.Event, volume_percent: Volume = 100,
        on_start: Started | None = None, gate: Gate | None = None,
    ) -> Played:  # fmt: skip
        if self._has_begun and on_start is not None:
            on_start()
        raise AudioError("The sound card stopped taking sound.")


@pytest.mark.parametrize(("has_begun", "expected"), [(False, [REFUSED]), (True, [STARTED, STOPPED])])
def test_a_sound_card_that_vanishes_is_told_as_it_was(
    loa: SoundcardConnector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_begun: bool,
    expected: list[ReportState],
) -> None:  # fmt: skip
    monkeypatch.setattr(loa, "_sink", Failing(has_begun=has_begun))
    loa.deliver(order(clip_in(tmp_path), NOON))
    found = reports(loa, len(expected))
    assert [report.state for report in found] == expected
    assert found[-1].code == "The sound card stopped taking sound."


def test_a_clip_is_played_as_often_as_asked_with_one_start_and_one_end(tmp_path: Path) -> None:
    connector = opened(f"file:{tmp_path / 'plays'}")
    loa = next(connector)
    loa.deliver(replace(order(clip_in(tmp_path), clock.now()), repeats=3, gap_s=0.05))
    started, finished = reports(loa, 2)
    assert (started.state, finished.state) == (STARTED, FINISHED)
    assert len(list((tmp_path / "plays").glob("*.wav"))) == 3
    assert finished.position_s == pytest.approx(3 * 0.06 + 2 * 0.05, abs=0.03)
    connector.close()


def test_a_stop_in_the_gap_keeps_the_next_play_away(tmp_path: Path) -> None:
    connector = opened(f"file:{tmp_path / 'plays'}")
    loa = next(connector)
    loa.deliver(replace(order(clip_in(tmp_path), clock.now()), repeats=2, gap_s=PATIENCE_S))
    assert reports(loa, 1)[0].state is STARTED
    loa.stop("A1")
    assert reports(loa, 1)[0].state is STOPPED
    assert len(list((tmp_path / "plays").glob("*.wav"))) == 1
    connector.close()
