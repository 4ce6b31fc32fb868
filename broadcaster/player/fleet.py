"""Many virtual loudspeakers in one process, for tests, benchmarks and trials without a single box.

Each is a real agent with its own folder, memory, keys and connection; a thread of its own plays, and mostly sleeps.
One thread fetches for all of them, one looks at all, one speaks with the broker. What is wrong with which is told in
lines (`obey`), and what happens is told in events.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from broadcaster.errors import InputError
from broadcaster.player.clips import Clips
from broadcaster.player.fleet_box import Box, Tell
from broadcaster.player.fleet_faults import Faults
from broadcaster.player.fleet_link import Loop

EVERYONE = "all"

_LOOK_EVERY_S = 0.1
_WORK_EVERY_S = 0.5
_QUOTA_BYTES = 4_000_000_000


class Fleet:
    """`folders` are those of enrolled loudspeakers; `clips` takes the clips of all. Nothing happens before `begin`."""

    def __init__(self, folders: Sequence[Path], clips: Path, tell: Tell) -> None:
        self._closing = threading.Event()
        self._news = threading.Event()
        self._guard = threading.Lock()
        self._newest: set[str] = set()
        self._loop = Loop()
        shared = Clips(clips, _QUOTA_BYTES)
        made = [Box(folder, self._loop, shared, tell, self._note_news) for folder in folders]
        self.boxes = {box.name: box for box in made}
        self._threads = [
            threading.Thread(target=self._work, name="fleet-work", daemon=True),
            threading.Thread(target=self._look, name="fleet-look", daemon=True),
        ]

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()
        for box in self.boxes.values():
            box.begin()

    def obey(self, line: str) -> None:
        """A fault begins, e.g. `offline kep.kep-07`, `slow all 2`, or ends: `normal kep.kep-07`. Raises InputError."""
        word, _, rest = line.strip().partition(" ")
        name, _, value = rest.strip().partition(" ")
        order = _ORDERS.get(word)
        if order is None:
            raise InputError("There is no fault {name}. There are: {known}.", name=word, known=", ".join(_ORDERS))
        if name != EVERYONE and name not in self.boxes:
            raise InputError("There is no loudspeaker {id} in this fleet.", id=name)
        try:
            seconds = float(value) if value else order.usual_s
        except ValueError:
            raise InputError("{value} is no number of seconds.", value=value) from None
        for box in list(self.boxes.values()) if name == EVERYONE else [self.boxes[name]]:
            order.act(box, seconds)

    def close(self) -> None:
        """Silence, and hang up."""
        self._closing.set()
        self._news.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        for box in self.boxes.values():
            box.close()
        self._loop.close()

    def _note_news(self, box: Box) -> None:
        with self._guard:
            self._newest.add(box.name)
        self._news.set()

    def _work(self) -> None:
        """What has just come first; all of them from time to time, because some wait for their next try."""
        while not self._closing.is_set():
            is_news = self._news.wait(_WORK_EVERY_S)
            self._news.clear()
            with self._guard:
                newest, self._newest = self._newest, set()
            for name in newest if is_news else self.boxes:
                while not self._closing.is_set() and self.boxes[name].work():
                    pass

    def _look(self) -> None:
        while not self._closing.wait(_LOOK_EVERY_S):
            for box in self.boxes.values():
                box.look()


class _Order:
    """What a line asks of a box; `usual_s` where it names no seconds."""

    def __init__(self, act: Callable[[Box, float], None], usual_s: float = 0.0) -> None:
        self.act = act
        self.usual_s = usual_s


def _delay(box: Box, seconds: float) -> None:
    box.faults.delay_s = seconds


def _turn_clock(box: Box, seconds: float) -> None:
    box.faults.clock_ahead = timedelta(seconds=seconds)


def _silence(box: Box, _: float) -> None:
    box.faults.is_silent = True


def _double(box: Box, _: float) -> None:
    box.faults.is_doubled = True


def _reorder(box: Box, seconds: float) -> None:
    box.faults.reorder_s = seconds


def _mend(box: Box, _: float) -> None:
    was_offline = box.faults.is_offline
    for name, value in vars(Faults()).items():
        setattr(box.faults, name, value)
    if was_offline:
        box.go_online()


_ORDERS = {
    "offline": _Order(lambda box, _: box.go_offline()),
    "slow": _Order(_delay, 2.0),
    "wrong-clock": _Order(_turn_clock, 3600.0),
    "silent": _Order(_silence),
    "duplicates": _Order(_double),
    "reorder": _Order(_reorder, 1.0),
    "power-cut": _Order(lambda box, _: box.cut_power()),
    "normal": _Order(_mend),
}
FAULTS = tuple(_ORDERS)
"""The first words of what `obey` takes; `slow`, `wrong-clock` and `reorder` may end with a number of seconds."""
