"""Children are started, started again when they die, and stopped one way or another. All of them are real processes."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest

import broadcaster
from broadcaster.jobs.supervisor import Limits, StopRequests, Supervisor
from broadcaster.words import Words

PATIENCE_S = 60.0
AT_ONCE = (0.0,)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(broadcaster.__file__).parents[1])}

# A child tells the test where it is over a socket; `tell` returns when the test lets go of it.
TELL = """
import os, signal, socket, sys
def tell(word):
    with socket.create_connection(("127.0.0.1", {port})) as line:
        line.sendall(word.encode() + b"\\n")
        line.recv(1)
def wait_for_stop():
    while os.read(0, 1024):
        pass
"""
OBEDIENT = "tell('up'); wait_for_stop(); tell('asked to stop')"


class Ear:
    """Hears what children tell."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)

    def child(self, code: str) -> list[str]:
        return [sys.executable, "-c", TELL.format(port=self._listener.getsockname()[1]) + code]

    @contextmanager
    def heard(self) -> Iterator[str]:
        """The next word that a child tells; the child goes on afterwards."""
        line, _ = self._listener.accept()
        with line, line.makefile() as words:
            yield words.readline().strip()

    def hear(self) -> str:
        with self.heard() as word:
            return word

    def close(self) -> None:
        self._listener.close()


class Running:
    """A supervisor in a thread, with all that it said."""

    def __init__(self, commands: Mapping[str, Sequence[str]], limits: Limits) -> None:
        self.said: SimpleQueue[str] = SimpleQueue()
        self.supervisor = Supervisor(commands, self.said.put, Words("en"), limits)
        self._codes: SimpleQueue[int] = SimpleQueue()
        self._thread = threading.Thread(target=lambda: self._codes.put(self.supervisor.run()))
        self._thread.start()

    def line(self) -> str:
        return self.said.get(timeout=PATIENCE_S)

    def code(self) -> int:
        code = self._codes.get(timeout=PATIENCE_S)
        self._thread.join()
        return code

    def stop(self) -> int:
        self.supervisor.stop()
        return self.code()


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.close()


def limits(
    start_s: float = PATIENCE_S,
    back_off_s: tuple[float, ...] = AT_ONCE,
    healthy_s: float = PATIENCE_S,
    close_s: float = PATIENCE_S,
    terminate_s: float = PATIENCE_S,
) -> Limits:
    return Limits(start_s, back_off_s, healthy_s, close_s, terminate_s)


def test_a_child_is_asked_to_stop_by_the_end_of_its_input(ear: Ear) -> None:
    running = Running({"worker": ear.child(OBEDIENT)}, limits())
    assert ear.hear() == "up"
    running.supervisor.stop()
    assert ear.hear() == "asked to stop"
    assert running.code() == 0
    assert running.said.empty()


def test_all_children_are_asked_before_any_is_waited_for(ear: Ear) -> None:
    running = Running({"worker": ear.child(OBEDIENT), "web": ear.child(OBEDIENT)}, limits())
    assert [ear.hear(), ear.hear()] == ["up", "up"]
    running.supervisor.stop()
    with ear.heard() as first, ear.heard() as second:
        assert [first, second] == ["asked to stop", "asked to stop"]
    assert running.code() == 0


@pytest.mark.parametrize(
    ("death", "reason"),
    [("sys.exit(3)", "exit code 3"), ("sys.exit(0)", "exit code 0"), ("os.kill(os.getpid(), 9)", "signal 9")],
)
def test_a_child_that_dies_is_started_again_with_one_line_said(
    ear: Ear, death: str, reason: str, tmp_path: Path
) -> None:
    once = tmp_path / "died"
    code = f"once = {str(once)!r}\nif not os.path.exists(once):\n    open(once, 'w').close()\n    {death}\n{OBEDIENT}"
    running = Running({"worker": ear.child(code)}, limits())
    assert ear.hear() == "up"
    assert running.line() == f"The worker stopped unexpectedly ({reason}). It starts again in 0 s."
    running.supervisor.stop()
    assert ear.hear() == "asked to stop"
    assert running.code() == 0
    assert running.said.empty()


@pytest.mark.parametrize("code", [1, 2])
def test_a_child_that_says_why_it_cannot_start_ends_everything(ear: Ear, code: int) -> None:
    commands = {"web": ear.child(OBEDIENT), "worker": ear.child(f"tell('giving up'); sys.exit({code})")}
    running = Running(commands, limits())
    assert sorted([ear.hear(), ear.hear()]) == ["giving up", "up"]
    assert ear.hear() == "asked to stop"
    assert running.code() == code
    assert running.said.empty()


def test_a_child_that_was_up_is_started_again_whatever_its_exit_code(ear: Ear) -> None:
    running = Running({"worker": ear.child("tell('up'); sys.exit(2)")}, limits(start_s=0.0))
    assert [ear.hear(), ear.hear(), ear.hear()] == ["up", "up", "up"]
    assert running.stop() == 0


def test_a_child_that_fails_after_a_crash_is_started_again(ear: Ear, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    code = f"""
with open({str(runs)!r}, "a+") as runs:
    runs.write("x")
    runs.seek(0)
    run = len(runs.read())
if run < 3:
    sys.exit(4 - run)
{OBEDIENT}"""
    running = Running({"worker": ear.child(code)}, limits())
    assert ear.hear() == "up"
    assert "exit code 3" in running.line()
    assert "exit code 2" in running.line()
    running.supervisor.stop()
    assert ear.hear() == "asked to stop"
    assert running.code() == 0


def test_the_wait_before_a_new_start_grows_up_to_its_limit(ear: Ear) -> None:
    running = Running({"worker": ear.child("sys.exit(3)")}, limits(back_off_s=(0.0, 0.01, 0.02)))
    waits = [running.line().rpartition(" again in ")[2] for _ in range(5)]
    assert waits == ["0 s.", "0.01 s.", "0.02 s.", "0.02 s.", "0.02 s."]
    assert running.stop() == 0


def test_a_healthy_life_makes_the_next_wait_short_again(ear: Ear) -> None:
    running = Running({"worker": ear.child("sys.exit(3)")}, limits(back_off_s=(0.0, PATIENCE_S), healthy_s=0.0))
    assert all("again in 0 s" in running.line() for _ in range(3))
    assert running.stop() == 0


def test_a_stop_does_not_wait_for_a_child_that_is_to_start_later(ear: Ear) -> None:
    running = Running({"worker": ear.child("sys.exit(3)")}, limits(back_off_s=(PATIENCE_S * 10,)))
    assert "exit code 3" in running.line()
    assert running.stop() == 0


def test_a_program_that_is_missing_is_tried_again(ear: Ear, tmp_path: Path) -> None:
    running = Running({"worker": [str(tmp_path / "nothing")]}, limits())
    assert "nothing" in running.line()
    assert "nothing" in running.line()
    assert running.stop() == 0


def test_a_child_that_ignores_the_end_of_its_input_is_terminated(ear: Ear) -> None:
    code = "signal.signal(signal.SIGTERM, lambda *_: (tell('terminated'), os._exit(0))); tell('up'); signal.pause()"
    running = Running({"worker": ear.child(code)}, limits(close_s=0.1))
    assert ear.hear() == "up"
    running.supervisor.stop()
    assert ear.hear() == "terminated"
    assert running.code() == 0


def test_a_child_that_ignores_everything_is_killed(ear: Ear) -> None:
    code = "signal.signal(signal.SIGTERM, signal.SIG_IGN); tell(str(os.getpid()))\nwhile True: signal.pause()"
    running = Running({"worker": ear.child(code)}, limits(close_s=0.1, terminate_s=0.1))
    child = int(ear.hear())
    assert running.stop() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@pytest.fixture
def program(ear: Ear) -> Iterator[subprocess.Popen[str]]:
    """A supervisor as a process of its own, with an obedient child that is up."""
    code = f"""
import sys
from broadcaster.jobs.supervisor import Limits, Supervisor
from broadcaster.words import Words
limits = Limits(close_s={PATIENCE_S}, terminate_s={PATIENCE_S})
sys.exit(Supervisor({{"worker": {ear.child(OBEDIENT)!r}}}, print, Words("en"), limits).run())"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert ear.hear() == "up"
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it_cleanly_and_a_second_one_changes_nothing(
    program: subprocess.Popen[str], ear: Ear, number: signal.Signals
) -> None:
    program.send_signal(number)
    with ear.heard() as word:  # the child has not ended yet
        assert word == "asked to stop"
        program.send_signal(number)
    assert program.communicate(timeout=PATIENCE_S) == ("", "")
    assert program.returncode == 0


def test_a_supervisor_that_is_killed_leaves_no_child_behind(program: subprocess.Popen[str], ear: Ear) -> None:
    program.kill()
    assert ear.hear() == "asked to stop"


def test_the_end_of_standard_input_asks_to_stop_and_is_nobody_elses(ear: Ear) -> None:
    code = """
from broadcaster.jobs.supervisor import StopRequests
requests = StopRequests()
requests.ask_when_stdin_closes()
tell("input of others: " + repr(os.read(0, 1)))
requests.wait_until_asked()"""
    with subprocess.Popen(ear.child(code), stdin=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert ear.hear() == "input of others: b''"
        assert process.poll() is None
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


def test_outside_a_signal_does_what_it_did_before() -> None:
    requests = StopRequests()
    before = signal.getsignal(signal.SIGTERM)
    with requests.asked_by_signals():
        assert not requests.wait(0.0)
        signal.raise_signal(signal.SIGTERM)
        assert requests.wait(PATIENCE_S)
        assert requests.wait(0.0)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_closed_terminal_does_not_stop_what_nohup_started() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    requests = StopRequests()
    try:
        with requests.asked_by_signals():
            signal.raise_signal(signal.SIGHUP)
            assert not requests.wait(0.0)
    finally:
        signal.signal(signal.SIGHUP, before)
