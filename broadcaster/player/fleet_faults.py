"""What is special about a virtual loudspeaker: the faults of its box, its clock, and a sink that only takes time."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import miniaudio

from broadcaster.audio.play import Gate, Played, Started, Volume
from broadcaster.errors import AudioError
from broadcaster.player.pace import SystemClock


class PowerCutError(BaseException):
    """Not an Exception: nothing of the loudspeaker may catch it and go on."""


@dataclass
class Faults:
    """What is wrong with a box. `is_doubled`: all orders reach it twice; `reorder_s`: each up to so much later."""

    is_offline: bool = False
    delay_s: float = 0.0
    clock_ahead: timedelta = timedelta()
    is_silent: bool = False
    is_doubled: bool = False
    reorder_s: float = 0.0


class BoxClock(SystemClock):
    """A clock that can be wrong, and that stands still for ever once the power is cut: whoever looks at it is gone."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._waited: threading.Event | None = None
        self.is_cut = False

    def cut(self) -> None:
        self.is_cut = True
        if self._waited is not None:
            self._waited.set()

    def now(self) -> datetime:
        self._check()
        return super().now() + self._faults.clock_ahead

    def monotonic_s(self) -> float:
        self._check()
        return super().monotonic_s()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        self._waited = event
        self._check()
        found = super().wait(event, timeout_s)
        self._check()
        return found

    def _check(self) -> None:
        if self.is_cut:
            raise PowerCutError


@dataclass(frozen=True, slots=True)
class PacedSink:
    """Takes a clip's length in time and decodes nothing; `on_sound` is told when sound would begin and end."""

    on_sound: Callable[[bool], None]

    def play(
        self, clip: Path, *, stop: threading.Event, volume_percent: Volume = 100,
        on_start: Started | None = None, gate: Gate | None = None,
    ) -> Played:  # fmt: skip
        length_s = clip_length_s(clip)
        percent = volume_percent() if callable(volume_percent) else volume_percent
        if not 0 <= percent <= 100:
            raise AudioError("The volume is 0 to 100 percent, not {volume}.", volume=percent)
        if gate is not None:
            gate()
        if stop.is_set():
            return Played(0.0, is_finished=False)
        began_s = time.monotonic()
        self.on_sound(True)
        if on_start is not None:
            on_start()
        is_stopped = stop.wait(began_s + length_s - time.monotonic())
        self.on_sound(False)
        return Played(min(time.monotonic() - began_s, length_s), is_finished=not is_stopped)


@lru_cache(maxsize=256)
def clip_length_s(clip: Path) -> float:
    """How long a clip lasts, in seconds; clips are named by their hash, so it never changes. Raises AudioError."""
    try:
        with clip.open("rb") as file:
            is_wav = file.read(4) == b"RIFF"
        info = (miniaudio.wav_get_file_info if is_wav else miniaudio.mp3_get_file_info)(str(clip))
    except (OSError, miniaudio.MiniaudioError) as error:
        raise AudioError("The clip {clip} cannot be played: {error}", clip=clip, error=str(error)) from error
    return float(info.duration)
