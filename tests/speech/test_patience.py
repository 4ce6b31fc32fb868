"""How a service is spared, by this process and by those that come after it."""

import json
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from broadcaster.net import Fault
from broadcaster.speech.patience import LONGEST_PAUSE, Pause, Pauses, Turns
from tests.fixtures import NOW

MINUTE = timedelta(minutes=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pause.json"


def test_a_pause_holds_until_its_end_and_no_longer(file: Path) -> None:
    pauses = Pauses(file)
    pauses.begin(Fault.TOO_MANY, 600, NOW)
    assert pauses.current(NOW) == Pause(NOW + 10 * MINUTE, Fault.TOO_MANY)
    assert pauses.current(NOW + 10 * MINUTE) is None


def test_another_process_finds_the_pause(file: Path) -> None:
    Pauses(file).begin(Fault.OFFLINE, 600, NOW)
    assert Pauses(file).current(NOW + MINUTE) == Pause(NOW + 10 * MINUTE, Fault.OFFLINE)


def test_without_a_file_there_is_no_pause(file: Path) -> None:
    assert Pauses(file).current(NOW) is None


def test_no_pause_is_longer_than_an_hour(file: Path) -> None:
    Pauses(file).begin(Fault.TOO_MANY, 999_999_999, NOW)
    assert Pauses(file).current(NOW) == Pause(NOW + LONGEST_PAUSE, Fault.TOO_MANY)


def test_a_shorter_pause_does_not_end_a_longer_one(file: Path) -> None:
    pauses = Pauses(file)
    pauses.begin(Fault.TOO_MANY, 1800, NOW)
    pauses.begin(Fault.OFFLINE, 600, NOW + MINUTE)
    assert pauses.current(NOW + MINUTE) == Pause(NOW + 30 * MINUTE, Fault.TOO_MANY)


@pytest.mark.parametrize("moved", [timedelta(days=-1), timedelta(days=3650), timedelta(days=-20_000)])
def test_a_clock_that_was_wrong_does_not_pause_for_ever(file: Path, moved: timedelta) -> None:
    pauses = Pauses(file)
    pauses.begin(Fault.OFFLINE, 600, NOW)
    assert pauses.current(NOW + moved) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"until": "soon", "fault": "offline"}', b'{"fault": "offline"}',
     json.dumps({"until": (NOW + MINUTE).isoformat(), "fault": "bored"}).encode(),
     json.dumps({"until": (NOW + MINUTE).isoformat(), "fault": "other"}).encode(),
     json.dumps({"until": "2026-11-23T02:01:00", "fault": "offline"}).encode(),
     json.dumps({"until": 5, "fault": "offline"}).encode()],
)  # fmt: skip
def test_a_damaged_file_is_no_pause(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert Pauses(file).current(NOW) is None


def test_where_the_disk_takes_nothing_this_process_remembers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "data").write_text("a file where the folder should be", encoding="utf-8")
    pauses = Pauses(tmp_path / "data" / "pause.json")
    pauses.begin(Fault.OFFLINE, 600, NOW)
    assert pauses.current(NOW) == Pause(NOW + 10 * MINUTE, Fault.OFFLINE)
    assert "could not be kept" in caplog.text


class Watch:
    """A stopwatch that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def test_the_first_turn_comes_at_once_and_the_next_after_the_interval() -> None:
    watch = Watch()
    turns = Turns(0.5, lambda: watch.now_s, watch.sleep)
    turns.wait()
    assert watch.slept == []
    turns.wait()
    assert watch.slept == [0.5]


def test_who_comes_late_enough_does_not_wait() -> None:
    watch = Watch()
    turns = Turns(0.5, lambda: watch.now_s, watch.sleep)
    turns.wait()
    watch.now_s = 0.7
    turns.wait()
    assert watch.slept == []


def test_threads_that_come_together_are_let_through_one_interval_apart() -> None:
    watch = Watch()
    turns = Turns(0.5, lambda: watch.now_s, watch.sleep)
    threads = [threading.Thread(target=turns.wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(watch.slept) == [0.5, 1.0, 1.5, 2.0]


def test_the_end_of_a_pause_is_a_moment_and_not_a_local_time(file: Path) -> None:
    Pauses(file).begin(Fault.OFFLINE, 600, NOW.astimezone())
    assert datetime.fromisoformat(json.loads(file.read_bytes())["until"]) == NOW + 10 * MINUTE
