"""The real process of a loudspeaker, against a small head end on real sockets."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from broadcaster.orders.device import Hello
from tests.connectors.orders import clip_in, until
from tests.fakes.head_end import HeadEnd, Vice

PATIENCE_S = 60.0

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a process can answer.")


@pytest.fixture
def head_end() -> Iterator[HeadEnd]:
    found = HeadEnd()
    yield found
    found.close()


@contextmanager
def loudspeaker(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """It runs; it ends with the block, if not before."""
    command = [sys.executable, "-m", "broadcaster", "player", "run", "--folder", str(folder)]
    environment = {**os.environ, "BROADCASTER__LANGUAGE": "en"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder.parent) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "kep-01 of kep is listening.\n"
            yield process
        finally:
            end(process)


def end(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE_S)


def status(folder: Path) -> str:
    command = [sys.executable, "-m", "broadcaster", "player", "status", "--folder", str(folder)]
    environment = {**os.environ, "BROADCASTER__LANGUAGE": "en"}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=True, cwd=folder.parent
    ).stdout


def test_sigterm_while_it_plays_leaves_the_report_which_goes_out_after_the_next_start(
    head_end: HeadEnd, tmp_path: Path
) -> None:
    head_end.enrol(tmp_path / "box")
    head_end.vice = Vice.DEAF
    with loudspeaker(tmp_path / "box") as process:
        until(lambda: bool(head_end.heard))
        head_end.order(head_end.play_now(clip_in(tmp_path, 60_000)))
        until(lambda: "started" in head_end.states())
        head_end.vice = Vice.AWAY
        head_end.broker.hang_up()
        assert end(process) == 0
    assert "stopped:shutdown" not in head_end.states()
    assert "4 reports wait for the server." in status(tmp_path / "box")
    head_end.vice = Vice.NONE
    head_end.heard.clear()
    with loudspeaker(tmp_path / "box"):
        until(lambda: len(head_end.states()) >= 4)
        assert head_end.states()[:4] == ["accepted", "ready", "started", "stopped:shutdown"]
        until(lambda: not any(path.stat().st_size for path in (tmp_path / "box" / "reports").glob("*.json")))


def test_at_its_end_it_says_over_mqtt_what_the_end_has_silenced(head_end: HeadEnd, tmp_path: Path) -> None:
    head_end.enrol(tmp_path / "box")
    with loudspeaker(tmp_path / "box") as process:
        until(lambda: bool(head_end.heard))
        head_end.order(head_end.play_now(clip_in(tmp_path, 60_000)))
        until(lambda: "started" in head_end.states())
        assert end(process) == 0
    assert head_end.states()[-1] == "stopped:shutdown"


def test_status_tells_whether_it_runs_and_leaves_no_trace(head_end: HeadEnd, tmp_path: Path) -> None:
    head_end.enrol(tmp_path / "box")
    before = sorted(tmp_path.rglob("*"))
    assert "It does not run." in status(tmp_path / "box")
    assert sorted(tmp_path.rglob("*")) == before
    with loudspeaker(tmp_path / "box"):
        until(lambda: bool(head_end.heard))
        assert "It runs: online, by MQTT" in status(tmp_path / "box")
    assert "It does not run." in status(tmp_path / "box")


def test_a_broker_that_drops_it_at_once_is_not_hammered(head_end: HeadEnd, tmp_path: Path) -> None:
    head_end.enrol(tmp_path / "box", "link: mqtt\n")
    head_end.vice = Vice.DROPS
    came_s = head_end.broker.came_s
    with loudspeaker(tmp_path / "box"):
        until(lambda: len(came_s) >= 3)
    assert came_s[2] - came_s[0] >= 1.5, "half of 1 s, then half of 2 s, at least"


def test_at_the_door_it_asks_once_for_what_it_missed(head_end: HeadEnd, tmp_path: Path) -> None:
    head_end.enrol(tmp_path / "box", "link: http\npoll_s: 1\n")
    head_end.missed.append(head_end.play_now(clip_in(tmp_path, 60_000)))
    with loudspeaker(tmp_path / "box"):
        until(lambda: "started" in head_end.states())
        until(lambda: len(head_end.visits) >= 5)
        assert [isinstance(said, Hello) for said in head_end.heard].count(True) == 1
        assert isinstance(head_end.visits[0][0], Hello)
        assert head_end.states().count("accepted") == 1, "what is under way is not said again with the next visit"
