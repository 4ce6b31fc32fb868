"""The processes in which virtual loudspeakers live, as one: lines go to whom they concern, events come together."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from broadcaster.player.fleet import EVERYONE

_PATIENCE_S = 30.0

Event = dict[str, Any]


class Processes:
    """Started when made; `on_event` is called from several threads. `clips` takes the clips, of each process apart.

    Neighbours in `folders` come into different processes: what plays at the same second is shared out.
    """

    def __init__(
        self, folders: Sequence[Path], clips: Path, count: int, on_event: Callable[[Event], None], *,
        faults: Sequence[str] = (), module: str = "broadcaster.player.fleet_process",
        niceness: int = 0,
    ) -> None:  # fmt: skip
        self._on_event = on_event
        self._changed = threading.Condition()
        self._where: dict[str, int] = {}
        self._waiting = set(range(count))
        self.failure = ""
        options = [part for line in faults for part in ("-f", line)]
        gently = ["nice", "-n", str(niceness)] if niceness and os.name == "posix" else []
        command = [*gently, sys.executable, "-m", module, *options]
        self._children = [
            subprocess.Popen(
                [*command, str(clips / str(number)), *map(str, folders[number::count])],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for whoever started them, and they end with what they are told
            )
            for number in range(count)
        ]  # fmt: skip
        self._threads = [threading.Thread(target=self._read, args=(number,)) for number in range(count)]
        for thread in self._threads:
            thread.start()

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self._children]

    def until_ready(self, timeout_s: float = 120.0) -> bool:
        """Whether all have begun; `failure` says why not."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or bool(self.failure), timeout_s)
            return not self._waiting and not self.failure

    def say(self, line: str) -> None:
        """A fault begins or ends, as `Fleet.obey` reads it."""
        name = [*line.split(), "", ""][1]
        everywhere = range(len(self._children))
        for number in everywhere if name == EVERYONE else [self._where.get(name, 0)]:
            self._write(number, line)

    def close(self) -> None:
        for child in self._children:
            if child.stdin is not None and not child.stdin.closed:
                child.stdin.close()
        for child in self._children:
            try:
                child.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for thread in self._threads:
            thread.join()

    def _write(self, number: int, line: str) -> None:
        stream = self._children[number].stdin
        if stream is not None:
            try:
                stream.write(line.strip() + "\n")
                stream.flush()
            except (BrokenPipeError, ValueError):  # it has ended, and that was told
                return

    def _read(self, number: int) -> None:
        child = self._children[number]
        assert child.stdout is not None
        with child.stdout:
            for line in child.stdout:
                self._take(number, json.loads(line))
        with self._changed:
            if number in self._waiting:
                self.failure = self.failure or "A process of the fleet ended before it had begun."
            self._changed.notify_all()

    def _take(self, number: int, event: Event) -> None:
        with self._changed:
            if event["event"] == "ready":
                self._where |= dict.fromkeys(event["loudspeakers"], number)
                self._waiting.discard(number)
            elif event["event"] == "failed":
                self.failure = str(event["error"])
            self._changed.notify_all()
        self._on_event(event)
