"""How a service of others is spared: requests one after the other, and none at all for a while once it refused."""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from broadcaster import files
from broadcaster.errors import BroadcasterError
from broadcaster.net import Fault

log = logging.getLogger(__name__)

LONGEST_PAUSE = timedelta(hours=1)

REASONS = {
    Fault.OFFLINE: BroadcasterError("it cannot be reached from here"),
    Fault.UNTRUSTED: BroadcasterError("it could not prove who it is"),
    Fault.SLOW: BroadcasterError("it is too slow to answer"),
    Fault.TOO_MANY: BroadcasterError("it was asked too often"),
}
"""The faults after which a service is left alone."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when a service is left alone, in UTC, and why."""

    until: datetime
    fault: Fault


class Pauses:
    """The pause of one service, in a file: each command is a process of its own, and none has to find out again.

    A file that is damaged, or that a wrong clock has put far into the future, is no pause.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._last: Pause | None = None  # where the disk is full or read-only, at least this process remembers

    def current(self, now: datetime) -> Pause | None:
        """The pause that is on at `now`, if any."""
        on = [pause for pause in (self._last, self._read()) if pause and now < pause.until <= now + LONGEST_PAUSE]
        return max(on, key=lambda pause: pause.until, default=None)

    def begin(self, fault: Fault, length_s: float, now: datetime) -> None:
        """Leave the service alone for `length_s` seconds, an hour at most; never shortens the pause that is on."""
        pause = Pause(now + min(timedelta(seconds=length_s), LONGEST_PAUSE), fault)
        on = self.current(now)
        if on is not None and on.until >= pause.until:
            return
        self._last = pause
        content = json.dumps({"until": pause.until.isoformat(), "fault": fault})
        extra = {"action": "speech_paused", "file": self._file.name, "until": pause.until, "fault": fault}
        log.warning("A speech service is left alone for a while.", extra=extra)
        try:
            files.write(self._file, content.encode())
        except OSError as error:
            log.warning("A pause could not be kept.", extra={"action": "pause_not_kept", "error": repr(error)})

    def _read(self) -> Pause | None:
        try:
            kept = json.loads(self._file.read_bytes())
            pause = Pause(datetime.fromisoformat(kept["until"]), Fault(kept["fault"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return pause if pause.until.tzinfo and pause.fault in REASONS else None


class Turns:
    """Lets threads through one by one, `interval_s` seconds apart."""

    def __init__(self, interval_s: float, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._interval_s = interval_s
        self._monotonic = monotonic
        self._sleep = sleep
        self._next_s = float("-inf")
        self._guard = threading.Lock()

    def wait(self) -> None:
        """Returns when it is the caller's turn."""
        with self._guard:
            now_s = self._monotonic()
            turn_s = max(now_s, self._next_s)
            self._next_s = turn_s + self._interval_s
        if turn_s > now_s:
            self._sleep(turn_s - now_s)
