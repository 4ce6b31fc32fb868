"""The benchmarks tell in one form what they measured, and measure what they tell; no test asserts how fast it is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from _environment import ROOT
from benchmarks import NAMES, raw_plan
from benchmarks.bulletins import bulletins
from benchmarks.country import AIRINGS
from benchmarks.figures import Figure
from benchmarks.memory import Watch, own_peak_mb
from benchmarks.peers import MissingPeerError, Peers
from broadcaster.reading import read
from broadcaster.speech.sentences import sentences


def test_a_figure_is_one_line_that_says_whether_its_promise_holds() -> None:
    line = Figure("render.ratio", 3.41234, "x", 3.0, at_most=False, peer={"s": 3}, limit={"s": 1}).line()
    assert "\n" not in line
    assert list(json.loads(line).items()) == [
        ("figure", "render.ratio"), ("value", 3.4123), ("unit", "x"), ("promise", 3.0), ("holds", True),
        ("peer", {"s": 3}), ("limit", {"s": 1}),
    ]  # fmt: skip


@pytest.mark.parametrize(("value", "at_most", "holds"), [(2, True, True), (4, True, False), (2, False, False)])
def test_a_promise_is_kept_on_its_own_side(value: float, at_most: bool, holds: bool) -> None:
    assert json.loads(Figure("plan.again_s", value, "s", 3, at_most=at_most).line())["holds"] is holds


def test_where_nothing_is_promised_nothing_holds() -> None:
    assert set(json.loads(Figure("plan.memory_mb", 1, "MB").line())) == {"figure", "value", "unit", "peer", "limit"}


def test_a_name_that_does_not_exist_is_told_which_do() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "bench"), "plan", "rendr"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"There is no benchmark rendr. There are: {', '.join(NAMES)}.\n"


def test_a_peer_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingPeerError, match="espeak-ng is missing"):
        Peers.found()


def test_forty_bulletins_can_be_said_and_no_sentence_occurs_twice() -> None:
    readings = [read(text, "vi") for text in bulletins()]
    said = [sentence.text for reading in readings for sentence in sentences(reading.spoken)]
    assert (len(readings), all(reading.is_sayable for reading in readings)) == (40, True)
    assert len(said) == len(set(said))


def test_the_raw_plan_has_an_airing_for_each_that_is_asked_for() -> None:
    rows = list(raw_plan.rows(""))
    assert len(rows) == AIRINGS
    assert {len(row) for row in rows} == {len(raw_plan.COLUMNS)}


@pytest.mark.skipif(sys.platform == "win32", reason="the memory of other processes is read from /proc or ps")
def test_memory_of_a_process_is_seen_with_that_of_its_children(tmp_path: Path) -> None:
    grandchild = "import sys; block = bytearray(b'x') * 50_000_000; print('up', flush=True); sys.stdin.read()"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", child], cwd=tmp_path, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        with Watch(process.pid) as watch:
            process.stdout.readline()
        process.communicate("")
    # not how little the child held: until it runs its own program, it holds what we do
    assert min(watch.process_mb, watch.children_mb[0], watch.together_mb) > 0
    assert max(watch.children_mb) > 50 < watch.together_mb
    assert own_peak_mb() > 10
