"""The supervisor: starts the programs that belong together and keeps them running until it is asked to stop.

A child is asked to stop by closing its standard input. That works on every system, and it happens by itself when the
supervisor is killed, so that no child is ever left behind.
"""

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from broadcaster.words import Words

log = logging.getLogger(__name__)

_SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP")
_GAVE_ITS_REASON = (1, 2)
"""The exit codes of a program that has told the person what is wrong (`broadcaster/cli/main.py`)."""


class StopRequests:
    """The wish to stop, from a signal, a closed pipe or another thread; once wished, it stays so.

    A SimpleQueue carries it, because a signal handler may interrupt its reader; an Event could lock itself out.
    """

    poll_s = 0.25
    """On Windows a signal handler runs only when its main thread does something, so a wait is cut into pieces."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[None] = SimpleQueue()
        self._is_asked = False

    def ask(self) -> None:
        self._asked.put(None)

    def wait(self, timeout_s: float) -> bool:
        """Whether it is time to stop, by `timeout_s` at the latest."""
        if not self._is_asked:
            with contextlib.suppress(Empty):
                self._asked.get(timeout=timeout_s)
                self._is_asked = True
        return self._is_asked

    def wait_until_asked(self) -> None:
        while not self.wait(self.poll_s):
            pass

    def ask_when_stdin_closes(self) -> None:
        """Take standard input for the sign to stop: nothing else, no child process either, gets to see it."""
        pipe = os.dup(0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        threading.Thread(target=self._ask_at_end_of, args=(pipe,), name="stdin", daemon=True).start()

    @contextlib.contextmanager
    def asked_by_signals(self) -> Iterator[None]:
        """Inside, a signal to end asks to stop and does nothing else, however often it comes."""
        if threading.current_thread() is not threading.main_thread():
            yield  # signals are the main thread's
            return
        numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        kept: dict[Any, Any] = {number: signal.getsignal(number) for number in numbers}
        for number, handler in kept.items():
            if signal.Signals(number).name != "SIGHUP" or handler is not signal.SIG_IGN:  # nohup
                signal.signal(number, lambda *_: self.ask())
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)

    def _ask_at_end_of(self, pipe: int) -> None:
        # os.read, because a reader of sys.stdin holds a lock that Python wants when it ends.
        with contextlib.suppress(OSError):
            while os.read(pipe, 4096):
                pass
        self.ask()


@dataclass(frozen=True, slots=True)
class Limits:
    """What the supervisor waits for. A child that ends sooner than `start_s` after its first start never was up."""

    start_s: float = 10.0
    back_off_s: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
    healthy_s: float = 60.0
    close_s: float = 4.0
    terminate_s: float = 4.0


@dataclass(slots=True)
class _Child:
    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    starts: int = 0
    deaths: int = 0  # since it was last healthy


@dataclass
class Supervisor:
    """Runs `commands`, by name. `run` blocks until a signal or `stop`; one line is said of each child that died.

    Those that are not `vital` may never come up: the others do without them, and they are tried again and again.
    """

    commands: Mapping[str, Sequence[str]]
    say: Callable[[str], None]
    words: Words
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.monotonic
    requests: StopRequests = field(default_factory=StopRequests)
    vital: Collection[str] | None = None
    """None: all are."""

    def run(self) -> int:
        """0 when it was asked to stop; else the exit code of the child that could not be started at all."""
        children = [_Child(name, command) for name, command in self.commands.items()]
        with self.requests.asked_by_signals():
            try:
                return self._keep_running(children)
            finally:
                self._end([child.process for child in children if child.process is not None])

    def stop(self) -> None:
        """Have `run` return; may be called from any thread."""
        self.requests.ask()

    def _keep_running(self, children: Sequence[_Child]) -> int:
        while True:
            for child in children:
                code = self._look_after(child)
                if code is not None:
                    return code
            if self.requests.wait(self.requests.poll_s):
                return 0

    def _look_after(self, child: _Child) -> int | None:
        """Start a child whose time has come, notice one that died; the exit code to give up with, or None."""
        if child.process is None:
            if self.clock() >= child.start_at:
                self._start(child)
            return None
        code = child.process.poll()
        if code is None:
            return None
        _close_pipe(child.process)
        child.process = None
        lived_s = self.clock() - child.started_at
        is_vital = self.vital is None or child.name in self.vital
        if is_vital and child.starts == 1 and lived_s < self.limits.start_s and code in _GAVE_ITS_REASON:
            return code
        if lived_s >= self.limits.healthy_s:
            child.deaths = 0
        told = self.words("signal {number}", number=-code) if code < 0 else self.words("exit code {code}", code=code)
        self._start_again_later(child, told)
        return None

    def _start(self, child: _Child) -> None:
        child.started_at = self.clock()
        child.starts += 1
        try:
            # The commands are the program's own, given in code.
            child.process = subprocess.Popen(child.command, stdin=subprocess.PIPE, bufsize=0, **_own_group())  # noqa: S603
        except OSError as error:
            self._start_again_later(child, str(error))

    def _start_again_later(self, child: _Child, reason: str) -> None:
        back_off_s = self.limits.back_off_s[min(child.deaths, len(self.limits.back_off_s) - 1)]
        child.deaths += 1
        child.start_at = self.clock() + back_off_s
        log.warning(
            "A child ended and will be started again.",
            extra={"action": "child_restarted", "child": child.name, "reason": reason, "back_off_s": back_off_s},
        )
        self.say(
            self.words(
                "The {name} stopped unexpectedly ({reason}). It starts again in {seconds} s.",
                name=self.words(child.name),
                reason=reason,
                seconds=f"{back_off_s:g}",
            )
        )

    def _end(self, running: Sequence[subprocess.Popen[bytes]]) -> None:
        """Ask first, then terminate, then kill; all children at once, so that it takes no longer with many."""
        for process in running:
            _close_pipe(process)
        left = self._left(running, self.limits.close_s)
        for process in left:
            process.terminate()
        for process in self._left(left, self.limits.terminate_s):
            process.kill()
            process.wait()

    def _left(self, running: Sequence[subprocess.Popen[bytes]], patience_s: float) -> list[subprocess.Popen[bytes]]:
        """Those that still run after this time."""
        deadline = time.monotonic() + patience_s
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        return [process for process in running if process.poll() is None]


def _close_pipe(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def _own_group() -> dict[str, Any]:
    """A group of its own: Ctrl-C reaches the supervisor alone, and interrupts no child in the middle of starting."""
    if os.name == "nt":
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    return {"process_group": 0}
