"""The time of a loudspeaker: its clock, and the silence into which every sound falls sooner or later."""

import threading
import time
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from broadcaster import clock


class Clock(Protocol):
    def now(self) -> datetime:
        """The time of day."""

    def monotonic_s(self) -> float:
        """Seconds that nobody sets."""

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait until an event is set, at most so long; whether it is."""


class SystemClock:
    def now(self) -> datetime:
        return clock.now()

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        return threading.Event.wait(event, max(0.0, timeout_s))


class Ending(StrEnum):
    """Why a sound ended before its end; the code of the report."""

    STOPPED = "stopped"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"
    SWITCH = "switch"
    MAX_S = "max_s"
    SOUND_FAILED = "sound_failed"
    POWER_CUT = "power_cut"
    SHUTDOWN = "shutdown"


class Silence(threading.Event):
    """Set by whoever wants silence, with the reason; and by itself when the order's longest time is over."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.reason: Ending | None = None
        self._clock = clock
        self._until_s: float | None = None

    def fall(self, reason: Ending) -> None:
        """The first reason counts."""
        if not super().is_set():
            self.reason = reason
            self.set()

    def fall_after(self, longest_s: float) -> None:
        """Start the timer."""
        self._until_s = self._clock.monotonic_s() + longest_s

    def is_set(self) -> bool:
        if self._until_s is not None and self._clock.monotonic_s() >= self._until_s:
            self.fall(Ending.MAX_S)
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it is silent, after so many seconds at most."""
        left_s = [] if self._until_s is None else [self._until_s - self._clock.monotonic_s()]
        left_s += [] if timeout is None else [timeout]
        if left_s and not super().is_set():
            self._clock.wait(self, min(left_s))
        elif not left_s:
            return super().wait()
        return self.is_set()
