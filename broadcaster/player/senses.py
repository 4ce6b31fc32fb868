"""What a loudspeaker hears of itself and its box shows it: a microphone, a switch by hand, an amplifier's line."""

import logging
import math
import threading
from array import array
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Protocol

import miniaudio

from broadcaster.orders.health import Amplifier, Heard
from broadcaster.player.book import Senses
from broadcaster.player.settings import Settings

log = logging.getLogger(__name__)

_RATE_HZ = 16_000
_LOUDEST = 32_768
_LOUD_ENOUGH_S = 1.0
"""So much of what was heard must be louder than the limit: a door that slams is no bulletin."""


class Capture(Protocol):
    def start(self, take: Generator[None, bytes, None]) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


def _device() -> Capture:
    found: Capture = miniaudio.CaptureDevice(miniaudio.SampleFormat.SIGNED16, 1, _RATE_HZ)
    return found


class Microphone:
    """Listens while something sounds. `heard` is of the last time; unknown where nothing could be listened to."""

    def __init__(self, silent_below_dbfs: float, device: Callable[[], Capture] = _device) -> None:
        self._limit = _LOUDEST * 10 ** (silent_below_dbfs / 20)
        self._open = device
        self._guard = threading.Lock()
        self._capture: Capture | None = None
        self._loud_s = self._listened_s = 0.0

    def listen(self, is_begun: bool) -> None:
        """Begin or end; a microphone that cannot be used costs no airing."""
        try:
            if is_begun:
                self._loud_s = self._listened_s = 0.0
                self._capture = self._open()
                take = self._take()
                next(take)
                self._capture.start(take)
            elif self._capture is not None:
                capture, self._capture = self._capture, None
                capture.stop()
                capture.close()
        except miniaudio.MiniaudioError as error:
            self._capture = None
            log.error("The microphone cannot be used.", exc_info=error, extra={"action": "microphone_failed"})

    def heard(self) -> Heard:
        with self._guard:
            if self._listened_s < _LOUD_ENOUGH_S:
                return Heard.UNKNOWN
            return Heard.HEARD if self._loud_s >= _LOUD_ENOUGH_S else Heard.SILENT

    def _take(self) -> Generator[None, bytes, None]:
        while True:
            samples = array("h", (yield))
            if not samples:
                continue
            level = math.sqrt(sum(sample * sample for sample in samples) / len(samples))
            with self._guard:
                self._listened_s += len(samples) / _RATE_HZ
                if level >= self._limit:
                    self._loud_s += len(samples) / _RATE_HZ


def senses(settings: Settings, microphone: Microphone | None) -> Senses:
    """What this box is wired to; what it lacks says nothing."""
    switch, amplifier = settings.switch, settings.amplifier

    def is_switched_off() -> bool:
        if switch.file is None:
            return False
        if switch.stops_when == "there":
            return switch.file.exists()
        return _line(switch.file) == switch.stops_when

    def amplifier_state() -> Amplifier:
        found = None if amplifier.file is None else _line(amplifier.file)
        if found is None:
            return Amplifier.UNKNOWN if amplifier.file is None else Amplifier.FAULT
        return Amplifier.ON if found == amplifier.on_when else Amplifier.OFF

    heard = microphone.heard if microphone is not None else (lambda: Heard.UNKNOWN)
    return Senses(heard=heard, amplifier=amplifier_state, is_switched_off=is_switched_off)


def _line(path: Path) -> str | None:
    """What a GPIO line shows, 0 or 1; None where it cannot be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
