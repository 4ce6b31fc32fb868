"""The messages that a loudspeaker has for its server: numbered, signed, and on the disk until the server has them.

    <folder>/<number>.json   one envelope each; an empty file only remembers that its number is taken

A number is never given twice, over power cuts and clocks that went back.
"""

import logging
import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from broadcaster import files
from broadcaster.errors import BroadcasterError
from broadcaster.orders import device as devices
from broadcaster.orders.device import DeviceKey, Hello, PlayReport
from broadcaster.orders.payload import next_seq
from broadcaster.orders.topics import Device

log = logging.getLogger(__name__)

LIMIT = 2_000
"""A loudspeaker that nobody listens to keeps its last so many reports."""


class Reports:
    """Safe to call from any thread."""

    def __init__(self, folder: Path, key: DeviceKey, device: Device) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = key
        self._device = device
        self._guard = threading.Lock()
        self._kept: dict[int, bytes] = {}
        self._about: dict[int, object] = {}
        self._last = 0
        public = devices.public_key(key.text)
        paths = sorted(folder.glob("[0-9]*.json"))
        for path in paths:
            self._last = int(path.stem)
            data = path.read_bytes()
            if data and _is_ours(
                data, device, public
            ):  # not what a key before the last enrolment has signed: nobody believes it
                self._kept[self._last] = data
            elif path != paths[-1]:
                path.unlink()  # left over from a power cut

    def next_number(self, now: datetime) -> int:
        """A number that is taken from now on. Raises OSError."""
        with self._guard:
            return self._taken(now, b"")

    def add(self, report: PlayReport, now: datetime) -> tuple[int, bytes]:
        """Number a report (its own `seq` does not count), sign it and keep it; its envelope. Raises OSError."""
        with self._guard:
            number = next_seq(self._last, now)
            envelope = self._key.signed(replace(report, seq=number))
            self._taken(now, envelope)
            self._kept[number] = envelope
            self._about[number] = _about(report)
            if len(self._kept) > LIMIT:
                self._drop(min(self._kept))
                log.warning("A report was dropped: too many wait.", extra={"action": "report_dropped"})
            return number, envelope

    def hello(self, hello: Hello) -> bytes:
        """The envelope of a hello whose number was taken with `next_number`; it is not kept."""
        return self._key.signed(hello)

    def acknowledge(self, numbers: Iterable[int]) -> None:
        """Forget what the server has. Raises OSError."""
        with self._guard:
            for number in numbers:
                if number in self._kept:
                    self._drop(number)

    def is_waiting(self, report: PlayReport) -> bool:
        """Whether the same was said since the start, and the server does not have it yet."""
        with self._guard:
            return _about(report) in self._about.values()

    def waiting(self) -> list[tuple[int, bytes]]:
        """What the server has not acknowledged, in order."""
        with self._guard:
            return sorted(self._kept.items())

    def _taken(self, now: datetime, data: bytes) -> int:
        number = next_seq(self._last, now)
        before, self._last = self._last, number
        files.write(self._path(number), data, is_private=True)
        files.settle(self._folder)
        if before and before not in self._kept:
            self._path(before).unlink(missing_ok=True)
        return number

    def _drop(self, number: int) -> None:
        """The last number is remembered by an empty file."""
        if number == self._last:
            files.write(self._path(number), b"", is_private=True)
        else:
            self._path(number).unlink(missing_ok=True)
        del self._kept[number]
        self._about.pop(number, None)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:016d}.json"


def _is_ours(envelope: bytes, device: Device, public: bytes) -> bool:
    try:
        devices.read_message(envelope, device, public)
    except BroadcasterError:
        return False
    return True


def _about(report: PlayReport) -> object:
    return report.airing, report.order, report.state, report.code
